package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table")
	const in = `{"Action":"pass","Package":"github.com/lanyard-dev/lanyard/p","Test":"TestA"}
{"Action":"skip","Package":"github.com/lanyard-dev/lanyard/p","Test":"TestB"}
{"Action":"fail","Package":"q","Test":"TestC"}
{"Action":"fail","Package":"q"}
{"Action":"skip","Package":"empty"}
`
	for _, as := range []string{"vm-user", "vm-root"} {
		tally := newTally(as, io.Discard)
		if err := tally.read(strings.NewReader(in)); err != nil {
			t.Fatal(err)
		}
		if err := tally.addTable(path); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(strings.Fields(string(data)), " ")
	if want := "vm-user p 1 0 1 vm-user q 0 2 0 vm-root p 1 0 1 vm-root q 0 2 0"; got != want {
		t.Errorf("the table is %q, want %q", got, want)
	}
}

func TestTally(t *testing.T) {
	const pass = `{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.1}` + "\n"
	skipped := func(text string) string {
		return `{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:7: ` + text + `\n"}` + "\n" +
			`{"Action":"skip","Package":"p","Test":"TestB"}` + "\n"
	}
	tests := []struct {
		name, as, in string
		good         bool
		shows        string
	}{
		{"all pass", "root", pass, true, "1 passed, 0 failed"},
		{"nothing ran", "root", "", false, "0 passed"},
		{"a package without tests", "root", pass + `{"Action":"skip","Package":"q"}` + "\n", true, "0 skipped"},
		{"the other half runs it", "user", pass + skipped("needs root: running as an ordinary user"), true, "p TestB: needs root"},
		{"limits are root's", "user", pass + skipped("needs limits: no cgroups"), true, "1 skipped (0 of them"},
		{"nobody runs it", "root", pass + skipped("needs root: running as an ordinary user"), false, "nothing else runs it"},
		{"limits lack as root", "root", pass + skipped("needs limits: no memory controller"), false, "no memory controller"},
		{"no cgroup v2 on this machine", "root", pass + skipped("needs cgroup2: v1 is mounted"), true, "1 skipped (0 of them"},
		{"no cgroup v2 in the guest", "vm-root", pass + skipped("needs cgroup2: v1 is mounted"), false, "nothing else runs it"},
		{"no systemd where another mode has it", "vm-user", pass + skipped("needs systemd: not running"), true, "1 skipped (0 of them"},
		{"no systemd where it must be", "vm-systemd-user", pass + skipped("needs systemd: not running"), false, "not running"},
		{"limits lack as a user with a cgroup", "vm-user", pass + skipped("needs limits: no cgroups"), false, "no cgroups"},
		{"a program that only the machine has", "vm-user", pass + skipped("needs the program go"), true, "needs the program go"},
		{"a program that the guest should have", "vm-user", pass + skipped("needs the program tmux"), false, "needs the program tmux"},
		{"another reason", "user", pass + skipped("too slow today"), false, "too slow today"},
		{"a test fails", "user", pass +
			`{"Action":"output","Package":"p","Test":"TestC","Output":"    c_test.go:3: got 1, want 2\n"}` + "\n" +
			`{"Action":"fail","Package":"p","Test":"TestC"}` + "\n", false, "got 1, want 2"},
		{"a test binary dies", "user", pass +
			`{"Action":"output","Package":"p","Test":"TestC","Output":"panic: oh\n"}` + "\n" +
			`{"Action":"fail","Package":"p"}` + "\n", false, "panic: oh"},
		{"a package does not build", "user", pass +
			`{"Action":"build-output","ImportPath":"p [p.test]","Output":"p.go:1:1: syntax error\n"}` + "\n" +
			`{"Action":"build-fail","ImportPath":"p [p.test]"}` + "\n" +
			`{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}` + "\n", false, "syntax error"},
		{"a line that is no event", "user", "go: warning\n" + pass, true, "go: warning"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			tally := newTally(test.as, &out)
			if err := tally.read(strings.NewReader(test.in)); err != nil {
				t.Fatal(err)
			}
			if good := tally.summary(); good != test.good {
				t.Errorf("good is %v, want %v", good, test.good)
			}
			if !strings.Contains(out.String(), test.shows) {
				t.Errorf("the report lacks %q:\n%s", test.shows, out.String())
			}
		})
	}
}

// TestCutOff: a stream that stops in the middle is no good one, whatever passed
// before; what has ended is, in whatever order.
func TestCutOff(t *testing.T) {
	event := func(action, pkg, test string) string {
		return `{"Action":"` + action + `","Package":"` + pkg + `","Test":"` + test + `"}` + "\n"
	}
	beside := event("start", "p", "") + event("run", "p", "TestA") + event("pause", "p", "TestA") + event("run", "p", "TestB") +
		event("pass", "p", "TestB") + event("cont", "p", "TestA")
	tests := []struct {
		name, packages, in string
		good               bool
		shows              string
	}{
		{"all ended", "p", beside + event("pass", "p", "TestA") + event("pass", "p", ""), true, "2 passed, 0 failed"},
		{"failed and skipped have results", "p", beside + event("fail", "p", "TestA") + event("fail", "p", ""), false, "1 passed, 2 failed"},
		{"no test matches", "p q", beside + event("pass", "p", "TestA") + event("pass", "p", "") + event("start", "q", "") + event("pass", "q", ""), true, "2 passed, 0 failed"},
		{"no tests in it", "", beside + event("pass", "p", "TestA") + event("pass", "p", "") + event("start", "q", "") + event("skip", "q", ""), true, "2 passed, 0 failed"},
		{"in a test", "p", beside, false, "FAIL p TestA: begun, but it has no result\n"},
		{"what it said", "p", beside + `{"Action":"output","Package":"p","Test":"TestA","Output":"so far\n"}` + "\n", false, "so far"},
		{"after the last test", "p", beside + event("pass", "p", "TestA"), false, "FAIL p: begun, but it has no result\n"},
		{"before another package", "p q", beside + event("pass", "p", "TestA") + event("pass", "p", ""), false, "FAIL q: it has to run here, and never began\n"},
		{"of two streams the first", "q", beside + event("start", "q", "") + event("run", "q", "TestA") + event("pass", "q", "TestA") + event("pass", "q", ""), false, "p TestA: begun"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			tally := newTally("vm-root", &out)
			if err := tally.read(strings.NewReader(test.in)); err != nil {
				t.Fatal(err)
			}
			tally.cutOff(strings.Fields(test.packages))
			if good := tally.summary(); good != test.good {
				t.Errorf("good is %v, want %v", good, test.good)
			}
			if !strings.Contains(out.String(), test.shows) {
				t.Errorf("the report lacks %q:\n%s", test.shows, out.String())
			}
		})
	}
}
