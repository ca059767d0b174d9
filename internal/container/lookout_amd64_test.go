package container

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestLookoutIsSmall: what waits for the end of a run is no whole lanyard either.
func TestLookoutIsSmall(t *testing.T) {
	r := runIn(t.TempDir())
	if err := r.Note(Entry{janitor.TreeEntry, filepath.Join(t.TempDir(), "none")}); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	testkit.Until(testkit.Slow(10*time.Second), func() bool {
		name, _ := os.ReadFile(procPath(r.janitor, "comm"))
		return string(name) == janitor.Argv0+"\n"
	})
	tiny(t, r.janitor, janitor.Argv0)
}

// tiny wants a process to have that name, one thread, and less than 100 kB of its own.
func tiny(t *testing.T, pid int, name string) {
	t.Helper()
	text, err := os.ReadFile(procPath(pid, "status"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "Name:\t"+name+"\n") || !strings.Contains(string(text), "Threads:\t1\n") {
		t.Errorf("%s", text)
	}
	rollup, err := os.ReadFile(procPath(pid, "smaps_rollup"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(rollup)) {
		if f := strings.Fields(line); f[0] == "Pss:" && len(f[1]) > 2 {
			t.Errorf("it takes %s kB", f[1])
		}
	}
}
