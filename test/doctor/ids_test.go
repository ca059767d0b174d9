package doctor_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/host"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestNoSubIDs: with the line that the fix adds they are there.
func TestNoSubIDs(t *testing.T) {
	pl := ordinaryUser(t, "")
	pl.file("ids", "somebody:100000:65536\n", 0o644)
	pl.sameWords(0, "id-ranges", host.Partly, "/etc/subuid and /etc/subgid have no line for jo",
		"sudo usermod --add-subuids 165536-231071 --add-subgids 165536-231071 jo", "groups")
	pl.runs("plain")
	pl.file("ids", "somebody:100000:65536\njo:165536:65536\n", 0o644)
	pl.runs("groups")
}

// TestNoSubIDsInAUserNamespace: a line would make newuidmap fail, which has no power
// there, so none is asked for.
func TestNoSubIDsInAUserNamespace(t *testing.T) {
	path := testkit.RequireTool(t, "newuidmap")
	pl := inUserNS(t, "bind", "FILES/other", "/etc/subuid", "bind", "FILES/other", "/etc/subgid", "bind", "FILES/passwd", "/etc/passwd")
	pl.file("other", "somebody:100000:65536\n", 0o644)
	pl.file("passwd", "jo:x:4242:4242::/:/bin/sh\n", 0o644)
	pl.sameWords(0, "id-ranges", host.Partly, foreignHelper(path), outside, "groups")
	pl.runs("plain")
}

// TestNoSubIDsOfRoot: the advice holds for root without SYS_ADMIN, as in a container,
// but not in a user namespace that has no ids to give on.
func TestNoSubIDsOfRoot(t *testing.T) {
	testkit.Require(t, testkit.Root)
	testkit.RequireTool(t, "newuidmap")
	const why = "/etc/subuid and /etc/subgid have no line for root"
	words := []string{"bind", "FILES/ids", "/etc/subuid", "bind", "FILES/ids", "/etc/subgid"}
	t.Run("without SYS_ADMIN", func(t *testing.T) {
		pl := onMachine(t, append(words, "dropcaps")...)
		pl.file("ids", "somebody:100000:65536\n", 0o644)
		pl.sameWords(0, "id-ranges", host.Partly, why, "sudo usermod --add-subuids 165536-231071 --add-subgids 165536-231071 root", "groups")
		pl.runs("plain")
		pl.file("ids", "somebody:100000:65536\nroot:165536:65536\n", 0o644)
		pl.runs("groups")
	})
	t.Run("of a user namespace", func(t *testing.T) {
		pl := inUserNS(t, words...)
		pl.who = 0
		pl.file("ids", "somebody:100000:65536\n", 0o644)
		pl.sameWords(0, "id-ranges", host.Partly, why, outside, "groups")
		pl.runs("plain")
	})
}

func TestNoHelper(t *testing.T) {
	pl := inUserNS(t)
	pl.p.Env = []string{"PATH=/nowhere"}
	pl.sameWords(0, "id-ranges", host.Partly, "newuidmap is not installed",
		"sudo apt-get install uidmap (Debian, Ubuntu), sudo dnf install shadow-utils (Fedora), sudo pacman -S shadow (Arch), sudo apk add shadow-uidmap (Alpine), sudo zypper install shadow (openSUSE)", "groups")
}

// ordinaryUser is a place of root's for an ordinary user of its own with lines in
// /etc/subuid and /etc/subgid.
func ordinaryUser(t *testing.T, ids string) *place {
	t.Helper()
	testkit.Require(t, testkit.Root)
	testkit.RequireTool(t, "newuidmap")
	pl := onMachine(t, "bind", "FILES/ids", "/etc/subuid", "bind", "FILES/ids", "/etc/subgid", "bind", "FILES/passwd", "/etc/passwd", "uid", ordinary)
	pl.file("ids", "jo:"+ids+"\n", 0o644)
	pl.file("passwd", "root:x:0:0::/:/bin/sh\njo:x:"+ordinary+":"+ordinary+"::/:/bin/sh\n", 0o644)
	pl.owned()
	return pl
}

func TestSubIDs(t *testing.T) {
	pl := ordinaryUser(t, "300000:65536")
	if f := pl.doctor(0, "id-ranges"); f.Status != host.Yes || !strings.Contains(f.Why, "300000-365535") {
		t.Errorf("a whole range is %+v", f)
	}
}

