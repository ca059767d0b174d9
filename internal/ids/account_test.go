package ids

import (
	"os"
	"path/filepath"
	"testing"
)

// TestAccount: /etc/passwd first, then whatever getent asks, as a directory of
// users that are in no file.
func TestAccount(t *testing.T) {
	const nobodys = 1<<31 - 7
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if who, known := findAccount(0); who.name != "root" || !known {
		t.Errorf("uid 0 is %+v, %v", who, known)
	}
	for _, test := range []struct {
		script string // "": there is none
		want   account
	}{
		{"", account{}},
		{"exit 2", account{}},
		{"echo nonsense", account{}},
		{"echo jo:x:2147483641:x::/:", account{}},
		{"echo jo:x:$2:100::/home/jo:", account{"jo", 100}},
		{`[ "$1" = passwd ] && echo j:x::7:`, account{"j", 7}},
	} {
		if test.script != "" {
			if err := os.WriteFile(filepath.Join(dir, "getent"), []byte("#!/bin/sh\n"+test.script+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if who, known := findAccount(nobodys); known != (test.want != account{}) || known && who != test.want {
			t.Errorf("%q: it is %+v, %v, want %+v", test.script, who, known, test.want)
		}
	}
}
