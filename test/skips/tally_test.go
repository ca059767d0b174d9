package main

import (
	"strings"
	"testing"
)

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
