//go:build example

package example_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// process is one line of the process table.
type process struct {
	pid, parent int
	args        []string
}

func (p process) String() string {
	return fmt.Sprintf("%d (%s)", p.pid, strings.Join(p.args, " "))
}

// processes returns those that have the app's mark in their environment.
func (a *app) processes() []process {
	return processes(a.t, func(p process) bool {
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.pid))
		return err == nil && bytes.Contains(environ, []byte(a.mark)) // else gone, another user's, or not ours
	})
}

// processes returns those of the machine that match.
func processes(t *testing.T, match func(process) bool) []process {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var found []process
	for _, dir := range dirs {
		cmdline, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		stat, _ := os.ReadFile(filepath.Join(dir, "stat"))
		p := process{args: strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00")}
		fmt.Sscan(filepath.Base(dir), &p.pid)
		// The name in parentheses may hold anything, spaces too.
		fmt.Sscanf(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " %c %d", new(rune), &p.parent)
		if match(p) {
			found = append(found, p)
		}
	}
	return found
}

// below gives a process and its descendants.
func below(t *testing.T, pid int) []process {
	t.Helper()
	family := map[int]bool{pid: true}
	var found []process
	for grown := true; grown; {
		grown = false
		found = processes(t, func(p process) bool {
			if family[p.parent] && !family[p.pid] {
				family[p.pid], grown = true, true
			}
			return family[p.pid]
		})
	}
	return found
}

// still gives those processes of a list that are there.
func still(t *testing.T, list []process) (found []string) {
	t.Helper()
	for _, p := range processes(t, func(p process) bool {
		return slices.ContainsFunc(list, func(q process) bool { return q.pid == p.pid && slices.Equal(q.args, p.args) })
	}) {
		found = append(found, p.String())
	}
	return found
}

// mounted names the processes that see a mount of something at dir or below.
func mounted(t *testing.T, dir string) (found []string) {
	t.Helper()
	tables, err := filepath.Glob("/proc/[0-9]*/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		mounts, err := os.ReadFile(table)
		if err == nil && bytes.Contains(mounts, []byte(dir)) {
			found = append(found, "a mount in "+table)
		}
	}
	return found
}

// vanishes waits until what names gives is nothing.
func vanishes(t *testing.T, names func() []string) {
	t.Helper()
	var left []string
	for deadline := time.Now().Add(lostWithin); time.Now().Before(deadline); time.Sleep(pollEvery) {
		if left = names(); len(left) == 0 {
			return
		}
	}
	t.Errorf("after %v there are still %v", lostWithin, left)
}
