package run_test

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	idmap "github.com/lanyard-dev/lanyard/internal/ids"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// own is the caller's own id. Numbers from 0 on count in his range.
const own = -1

// owners are commands that make a file. Where it goes outside, for a user with a
// range, was worked out by hand from docs/project-file.md: the caller's own id is
// 0 inside, or what external-user-id says; the other ids of the container take the
// range in order. As root each id is itself.
var owners = []struct {
	name, container string
	keys            string // of the command; OWN is the caller's uid, SUB the one with number 5 of his range
	then            string // what it does to its file
	uid, gid        int    // the file's, inside
	outUID, outGID  int    // the file's, outside
	caller          int    // the caller's own uid, inside
	reads           bool   // it may read what only group 50 of containers all and some may
	refused         string // what is said with one id; where nothing is, the file is the caller's
}{
	{"root", "all", "", "", 0, 0, own, own, 0, true, ""},
	{"user", "all", "user-id: 1000", "", 1000, 0, 999, own, 0, false, ""},
	{"group", "all", "group-id: 50", "", 0, 50, own, 49, 0, true, ""},
	{"both", "all", "user-id: 1000, group-id: 50", "", 1000, 50, 999, 49, 0, true, ""},
	{"others", "all", "user-id: 1000, group-id: 2000", "", 1000, 2000, 999, 1999, 0, false, ""},
	{"chown", "all", "", "chown 33:44", 33, 44, 32, 43, 0, true, "Invalid argument"},
	{"mine", "all", "user-id: 33, external-user-id: OWN", "", 33, 0, own, own, 33, false, ""},
	{"mine-group", "all", "user-id: 33, external-user-id: OWN, supplementary-gids: [50]", "", 33, 0, own, own, 33, true, "supplementary-gids needs"},
	{"sub", "all", "user-id: 33, external-user-id: SUB", "", 33, 0, 5, own, 0, false, "external-user-id needs"},
	{"more", "all", "user-id: 1000, supplementary-gids: [7, 50]", "", 1000, 0, 999, own, 0, true, "supplementary-gids needs"},
	{"more-others", "all", "user-id: 1000, group-id: 2000, supplementary-gids: [7]", "chown :7", 1000, 7, 999, 6, 0, false, "supplementary-gids needs"},
	{"one", "one", "user-id: 1000, group-id: 2000", "", 1000, 2000, 0, 0, 0, false, ""},
	{"gids", "gids", "group-id: 60", "", 0, 60, own, 10, 0, false, "gids needs"},
	{"own-gid", "own-gid", "user-id: 1000", "", 1000, 0, 999, own, 0, false, ""},
	{"some-uids", "some-uids", "user-id: 10", "", 10, 0, 9, own, 0, false, "uids needs"},
	{"some-gids", "some-gids", "group-id: 10", "", 0, 10, own, 9, 0, false, "gids needs"},
	{"own", "own", "", "", 0, 0, own, own, 0, false, ""},
	{"some", "some", "user-id: 33, group-id: 60", "", 33, 60, 13, 10, 0, false, "uids needs"},
	{"some-chown", "some", "", "chown 40:50", 40, 50, 20, 0, 0, true, "uids needs"},
	{"some-mine", "some", "user-id: 33, external-user-id: OWN, group-id: 55", "", 33, 55, own, 5, 33, false, "uids needs"},
	{"some-sub", "some", "user-id: 33, external-user-id: SUB, group-id: 55, supplementary-gids: [50, 60]", "chown :60", 33, 60, 5, 10, 0, true, "supplementary-gids needs"},
}

// TestIDsOfFiles: whose a file is that a command makes, from inside and outside,
// whose the caller's files and the machine's are inside, and what a group opens.
func TestIDsOfFiles(t *testing.T) {
	if os.Geteuid() != 0 {
		testkit.Require(t, testkit.IDs)
	}
	t.Parallel()
	idsOfFiles(t, nil)
}

func TestIDsOfFilesWithOneID(t *testing.T) {
	testkit.Require(t, testkit.User)
	t.Parallel()
	idsOfFiles(t, alone)
}

