package kernel_test

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// chatter has a child that writes to stdout without end, one that writes more
// to stderr than all pipes hold (no more: it may be a file), and one that can be
// asked to end the group.
const chatter = `
  app: !Supervise
    kill-unresponsive-after: 1
    children:
      loud: !Command {container: h, run: [yes, "a line of some length for whoever reads it"]}
      errors: !Command {container: h, run: "yes an error | head -c 400000 >&2; exec sleep 1000"}
      boss: !Command {container: h, run: "touch ready; while ! test -e go; do sleep 0.01; done; exit 3"}
`

// pipe gives the read end of a pipe whose write end lanyard gets as adjust says.
func pipe(t *testing.T) (read, write *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { read.Close(); write.Close() })
	return read, write
}

// stopBound is how long an ending may take with output that nobody takes: the
// grace, the time that the last output of each child waits for a reader that
// does not move, and the messages.
const stopBound = 12 * time.Second

// TestReaderNeverReads: lanyard keeps control and ends.
func TestReaderNeverReads(t *testing.T) {
	for _, format := range []string{"prefix", "raw", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			_, write := pipe(t)
			r := newProject(t, chatter).start(func(c *exec.Cmd) { c.Stdout, c.Stderr = write, write }, "app", "--output", format)
			write.Close()
			r.appear("ready")
			r.signal(syscall.SIGTERM)
			r.want(143, stopBound)
		})
	}
}

// TestReaderNeverReadsExit: the same with a child that decides.
func TestReaderNeverReadsExit(t *testing.T) {
	t.Parallel()
	_, write := pipe(t)
	r := newProject(t, chatter).start(func(c *exec.Cmd) { c.Stdout = write }, "app")
	write.Close()
	r.appear("ready")
	r.write("go", "")
	r.want(3, stopBound)
	r.says("boss exited with status 3")
}

// TestKillWithFullPipe kills lanyard while it waits for a reader.
func TestKillWithFullPipe(t *testing.T) {
	t.Parallel()
	_, write := pipe(t)
	r := newProject(t, chatter).start(func(c *exec.Cmd) { c.Stdout, c.Stderr = write, write }, "app")
	write.Close()
	r.appear("ready")
	r.signal(syscall.SIGKILL)
	r.want(137, 5*time.Second)
}

// TestReaderGone is "| head -1": the children go on, and lanyard says why it
// drops their output.
func TestReaderGone(t *testing.T) {
	for _, format := range []string{"prefix", "raw", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			read, write := pipe(t)
			r := newProject(t, chatter).start(func(c *exec.Cmd) { c.Stdout = write }, "app", "--output", format)
			write.Close()
			if _, err := read.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			read.Close()
			r.appear("ready")
			until(t, 10*time.Second, "the message", func() bool {
				return strings.Contains(r.errors(), "cannot write to stdout: broken pipe")
			})
			r.write("go", "")
			r.want(3, stopBound)
			r.says("exit status 3")
		})
	}
}

// TestNobodyLeft: both readers are gone; lanyard still runs its group to the end.
func TestNobodyLeft(t *testing.T) {
	t.Parallel()
	read, write := pipe(t)
	r := newProject(t, chatter).start(func(c *exec.Cmd) { c.Stdout, c.Stderr = write, write }, "app")
	write.Close()
	read.Close()
	r.appear("ready")
	r.write("go", "")
	r.want(3, stopBound)
}

// TestDiskFull: the children go on, the loss is told, the result stands.
func TestDiskFull(t *testing.T) {
	for name, both := range map[string]bool{"stdout": false, "both": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer full.Close()
			r := newProject(t, chatter).start(func(c *exec.Cmd) {
				c.Stdout = full
				if both {
					c.Stderr = full
				}
			}, "app")
			r.appear("ready")
			if !both {
				until(t, 10*time.Second, "the message", func() bool {
					return strings.Contains(r.errors(), "cannot write to stdout: no space left on device")
				})
			}
			r.write("go", "")
			r.want(3, stopBound)
			if !both {
				r.says("bytes of output could not be written")
			}
		})
	}
}

// TestSlowReader gets everything, whole lines, although the children are done
// long before it is.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	read, write := pipe(t)
	r := newProject(t, `
  app: !Supervise
    mode: wait-all-successful
    children:
      a: !Command {container: h, run: "seq 20000"}
      b: !Command {container: h, run: "seq 20000; printf unfinished"}
`).start(func(c *exec.Cmd) { c.Stdout = write }, "app")
	write.Close()
	var got strings.Builder
	buf := make([]byte, 16<<10)
	for {
		n, err := read.Read(buf)
		got.Write(buf[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond) // what makes it slow
	}
	r.want(0, 20*time.Second)
	lines := strings.Split(strings.TrimSuffix(got.String(), "\n"), "\n")
	if len(lines) != 40001 {
		t.Errorf("%d lines, want 40001", len(lines))
	}
	if !strings.Contains(got.String(), "unfinished\n") {
		t.Error("the last line without a newline is missing")
	}
}
