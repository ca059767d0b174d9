package group

import (
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/lifecycle"
	"github.com/lanyard-dev/lanyard/internal/plan"
)

// turn is one Step at work.
type turn struct {
	State
	now  time.Time
	out  []Effect // orders
	said []Effect // reports: they go out after the orders, which are urgent
}

// Step returns the group after ev and what the caller has to do, in order. It
// does not change s. now is the time of the event; only differences between
// such times count. An event that can't happen panics, see lifecycle.Step.
func (s State) Step(ev Event, now time.Time) (State, []Effect) {
	t := &turn{State: s.clone(), now: now}
	switch ev.Kind {
	case OnStart:
		t.start()
	case OnSignal:
		if t.cfg.Service {
			t.serviceSignal(ev.Sig)
		} else {
			t.signal(ev.Sig)
		}
	case OnHangup:
		t.hangup()
	case OnTick:
		t.tick()
	case OnStopped:
		t.stopped()
	case OnStarted, OnFailed, OnExited, OnGone, OnOOM:
		t.child(ev)
	case OnStop, OnKill, OnExit:
		t.request(ev.Kind)
	default:
		panic(fmt.Sprintf("internal error: event %q in group state %q", ev.Kind, s.phase))
	}
	t.ready = t.ready || t.started() && !t.Ending()
	t.settle()
	t.out = append(t.out, t.said...)
	if t.phase == PhaseDone && s.phase != PhaseDone {
		t.do(Effect{Do: DoDone})
	}
	return t.State, t.out
}

func (t *turn) do(e Effect) { t.out = append(t.out, e) }

func (t *turn) report(r Report) { t.said = append(t.said, Effect{Do: DoReport, Report: r}) }

// tell steps one child and takes over what that asks for.
func (t *turn) tell(i int, ev lifecycle.Event) {
	child, effects := lifecycle.Step(t.children[i], ev, t.now)
	t.children[i] = child
	for _, e := range effects {
		t.do(Effect{Do: Action(e.Do), Child: i, Sig: e.Sig, To: e.To})
	}
}

func (t *turn) tellAll(ev lifecycle.Event) {
	for i := range t.children {
		t.tell(i, ev)
	}
}

func (t *turn) start() {
	if t.phase == PhaseDone {
		return // it was told to end before it started
	}
	if t.phase != PhaseNew {
		panic(fmt.Sprintf("internal error: event %q in group state %q", OnStart, t.phase))
	}
	t.phase = PhaseRunning
	t.tellAll(lifecycle.Event{Kind: lifecycle.OnStart})
	for _, sig := range t.early {
		t.pass(sig, lifecycle.Group)
	}
	t.early = nil
}

// started says whether every child's start is over, and well if that matters.
func (t *turn) started() bool {
	return !slices.ContainsFunc(t.children, func(c lifecycle.State) bool {
		return !c.HasRun() && !(t.cfg.Service && c.Over())
	})
}

// child takes what the engine saw of one child. The first that ends fixes the
// result, unless a signal did.
func (t *turn) child(ev Event) {
	i := ev.Child
	before := t.children[i]
	t.tell(i, lifecycle.Event{Kind: lifecycle.Kind(ev.Kind), PID: ev.PID, Status: ev.Status, OOMs: ev.OOMs, Err: ev.Err})
	after := t.children[i]
	if ev.Kind == OnStarted && !after.Killed {
		t.report(Started{Child: t.cfg.Names[i], PID: after.PID, Took: t.now.Sub(after.Begun)})
	}
	if before.Over() || !after.Over() {
		return
	}
	if t.cfg.Service {
		t.report(Ended{Outcome: t.outcome(i), Again: after.Restarting()})
	}
	if t.cfg.Service || t.result.Cause != "" {
		return
	}
	verdict := t.judge(i, ev.Internal)
	if verdict.Cause == "" {
		return
	}
	t.result = verdict
	if verdict.Child != "" {
		t.report(First{Outcome: t.outcome(i), Cause: verdict.Cause, Code: verdict.Code})
	}
	t.end(syscall.SIGTERM, lifecycle.Command)
}

// judge says what the end of child i means for the group: the zero Result if
// nothing.
func (t *turn) judge(i int, internal bool) Result {
	c, name := t.children[i], t.cfg.Names[i]
	switch {
	case t.cfg.Single && c.Killed && !c.HasRun(): // two signals were faster than its start
		return Result{Code: 128 + int(t.first), Cause: BySignal, Signal: t.first}
	case internal:
		return Result{Code: CodeInternal, Cause: ByInternal, Child: name, Err: c.Err}
	case !c.HasRun():
		return Result{Code: CodeNotFound, Cause: ByStart, Child: name, Err: c.Err}
	case t.cfg.Mode == plan.WaitAllSuccessful && !t.cfg.Single && c.Status.Result() == 0:
		if slices.ContainsFunc(t.children, func(c lifecycle.State) bool { return !c.Over() }) {
			return Result{}
		}
		return Result{Cause: BySuccess}
	default:
		return Result{Code: c.Status.Result(), Cause: ByExit, Child: name, Status: c.Status}
	}
}

// end tells every child to end. The result has been fixed.
func (t *turn) end(sig syscall.Signal, to lifecycle.Target) {
	if t.phase != PhaseRunning {
		return // a Single that is being killed
	}
	t.phase, t.killAt = PhaseEnding, time.Time{}
	t.tellAll(lifecycle.Event{Kind: lifecycle.OnStop, Sig: sig, To: to})
	waiting := t.waiting()
	if len(waiting) == 0 {
		return
	}
	if t.cfg.Grace > 0 {
		t.killAt = t.now.Add(t.cfg.Grace)
		t.report(Ending{Waiting: waiting, Until: t.killAt})
		return
	}
	t.report(Ending{Waiting: waiting})
	t.kill(lifecycle.OnDeadline)
}

// kill kills what is left, and says whom it had to.
func (t *turn) kill(kind lifecycle.Kind) {
	t.phase, t.killAt = PhaseKilling, time.Time{}
	if waiting := t.waiting(); len(waiting) > 0 {
		t.report(Killed{Children: waiting})
	}
	t.tellAll(lifecycle.Event{Kind: kind})
}

func (t *turn) waiting() []string {
	var names []string
	for i, c := range t.children {
		if !c.Over() {
			names = append(names, t.cfg.Names[i])
		}
	}
	return names
}

// settle sees to what follows from the state alone: is all over, who is
// overdue, when does the timer go off next.
func (t *turn) settle() {
	if t.phase == PhaseNew || t.phase == PhaseDone {
		return
	}
	stays := t.cfg.Service && !t.leave
	if stays || slices.ContainsFunc(t.children, func(c lifecycle.State) bool { return c.Phase != lifecycle.Down }) {
		if len(t.waiting()) == 0 {
			t.killAt = time.Time{} // no command is left to be killed
		}
		t.watch()
		t.setTimer()
		return
	}
	t.phase, t.killAt = PhaseDone, time.Time{}
	t.watch()
	t.setTimer()
	for i := range t.children {
		t.result.Children = append(t.result.Children, t.outcome(i))
	}
	t.report(Summary{Result: t.result})
}

func (t *turn) outcome(i int) Outcome {
	c := t.children[i]
	return Outcome{
		Name: t.cfg.Names[i], Started: !c.Begun.IsZero(), HasRun: c.HasRun(),
		Status: c.Status, Err: c.Err, Killed: c.Killed, Ran: c.Lasted(t.now),
	}
}
