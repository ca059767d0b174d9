package supervisor_test

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lanyard-dev/lanyard/internal/group"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/supervisor"
	"github.com/lanyard-dev/lanyard/internal/testkit/fake"
)

// running is a Run at work in a synctest bubble: time passes when everything
// waits, and a goroutine that is left behind fails the test.
type running struct {
	t        *testing.T
	engine   *fake.Engine
	reporter *fake.Reporter
	job      *fake.Job
	signals  chan os.Signal
	hangup   chan struct{}
	cfg      supervisor.Config
	code     int
	result   supervisor.Result
	over     bool
}

// bubble runs test with a loop for children called a, b, c… Its n 0 is a
// single command.
func bubble(t *testing.T, n int, test func(*running)) {
	synctest.Test(t, func(t *testing.T) {
		r := &running{
			t: t, engine: &fake.Engine{}, reporter: &fake.Reporter{}, job: &fake.Job{},
			signals: make(chan os.Signal, 64), hangup: make(chan struct{}, 1),
		}
		cfg := group.Config{Mode: plan.StopOnFailure, Grace: 2 * time.Second, Single: n == 0}
		for i := range max(n, 1) {
			cfg.Names = append(cfg.Names, string(rune('a'+i)))
		}
		r.cfg = supervisor.Config{
			Group: cfg, Engine: r.engine, Reporter: r.reporter, Job: r.job,
			Signals: r.signals, Hangup: r.hangup,
		}
		test(r)
	})
}

// start runs the loop until everything waits.
func (r *running) start() []*fake.Container {
	go func() {
		r.code, r.result = supervisor.Run(r.cfg)
		r.over = true
	}()
	synctest.Wait()
	return r.engine.Containers()
}

// told checks what a container has been told since the last time.
func (r *running) told(c *fake.Container, want ...string) {
	r.t.Helper()
	synctest.Wait()
	if got := c.Told(); !slices.Equal(got, want) {
		r.t.Errorf("child %d was told %v, want %v", c.Child, got, want)
	}
}

func (r *running) ends(code int) {
	r.t.Helper()
	synctest.Wait()
	if !r.over || r.code != code {
		r.t.Errorf("over: %v with code %d, want %d", r.over, r.code, code)
	}
}

func TestFirstExitEndsTheGroup(t *testing.T) {
	bubble(t, 3, func(r *running) {
		cs := r.start()
		for _, c := range cs {
			c.Up()
		}
		cs[1].Exit(3)
		r.told(cs[0], "15>command")
		r.told(cs[2], "15>command")
		cs[0].Exit(0)
		time.Sleep(2*time.Second - time.Nanosecond)
		r.told(cs[2])
		time.Sleep(time.Nanosecond)
		r.told(cs[2], "KILL")
		if r.over {
			t.Fatal("ended before the last child was gone")
		}
		cs[2].Die(syscall.SIGKILL)
		r.ends(3)
		if got := r.result.Children[2]; !got.Killed || got.Ran != 2*time.Second {
			t.Errorf("outcome of c: %+v", got)
		}
	})
}

func TestPendingSignalBeforeTheStart(t *testing.T) {
	tests := []struct {
		pending []os.Signal
		code    int
	}{
		{[]os.Signal{syscall.SIGTERM}, 143},
		{[]os.Signal{syscall.SIGUSR1, syscall.SIGINT, syscall.SIGTERM, syscall.SIGINT}, 130},
	}
	for _, test := range tests {
		bubble(t, 3, func(r *running) {
			for _, sig := range test.pending {
				r.signals <- sig
			}
			if cs := r.start(); len(cs) != 0 {
				t.Errorf("%d children were started", len(cs))
			}
			r.ends(test.code)
			for _, o := range r.result.Children {
				if o.Started {
					t.Errorf("%s is said to have been started", o.Name)
				}
			}
		})
	}
}

func TestHangup(t *testing.T) {
	bubble(t, 0, func(r *running) {
		cs := r.start()
		cs[0].Up()
		close(r.hangup)
		r.told(cs[0], "1>command")
		time.Sleep(2 * time.Second)
		r.told(cs[0], "KILL")
		cs[0].Die(syscall.SIGKILL)
		r.ends(137)
	})
}

