package kernel_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestNamespaces: two children of one container share none of these with each
// other, nor with us. Both stay until both have looked: the number of a
// namespace that has ended is soon another's.
func TestNamespaces(t *testing.T) {
	t.Parallel()
	kinds := []string{"pid", "mnt", "ipc", "uts", "cgroup"}
	r := newProject(t, `
  app: !Supervise
    mode: wait-all-successful
    children:
      a: !Command {container: h, run: "for n in pid mnt ipc uts cgroup; do readlink /proc/self/ns/$n; done > a.ns; touch a.done; until test -e b.done; do sleep 0.01; done"}
      b: !Command {container: h, run: "for n in pid mnt ipc uts cgroup; do readlink /proc/self/ns/$n; done > b.ns; touch b.done; until test -e a.done; do sleep 0.01; done"}
`).start(nil, "app")
	r.want(0, 20*time.Second)
	a, b := strings.Fields(r.read("a.ns")), strings.Fields(r.read("b.ns"))
	if len(a) != len(kinds) || len(b) != len(kinds) {
		t.Fatalf("the children have seen %q and %q", a, b)
	}
	for i, kind := range kinds {
		ours, err := os.Readlink("/proc/self/ns/" + kind)
		if err != nil {
			t.Fatal(err)
		}
		if a[i] == b[i] || a[i] == ours || b[i] == ours {
			t.Errorf("%s namespaces: %s in a, %s in b, %s outside; all must differ", kind, a[i], b[i], ours)
		}
	}
}

// cleanStatus checks a command's /proc/self/status: nothing blocked, nothing
// ignored, nothing caught.
func cleanStatus(t *testing.T, status string) {
	t.Helper()
	for _, field := range []string{"SigBlk", "SigIgn", "SigCgt", "ShdPnd"} {
		_, after, found := strings.Cut(status, field+":")
		value := ""
		if fields := strings.Fields(after); found && len(fields) > 0 {
			value = fields[0]
		}
		if mask, err := strconv.ParseUint(value, 16, 64); err != nil || mask != 0 {
			t.Errorf("%s of the command is %q, want 0", field, value)
		}
	}
}

// TestCleanProcess: whatever lanyard was started with, a command has default
// signals, an empty mask, descriptors 0, 1 and 2 only, an empty stdin, and no
// controlling terminal.
func TestCleanProcess(t *testing.T) {
	extra, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { extra.Close() })
	for name, adjust := range map[string]func(*exec.Cmd){
		"plain": nil,
		"odd signals": func(c *exec.Cmd) {
			c.Args = append([]string{helperName, "odd-signals"}, c.Args...)
		},
		"descriptors": func(c *exec.Cmd) { c.ExtraFiles = []*os.File{extra, extra, extra} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newProject(t, `
  app: !Supervise
    mode: wait-all-successful
    children:
      status: !Command {container: h, run: [cp, /proc/self/status, status]}
      stat: !Command {container: h, run: [cp, /proc/self/stat, stat]}
      files: !Command {container: h, run: "exec ls -l /proc/self/fd > files"}
      stdin: !Command {container: h, run: "readlink /proc/self/fd/0 > stdin"}
      tty: !Command {container: h, run: "if (: < /dev/tty) 2>/dev/null; then echo yes; else echo no; fi > tty"}
`).start(adjust, "app")
			r.want(0, 20*time.Second)
			cleanStatus(t, r.read("status"))
			if got := r.read("stdin"); got != "/dev/null\n" {
				t.Errorf("stdin is %q, want /dev/null", got)
			}
			if got := r.read("tty"); got != "no\n" {
				t.Errorf("can /dev/tty be opened: %q, want no", got)
			}
			descriptors(t, r.read("files"))
			fields := strings.Fields(r.read("stat"))
			// pid (comm) state ppid pgrp session tty_nr
			if len(fields) < 7 || fields[0] != fields[4] || fields[5] != "1" || fields[3] != "1" || fields[6] != "0" {
				t.Errorf("stat %q: want a group of its own, in the session of PID 1, its parent, without a terminal", fields)
			}
		})
	}
}

// descriptors checks what ls -l /proc/self/fd has printed: 3 is the folder that
// ls reads.
func descriptors(t *testing.T, listing string) {
	t.Helper()
	var got []string
	for line := range strings.Lines(listing) {
		name, _, found := strings.Cut(line, " -> ")
		if fields := strings.Fields(name); found {
			got = append(got, fields[len(fields)-1])
		}
	}
	if strings.Join(got, " ") != "0 1 2 3" {
		t.Errorf("descriptors %q, want 0 1 2 and that of ls itself:\n%s", got, listing)
	}
}

// TestBackgroundRead: a child that reads stdin sees its end at once and is not
// stopped in silence.
func TestBackgroundRead(t *testing.T) {
	t.Parallel()
	r := newProject(t, `
  app: !Supervise
    mode: wait-all-successful
    children:
      reader: !Command {container: h, run: "if read line; then echo got; else echo end; fi > read"}
      cat: !Command {container: h, run: [cat]}
`).start(nil, "app")
	r.want(0, 10*time.Second)
	if got := r.read("read"); got != "end\n" {
		t.Errorf("read has %q, want the end of the file", got)
	}
}

// TestOrphans: 10,000 processes whose parent goes away leave no zombie below
// PID 1, while the command runs and at its end.
func TestOrphans(t *testing.T) {
	t.Parallel()
	p := newProject(t, `
  app: !Supervise
    children:
      maker: !Command {container: h, run: [sh, orphans.sh]}
`)
	p.write("orphans.sh", fmt.Sprintf(`
i=0
while [ $i -lt %d ]; do ( : & ); i=$((i+1)); done
tries=0
while grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null; do
	tries=$((tries+1))
	if [ $tries -gt 500 ]; then exit 9; fi
	sleep 0.01
done
ls -d /proc/[0-9]* > processes
exit 4
`, testkit.Rounds(t, 10_000)))
	r := p.start(nil, "app")
	r.want(4, 60*time.Second)
	if got := len(strings.Fields(r.read("processes"))); got > 3 {
		t.Errorf("%d processes in the container, want PID 1, sh and ls:\n%s", got, r.read("processes"))
	}
}
