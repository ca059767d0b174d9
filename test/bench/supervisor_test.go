package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMain hides what crun minds, as main does.
func TestMain(m *testing.M) {
	outer, err := hideUnified()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if !outer {
		os.Exit(m.Run())
	}
}

// TestPeers is about everybody but lanyard, in one workshop. Its folder is not in
// t.TempDir, because podman wants a short name.
func TestPeers(t *testing.T) {
	w, err := newWorkshop("no such lanyard")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	for name, test := range map[string]func(*testing.T, *workshop){
		"supervisors": testProcessSupervisors, "script": testScript, "configurations": testConfigurations,
		"ends": testEnds, "missing": testMissingPeers,
	} {
		t.Run(name, func(t *testing.T) { test(t, w) })
	}
}

// testProcessSupervisors carries out each measurement of a group once, with every
// supervisor that is installed; one that is not says so. Two children are enough
// to see that the configuration is right.
func testProcessSupervisors(t *testing.T, w *workshop) {
	for _, s := range append(w.processSupervisors(), w.podmanGroup(), w.dockerCompose()) {
		t.Run(s.name, func(t *testing.T) {
			if s.missing != "" {
				if reasons := []string{"not installed", "only measured as root", "no engine answers docker info"}; !slices.Contains(reasons, s.missing) {
					t.Errorf("missing: %q", s.missing)
				}
				return
			}
			values, err := w.setOut(s, "test", repeat(untilTerm, 2), upAndGone).measure()
			if err != nil || len(values) != 2 || values[0] <= 0 || values[1] <= 0 {
				t.Errorf("start and stop: %v, %v", values, err)
			}
			if !s.elsewhere {
				values, err = w.setOut(s, "test", repeat(holdUp, 2), func(c *crew) ([]float64, error) { return c.cost(2, 0) }).measure()
				if err != nil || len(values) != 3 || values[0] <= 0 || values[1] > 2*values[0] {
					t.Errorf("memory for each, of the supervisor, and load: %v, %v", values, err)
				}
			}
			if s.slow > 0 {
				values, err = w.setOut(s, "test", repeat(writeParts(1), 2), func(c *crew) ([]float64, error) { return c.flood(2, 1) }).measure()
				if err != nil || len(values) != 2 || values[0] <= 0 || values[1] <= 0 && !s.elsewhere {
					t.Errorf("output: %v, %v", values, err)
				}
			}
			if left, err := w.leftovers(); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// testScript is the same with a shell as supervisor, which is everywhere.
func testScript(t *testing.T, w *workshop) {
	s := w.script("sh", func(argv []string) string { return strings.Join(w.onHost(argv), " ") })
	values, err := w.setOut(s, "test", repeat(writeParts(65), 3), func(c *crew) ([]float64, error) { return c.flood(3, 65) }).measure()
	if err != nil || values[0] <= 0 || values[1] <= 0 {
		t.Errorf("output: %v, %v", values, err)
	}
	values, err = w.setOut(s, "test", repeat(holdUp, 3), (*crew).killed).measure()
	var a absence
	if !errors.As(err, &a) || !strings.HasPrefix(err.Error(), "3 of the 3 processes") {
		t.Errorf("a shell that is killed leaves nothing: %v, %v", values, err)
	}
	if left, err := w.leftovers(); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	s.command = nil
	s.missing = "not installed"
	if c := w.setOut(s, "test", nil, nil); c.missing != s.missing || c.name != "sh" {
		t.Errorf("a supervisor that is missing: %+v", c)
	}
}

func TestWriteParts(t *testing.T) {
	for parts, want := range map[int]string{1: "owogorsp", 64: "owogorbp", 130: "owogorbbssp"} {
		if got := writeParts(parts)[1]; got != want {
			t.Errorf("%d parts: %s, want %s", parts, got, want)
		}
	}
}

// testConfigurations looks at what the supervisors are told.
func testConfigurations(t *testing.T, w *workshop) {
	probe := filepath.Join(w.rootfs, probePath)
	for _, tt := range []struct {
		s          supervisor
		file, want string
	}{
		{w.supervisord(), "supervisord.conf", "[program:child001]\ncommand=" + probe + " owp " + w.project + "/up\nstartsecs=0\n"},
		{w.runit(), "services/child001/run", "#!/bin/sh\nexec " + probe + " owp " + w.project + "/up\n"},
		{w.s6(), "services/child000/run", "#!/bin/sh\nexec " + probe + " owp " + w.project + "/up\n"},
		{w.foreman(), "Procfile", "child001: " + probe + " owp " + w.project + "/up\n"},
		{w.concurrently(), "commands", probe + " owp " + w.project + "/up"},
	} {
		dir, err := tt.s.configure(tt.s.name, repeat(holdUp, 2))
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(dir, tt.file))
		if err != nil || !strings.Contains(string(data), tt.want) {
			t.Errorf("%s: %s is %q, %v; want %q in it", tt.s.name, tt.file, data, err, tt.want)
		}
	}
}

// testEnds ends one container, or one process, in each way that there is.
func testEnds(t *testing.T, w *workshop) {
	for _, c := range stopRow(w).contestants {
		if c.missing != "" || c.name == lanyardName {
			continue
		}
		if os.Geteuid() != 0 && c.name != "bare" && c.name != "no container" {
			continue // a host may not let an ordinary user's runtime do it
		}
		t.Run(c.name, func(t *testing.T) {
			values, err := c.measure()
			if err != nil || len(values) != 1 || values[0] <= 0 {
				t.Errorf("%v, %v", values, err)
			}
		})
	}
}

// testMissingPeers has nobody installed: each of them says so and fails nothing.
func testMissingPeers(t *testing.T, w *workshop) {
	t.Setenv("PATH", t.TempDir())
	var said []string
	for _, e := range experiments(w, 0) {
		for _, c := range e.contestants {
			if c.missing == "not installed" {
				said = append(said, c.name)
			}
		}
	}
	for _, name := range []string{
		"crun", "runc", podmanName, nspawnName, "bwrap", "supervisord", "runit", "s6", "foreman", "concurrently",
	} {
		if !slices.Contains(said, name) {
			t.Errorf("%s does not say that it is not installed; those who do: %v", name, said)
		}
	}
	for _, line := range machine() {
		if name, version, _ := strings.Cut(line, ": "); name == "foreman" && version != "not installed" {
			t.Errorf("the machine has foreman %q", version)
		}
	}
}