// ownersProject has the owners as children of one group, because a lanyard each
// takes long where it is emulated; but those that one id refuses as commands.
func ownersProject(t *testing.T, one bool, words *strings.Replacer) *testkit.Project {
	t.Helper()
	const secret = "run: 'cd /work && echo secret >in-%[1]s && chown 20:50 in-%[1]s && chmod 0040 in-%[1]s'}\n"
	var made, refused strings.Builder
	for _, c := range owners {
		line := fmt.Sprintf("%s: !Command {container: %s, run: 'set -e; cd /work; touch %[1]s; %[3]s %[1]s; stat -c %%u:%%g %[1]s callers /dev/null >%[1]s-sees; "+
			"cat in-%[2]s >>%[1]s-sees || true', %[4]s}\n", c.name, c.container, cmp.Or(c.then, ":"), words.Replace(c.keys))
		if one && c.refused != "" {
			refused.WriteString("  " + line)
		} else {
			made.WriteString("      " + line)
		}
	}
	return testkit.NewProject(t, `
containers:
  all: {rootfs: ROOT}
  one: {rootfs: ROOT, uids: [1000], gids: [2000]}
  gids: {rootfs: ROOT, gids: [0, 50-60]}
  own-gid: {rootfs: ROOT, gids: [0]}
  some-uids: {host: true, uids: [0-10], gids: [0]}
  some-gids: {rootfs: ROOT, uids: [0], gids: [0-10]}
  own: {host: true, uids: [0], gids: [0]}
  some: {rootfs: ROOT, uids: [0, 20-40], gids: [0, 50-60]}
commands:
  secrets:
    mode: wait-all-successful
    children:
      all: {container: all, `+fmt.Sprintf(secret, "all")+`
      some: {container: some, `+fmt.Sprintf(secret, "some")+`
  files:
    mode: wait-all-successful
    children:
`+made.String()+refused.String())
}

func idsOfFiles(t *testing.T, env []string) {
	root, one := os.Geteuid() == 0, env != nil
	firstUID, firstGID := 100000, 100000
	if host := idmap.Lookup(os.Geteuid()); !root && !one {
		firstUID, firstGID = int(host.UIDs[0].First), int(host.GIDs[0].First)
	}
	p := ownersProject(t, one, strings.NewReplacer("OWN", strconv.Itoa(os.Geteuid()), "SUB", strconv.Itoa(firstUID+5)))
	p.Env = env
	p.Write("callers", "")
	if err := os.Chmod(p.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if root {
		if err := os.Chown(p.Path("callers"), 4321, 8765); err != nil {
			t.Fatal(err)
		}
	}
	if !one {
		p.OK("secrets")
	}
	p.OK("files")
	for _, c := range owners {
		uid, gid := outer(c.outUID, os.Geteuid(), firstUID), outer(c.outGID, os.Getegid(), firstGID)
		sees := fmt.Sprintf("%d:%d\n%d:0\n65534:65534\n", c.uid, c.gid, c.caller) // /dev/null is root's, who is nobody in there
		switch {
		case root:
			uid, gid, sees = c.uid, c.gid, fmt.Sprintf("%d:%d\n4321:8765\n0:0\n", c.uid, c.gid)
		case one && c.refused != "":
			if r := p.Run(c.name); r.Code == 0 || !strings.Contains(r.Err, c.refused) {
				t.Errorf("%s: %+v, want %q", c.name, r, c.refused)
			}
			continue
		case one:
			uid, gid, sees = os.Geteuid(), os.Getegid(), fmt.Sprintf("%d:%d\n%[1]d:%[2]d\n65534:65534\n", c.uid, c.gid)
		}
		if c.reads && !one {
			sees += "secret\n"
		}
		if got, err := os.ReadFile(p.Path(c.name + "-sees")); err != nil || string(got) != sees {
			t.Errorf("%s sees %q, want %q; %v", c.name, got, sees, err)
		}
		var st syscall.Stat_t
		if err := syscall.Stat(p.Path(c.name), &st); err != nil || int(st.Uid) != uid || int(st.Gid) != gid {
			t.Errorf("what %s makes belongs to %d:%d outside, want %d:%d; %v", c.name, st.Uid, st.Gid, uid, gid, err)
		}
	}
}

// outer is the id outside with this number of the range that begins with first.
func outer(number, mine, first int) int {
	if number == own {
		return mine
	}
	return first + number
}
