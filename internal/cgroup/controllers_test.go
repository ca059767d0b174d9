package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestFew: what is said of a cgroup below a systemd that has been given too little,
// of one that has little itself, and of one whose controllers the kernel refused.
func TestFew(t *testing.T) {
	unit := fmt.Sprintf("user@%d.service", os.Geteuid())
	manager := func(string) string { return ofManager() }
	none := func(string) string { return "" }
	for name, c := range map[string]struct {
		manager, folder string // their controllers
		have            []string
		lacking         []string
		at              string // whom the words are about, below the test's folder
		why             string
		fix             func(folder string) string
	}{
		"a scope of a user": {"memory pids", "memory pids", []string{"memory", "pids"}, []string{"cpu"}, unit, "has no cpu controller, only: memory, pids", manager},
		"the same, bare":    {"", "", nil, []string{"cpu", "memory"}, unit, "has no cpu or memory controller, and no other", manager},
		"a unit of a user":  {"cpu memory pids", "memory", []string{"memory"}, []string{"pids"}, unit + "/app.slice/x.scope", "has no pids controller, only: memory", ofParents},
		"refused":           {"cpu memory", "cpu memory", []string{"memory"}, []string{"cpu"}, unit + "/app.slice/x.scope", "has no cpu controller, only: memory", none},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			manager := filepath.Join(dir, unit)
			folder := manager + "/app.slice/x.scope"
			if err := os.MkdirAll(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			for path, words := range map[string]string{manager: c.manager, folder: c.folder} {
				if err := os.WriteFile(filepath.Join(path, controllersFile), []byte(words+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			o := few(folder, c.have, c.lacking)
			if want := "the cgroup " + filepath.Join(dir, c.at) + " " + c.why; o.Why != want || o.Fix != c.fix(folder) {
				t.Errorf("it says %+v\nwant %q, %q", o, want, c.fix(folder))
			}
		})
	}
}

func TestOfUnit(t *testing.T) {
	for folder, want := range map[string]string{
		"/app.slice/web.service":                "Delegate=yes, without a list of controllers, in web.service",
		"/app.slice/run-r1.scope":               "Delegate=yes, without a list of controllers, in run-r1.scope",
		"/app.slice/lanyard-0123456789ab.scope": "no DisableControllers= in app.slice",
		"/system.slice/harpoon-web.scope":       "no DisableControllers= in system.slice",
		"/app.slice/lanyard-app.service":        "Delegate=yes, without a list of controllers, in lanyard-app.service",
		"/jobs/one":                             "",
	} {
		if got := ofUnit(folder); got != want {
			t.Errorf("%s: %q, want %q", folder, got, want)
		}
	}
}

func TestLacks(t *testing.T) {
	dir := t.TempDir()
	place := Place{Kind: Own, Folder: dir}
	if names, o := place.Lacks("cpu"); names != nil || o != nil {
		t.Errorf("nobody knows, but it says %v, %v", names, o)
	}
	if err := os.WriteFile(filepath.Join(dir, controllersFile), []byte("memory pids\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if names, o := place.Lacks("memory", "pids"); names != nil || o != nil {
		t.Errorf("they are there, but it says %v, %v", names, o)
	}
	if names, o := place.Lacks("cpu", "memory", "pids"); len(names) != 1 || names[0] != "cpu" || o == nil {
		t.Errorf("cpu is not there, but it says %v, %v", names, o)
	}
}
