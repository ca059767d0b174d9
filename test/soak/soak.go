package main

import (
	"context"
	"encoding/json"
	"errors"
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

// How many of what there are.
const (
	children = 50
	clients  = 10
)

var endTime = testkit.Slow(15 * time.Second) // for whoever is to come up, or to end

// soak is both lanyards and their folder.
type soak struct {
	dir     string
	lanyard string // "" for this program
	group   *subject
	service *subject
}

// subject is a lanyard that is measured.
type subject struct {
	name  string
	cmd   *exec.Cmd
	mark  uint64
	asker *asker
	ended chan struct{} // closed when it is reaped
	cpu   time.Duration // at the last sample
	at    time.Time     // of the last sample
}

func newSoak(lanyard string) (*soak, error) {
	if lanyard != "" {
		var err error
		if lanyard, err = filepath.Abs(lanyard); err != nil {
			return nil, err
		}
	}
	dir, err := os.MkdirTemp("", "soak-")
	if err != nil {
		return nil, err
	}
	s := &soak{dir: dir, lanyard: lanyard}
	if err := s.fill(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// fill makes the folders of both, and starts them.
func (s *soak) fill() error {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return fmt.Errorf("roots are made of busybox: %w; run make deps", err)
	}
	root, project, place := s.path("root"), s.path("project"), s.path("service")
	agent, _ := json.Marshal(map[string]any{"restart": "always", "env": map[string]string{"PATH": "/bin"}})
	for _, step := range []func() error{
		func() error { return os.Chmod(s.dir, 0o755) },
		func() error { return os.Mkdir(s.path("run"), 0o700) },
		func() error { return os.Mkdir(project, 0o755) },
		func() error { return os.Mkdir(place, 0o755) },
		func() error { return testkit.BuildRoot(root, busybox) },
		func() error { return os.WriteFile(filepath.Join(project, "lanyard.yaml"), []byte(file(root)), 0o644) },
		func() error { return os.WriteFile(filepath.Join(place, "agent.json"), agent, 0o644) },
		func() error { return os.Symlink(root, filepath.Join(place, "rootfs")) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	if s.group, err = s.start("group", project, "app"); err != nil {
		return err
	}
	id := filepath.Base(s.dir)
	s.service, err = s.start("service", place, "supervise", "--hostname", "box", "--ID", id, "--", "/bin/sh", "-c", "exit 3")
	return err
}

// file is the project: children that sleep, one that says a line a second, and
// one that has a process which crashes every second.
func file(root string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "containers:\n  box: {rootfs: %s}\ncommands:\n  app: !Supervise\n    mode: wait-all-successful\n    children:\n", root)
	b.WriteString("      crasher: !Command {container: box, run: \"while :; do sh -c 'kill -SEGV $$'; sleep 1; done 2>/dev/null\"}\n")
	b.WriteString("      talker: !Command {container: box, run: \"while :; do echo line; sleep 1; done\"}\n")
	for i := range children - 2 {
		fmt.Fprintf(&b, "      c%d: !Command {container: box, run: [sleep, \"1000000\"]}\n", i)
	}
	return b.String()
}

func (s *soak) path(name string) string { return filepath.Join(s.dir, name) }

func (s *soak) start(name, dir string, words ...string) (*subject, error) {
	sub := &subject{name: name, ended: make(chan struct{})}
	stderr, err := os.Create(s.path(name + ".stderr"))
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	sub.cmd = &exec.Cmd{
		Path: s.lanyard, Args: append([]string{"lanyard"}, words...), Dir: dir, Stderr: stderr,
		Env:         []string{"PATH=" + os.Getenv("PATH"), "HOME=/", "XDG_RUNTIME_DIR=" + s.path("run"), "XDG_CONFIG_HOME=" + s.dir},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	}
	if s.lanyard == "" {
		sub.cmd.Path = "/proc/self/exe"
		sub.cmd.Env = append(sub.cmd.Env, variable+"=1")
		if sub.asker, sub.cmd.ExtraFiles, err = newAsker(); err != nil {
			return nil, err
		}
		defer func() {
			for _, f := range sub.cmd.ExtraFiles {
				f.Close()
			}
		}()
	}
	if sub.mark, err = testkit.StartMarked(sub.cmd); err != nil {
		return nil, err
	}
	go func() {
		_ = sub.cmd.Wait()
		close(sub.ended)
	}()
	return sub, nil
}

// over says whether a lanyard has ended.
func (s *subject) over() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// end ends a lanyard in an orderly way, and gives what is left of it.
func (s *subject) end() (left []testkit.Process, err error) {
	if s == nil {
		return nil, nil
	}
	if s.over() {
		err = fmt.Errorf("the %s ended by itself: %v", s.name, s.cmd.ProcessState)
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(endTime):
		err = errors.Join(err, fmt.Errorf("the %s does not end of a TERM within %v", s.name, endTime))
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
	if s.asker != nil {
		s.asker.close()
		s.asker = nil
	}
	testkit.Until(2*time.Second, func() bool {
		left = testkit.Living(testkit.Marked(s.mark))
		return len(left) == 0
	})
	return left, err
}

// close ends what runs and removes the folder.
func (s *soak) close() {
	for _, sub := range []*subject{s.service, s.group} {
		_, _ = sub.end()
	}
	if err := os.RemoveAll(s.dir); err != nil {
		fmt.Fprintln(os.Stderr, "soak: cannot remove its own folder:", err)
	}
}

// run measures for a while. An error is this program's own failure, or that
// there is nothing to measure.
func (s *soak) run(ctx context.Context, length time.Duration) (*report, error) {
	if !testkit.Until(endTime, func() bool { return len(inits(s.group)) == children }) {
		return nil, fmt.Errorf("%d of %d children have come up\n%s", len(inits(s.group)), children, s.said())
	}
	up := func() bool {
		conn, err := client.Dial(ctx, s.path("service"))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}
	if !testkit.Until(endTime, up) {
		return nil, fmt.Errorf("the service does not listen after %v\n%s", endTime, s.said())
	}
	r := &report{length: length, begun: time.Now(), own: s.lanyard == ""}
	visits := s.visit(ctx)
	every := min(max(length/240, 500*time.Millisecond), 15*time.Second)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for over := time.After(length); ; {
		select {
		case <-ctx.Done():
			r.length = time.Since(r.begun)
		case <-over:
		case <-ticker.C:
			sample, err := s.measure(r.begun)
			if err != nil {
				return nil, errors.Join(err, fmt.Errorf("%s", s.said()))
			}
			r.samples = append(r.samples, sample)
			continue
		}
		break
	}
	r.visits = visits.end()
	r.finish(s)
	return r, nil
}

// said is what both lanyards have written, its end.
func (s *soak) said() string {
	text := ""
	for _, name := range []string{"group", "service"} {
		data, _ := os.ReadFile(s.path(name + ".stderr"))
		text += fmt.Sprintf("stderr of the %s:\n%s\n", name, data[max(0, len(data)-2000):])
	}
	return text
}
