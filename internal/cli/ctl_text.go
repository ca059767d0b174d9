package cli

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/lanyard-dev/lanyard/client"
	"golang.org/x/sys/unix"
)

// condition says in a few words how a container is.
func condition(s client.State) string {
	switch {
	case s.Up && s.Restarting:
		return "up"
	case s.Up:
		return "up, told to end"
	case s.Restarting:
		return "down, to be restarted"
	}
	return "down"
}

// ending says what ended the last run, "" if none has ended.
func ending(e client.ExitStatus) string {
	switch {
	case e.OOMed:
		return "killed by the kernel: out of memory"
	case e.Signaled:
		name := unix.SignalName(syscall.Signal(e.Signal))
		if name == "" {
			return fmt.Sprintf("killed by signal %d", e.Signal)
		}
		return fmt.Sprintf("killed by signal %d (%s)", e.Signal, name)
	case e.Exited:
		return fmt.Sprintf("exited with status %d", e.ExitStatus)
	}
	return ""
}

// sentence says on one line all of a state but its figures.
func sentence(s client.State) string {
	text := condition(s)
	switch end := ending(s.ExitStatus); {
	case s.Err != "":
		first, _, more := strings.Cut(s.Err, "\n")
		text += ": could not be started: " + visible(first)
		if more {
			text += " …"
		}
	case end != "":
		text += ": " + end
	case !s.Up && !s.Restarting:
		text += ": was stopped before it ran"
	}
	if s.Restarts > 0 {
		text += fmt.Sprintf(", restarts %d", s.Restarts)
	}
	if s.OOMs > 0 {
		text += fmt.Sprintf(", OOMs %d", s.OOMs)
	}
	return text
}

// field is a line of a view: what it is about, and what it says.
type field struct{ name, text string }

// nameWidth is the columns that the name of a field has.
const nameWidth = 10

func (f field) String() string { return fmt.Sprintf("%-*s%s", nameWidth, f.name, f.text) }

// fields are the lines of a state for people.
func fields(s client.State) []field {
	all := []field{{"container", condition(s)}}
	for i, line := range strings.Split(s.Err, "\n") {
		switch {
		case line == "":
		case i == 0:
			all = append(all, field{"error", visible(line)})
		default:
			all = append(all, field{"", visible(line)})
		}
	}
	if end := ending(s.ExitStatus); end != "" {
		all = append(all, field{"last end", end})
	}
	return append(all,
		field{"restarts", strconv.FormatUint(s.Restarts, 10)},
		field{"OOMs", strconv.FormatUint(s.OOMs, 10)},
		field{"memory", memoryText(s.Metrics)},
		field{"CPU time", cpuText(s.Metrics.CPUTime)},
	)
}

// unlimited is a memory limit that is none: what kernels report instead of
// none is near the largest number there is.
const unlimited = 1 << 60

// memoryText is how much memory is used, and of how much.
func memoryText(m client.Metrics) string {
	switch {
	case m.MemoryLimit == 0:
		return "not measured"
	case m.MemoryLimit >= unlimited:
		return bytesText(m.MemoryUsage) + ", no limit"
	}
	return fmt.Sprintf("%s of %s, %.0f %%", bytesText(m.MemoryUsage), bytesText(m.MemoryLimit), 100*share(m))
}

// share is how much of the limit is used, 0 to 1.
func share(m client.Metrics) float64 {
	return min(1, float64(m.MemoryUsage)/float64(m.MemoryLimit))
}

// bytesText is a size for people, in the largest unit that it has one of.
func bytesText(n uint64) string {
	units := []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	if n < 1<<10 {
		return strconv.FormatUint(n, 10) + " bytes"
	}
	size, unit := float64(n)/(1<<10), 0
	for size >= 1023.95 && unit < len(units)-1 { // what would be rounded up to 1024
		size, unit = size/(1<<10), unit+1
	}
	return strings.TrimSuffix(strconv.FormatFloat(size, 'f', 1, 64), ".0") + " " + units[unit]
}

// cpuText is CPU time, in nanoseconds, with the digits that matter.
func cpuText(ns uint64) string {
	const longest = 1 << 62 // 146 years; rounding can't overflow
	d := time.Duration(min(ns, longest))
	switch {
	case d < time.Second:
		d = d.Round(100 * time.Microsecond)
	case d < time.Minute:
		d = d.Round(10 * time.Millisecond)
	default:
		d = d.Round(time.Second)
	}
	return d.String()
}

// visible takes from text what a terminal would obey: part of it may be names
// that somebody else has chosen.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, text)
}
