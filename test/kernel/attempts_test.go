package kernel_test

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// attempt is one way out of a container, or into what it must not reach. It gives
// the error that stopped it.
type attempt struct {
	name string
	try  func(host string) error // host is lanyard's pid outside
}

func call(number uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	if _, _, errno := syscall.Syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
		return errno
	}
	return nil
}

func text(s string) uintptr { p, _ := unix.BytePtrFromString(s); return uintptr(unsafe.Pointer(p)) }

// opens tries to open a file. What is masked can be opened, and is empty.
func opens(path string, flags int) func(string) error {
	return func(string) error {
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if flags != unix.O_RDONLY {
			return nil
		}
		if n, err := unix.Read(fd, make([]byte, 1)); err == nil && n == 0 {
			return fmt.Errorf("empty")
		}
		return nil
	}
}

func makes(dev uint64, mode uint32) func(string) error {
	return func(string) error { return unix.Mknod("/tmp/node"+strconv.FormatUint(dev, 10), mode|0o666, int(dev)) }
}

func calls(number uintptr, args ...uintptr) func(string) error {
	return func(string) error { return call(number, args...) }
}

var attempts = []attempt{
	// System calls that the filter refuses.
	{"keyctl", calls(unix.SYS_KEYCTL, unix.KEYCTL_GET_KEYRING_ID, ^uintptr(3)+1, 1)},
	{"add_key", calls(unix.SYS_ADD_KEY, text("user"), text("name"), text("x"), 1, ^uintptr(4)+1)},
	{"request_key", calls(unix.SYS_REQUEST_KEY, text("user"), text("name"), 0, 0)},
	{"bpf", calls(unix.SYS_BPF, 0, 0, 0)},
	{"perf_event_open", calls(unix.SYS_PERF_EVENT_OPEN, 0, 0, 0, 0, 0)},
	{"io_uring_setup", calls(unix.SYS_IO_URING_SETUP, 1, 0)},
	{"userfaultfd", calls(unix.SYS_USERFAULTFD, 0)},
	{"open_by_handle_at", calls(unix.SYS_OPEN_BY_HANDLE_AT, 3, 0, 0)},
	{"init_module", calls(unix.SYS_INIT_MODULE, 0, 0, 0)},
	{"kexec_load", calls(unix.SYS_KEXEC_LOAD, 0, 0, 0, 0)},
	{"reboot", calls(unix.SYS_REBOOT, 0, 0, 0, 0)},
	{"syslog", calls(unix.SYS_SYSLOG, 3, 0, 0)},
	{"settimeofday", calls(unix.SYS_SETTIMEOFDAY, 0, 0)},
	{"swapon", calls(unix.SYS_SWAPON, text("/tmp/x"), 0)},
	{"vm sockets", calls(unix.SYS_SOCKET, unix.AF_VSOCK, unix.SOCK_STREAM, 0)},
	{"32-bit personality", calls(unix.SYS_PERSONALITY, 0x0400000)},
	// Namespaces and mounts.
	{"mount", func(string) error { return unix.Mount("none", "/tmp", "tmpfs", 0, "") }},
	{"umount a mask", func(string) error { return unix.Unmount("/proc/kcore", unix.MNT_DETACH) }},
	{"remount /proc/sys", func(string) error { return unix.Mount("", "/proc/sys", "", unix.MS_REMOUNT|unix.MS_BIND, "") }},
	{"fsopen", calls(unix.SYS_FSOPEN, text("tmpfs"), 0)},
	{"pivot_root", func(string) error { return unix.PivotRoot("/tmp", "/tmp") }},
	{"sethostname", func(string) error { return unix.Sethostname([]byte("x")) }},
	{"mount namespace of PID 1", opens("/proc/1/ns/mnt", unix.O_RDONLY)},
	{"root of PID 1", opens("/proc/1/root/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_PATH)},
	// Devices.
	{"make /dev/mem", makes(unix.Mkdev(1, 1), unix.S_IFCHR)},
	{"make a disk", makes(unix.Mkdev(8, 0), unix.S_IFBLK)},
	{"/dev/mem", opens("/dev/mem", unix.O_RDONLY)},
	{"/dev/kmsg", opens("/dev/kmsg", unix.O_RDONLY)},
	{"write into /dev", func(string) error { return os.WriteFile("/dev/x", nil, 0o600) }},
	// /proc and /sys.
	{"/proc/kcore", opens("/proc/kcore", unix.O_RDONLY)},
	{"/proc/keys", opens("/proc/keys", unix.O_RDONLY)},
	{"/proc/timer_list", opens("/proc/timer_list", unix.O_RDONLY)},
	{"/proc/interrupts", opens("/proc/interrupts", unix.O_RDONLY)},
	{"core_pattern", opens("/proc/sys/kernel/core_pattern", unix.O_WRONLY)},
	{"sysrq-trigger", opens("/proc/sysrq-trigger", unix.O_WRONLY)},
	{"uevent_helper", opens("/sys/kernel/uevent_helper", unix.O_WRONLY)},
	{"/sys/power", opens("/sys/power/state", unix.O_WRONLY)},
	{"/sys/firmware", func(string) error { return emptyFolder("/sys/firmware") }},
	// Other processes.
	{"trace PID 1", func(string) error { return unix.PtraceAttach(1) }},
	{"memory of PID 1", func(string) error {
		buf := make([]byte, 8)
		_, err := unix.ProcessVMReadv(1, []unix.Iovec{{Base: &buf[0], Len: 8}}, []unix.RemoteIovec{{Base: 0x400000, Len: 8}}, 0)
		return err
	}},
	{"overwrite PID 1's program", opens("/proc/1/exe", unix.O_WRONLY)},
	{"pidfd_getfd of PID 1", func(string) error {
		fd, err := unix.PidfdOpen(1, 0)
		if err != nil {
			return err
		}
		_, err = unix.PidfdGetfd(fd, 3, 0)
		return err
	}},
	{"signal lanyard", func(host string) error { pid, _ := strconv.Atoi(host); return unix.Kill(pid, 0) }},
	{"see lanyard", func(host string) error { _, err := os.Stat("/proc/" + host); return err }},
	{"chroot twice", chrootTwice},
}

func emptyFolder(path string) error {
	names, err := os.ReadDir(path)
	if err == nil && len(names) == 0 {
		return fmt.Errorf("empty")
	}
	return err
}

// chrootTwice is the classic way out of chroot(2).
func chrootTwice(string) error {
	var own, top unix.Stat_t
	_ = unix.Stat("/", &own)
	out, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	_ = os.Mkdir("/tmp/jail", 0o755)
	if err := unix.Chroot("/tmp/jail"); err != nil {
		return err
	}
	_ = unix.Fchdir(out)
	for range 64 {
		_ = unix.Chdir("..")
	}
	if err := unix.Chroot("."); err != nil {
		return err
	}
	if _ = unix.Stat("/", &top); top.Ino == own.Ino && top.Dev == own.Dev {
		return fmt.Errorf("the same root")
	}
	return nil
}

// escape tries everything and says what stopped it.
func escape(host string) int {
	runtime.LockOSThread()
	for _, a := range attempts {
		err := a.try(host)
		if p, ok := err.(*os.PathError); ok {
			err = p.Err
		}
		fmt.Printf("%s: %v\n", a.name, err)
	}
	for _, set := range capabilitySets() {
		fmt.Println(set)
	}
	return 0
}

// pushKey types a character on the terminal (TIOCSTI, tty_ioctl(4)), asked for as it
// is and with upper bits that the kernel does not look at.
func pushKey(path string) int {
	tty, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	key := byte('!')
	for _, request := range []uintptr{unix.TIOCSTI, 1<<32 | unix.TIOCSTI, unix.TIOCLINUX, 1<<63 | unix.TIOCLINUX} {
		err := call(unix.SYS_IOCTL, uintptr(tty), request, uintptr(unsafe.Pointer(&key)))
		fmt.Printf("%#x: %v\n", request, err)
	}
	return 0
}

// reach connects to a socket with a path or an abstract one, or listens on one of
// those and reaches itself.
func reach(name string) int {
	if own, ok := strings.CutPrefix(name, "own:"); ok {
		l, err := net.Listen("unix", "@"+own)
		if err != nil {
			fmt.Println(err)
			return 1
		}
		defer l.Close()
		name = own
	}
	if !strings.HasPrefix(name, "/") {
		name = "@" + name
	}
	c, err := net.Dial("unix", name)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	c.Close()
	fmt.Println("reached")
	return 0
}

// overwrite tries to write to the program that this process runs, and to that of
// PID 1, through what names them in /proc.
func overwrite() int {
	target, err := os.Readlink("/proc/self/exe")
	fmt.Println("this is", target, err)
	for _, exe := range []string{"/proc/self/exe", "/proc/1/exe"} {
		path, _ := unix.Open(exe, unix.O_PATH, 0)
		for _, name := range []string{exe, "/proc/self/fd/" + strconv.Itoa(path)} {
			for _, flags := range []int{unix.O_WRONLY, unix.O_RDWR, unix.O_WRONLY | unix.O_TRUNC, unix.O_WRONLY | unix.O_APPEND} {
				if _, err := unix.Open(name, flags, 0); err == nil {
					fmt.Println("OPENED", name)
					return 1
				}
			}
		}
	}
	return 0
}

// capabilitySets are those of this process, and whether it may gain others.
func capabilitySets() (lines []string) {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return []string{err.Error()}
	}
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "Cap") || strings.HasPrefix(line, "NoNewPrivs") || strings.HasPrefix(line, "Seccomp:") {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
	}
	return lines
}
