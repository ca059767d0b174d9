package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// bystander is a service that runs beside all rounds and must not notice them.
type bystander struct {
	cmd    *exec.Cmd
	dir    string
	before holding
}

func (w *workshop) newBystander() (*bystander, error) {
	b := &bystander{dir: filepath.Join(w.dir, "bystander")}
	agent, _ := json.Marshal(map[string]any{"restart": "always", "env": map[string]string{"PATH": "/bin"}})
	err := os.Mkdir(b.dir, 0o755)
	if err == nil {
		err = os.Symlink(w.root, filepath.Join(b.dir, "rootfs"))
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(b.dir, "agent.json"), agent, 0o644)
	}
	if err != nil {
		return nil, err
	}
	b.cmd = &exec.Cmd{
		Path: w.lanyard, Args: []string{"lanyard", "supervise", "--hostname", "box", "--ID", w.name + "-bystander", "--", "sleep", "100000"}, Dir: b.dir,
		Env:         []string{"PATH=" + os.Getenv("PATH"), "XDG_RUNTIME_DIR=" + w.runtime},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	}
	if _, err := testkit.StartMarked(b.cmd); err != nil {
		return nil, err
	}
	if !testkit.Until(upTime+endTime, func() bool { s, err := b.state(); return err == nil && s.Up }) {
		b.end()
		return nil, fmt.Errorf("the supervisor that is to run beside the rounds does not come up")
	}
	time.Sleep(testkit.Slow(300 * time.Millisecond)) // what its start needed has gone
	b.before = holdings(b.cmd.Process.Pid)
	return b, nil
}

func (b *bystander) state() (client.State, error) {
	conn, err := client.Dial(background, b.dir)
	if err != nil {
		return client.State{}, err
	}
	defer conn.Close()
	return conn.Next()
}

// changed says what is not as it was; "" if all is.
func (b *bystander) changed() string {
	s, err := b.state()
	if err != nil || !s.Up || s.Restarts != 0 {
		return fmt.Sprintf("not gone on: state %+v, error %v", s, err)
	}
	var more string
	testkit.Until(leftTime, func() bool { // the connection above is one, for a moment
		more = holdings(b.cmd.Process.Pid).more(b.before)
		return more == ""
	})
	return more
}

func (b *bystander) end() {
	_ = b.cmd.Process.Signal(syscall.SIGTERM)
	overdue := time.AfterFunc(endTime, func() { _ = b.cmd.Process.Kill() })
	_ = b.cmd.Wait()
	overdue.Stop()
}

// holding is what a process has.
type holding struct{ descriptors, threads, mounts int }

func holdings(pid int) holding {
	fds, _ := os.ReadDir(procPath(pid, "fd"))
	threads, _ := os.ReadDir(procPath(pid, "task"))
	mounts, _ := os.ReadFile(procPath(pid, "mountinfo"))
	return holding{len(fds), len(threads), strings.Count(string(mounts), "\n")}
}

// more says what is more than it was. Go makes threads when others are busy, and
// keeps them.
func (h holding) more(before holding) string {
	const threads = 30
	if h.descriptors <= before.descriptors && h.threads <= before.threads+threads && h.mounts <= before.mounts {
		return ""
	}
	return fmt.Sprintf("%d descriptors, %d threads and %d mounts, and had %d, %d and %d", h.descriptors, h.threads, h.mounts, before.descriptors, before.threads, before.mounts)
}