// TestNamelessUser: newuidmap refuses whoever has no name, also if /etc/subuid has
// a line for the number.
func TestNamelessUser(t *testing.T) {
	pl := ordinaryUser(t, "300000:65536")
	pl.file("ids", ordinary+":300000:65536\n", 0o644)
	pl.file("passwd", "root:x:0:0::/:/bin/sh\n", 0o644)
	pl.sameWords(0, "id-ranges", host.Partly, "uid "+ordinary+" has no name, and newuidmap maps ids for users with a name only",
		"sudo useradd --uid "+ordinary+" user"+ordinary, "groups")
	pl.runs("plain")
}

// TestNumberInSubIDs: a line for the number is as good as one for the name.
func TestNumberInSubIDs(t *testing.T) {
	pl := ordinaryUser(t, "300000:65536")
	pl.file("ids", ordinary+":300000:65536\n", 0o644)
	if f := pl.doctor(0, "id-ranges"); f.Status != host.Yes || !strings.Contains(f.Why, "300000-365535") {
		t.Errorf("a line for the number is %+v", f)
	}
	pl.runs("groups")
}

// TestOverlappingSubIDs: by name and number, and the first is too small.
func TestOverlappingSubIDs(t *testing.T) {
	pl := ordinaryUser(t, "300000:10\n"+ordinary+":300000:65536")
	if f := pl.doctor(0, "id-ranges"); f.Status != host.Yes || !strings.Contains(f.Why, "[300000-300009 300010-365535]") {
		t.Errorf("lines that overlap are %+v", f)
	}
	pl.runs("groups")
}

// TestNeighbourSubIDs: a range begins after the own id, of which newuidmap takes
// none together with others.
func TestNeighbourSubIDs(t *testing.T) {
	pl := ordinaryUser(t, "54400:65536") // ordinary and 1
	if f := pl.doctor(0, "id-ranges"); f.Status != host.Yes {
		t.Errorf("a range beside the own id is %+v", f)
	}
	pl.runs("groups")
}

// TestOtherGroup: newgidmap refuses whoever has changed his group, as with newgrp.
func TestOtherGroup(t *testing.T) {
	pl := ordinaryUser(t, "300000:65536")
	pl.file("passwd", "root:x:0:0::/:/bin/sh\njo:x:"+ordinary+":100::/:/bin/sh\n", 0o644)
	pl.sameWords(0, "id-ranges", host.Partly, "your group is "+ordinary+", and newgidmap wants 100, which jo has in /etc/passwd", "newgrp -", "groups")
	pl.runs("plain")
}

func TestFewSubIDs(t *testing.T) {
	pl := ordinaryUser(t, "300000:10")
	pl.sameWords(0, "id-ranges", host.Partly,
		"/etc/subuid gives jo 10 ids and /etc/subgid gives jo 10 ids, and a container's 0 to 65535 take 65535 more than your own",
		"sudo usermod --add-subuids 300010-365545 --add-subgids 300010-365545 jo", "high")
}

func TestHelperWithoutSetuid(t *testing.T) {
	pl := ordinaryUser(t, "300000:65536")
	for _, name := range []string{"newuidmap", "newgidmap"} {
		data, err := os.ReadFile(testkit.RequireTool(t, name))
		if err != nil {
			t.Fatal(err)
		}
		pl.file(name, string(data), 0o755)
	}
	pl.p.Env = []string{"PATH=" + pl.files}
	why := fmt.Sprintf("%[1]s/newuidmap and %[1]s/newgidmap: no setuid bit and no file capabilities (capabilities(7))", pl.files)
	fix := fmt.Sprintf("sudo chmod u+s %[1]s/newuidmap %[1]s/newgidmap", pl.files)
	pl.sameWords(1, "id-ranges", host.No, why, fix, "plain")
	pl.file("ids", "somebody:100000:65536\n", 0o644)
	pl.sameWords(0, "id-ranges", host.Partly, why, fix, "groups") // a line would end all starts
	pl.runs("plain")
}

// TestHelperInAUserNamespace: whose root is not in it can give no power there.
func TestHelperInAUserNamespace(t *testing.T) {
	path := testkit.RequireTool(t, "newuidmap")
	pl := inUserNS(t, "bind", "FILES/ids", "/etc/subuid", "bind", "FILES/ids", "/etc/subgid", "bind", "FILES/passwd", "/etc/passwd")
	pl.file("ids", "4242:100000:65536\n", 0o644)
	pl.file("passwd", "jo:x:4242:4242::/:/bin/sh\n", 0o644)
	pl.sameWords(1, "id-ranges", host.No, foreignHelper(path), outside, "plain")
}

// What is said of a helper in a user namespace without its owner, and what to do.
const outside = "run lanyard outside of the user namespace around it"

func foreignHelper(path string) string {
	return path + " is not root's here, as in a user namespace without that root, so it has no power"
}
