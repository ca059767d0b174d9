package cgroup

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Pressure is how long the processes of a group have waited for a resource
// since Create, in the kernel's words a pressure stall total (Linux
// Documentation/accounting/psi.rst).
type Pressure struct {
	Resource string        // "memory", "cpu" or "io"
	Kind     string        // "some": at least one of them waited; "full": all that had something to do
	Total    time.Duration // in whole microseconds; never falls
}

// Pressure reads the totals that there are: none on v1 or before Create, nor
// where the kernel was built or started (psi=0) without them. It opens each
// file anew, for it is called only when somebody asks.
func (g *Group) Pressure() []Pressure {
	folder, v2 := g.paths[""]
	if !v2 {
		return nil
	}
	var list []Pressure
	for _, resource := range []string{"memory", "cpu", "io"} {
		// With psi=0 reading is EOPNOTSUPP.
		if data, err := os.ReadFile(filepath.Join(folder, resource+".pressure")); err == nil {
			list = append(list, pressures(resource, string(data))...)
		}
	}
	return list
}

// pressures reads a pressure file: lines of a kind and name=value pairs, of
// which total is in microseconds.
func pressures(resource, text string) []Pressure {
	var list []Pressure
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		for i, word := range words {
			total, found := strings.CutPrefix(word, "total=")
			if !found || i == 0 {
				continue
			}
			if us, err := strconv.ParseInt(total, 10, 64); err == nil {
				list = append(list, Pressure{resource, words[0], time.Duration(us) * time.Microsecond})
			}
		}
	}
	return list
}
