package model_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lanyard-dev/lanyard/internal/group"
	"github.com/lanyard-dev/lanyard/internal/lifecycle"
	"github.com/lanyard-dev/lanyard/internal/supervisor"
	"github.com/lanyard-dev/lanyard/internal/testkit/fake"
)

// reader is a client of a run: what it saw.
type reader struct {
	mailbox *supervisor.Mailbox
	pause   time.Duration // between two publications that it takes
	seen    int
	last    supervisor.Publication
	wrong   error
	over    chan struct{}
}

// read reads until the mailbox is closed. Versions and counters only grow.
func (r *reader) read() {
	defer close(r.over)
	for p := range r.mailbox.C() {
		if r.seen++; r.seen > 1 && r.wrong == nil {
			r.wrong = grown(r.last, p)
		}
		r.last = p
		time.Sleep(r.pause)
	}
}

func grown(old, p supervisor.Publication) error {
	if p.Version <= old.Version || p.Asked < old.Asked || old.Ready && !p.Ready || old.Ending && !p.Ending {
		return fmt.Errorf("publication %+v after %+v", p, old)
	}
	for i, s := range p.Children {
		if was := old.Children[i]; s.Restarts < was.Restarts || s.OOMs < was.OOMs || s.Generation < was.Generation {
			return fmt.Errorf("%s is %+v after %+v", s.Name, s, was)
		}
	}
	return nil
}

// show is a loop, its containers and its readers, in a synctest bubble.
type show struct {
	cfg      group.Config
	book     *book
	engine   *fake.Engine
	signals  chan os.Signal
	requests chan supervisor.Request
	newest   []*fake.Container // of each child
	starts   []int
	began    time.Time
	code     int
	over     chan struct{}
}

// TestEveryClientSeesTheEnd plays sequences through the loop with readers who are
// quick, slow, or stuck until all is over: all of them see the same final state,
// which is the book's.
func TestEveryClientSeesTheEnd(t *testing.T) {
	taken := 0
	for s := *seed; taken < *steps/10; s++ {
		synctest.Test(t, func(t *testing.T) { taken += watch(t, s) })
		if t.Failed() {
			t.Fatalf("repeat it with: go test ./test/model -run TestEveryClient -seed %d -steps 10", s)
		}
	}
	t.Logf("%d events", taken)
}

// watch plays the sequence of a seed before readers.
func watch(t *testing.T, seed uint64) (taken int) {
	rnd := rand.New(rand.NewPCG(seed, 21))
	cfg := newConfig(rnd)
	s := &show{
		cfg: cfg, book: newBook(cfg), signals: make(chan os.Signal, 64), requests: make(chan supervisor.Request),
		newest: make([]*fake.Container, len(cfg.Names)), starts: make([]int, len(cfg.Names)), over: make(chan struct{}), began: time.Now(),
	}
	s.engine = &fake.Engine{Live: func(c *fake.Container) { s.newest[c.Child] = c; s.starts[c.Child]++ }}
	readers := []*reader{
		{mailbox: supervisor.NewMailbox(1)}, {mailbox: supervisor.NewMailbox(1), pause: 700 * time.Millisecond},
		{mailbox: supervisor.NewMailbox(4), pause: 3 * time.Second}, {mailbox: supervisor.NewMailbox(1), pause: time.Hour},
	}
	stuck := &reader{mailbox: supervisor.NewMailbox(1), over: make(chan struct{})}
	conf := supervisor.Config{Group: cfg, Engine: s.engine, Reporter: &fake.Reporter{}, Job: &fake.Job{}, Signals: s.signals, Requests: s.requests, Snapshots: []*supervisor.Mailbox{stuck.mailbox}}
	for _, r := range readers {
		r.over = make(chan struct{})
		conf.Snapshots = append(conf.Snapshots, r.mailbox)
		go r.read()
	}
	s.book.take(group.Event{Kind: group.OnStart}, time.Now())
	go func() {
		s.code, _ = supervisor.Run(conf)
		close(s.over)
	}()
	synctest.Wait()
	for _, m := range newMoves(rnd, cfg) {
		taken += s.move(m)
	}
	for i := 0; !s.book.over && i < 200; i++ {
		taken += s.move(s.last(i))
	}
	synctest.Wait()
	select {
	case <-s.over:
	default:
		close(s.signals)
		t.Fatalf("seed %d: the loop goes on although everything has ended\n%s", seed, list(cfg, nil))
	}
	if s.code != s.book.code {
		t.Errorf("the code is %d, want %d", s.code, s.book.code)
	}
	go stuck.read()
	for _, r := range append(readers, stuck) {
		<-r.over
		s.check(t, r, readers[0])
	}
	return taken
}

// check looks at what a reader saw last.
func (s *show) check(t *testing.T, r, first *reader) {
	if r.wrong != nil {
		t.Error(r.wrong)
	}
	if r.seen == 0 || !reflect.DeepEqual(r.last, first.last) {
		t.Errorf("a reader with a pause of %v saw %+v at the end, another one %+v", r.pause, r.last, first.last)
		return
	}
	for i, shot := range r.last.Children {
		e := s.book.children[i]
		if shot.Phase != lifecycle.Down || shot.Status != e.status || shot.Restarts != e.restarts || shot.OOMs != e.ooms || shot.Generation != uint64(s.starts[i]) {
			t.Errorf("the final state of %s is %+v after %d starts, want status %+v, %d restarts, %d OOMs", shot.Name, shot, s.starts[i], e.status, e.restarts, e.ooms)
		}
	}
}

// last is a move that gets everything nearer to its end.
func (s *show) last(i int) move {
	m := move{After: time.Second}
	child := i % len(s.book.children)
	switch e := s.book.children[child]; {
	case s.cfg.Service && !s.book.leaving:
		m.Event = group.Event{Kind: group.OnSignal, Sig: userSignals[0]}
	case e.alive() || e.life == ended:
		m.Event = group.Event{Kind: group.OnGone, Child: child}
	default:
		m.Kind = group.OnTick
	}
	return m
}

// move has time pass, in which the book's timer goes off as the loop's does, and
// sends an event if it can happen: how many it were.
func (s *show) move(m move) int {
	for end := time.Now().Add(m.After); !s.book.over; {
		due := s.book.due()
		if due.IsZero() || due.After(end) {
			time.Sleep(time.Until(end))
			break
		}
		time.Sleep(time.Until(due))
		synctest.Wait()
		s.book.take(group.Event{Kind: group.OnTick}, time.Now())
	}
	synctest.Wait()
	ev := m.Event
	if s.book.over || ev.Kind == group.OnTick || ev.Kind == group.OnHangup || ev.Kind == group.OnStart || !s.book.possible(&ev) {
		return 0
	}
	s.book.take(ev, time.Now())
	switch ev.Kind {
	case group.OnSignal:
		s.signals <- ev.Sig
	case group.OnStop, group.OnKill, group.OnExit:
		s.requests <- supervisor.Request{Ask: supervisor.Ask(ev.Kind), Done: make(chan uint64, 1)}
	default:
		s.newest[ev.Child].Notify(supervisor.Event{
			Kind: supervisor.Kind(ev.Kind), PID: ev.PID, Status: ev.Status, OOMs: ev.OOMs, Err: ev.Err, Internal: ev.Internal,
		})
	}
	synctest.Wait()
	return 1
}
