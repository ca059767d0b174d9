package progress

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// event is an object of the JSON mode. Time is when it was written down; one of
// task, message and lost is there.
type event struct {
	Time    time.Time `json:"time"`
	Task    string    `json:"task,omitempty"`
	Phase   string    `json:"phase,omitempty"` // of the task; "done" at its end
	Done    int64     `json:"done"`            // bytes
	Total   int64     `json:"total"`           // bytes; 0 if it is not known
	Error   string    `json:"error,omitempty"` // why the task ended
	Message string    `json:"message,omitempty"`
	Lost    int       `json:"lost,omitempty"` // objects that could not be written
}

func encode(e event) string {
	e.Time = time.Now().UTC()
	data, err := json.Marshal(e)
	if err != nil {
		panic("internal error: an event can't be encoded: " + err.Error())
	}
	return string(data) + "\n"
}

func (t *Task) event(failure string) event {
	return event{Task: t.name, Phase: t.phase, Done: t.done, Total: t.total, Error: failure}
}

// state is a task in words, after its name.
func (t *Task) state(now time.Time) string {
	return strings.TrimSpace(t.phase + " " + t.figures(now))
}

// figures say how far the phase is.
func (t *Task) figures(now time.Time) string {
	text := size(t.done)
	switch {
	case t.total > 0:
		text = fmt.Sprintf("%d%% of %s", t.percent(), size(t.total))
	case t.done == 0: // it counts nothing
		text = "(" + span(now.Sub(t.since)) + ")"
	}
	if t.rate >= 1 {
		text += ", " + size(int64(t.rate)) + "/s"
	}
	if left, ok := t.left(); ok {
		text += ", " + span(left) + " left"
	}
	return text
}

// Widths in runes.
const (
	minName, maxName = 12, 40 // a quarter of the terminal, between these
	minBar, maxBar   = 8, 24
)

// bars are the lines of all tasks, as many as there may be, each shorter than
// the terminal is wide.
func bars(tasks []*Task, now time.Time, width int) []string {
	if width < 1 {
		width = 80
	}
	shown := tasks
	if len(tasks) > maxBars {
		// Those that wait for their turn have nothing to show.
		active := slices.DeleteFunc(slices.Clone(tasks), func(t *Task) bool { return t.phase == "" })
		shown = active[:min(len(active), maxBars)]
	}
	most, names := min(maxName, max(minName, width/4)), 0
	for _, t := range shown {
		names = max(names, min(most, utf8.RuneCountInString(t.name)))
	}
	var lines []string
	for _, t := range shown {
		head, tail := pad(tailOf(t.name, names), names), t.figures(now)
		if room := width - 1 - names - utf8.RuneCountInString(tail) - len("   "); t.phase != "" && room > 0 {
			tail = cut(t.phase, room) + " " + tail
		}
		room := width - 1 - names - utf8.RuneCountInString(tail) - len("  [] ")
		if n := t.percent(); n >= 0 && room >= minBar {
			full := min(room, maxBar)
			on := full * n / 100
			tail = "[" + strings.Repeat("#", on) + strings.Repeat(".", full-on) + "] " + tail
		}
		lines = append(lines, cut(head+"  "+tail, width-1))
	}
	if more := len(tasks) - len(shown); more > 0 {
		lines = append(lines, cut(fmt.Sprintf("and %d more", more), width-1))
	}
	return lines
}

// cut shortens a text to n runes. It counts runes, not columns: a name in wide
// characters may still be too long.
func cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	if n < 1 {
		return ""
	}
	return string([]rune(text)[:n-1]) + "…"
}

// tailOf shortens a name to n runes: what differs is at the end of names.
func tailOf(name string, n int) string {
	runes := []rune(name)
	if len(runes) <= n {
		return name
	}
	return "…" + string(runes[len(runes)-n+1:])
}

func pad(text string, n int) string {
	return text + strings.Repeat(" ", max(0, n-utf8.RuneCountInString(text)))
}

// size is a number of bytes in decimal units, with three digits or so.
func size(n int64) string {
	value, unit := float64(n), "B"
	for _, unit = range []string{"B", "kB", "MB", "GB", "TB"} {
		if value < 999.5 && value > -999.5 || unit == "TB" {
			break
		}
		value /= 1000
	}
	if unit == "B" || value >= 99.95 {
		return fmt.Sprintf("%.0f %s", value, unit)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}

// span is a time as one reads it at a glance.
func span(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
