// Package testkit is what the kernel tests share: what a test needs of the
// machine, how it runs lanyard, and the proof that nothing was left.
package testkit

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
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
