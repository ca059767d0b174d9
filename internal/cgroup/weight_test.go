package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBFQWeight(t *testing.T) {
	for weight, want := range map[uint64]uint64{1: 1, 99: 99, 100: 100, 101: 100, 111: 101, 200: 109, 5000: 545, 9999: 999, 10000: 1000} {
		if got := bfqWeight(weight); got != want {
			t.Errorf("%d is %d for BFQ, want %d", weight, got, want)
		}
	}
}

// TestWriteWeight: each file that a kernel may have, and none.
func TestWriteWeight(t *testing.T) {
	dir := t.TempDir()
	err := writeWeight(dir, 200)
	var unsupported *UnsupportedError
	want := "cannot limit io: there is no weight in " + dir + ": the io controller is not delegated to it, or the kernel has neither blk-iocost nor the BFQ scheduler; " +
		"set limits-mode: best-effort to run without the limit"
	if !errors.As(err, &unsupported) || err.Error() != want {
		t.Errorf("without a file: %v\nwant %s", err, want)
	}
	for name, want := range map[string]string{"io.weight": "200", "io.bfq.weight": "109", "blkio.bfq.weight": "109"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := writeWeight(dir, 200); err != nil {
			t.Errorf("with %s: %v", name, err)
		}
		if data, err := os.ReadFile(path); err != nil || strings.TrimSpace(string(data)) != want {
			t.Errorf("%s is %q, want %s; %v", name, data, want, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWithout(t *testing.T) {
	one, cpus, weight := int64(1), 1.0, uint64(100)
	all := Limits{Memory: &one, Swap: &one, CPUs: &cpus, Pids: &one, IOWeight: &weight}
	if got := strings.Join(all.names(), ", "); got != "memory, cpu, pids, io" {
		t.Errorf("the limits are called %s", got)
	}
	for names, want := range map[string]string{"io": "memory, cpu, pids", "memory": "cpu, pids, io", "swap": "memory, cpu, pids, io", "cpu, pids": "memory, io", "memory, cpu, pids, io": ""} {
		left := all.Without(&UnsupportedError{Limit: names})
		if got := strings.Join(left.names(), ", "); got != want || left.Empty() != (want == "") {
			t.Errorf("without %s: %q, want %q", names, got, want)
		}
	}
}
