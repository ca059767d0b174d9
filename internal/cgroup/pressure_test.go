package cgroup

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestPressure reads files as the unified hierarchy has them; one that is not
// there, or can't be read, has no figures.
func TestPressure(t *testing.T) {
	dir := t.TempDir()
	group := &Group{paths: map[string]string{"": dir}}
	if got := group.Pressure(); len(got) != 0 {
		t.Errorf("without files: %+v", got)
	}
	for name, text := range map[string]string{
		"memory.pressure": "some avg10=0.00 avg60=0.10 avg300=0.00 total=1500001\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
		"cpu.pressure":    "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n", // before Linux 5.13
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "io.pressure"), 0o700); err != nil { // EISDIR when it is read
		t.Fatal(err)
	}
	want := []Pressure{{"memory", "some", 1500001 * time.Microsecond}, {"memory", "full", 7 * time.Microsecond}, {"cpu", "some", 0}}
	if got := group.Pressure(); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := pressures("io", "some total=\nfull avg10=1\n\ntotal=5\n"); len(got) != 0 {
		t.Errorf("out of nonsense: %+v", got)
	}
	v1 := &Group{paths: map[string]string{"memory": dir}}
	if got := v1.Pressure(); len(got) != 0 {
		t.Errorf("on v1: %+v", got)
	}
}
