package rootfs

import (
	"strconv"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// openConsole takes hold of the caller's terminal. Its descriptor can't be
// bound: that one's mount is in the caller's mount namespace (open_tree(2):
// EINVAL), so the same device is looked up by name in ours. A terminal without
// a name here, as after entering a foreign container, is reached as /dev/tty.
func (b *builder) openConsole() *linux.StepError {
	if b.spec.Console < 0 || b.findTerminal() {
		return nil
	}
	var err error
	if b.console, err = cloneTree(b.host, "dev/tty", false); err != nil {
		return linux.Fail("find the terminal for /dev/console, or", "/dev/tty", err)
	}
	return nil
}

// findTerminal opens the file that the caller's terminal is known by.
func (b *builder) findTerminal() bool {
	var want, got syscall.Stat_t
	var buf [syscall.PathMax]byte
	n, err := syscall.Readlink("/proc/self/fd/"+strconv.Itoa(b.spec.Console), buf[:])
	if err != nil || n < 2 || buf[0] != '/' || syscall.Fstat(b.spec.Console, &want) != nil {
		return false
	}
	fd, err := cloneTree(b.host, string(buf[1:n]), false)
	if err != nil {
		return false
	}
	err = syscall.Fstat(fd, &got)
	if err != nil || got.Dev != want.Dev || got.Ino != want.Ino || got.Rdev != want.Rdev {
		syscall.Close(fd)
		return false
	}
	b.console = fd
	return true
}

func (b *builder) makeConsole(dev int) *linux.StepError {
	if b.console < 0 && b.spec.ConsoleNull {
		var err error
		if b.console, err = cloneTree(dev, "null", false); err != nil {
			return linux.Fail("bind /dev/null to", "/dev/console", err)
		}
	}
	if b.console < 0 {
		return nil
	}
	return b.bindFile(b.console, dev, "console")
}
