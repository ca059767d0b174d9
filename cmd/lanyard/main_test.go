package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// initBudget is what all package initialisers together may take, in ms: they
// are paid at every start, for the supervisor and for each container.
const initBudget = 1.0

var initLine = regexp.MustCompile(`(?m)^init (\S+) @[0-9.]+ ms, ([0-9.]+) ms clock`)

func TestInitialisersAreCheap(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "lanyard")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	least, trace := initBudget*100, ""
	for range 20 {
		cmd := exec.Command(binary, "--version")
		cmd.Env = []string{"GODEBUG=inittrace=1"}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		sum := 0.0
		for _, line := range initLine.FindAllSubmatch(out, -1) {
			ms, err := strconv.ParseFloat(string(line[2]), 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += ms
		}
		if sum == 0 {
			t.Fatalf("no initialisers in the trace:\n%s", out)
		}
		if sum < least {
			least, trace = sum, string(out)
		}
	}
	t.Logf("all initialisers: %.3f ms", least)
	if least > initBudget {
		t.Errorf("the initialisers take %.3f ms, at most %.1f are allowed; look for a new import in:\n%s", least, initBudget, trace)
	}
}
