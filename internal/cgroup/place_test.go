package cgroup

import (
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// TestChoice has every kind of host that decides otherwise.
func TestChoice(t *testing.T) {
	const own = "/sys/fs/cgroup/a/b"
	denied := "write to " + own + "/cgroup.procs: permission denied"
	for name, c := range map[string]struct {
		facts
		kind   Kind
		folder string
		why    string
	}{
		"nothing mounted":                    {facts{nothing: true}, None, "", "no cgroups are mounted; fix: sudo mount -t "},
		"v1":                                 {facts{}, Hierarchies, "", ""},
		"a unit with Delegate=yes":           {facts{v2: true, own: own, delegated: true, systemd: true, root: true}, Own, own, ""},
		"the same of a user":                 {facts{uid: 1000, v2: true, own: own, delegated: true, systemd: true, root: true, rootRefuse: "no"}, Own, own, ""},
		"a unit without it, as root":         {facts{v2: true, own: own, systemd: true, root: true}, Scope, "", ""},
		"a delegated unit with others in it": {facts{v2: true, own: own, delegated: true, strangers: true, systemd: true, root: true}, Scope, "", ""},
		"a session of a user":                {facts{uid: 1000, v2: true, own: own, ownRefuse: denied, strangers: true, systemd: true, root: true, rootRefuse: "no"}, Scope, "", ""},
		"a unit of a user's manager":         {facts{uid: 1000, v2: true, own: own, systemd: true, root: true, rootRefuse: "no"}, Scope, "", ""},
		"the same without a manager":         {facts{uid: 1000, v2: true, own: own, strangers: true, systemd: true, sdRefuse: "no socket", root: true, rootRefuse: "no"}, Own, own, ""},
		"su or cron, no manager": {facts{uid: 1000, v2: true, own: own, ownRefuse: denied, systemd: true, sdRefuse: "no socket", root: true, rootRefuse: "no"},
			None, "", "uid 1000 may not use this host's cgroups (" + denied + "), and there is no systemd of this user's to ask for one (no socket); fix: sudo loginctl enable-linger 1000, or log in as this user instead of using su or sudo"},
		"root of a user namespace, where its maker may": {facts{v2: true, own: own, strangers: true, systemd: true, sdRefuse: nestedRoot, root: true, rootRefuse: "no"}, Own, own, ""},
		"root of a user namespace": {facts{v2: true, own: own, ownRefuse: denied, strangers: true, systemd: true, sdRefuse: nestedRoot, root: true, rootRefuse: "no"},
			None, "", "(" + denied + "), and there is no systemd of this user's to ask for one (root of a user namespace is nobody to systemd); fix: run lanyard outside of the user namespace"},
		"root without systemd":                      {facts{v2: true, own: own, delegated: true, strangers: true, root: true}, Top, "/sys/fs/cgroup", ""},
		"root without systemd, alone in its cgroup": {facts{v2: true, own: own, delegated: true, root: true}, Own, own, ""},
		"root in a container":                       {facts{v2: true, own: "/sys/fs/cgroup", delegated: true, strangers: true}, Own, "/sys/fs/cgroup", ""},
		"root in a container, read-only": {facts{v2: true, own: "/sys/fs/cgroup", ownRefuse: "write to /sys/fs/cgroup: read-only file system", rootRefuse: "read-only file system", readOnly: true, delegated: true, strangers: true},
			None, "", "docker run --privileged"},
		"read-only, with systemd": {facts{v2: true, own: own, ownRefuse: "write to it: read-only file system", rootRefuse: "read-only file system", readOnly: true, strangers: true, systemd: true, root: true},
			None, "", "docker run --privileged"},
		"a user in a unit with ProtectControlGroups=yes": {facts{uid: 1000, v2: true, own: own, ownRefuse: "write to it: read-only file system", rootRefuse: "read-only file system", readOnly: true, systemd: true, root: true},
			None, "", "(write to it: read-only file system); fix: sudo mount -o remount,rw /sys/fs/cgroup, in a container: docker run --privileged …, in a unit of systemd: ProtectControlGroups=no"},
		"read-only, but for our own":        {facts{v2: true, own: own, rootRefuse: "read-only file system", readOnly: true, systemd: true, strangers: true, root: true}, Own, own, ""},
		"nothing read-only but our own":     {facts{uid: 1000, v2: true, own: own, ownRefuse: "write to it: read-only file system", rootRefuse: "no", systemd: true, root: true}, Scope, "", ""},
		"a delegated shell without systemd": {facts{uid: 1000, v2: true, own: own, delegated: true, strangers: true, root: true, rootRefuse: "no"}, Own, own, ""},
		"a user without systemd": {facts{uid: 1000, v2: true, own: own, ownRefuse: denied, delegated: true, strangers: true, root: true, rootRefuse: "no"},
			None, "", "(" + denied + "); fix: sudo lanyard …, or start lanyard in a cgroup that is delegated to this user"},
	} {
		got := choose(&c.facts)
		why := ""
		if got.Refuse != nil {
			why = got.Refuse.Error()
		}
		if got.Kind != c.kind || got.Folder != c.folder || !strings.Contains(why, c.why) || (c.why == "") != (why == "") {
			t.Errorf("%s: %+v (%s), want kind %d in %q because %q", name, got, why, c.kind, c.folder, c.why)
		}
		if refused := got.Refused(); (refused != nil) != (c.kind == None) {
			t.Errorf("%s: refused: %v", name, refused)
		}
		if base := got.Base(); (base == nil) != (c.kind == None || c.kind == Scope) || base != nil && base.folder != c.folder {
			t.Errorf("%s: the base is %+v", name, base)
		}
	}
}

func TestRefusedNamesTheLimits(t *testing.T) {
	memory, pids := int64(1), int64(2)
	place := Place{Kind: None, Refuse: &linux.Obstacle{Why: "of this"}}
	err := Limits{Memory: &memory, Pids: &pids}.Refused(place.Refused())
	if err == nil || err.Error() != "cannot limit memory, pids: of this; set limits-mode: best-effort to run without the limit" {
		t.Errorf("%v", err)
	}
	if err := (Limits{}).Refused(ErrClosed); err != ErrClosed {
		t.Errorf("another error became %v", err)
	}
}

func TestScopeNames(t *testing.T) {
	long := strings.Repeat("é", 60)
	for text, want := range map[string]string{
		"web-1":    "harpoon-web-1.scope",
		"a.b:c_d":  "harpoon-a.b:c_d.scope",
		"a b@c\\d": `harpoon-a\x20b\x40c\x5cd.scope`,
		"ü":        `harpoon-\xc3\xbc.scope`,
		long:       "harpoon-9f2d",
	} {
		if got := ScopeName("harpoon-", text); got != want && text != long || len(got) > unitNameMax {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
	if a, b := ScopeName("harpoon-", long+"a"), ScopeName("harpoon-", long+"b"); a == b || len(a) > unitNameMax || !strings.HasSuffix(a, ".scope") {
		t.Errorf("two long names are %s and %s", a, b)
	}
}
