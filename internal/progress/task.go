package progress

import (
	"fmt"
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Task is one thing that takes a while. All that it counts is in bytes.
type Task struct {
	p     *Progress
	name  string
	begun time.Time

	// The fields below are guarded by p.mu.
	phase   string
	done    int64
	total   int64 // 0 if it is not known
	most    int64 // the most that was done in a phase
	ended   bool
	next    time.Time // when a line about it is due
	since   time.Time // of the phase
	rate    float64   // bytes per second, averaged
	counted int64     // done at the last sample
	sampled time.Time
}

// Task begins one. Its name is what the user knows it by; it needs Done or Fail.
func (p *Progress) Task(name string) *Task {
	now := time.Now()
	t := &Task{p: p, name: Clean(name), begun: now, since: now, sampled: now}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tasks = append(p.tasks, t)
	switch p.mode {
	case Lines:
		t.next = now.Add(lineAfter)
	case JSON:
		t.next = now.Add(jsonEvery)
		p.say(encode(t.event("")))
	}
	p.nudge()
	return t
}

// Phase says what is done now: "downloading", "unpacking". It counts anew.
func (t *Task) Phase(phase string) {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	now := time.Now()
	t.phase, t.done, t.total = Clean(phase), 0, 0
	t.since, t.sampled, t.counted, t.rate = now, now, 0, 0
	if due := now.Add(lineAfter); t.next.After(due) {
		t.next = due
	}
	if t.p.mode == JSON && !t.ended {
		t.p.say(encode(t.event("")))
	}
}

// Total says how many bytes the phase has; 0 if nobody knows.
func (t *Task) Total(n int64) {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	t.total = n
}

// Add counts n more bytes; a negative n takes back what has to be done again.
func (t *Task) Add(n int64) {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	t.done += n
	t.most = max(t.most, t.done)
}

// Done ends a task well. Only the first end counts.
func (t *Task) Done() { t.end(nil) }

// Fail ends a task with an error, which is shown in every mode.
func (t *Task) Fail(err error) { t.end(err) }

// Drop ends a task whose failure somebody else reports.
func (t *Task) Drop() {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	if t.ended {
		return
	}
	t.ended = true
	t.p.remove(t)
	t.p.nudge()
}

func (t *Task) end(err error) {
	p := t.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.ended {
		return
	}
	t.ended = true
	p.remove(t)
	switch {
	case p.mode == JSON && err != nil:
		p.say(encode(t.event(err.Error())))
	case p.mode == JSON:
		e := t.event("")
		e.Phase = "done"
		p.say(encode(e))
	case err != nil:
		p.say(t.name + ": failed: " + Clean(err.Error()) + "\n")
	case p.mode != Lines || time.Since(t.begun) < lineAfter:
	case t.most > 0:
		p.say(fmt.Sprintf("%s: done, %s in %s\n", t.name, size(t.most), span(time.Since(t.begun))))
	default:
		p.say(fmt.Sprintf("%s: done in %s\n", t.name, span(time.Since(t.begun))))
	}
	p.nudge()
}

// smooth is the time that the average rate looks back over, roughly.
const smooth = 3 * time.Second

// sample updates the average rate. Samples weigh by the time they cover, so
// that it does not matter how often they are taken.
func (t *Task) sample(now time.Time) {
	passed := now.Sub(t.sampled)
	if passed < drawEvery/2 {
		return
	}
	current := max(0, float64(t.done-t.counted)/passed.Seconds())
	weight := 1 - math.Exp(-float64(passed)/float64(smooth))
	if early := now.Sub(t.since); early < smooth { // there is less to look back at
		weight = max(weight, float64(passed)/float64(early))
	}
	t.rate += weight * (current - t.rate)
	t.sampled, t.counted = now, t.done
}

// left is how long the phase will take at the average rate; false if nobody
// knows.
func (t *Task) left() (time.Duration, bool) {
	seconds := float64(t.total-t.done) / t.rate
	if t.total <= 0 || t.done > t.total || t.rate < 1 || seconds > 1e6 {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// percent is 0 to 100, rounded down; -1 if nobody knows.
func (t *Task) percent() int {
	if t.total <= 0 {
		return -1
	}
	return int(min(100, max(0, float64(t.done)/float64(t.total)*100)))
}

// columns is the width of a terminal, 0 if f is none (TIOCGWINSZ, tty_ioctl(4)).
// A terminal that does not know says 0 too; 80 is assumed then.
func columns(f *os.File) int {
	conn, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	width := 0
	err = conn.Control(func(fd uintptr) {
		if ws, err := unix.IoctlGetWinsize(int(fd), unix.TIOCGWINSZ); err == nil {
			if width = int(ws.Col); width == 0 {
				width = 80
			}
		}
	})
	if err != nil {
		return 0
	}
	return width
}
