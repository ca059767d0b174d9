package seccomp

import (
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/container"
)

var update = flag.Bool("update", false, "write the programs that are ready")

// TestReady: the programs that are embedded are what the profile makes, of the
// library's version and on the architecture that this test was built for.
func TestReady(t *testing.T) {
	if readyCaps != container.DefaultCaps {
		t.Fatalf("made ready for capabilities %#x, and containers have %#x", readyCaps, container.DefaultCaps)
	}
	for name, o := range map[string]Options{
		runtime.GOARCH + ".bpf":         {Caps: readyCaps},
		runtime.GOARCH + "-nesting.bpf": {Caps: readyCaps, Nesting: true},
	} {
		want, err := compileDefault(o)
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(filepath.Join("ready", name), []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, ok := ready(o); !ok || got != want {
			t.Errorf("%s has %d bytes, and is not what the profile makes (%d bytes); run go generate ./internal/seccomp", name, len(got), len(want))
		}
	}
}
