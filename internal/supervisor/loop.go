package supervisor

import (
	"os"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/group"
)

// loop is a Run at work. Only the goroutine that called Run touches it.
type loop struct {
	cfg        Config
	state      group.State
	queue      *queue
	containers []Container // nil before the start
	gens       []uint64    // of the newest start; 0 before
	timer      *time.Timer // Stop and Reset leave no stale value in its channel (Go 1.23)
	signals    <-chan os.Signal
	hangup     <-chan struct{}
	done       bool
	changed    bool            // since the last snapshot
	version    uint64          // of the newest snapshot
	asked      uint64          // requests taken so far
	answers    []chan<- uint64 // of requests since the newest snapshot
}

// Run starts all children of a group and returns when nothing of any of them
// is left: lanyard's exit code and how it came about. It starts no goroutine.
// A signal that is waiting in Config.Signals already is taken before anything
// is started.
func Run(cfg Config) (code int, result Result) {
	n := len(cfg.Group.Names)
	l := &loop{
		cfg: cfg, state: group.New(cfg.Group), queue: newQueue(),
		containers: make([]Container, n), gens: make([]uint64, n),
		timer: time.NewTimer(0), signals: cfg.Signals, hangup: cfg.Hangup,
	}
	l.timer.Stop() // it holds nothing until it is armed
	defer l.timer.Stop()
	defer l.queue.close()
	l.takeSignals()
	l.step(group.Event{Kind: group.OnStart})
	l.publish()
	for !l.done {
		l.wait()
		l.publish()
	}
	for _, m := range cfg.Snapshots {
		m.close()
	}
	result = l.state.Result()
	return result.Code, result
}

// wait takes the next thing that happens.
func (l *loop) wait() {
	select {
	case sig, ok := <-l.signals:
		l.signal(sig, ok)
	case <-l.hangup:
		l.hung()
	case <-l.queue.wake:
		l.takeEvents()
	case r := <-l.cfg.Requests:
		l.asked++
		l.answers = append(l.answers, r.Done)
		l.step(group.Event{Kind: group.Kind(r.Ask)})
	case <-l.cfg.Probe: // whoever sent it knows now that this loop turns
	case <-l.timer.C:
		// What came before the deadline counts before it: an exit in the
		// queue, or the CONT that ends a time in which lanyard was stopped.
		l.takeSignals()
		l.takeEvents()
		l.step(group.Event{Kind: group.OnTick})
	}
}

// takeSignals takes what is pending.
func (l *loop) takeSignals() {
	for !l.done {
		select {
		case sig, ok := <-l.signals:
			l.signal(sig, ok)
		case <-l.hangup:
			l.hung()
		default:
			return
		}
	}
}

func (l *loop) signal(sig os.Signal, ok bool) {
	if !ok {
		l.signals = nil
		return
	}
	if number, known := sig.(syscall.Signal); known {
		l.step(group.Event{Kind: group.OnSignal, Sig: number})
	}
}

func (l *loop) hung() {
	l.hangup = nil
	l.step(group.Event{Kind: group.OnHangup})
}

// takeEvents takes what the engine has seen. An event of an older generation
// is dropped: it is not about what runs now.
func (l *loop) takeEvents() {
	for _, ev := range l.queue.take() {
		if ev.Gen != l.gens[ev.Child] || l.done {
			continue
		}
		l.step(group.Event{
			Kind: group.Kind(ev.Kind), Child: ev.Child, PID: ev.PID,
			Status: ev.Status, OOMs: ev.OOMs, Err: ev.Err, Internal: ev.Internal,
		})
		l.publish() // an end that comes with its start in one go would hide it
	}
}

func (l *loop) step(ev group.Event) {
	if l.done {
		return
	}
	state, effects := l.state.Step(ev, time.Now())
	l.state, l.changed = state, true
	// What is told comes after what is done: fifty siblings have their signals
	// before the first of them takes the processor away from this loop.
	for _, e := range effects {
		if e.Do != group.DoReport {
			l.carryOut(e)
		}
	}
	for _, e := range effects {
		if e.Do == group.DoReport {
			l.carryOut(e)
		}
	}
	l.reportFrozen(effects)
}

// reportFrozen tells of those that were just told to end and can't. It comes
// after everything else: nobody waits for it.
func (l *loop) reportFrozen(effects []group.Effect) {
	for _, e := range effects {
		if e.Do != group.DoSignal || e.Sig != syscall.SIGTERM && e.Sig != syscall.SIGHUP && e.Sig != syscall.SIGINT {
			continue
		}
		if why := l.containers[e.Child].Frozen(); why != "" {
			l.cfg.Reporter.Report(Frozen{Child: l.cfg.Group.Names[e.Child], Why: why})
		}
	}
}

func (l *loop) carryOut(e group.Effect) {
	switch e.Do {
	case group.DoStart:
		l.gens[e.Child]++
		l.containers[e.Child] = l.cfg.Engine.Start(e.Child, l.gens[e.Child], l.queue.put)
	case group.DoSignal:
		l.containers[e.Child].Signal(e.Sig, e.To)
	case group.DoKill:
		l.containers[e.Child].Kill()
	case group.DoArm:
		l.timer.Reset(time.Until(e.At))
	case group.DoDisarm:
		l.timer.Stop()
	case group.DoReport:
		if stuck, ok := e.Report.(Stuck); ok {
			stuck.Why = l.containers[e.Child].Stuck()
			e.Report = stuck
		}
		l.cfg.Reporter.Report(e.Report)
	case group.DoSuspend:
		if l.cfg.Job != nil {
			l.cfg.Job.Suspend()
		}
	case group.DoResume:
		if l.cfg.Job != nil {
			l.cfg.Job.Resume()
		}
	case group.DoDone:
		l.done = true
	}
}

// publish shows the newest state of all children to who wants it, and answers
// requests.
func (l *loop) publish() {
	if !l.changed {
		return
	}
	l.changed = false
	l.version++
	if len(l.cfg.Snapshots) > 0 {
		shots := make([]Snapshot, l.state.Len())
		for i := range shots {
			shots[i] = l.state.Child(i).Snapshot(l.cfg.Group.Names[i], l.gens[i])
		}
		p := Publication{Version: l.version, Asked: l.asked, Ready: l.state.Ready(), Ending: l.state.Ending(), Children: shots}
		for _, m := range l.cfg.Snapshots {
			m.put(p)
		}
	}
	for _, answer := range l.answers {
		answer <- l.version
	}
	l.answers = nil
}
