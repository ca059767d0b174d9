package supervisor_test

import (
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lanyard-dev/lanyard/internal/group"
	"github.com/lanyard-dev/lanyard/internal/lifecycle"
	"github.com/lanyard-dev/lanyard/internal/supervisor"
	"github.com/lanyard-dev/lanyard/internal/testkit/fake"
)

// service runs test with a loop for one supervised container, and a function
// that asks as a client does and gives the version of the answer.
func service(t *testing.T, policy lifecycle.Policy, test func(r *running, ask func(supervisor.Ask) uint64)) {
	bubble(t, 1, func(r *running) {
		requests := make(chan supervisor.Request)
		r.cfg.Group = group.Config{Names: []string{"web"}, Service: true, Restart: policy, Delay: time.Second}
		r.cfg.Requests, r.cfg.Snapshots = requests, []*supervisor.Mailbox{supervisor.NewMailbox(1)}
		test(r, func(ask supervisor.Ask) uint64 {
			done := make(chan uint64, 1)
			requests <- supervisor.Request{Ask: ask, Done: done}
			return <-done
		})
	})
}

// newest takes the newest publication.
func (r *running) newest() supervisor.Publication {
	synctest.Wait()
	return <-r.cfg.Snapshots[0].C()
}

func last(r *running) *fake.Container {
	all := r.engine.Containers()
	return all[len(all)-1]
}

func TestServiceRestartsAfterTheDelay(t *testing.T) {
	service(t, lifecycle.Always, func(r *running, ask func(supervisor.Ask) uint64) {
		r.start()
		for i := range 5 {
			last(r).Up()
			if shot := r.newest().Children[0]; !shot.Up || shot.Restarts != i || shot.Generation != uint64(i+1) {
				t.Fatalf("run %d: %+v", i, shot)
			}
			last(r).Exit(3)
			if shot := r.newest().Children[0]; shot.Up || !shot.Restarting || shot.Status.Code != 3 {
				t.Fatalf("after run %d: %+v", i, shot)
			}
			time.Sleep(time.Second - time.Nanosecond)
			synctest.Wait()
			if n := len(r.engine.Containers()); n != i+1 {
				t.Fatalf("%d starts before the delay was over, want %d", n, i+1)
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if n := len(r.engine.Containers()); n != i+2 {
				t.Fatalf("%d starts after the delay, want %d", n, i+2)
			}
		}
		last(r).Up()
		ask(supervisor.AskStop)
		r.told(last(r), "15>command")
		last(r).Exit(0)
		time.Sleep(time.Hour)
		ask(supervisor.AskExit)
		r.ends(0)
		if n := len(r.engine.Containers()); n != 6 {
			t.Errorf("%d starts, want 6", n)
		}
	})
}

// TestAnswers: the version that a client is answered with is one in which its
// request shows, and exit is no end while the container is up or will be.
func TestAnswers(t *testing.T) {
	service(t, lifecycle.OnFailure, func(r *running, ask func(supervisor.Ask) uint64) {
		cs := r.start()
		shows := func(a supervisor.Ask, wanted func(supervisor.Snapshot) bool) {
			t.Helper()
			version := ask(a)
			if p := r.newest(); p.Version != version || !wanted(p.Children[0]) {
				t.Errorf("%s is answered with %d; the newest is %+v", a, version, p)
			}
		}
		up := func(s supervisor.Snapshot) bool { return s.Up && !s.Final }
		shows(supervisor.AskExit, func(s supervisor.Snapshot) bool { return s.Phase == lifecycle.Starting })
		cs[0].Up()
		shows(supervisor.AskExit, up)
		cs[0].Exit(1)
		shows(supervisor.AskExit, func(s supervisor.Snapshot) bool { return s.Phase == lifecycle.Waiting })
		time.Sleep(time.Second)
		synctest.Wait()
		last(r).Up()
		shows(supervisor.AskStop, func(s supervisor.Snapshot) bool { return s.Up && s.Final })
		shows(supervisor.AskStop, func(s supervisor.Snapshot) bool { return s.Up && s.Final })
		shows(supervisor.AskKill, func(s supervisor.Snapshot) bool { return s.Phase == lifecycle.Killing })
		last(r).Die(syscall.SIGKILL)
		downFor := func(s supervisor.Snapshot) bool {
			return s.Phase == lifecycle.Down && s.Status.Signal == syscall.SIGKILL
		}
		shows(supervisor.AskStop, downFor)
		shows(supervisor.AskKill, downFor)
		shows(supervisor.AskExit, downFor)
		r.ends(0)
	})
}

// TestOOMOfGenerations: what is told about a generation that is over does
// not come to the next.
func TestOOMOfGenerations(t *testing.T) {
	service(t, lifecycle.Always, func(r *running, ask func(supervisor.Ask) uint64) {
		cs := r.start()
		cs[0].Up()
		cs[0].Notify(supervisor.Event{Kind: supervisor.OutOfMemory, OOMs: 2})
		if shot := r.newest().Children[0]; shot.OOMs != 2 || !shot.Up {
			t.Errorf("after two kills: %+v", shot)
		}
		cs[0].Notify(supervisor.Event{Kind: supervisor.Exited, OOMs: 3, Status: lifecycle.Status{Signal: syscall.SIGKILL, OOM: true}})
		cs[0].Gone()
		cs[0].Notify(supervisor.Event{Kind: supervisor.OutOfMemory, OOMs: 1})
		if shot := r.newest().Children[0]; shot.OOMs != 3 || !shot.Status.OOM || !shot.Restarting {
			t.Errorf("after the end: %+v", shot)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		last(r).Up()
		cs[0].Notify(supervisor.Event{Kind: supervisor.OutOfMemory, OOMs: 1})
		if shot := r.newest().Children[0]; shot.OOMs != 3 || shot.Restarts != 1 {
			t.Errorf("in the next run: %+v", shot)
		}
		ask(supervisor.AskKill)
		last(r).Die(syscall.SIGKILL)
		ask(supervisor.AskExit)
		r.ends(0)
	})
}
