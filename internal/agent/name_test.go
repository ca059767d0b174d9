package agent

import (
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	for _, test := range []struct {
		check func(string) error
		name  string
		want  string // part of the error; "" for none
	}{
		{CheckID, "web-1.0_ä b", ""},
		{CheckID, "...", ""},
		{CheckID, strings.Repeat("a", 255), ""},
		{CheckID, "", "--ID is empty"},
		{CheckID, strings.Repeat("a", 256), "has 256 bytes; a cgroup's name has at most 255"},
		{CheckID, strings.Repeat("ä", 128), "has 256 bytes"},
		{CheckID, ".", `--ID "." names a folder above`},
		{CheckID, "..", `--ID ".." names`},
		{CheckID, "a/b", `--ID "a/b" holds a slash`},
		{CheckID, "/", "holds a slash"},
		{CheckID, "a\x00", `--ID "a\x00" holds a control character`},
		{CheckID, "a\nb", "holds a control character"},
		{CheckID, "\x7f", "holds a control character"},
		{CheckID, "\xff", "is not UTF-8"},
		{CheckHostname, "a", ""},
		{CheckHostname, strings.Repeat("h", 64), ""},
		{CheckHostname, "", "--hostname is empty"},
		{CheckHostname, strings.Repeat("h", 65), "has 65 bytes; the kernel takes at most 64"},
		{CheckHostname, "a\x00b", `--hostname "a\x00b" holds a control character`},
		{CheckHostname, "a\n", "holds a control character"},
	} {
		err := test.check(test.name)
		switch {
		case err == nil && test.want != "":
			t.Errorf("%q is accepted, want %q", test.name, test.want)
		case err != nil && (test.want == "" || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%q: %v, want %q", test.name, err, test.want)
		}
	}
}
