package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// looks are the waits before each look at the counter after a wake-up. v1 tells
// before the kill is counted; a kill that is not counted by the end of them is
// found by the next wake-up, or by whoever calls TakeOOM.
var looks = [...]time.Duration{50 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond}

// WatchOOM calls notify, from one goroutine, with the number of kills for want
// of memory that TakeOOM has not given to anybody else yet, as the kernel tells
// of them; it looks at nothing before that. v1 does not tell of those that the
// whole machine's memory was the reason for: TakeOOM finds them later. The
// group was created. stop waits for the goroutine, so it must not be called
// from notify, nor by somebody whom notify waits for.
func (g *Group) WatchOOM(notify func(fresh uint64)) (stop func(), err error) {
	events, err := g.oomEvents()
	if err != nil {
		return nil, fmt.Errorf("cannot watch the cgroup %s for kills for want of memory: %w", g.name, err)
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			if _, err := events.Read(buf); err != nil {
				return // closed by stop
			}
			g.settle(notify, quit)
		}
	}()
	return func() {
		close(quit)
		events.Close()
		<-done
	}, nil
}

// settle looks at the counter until it has moved, whoever took what was new.
func (g *Group) settle(notify func(uint64), quit <-chan struct{}) {
	g.counters.mu.Lock()
	before := g.counters.kills
	g.counters.mu.Unlock()
	for _, wait := range looks {
		timer := time.NewTimer(wait)
		select {
		case <-quit:
			timer.Stop()
			return
		case <-timer.C:
		}
		fresh, total, _, _ := g.counters.take()
		if fresh > 0 {
			notify(fresh)
		}
		if total != before {
			return
		}
	}
}

// oomEvents gives a file that becomes readable when memory runs out. The
// goroutine that reads it is parked in the runtime's poller.
func (g *Group) oomEvents() (*os.File, error) {
	if path, v2 := g.paths[""]; v2 {
		return watchFile(filepath.Join(path, "memory.events"))
	}
	path, ok := g.paths["memory"]
	if !ok {
		return nil, ErrClosed
	}
	return eventfdOf(g.entered(path))
}

// eventfdOf registers with a v1 group (Linux
// Documentation/admin-guide/cgroup-v1/memory.rst, 10). Groups below the one
// whose limit is reached are told too, so the innermost hears of all of them.
func eventfdOf(folder string) (*os.File, error) {
	control, err := os.Open(filepath.Join(folder, "memory.oom_control"))
	if err != nil {
		return nil, err
	}
	defer control.Close()
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	events := os.NewFile(uintptr(fd), "eventfd")
	line := fmt.Sprintf("%d %d", fd, control.Fd())
	if err := os.WriteFile(filepath.Join(folder, "cgroup.event_control"), []byte(line), 0); err != nil {
		events.Close()
		return nil, err
	}
	return events, nil
}

// watchFile is v2's way (Linux Documentation/admin-guide/cgroup-v2.rst,
// memory.events: "A change in these generates a file modified event").
func watchFile(path string) (*os.File, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	events := os.NewFile(uintptr(fd), "inotify")
	if _, err := unix.InotifyAddWatch(fd, path, unix.IN_MODIFY); err != nil {
		events.Close()
		return nil, &os.PathError{Op: "watch", Path: path, Err: err}
	}
	return events, nil
}