func TestJobControl(t *testing.T) {
	bubble(t, 0, func(r *running) {
		cs := r.start()
		cs[0].Up()
		cs[0].Notify(supervisor.Event{Kind: supervisor.Stopped})
		r.told(cs[0])
		r.signals <- syscall.SIGCONT
		r.told(cs[0], strconv.Itoa(int(syscall.SIGCONT))+">group")
		if want := []string{"suspend", "resume"}; !slices.Equal(r.job.Asked, want) {
			t.Errorf("asked to %v, want %v", r.job.Asked, want)
		}
		close(r.signals)
		cs[0].Exit(0)
		r.ends(0)
	})
}

// Everything about a child may be said before Start returns.
func TestEarlyEvents(t *testing.T) {
	bubble(t, 3, func(r *running) {
		r.engine.Live = func(c *fake.Container) {
			c.Up()
			if c.Child == 1 {
				c.Exit(5)
			}
		}
		cs := r.start()
		r.told(cs[0], "15>command")
		r.told(cs[1])
		cs[0].Exit(0)
		cs[2].Exit(0)
		r.ends(5)
	})
}

func TestStartFailure(t *testing.T) {
	failure := errors.New("pivot_root /roots/a: invalid argument")
	bubble(t, 2, func(r *running) {
		r.engine.Live = func(c *fake.Container) {
			if c.Child == 0 {
				c.Fail(failure)
			}
		}
		cs := r.start()
		r.told(cs[1], "15>command")
		cs[1].Up()
		cs[1].Die(syscall.SIGTERM)
		r.ends(127)
		if !errors.Is(r.result.Err, failure) {
			t.Errorf("error %v", r.result.Err)
		}
	})
}

func TestOldGenerationIsDropped(t *testing.T) {
	bubble(t, 1, func(r *running) {
		cs := r.start()
		cs[0].Up()
		old := *cs[0]
		old.Gen--
		old.Exit(9)
		r.told(cs[0])
		cs[0].Exit(1)
		r.ends(1)
		cs[0].Gone() // nobody listens any more, and nobody blocks
	})
}

func TestStuckIsExplained(t *testing.T) {
	bubble(t, 1, func(r *running) {
		cs := r.start()
		cs[0].Up()
		r.signals <- syscall.SIGINT
		r.signals <- syscall.SIGINT
		r.told(cs[0], "2>group", "KILL")
		time.Sleep(32 * time.Second)
		synctest.Wait()
		var stuck []supervisor.Stuck
		for _, report := range r.reporter.Reports() {
			if s, ok := report.(supervisor.Stuck); ok {
				stuck = append(stuck, s)
			}
		}
		if len(stuck) != 4 || stuck[0] != (supervisor.Stuck{Child: "a", For: 2 * time.Second, Why: "fake reason 0"}) {
			t.Errorf("reports: %+v", stuck)
		}
		r.told(cs[0])
		cs[0].Die(syscall.SIGKILL)
		r.ends(130)
	})
}

func TestReports(t *testing.T) {
	bubble(t, 2, func(r *running) {
		cs := r.start()
		cs[0].Up()
		cs[1].Up()
		cs[0].Exit(0)
		r.told(cs[1], "15>command")
		cs[1].Exit(0)
		r.ends(0)
		var kinds []string
		for _, report := range r.reporter.Reports() {
			switch report.(type) {
			case supervisor.StartedReport:
				kinds = append(kinds, "started")
			case supervisor.First:
				kinds = append(kinds, "first")
			case supervisor.Ending:
				kinds = append(kinds, "ending")
			case supervisor.Summary:
				kinds = append(kinds, "summary")
			default:
				kinds = append(kinds, "other")
			}
		}
		if want := []string{"started", "started", "first", "ending", "summary"}; !slices.Equal(kinds, want) {
			t.Errorf("reports %v, want %v", kinds, want)
		}
	})
}
