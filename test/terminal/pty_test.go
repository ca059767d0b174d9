package terminal_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// keyboard is the other side of a terminal: what a terminal emulator holds.
type keyboard struct {
	p      *place
	master *os.File
	leader *exec.Cmd
	ended  chan struct{} // closed when the leader has been reaped

	mu   sync.Mutex
	text []byte // what was shown
	from int    // what expect has consumed
}

// at starts a program as the leader of a session with a new terminal, 80x24.
func (p *place) at(argv ...string) *keyboard {
	p.t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	p.check(err)
	fd := int(master.Fd())
	p.check(unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	p.check(err)
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	p.check(err)
	defer slave.Close()
	p.check(unix.SetNonblock(fd, true)) // so that Close ends the reader
	k := &keyboard{p: p, master: os.NewFile(uintptr(dup(p, fd)), "terminal"), ended: make(chan struct{})}
	master.Close()
	k.resize(80, 24)
	if argv[0] == "lanyard" {
		argv[0] = p.dir + "/bin/lanyard"
	}
	k.leader = exec.Command(argv[0], argv[1:]...)
	k.leader.Dir, k.leader.Env = p.dir, p.env()
	k.leader.Stdin, k.leader.Stdout, k.leader.Stderr = slave, slave, slave
	k.leader.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	p.check(k.leader.Start())
	go func() {
		_ = k.leader.Wait() // its status is in ProcessState
		close(k.ended)
	}()
	go k.reader()
	p.t.Cleanup(k.end)
	return k
}

func dup(p *place, fd int) int {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	p.check(err)
	return n
}

func (k *keyboard) reader() {
	buf := make([]byte, 4096)
	for {
		n, err := k.master.Read(buf)
		k.mu.Lock()
		k.text = append(k.text, buf[:n]...)
		k.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// end closes the terminal and ends its leader. The place's own check comes
// after it and finds what a hang-up has left.
func (k *keyboard) end() {
	if k.p.t.Failed() {
		k.mu.Lock()
		k.p.t.Logf("foreground %d, terminal:\n%s", k.foreground(), k.text)
		for _, pid := range testkit.Pids("LANYARD_TEST_MARK=" + k.p.mark) {
			k.p.t.Logf("%d %s %s group %s", pid, status(pid, "Name:"), state(pid), status(pid, "NSpgid:"))
		}
		k.mu.Unlock()
	}
	_ = k.master.Close()
	_ = k.leader.Process.Kill()
	<-k.ended
}

func (k *keyboard) control(f func(fd int) error) {
	k.p.t.Helper()
	raw, err := k.master.SyscallConn()
	k.p.check(err)
	var inner error
	k.p.check(raw.Control(func(fd uintptr) { inner = f(int(fd)) }))
	k.p.check(inner)
}

func (k *keyboard) resize(columns, rows uint16) {
	k.control(func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns})
	})
}

// settings are those of the terminal (on a pty's master, the slave's).
func (k *keyboard) settings() (out unix.Termios) {
	k.control(func(fd int) error {
		now, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err == nil {
			out = *now
		}
		return err
	})
	return out
}

func (k *keyboard) echoes() bool { return k.settings().Lflag&unix.ECHO != 0 }

// foreground is the terminal's foreground group.
func (k *keyboard) foreground() (group int) {
	k.control(func(fd int) (err error) {
		group, err = unix.IoctlGetInt(fd, unix.TIOCGPGRP)
		return err
	})
	return group
}

// keys types text as it is: "\x03" is Ctrl-C, "\x1a" Ctrl-Z, "\x1c" Ctrl-\.
func (k *keyboard) keys(text string) {
	k.p.t.Helper()
	_, err := k.master.WriteString(text)
	k.p.check(err)
}

func (k *keyboard) line(text string) { k.keys(text + "\r") }

// see waits until pattern was shown after what was seen last, and gives its
// groups.
func (k *keyboard) see(pattern string) []string {
	k.p.t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		k.mu.Lock()
		at := re.FindSubmatchIndex(k.text[k.from:])
		if at != nil {
			var groups []string
			for i := 0; i < len(at); i += 2 {
				if at[i] >= 0 {
					groups = append(groups, string(k.text[k.from+at[i]:k.from+at[i+1]]))
				}
			}
			k.from += at[1]
			k.mu.Unlock()
			return groups
		}
		k.mu.Unlock()
		if time.Now().After(deadline) {
			k.p.t.Fatalf("timeout: %q was not shown", pattern)
		}
	}
}

// shown is everything that was shown so far.
func (k *keyboard) shown() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return string(k.text)
}

// bash is an interactive bash at its first prompt.
func (p *place) bash() *keyboard {
	p.t.Helper()
	k := p.at("bash", "--norc", "--noprofile", "-i")
	k.see("READY> ")
	return k
}

// ask runs a command line at a shell's prompt and gives its exit status.
func (k *keyboard) ask(line string) string {
	k.p.t.Helper()
	k.line(line + `; echo "STA""TUS=$?."`)
	return k.see(`STATUS=(\d+)\.`)[1]
}

// output runs a line at a shell's prompt and gives what it printed.
func (k *keyboard) output(line string) string {
	k.p.t.Helper()
	k.line(`echo "BEG""IN"; ` + line + `; echo "E""ND"`)
	return strings.TrimSpace(k.see(`(?s)BEGIN\r\n(.*?)END\r\n`)[1])
}

// ends waits until the shell tells that its job has ended with this status.
func (k *keyboard) ends(code string) {
	k.p.t.Helper()
	k.p.waitFor("the end of lanyard", func() bool { return len(k.p.pids(false)) == 0 })
	k.p.waitFor("Exit "+code, func() bool {
		k.output("true") // bash tells between commands
		return strings.Contains(k.shown(), "Exit "+code)
	})
}

// want compares a status or a text.
func (k *keyboard) want(what, got, want string) {
	k.p.t.Helper()
	if got != want {
		k.p.t.Errorf("%s: got %q, want %q", what, got, want)
	}
}
