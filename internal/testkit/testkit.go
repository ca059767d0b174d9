// Package testkit is what the kernel tests share: what a test needs of the
// machine, how it runs lanyard, and the proof that nothing was left.
package testkit

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Pids gives the processes whose environment holds mark, an entry NAME=VALUE
// that a test gave to what it started. Only processes of this user are seen.
func Pids(mark string) []int {
	var pids []int
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		var pid int
		if _, err := fmt.Sscanf(e.Name(), "%d", &pid); err != nil {
			continue
		}
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil {
			continue
		}
		for _, entry := range strings.Split(string(data), "\x00") {
			if entry == mark {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// SideBySide parses the flags of a test binary and has up to n tests run at a
// time, if -parallel does not say how many: for tests that wait for most of
// their time, more of them than there are processors.
func SideBySide(n int) error {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if asked {
		return nil
	}
	return flag.Set("test.parallel", strconv.Itoa(n))
}

// Slow makes a limit of what may take time, which is meant for a machine of
// today, one for this machine: emulation is many times slower, and
// LANYARD_SLOW, which the guest of test/vm sets then, says how many.
func Slow(limit time.Duration) time.Duration {
	times, err := strconv.Atoi(os.Getenv("LANYARD_SLOW"))
	if err != nil || times < 1 {
		return limit
	}
	return limit * time.Duration(times)
}

// Until polls a condition, and says whether it held before the limit was over.
// Looking takes a fifth of the time at most, so that what is waited for gets on.
func Until(limit time.Duration, condition func() bool) bool {
	for deadline := time.Now().Add(limit); ; {
		begun := time.Now()
		if condition() {
			return true
		}
		if begun.After(deadline) {
			return false
		}
		time.Sleep(max(time.Millisecond, 4*time.Since(begun)))
	}
}

// Rounds is how often a test that looks for races or leaks repeats itself: all
// times, or LANYARD_ROUNDS percent of that, at least once.
func Rounds(t testing.TB, all int) int {
	t.Helper()
	text := os.Getenv("LANYARD_ROUNDS")
	if text == "" {
		return all
	}
	percent, err := strconv.Atoi(text)
	if err != nil || percent < 1 {
		t.Fatalf("LANYARD_ROUNDS is %q; it must be a number from 1, in percent", text)
	}
	return max(1, all*percent/100)
}

// Moments are delays for a test that does something at all moments of what takes
// as long as a window: n of them, from none to all of it, and never so few that
// most of it is left out because only a part of the rounds is run.
func Moments(n int, window time.Duration) []time.Duration {
	const least = 8
	delays := make([]time.Duration, max(least, n))
	for i := range delays {
		delays[i] = Slow(window) * time.Duration(i) / time.Duration(len(delays)-1)
	}
	return delays
}
