//go:build !race

// The tests of this file build and measure what ships, which the race detector is
// no part of; the other runs of the suite have them.

package stage_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

const module = "github.com/lanyard-dev/lanyard"

func dependencies(t *testing.T, of string) []string {
	t.Helper()
	cmd := exec.Command(testkit.RequireTool(t, "go"), "list", "-deps", of)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Fields(string(out))
}

// TestImports: whatever the stage imports is initialised before it runs.
func TestImports(t *testing.T) {
	for _, room := range []string{"stage", "janitor", "rootfs", "linux", "early"} {
		deps := dependencies(t, module+"/internal/"+room)
		if !slices.Contains(deps, "syscall") {
			t.Fatalf("%s: go list gives no dependencies: %v", room, deps)
		}
		for _, heavy := range []string{"os", "fmt", "net", "context", "log", "reflect", "encoding/binary", "encoding/json", "golang.org/x/sys/unix", "github.com/opencontainers/cgroups"} {
			if slices.Contains(deps, heavy) {
				t.Errorf("%s imports %s, whose initialisers and those it needs would run before every container's init", room, heavy)
			}
		}
	}
}

// TestInitialisers holds what every start pays: the initialisers of the whole
// binary below 1 ms, and those that run in a stage below 0.2 ms. A stage takes no
// environment, so its part is what lanyard's own trace shows up to the stage's
// package, whose initialiser never returns in a stage. It looks at the smallest
// sums, of as many runs as a busy machine needs to show them. Of the packages
// before the stage's none may be a library's: which ones are is a matter of paths
// and imports (docs/adr/0018), not of time, so that one more is seen at once.
func TestInitialisers(t *testing.T) {
	testkit.Require(t, testkit.Root) // a user's binary is the same, and is slow to build without root's build cache
	binary := filepath.Join(t.TempDir(), "lanyard")
	if out, err := exec.Command(testkit.RequireTool(t, "go"), "build", "-o", binary, module+"/cmd/lanyard").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	// A copy, as an installed program is one: what the linker has just written
	// through a mapping lies in the page cache page by page, and starts slower.
	binary = copied(t, binary)
	const wholeLimit, earlyLimit, runs = 1.0, 0.2, 600 // milliseconds
	whole, early := 1e9, 1e9
	for i := 0; i < runs && (i < 20 || whole >= wholeLimit || early >= earlyLimit); i++ {
		cmd := exec.Command(binary, "--version")
		cmd.Env = []string{"GODEBUG=inittrace=1"}
		var trace strings.Builder
		cmd.Stderr = &trace
		if err := cmd.Run(); err != nil {
			t.Fatalf("lanyard --version: %v\n%s", err, trace.String())
		}
		all, upTo := sums(t, trace.String())
		whole, early = min(whole, all), min(early, upTo)
		if i == 0 {
			checkOrder(t, trace.String())
		}
	}
	t.Logf("initialisers: %.3f ms in all, %.3f ms before the stage", whole, early)
	if whole >= wholeLimit || early >= earlyLimit || early <= 0 {
		t.Errorf("initialisers take %.3f ms (limit %g), %.3f ms before the stage (limit %g)", whole, wholeLimit, early, earlyLimit)
	}
}

// unavoidable are libraries' packages that import nothing at all: no order of
// paths and imports could have the stage come before them.
var unavoidable = []string{
	"github.com/klauspost/compress/internal/cpuinfo", // 0.01 ms for two CPUID instructions
}

// checkOrder looks for libraries that are initialised before the stage.
func checkOrder(t *testing.T, trace string) {
	t.Helper()
	before := initialised(trace)
	at := slices.Index(before, module+"/internal/stage")
	if at < 0 {
		t.Fatalf("the trace does not show the stage's package:\n%s", trace)
	}
	before = before[:at]
	t.Logf("%d packages are initialised before the stage: %s", at, strings.Join(before, " "))
	for _, name := range before {
		first, _, _ := strings.Cut(name, "/")
		if strings.Contains(first, ".") && !strings.HasPrefix(name, module+"/") && !slices.Contains(unavoidable, name) {
			t.Errorf("%s is initialised before the stage, in every start: something that the stage imports waits for a package that comes after it (docs/adr/0018)", name)
		}
	}
}

// initialised gives the packages of a trace in their order.
func initialised(trace string) []string {
	var names []string
	for line := range strings.Lines(trace) {
		if fields := strings.Fields(line); len(fields) >= 6 && fields[0] == "init" {
			names = append(names, fields[1])
		}
	}
	return names
}

func copied(t *testing.T, program string) string {
	t.Helper()
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	program += "-installed"
	if err := os.WriteFile(program, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return program
}

// sums adds up lines like "init errors @0.52 ms, 0.001 ms clock, 0 bytes, 0 allocs".
func sums(t *testing.T, trace string) (all, early float64) {
	t.Helper()
	seen := false
	for line := range strings.Lines(trace) {
		fields := strings.Fields(line)
		if len(fields) < 6 || fields[0] != "init" {
			continue
		}
		ms, err := strconv.ParseFloat(fields[4], 64)
		if err != nil {
			t.Fatalf("what is %q? %v", line, err)
		}
		all += ms
		if !seen {
			early += ms
		}
		seen = seen || fields[1] == module+"/internal/stage"
	}
	if !seen {
		t.Fatalf("the trace does not show the stage's package:\n%s", trace)
	}
	return all, early
}
