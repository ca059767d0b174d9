package supervisor_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lanyard-dev/lanyard/internal/group"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/supervisor"
	"github.com/lanyard-dev/lanyard/internal/testkit/fake"
)

var errLife = errors.New("exec /bin/web: no such file or directory")

// life is a container that does anything a container may do: it starts, fails
// or vanishes, exits by itself or when told, ignores signals, needs its time
// after a KILL.
type life struct {
	*fake.Container
	rnd  *rand.Rand
	ints int // INT it got
}

func (l *life) wait(most time.Duration) { time.Sleep(time.Duration(l.rnd.Int64N(int64(most)))) }

func (l *life) live() {
	l.wait(time.Second)
	switch l.rnd.IntN(8) {
	case 0:
		l.Fail(errLife)
		return
	case 1:
		l.Gone()
		return
	}
	l.Up()
	byItself := time.After(time.Duration(l.rnd.Int64N(int64(20 * time.Second))))
	for {
		select {
		case <-byItself:
			l.Exit(l.rnd.IntN(3))
			return
		case order := <-l.Orders():
			if order.Sig == syscall.SIGINT {
				l.ints++
			}
			if order.Kill {
				l.wait(3 * time.Second)
				l.Die(syscall.SIGKILL)
				return
			}
			if l.rnd.IntN(2) == 0 {
				l.wait(3 * time.Second)
				l.Exit(l.rnd.IntN(2))
				return
			}
		}
	}
}

// TestRandomRuns checks that every run ends, with every child gone and no
// goroutine left (else synctest fails), and that no child got more INTs than
// lanyard.
func TestRandomRuns(t *testing.T) {
	for seed := range uint64(1000) {
		synctest.Test(t, func(t *testing.T) { randomRun(t, rand.New(rand.NewPCG(seed, 5))) })
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
}

func randomRun(t *testing.T, rnd *rand.Rand) {
	cfg := group.Config{Names: []string{"a", "b", "c", "d"}[:1+rnd.IntN(4)], Mode: plan.WaitAllSuccessful}
	if rnd.IntN(2) == 0 {
		cfg.Mode = plan.StopOnFailure
	}
	cfg.Grace = time.Duration(rnd.IntN(3)) * time.Second
	cfg.Single = len(cfg.Names) == 1 && rnd.IntN(2) == 0
	var living atomic.Int32
	lives := make([]*life, len(cfg.Names))
	engine := &fake.Engine{Live: func(c *fake.Container) {
		l := &life{Container: c, rnd: rand.New(rand.NewPCG(rnd.Uint64(), 6))}
		lives[c.Child] = l
		living.Add(1)
		go func() {
			l.live()
			living.Add(-1)
		}()
	}}
	signals, over := make(chan os.Signal, 64), make(chan struct{})
	sent := make(chan int, 1)
	user := rand.New(rand.NewPCG(rnd.Uint64(), 7))
	go func() { sent <- press(user, signals, over) }()
	mailbox := supervisor.NewMailbox(1)
	reporter := &fake.Reporter{}
	code, result := supervisor.Run(supervisor.Config{
		Group: cfg, Engine: engine, Reporter: reporter, Job: &fake.Job{},
		Signals: signals, Snapshots: []*supervisor.Mailbox{mailbox},
	})
	close(over)
	ints := <-sent
	synctest.Wait()
	if n := living.Load(); n != 0 {
		t.Errorf("%d children live on", n)
	}
	for _, l := range lives {
		if l != nil && l.ints > ints {
			t.Errorf("child %d got %d INTs of %d", l.Child, l.ints, ints)
		}
	}
	if result.Cause == "" || code != result.Code || len(result.Children) != len(cfg.Names) {
		t.Errorf("code %d, result %+v", code, result)
	}
	for _, shot := range (<-mailbox.C()).Children {
		if shot.Phase != "down" {
			t.Errorf("%s is %s in the final snapshot", shot.Name, shot.Phase)
		}
	}
	reports := reporter.Reports()
	if _, ok := reports[len(reports)-1].(supervisor.Summary); !ok {
		t.Errorf("last report %+v", reports[len(reports)-1])
	}
}

// press sends signals until over, and returns how many of them were INT.
func press(rnd *rand.Rand, signals chan<- os.Signal, over <-chan struct{}) (ints int) {
	sigs := []os.Signal{
		syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1,
		syscall.SIGTSTP, syscall.SIGCONT, syscall.SIGWINCH, syscall.SIGQUIT,
	}
	for range 40 {
		sig := sigs[rnd.IntN(len(sigs))]
		select {
		case <-over:
			return ints
		case <-time.After(time.Duration(rnd.Int64N(int64(10 * time.Second)))):
		}
		if sig == syscall.SIGINT {
			ints++
		}
		signals <- sig
	}
	return ints
}

// BenchmarkFanOut measures from the exit of one of 50 children, on another
// goroutine, to the TERM of the last of the others.
func BenchmarkFanOut(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		engine := &fake.Engine{Live: func(c *fake.Container) { c.Up() }}
		done := make(chan struct{})
		up := make(chan struct{})
		cfg := supervisor.Config{
			Group:  group.Config{Names: make([]string, 50), Grace: time.Minute},
			Engine: engine, Reporter: countTo(50, up),
		}
		go func() {
			supervisor.Run(cfg)
			close(done)
		}()
		<-up
		containers := engine.Containers()
		b.StartTimer()
		containers[0].Exit(1)
		<-containers[49].Orders()
		b.StopTimer()
		for _, c := range containers[1:] {
			c.Exit(0)
		}
		<-done
		b.StartTimer()
	}
}

// counter closes a channel after so many Started reports.
type counter struct {
	left int
	all  chan struct{}
}

func countTo(n int, all chan struct{}) *counter { return &counter{n, all} }

func (c *counter) Report(r supervisor.Report) {
	if _, ok := r.(supervisor.StartedReport); ok {
		if c.left--; c.left == 0 {
			close(c.all)
		}
	}
}
