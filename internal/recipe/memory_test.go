package recipe

import (
	"os"
	"runtime"
	"testing"
)

// TestMemoryIsBounded: what is hashed streams through one buffer.
func TestMemoryIsBounded(t *testing.T) {
	p := newProject(t)
	p.write("src/large", "")
	p.must(os.Truncate(p.path("src/large"), 64<<20))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p.version("!Depends src")
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
		t.Errorf("a file of 64 MiB takes %d bytes of memory", got)
	}
}
