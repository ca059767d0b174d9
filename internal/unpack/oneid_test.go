package unpack_test

import (
	"archive/tar"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"github.com/lanyard-dev/lanyard/internal/unpack"
	"golang.org/x/sys/unix"
)

// insideVar tells the test binary that it was started in a namespace.
const insideVar = "LANYARD_TEST_UNPACK_INSIDE"

// TestOneID unpacks in a user namespace where only one id is mapped, as it is
// for an ordinary user without /etc/subuid, and mounts what it made.
func TestOneID(t *testing.T) {
	if os.Getenv(insideVar) != "" {
		insideOneID(t)
		return
	}
	testkit.Require(t, testkit.UserNS)
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestOneID$", "-test.v")
	cmd.Env = append(os.Environ(), insideVar+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestOneID") {
		t.Errorf("in a user namespace: %v\n%s", err, out)
	}
}

func insideOneID(t *testing.T) {
	o := unpack.Options{OneID: true, UserXattr: true}
	list := append(words(".wh.gone", "o/.wh..wh..opq"),
		tar.Header{Name: "f", Mode: 0o4755, Uid: 33, Gid: 42, Uname: "x"},
		tar.Header{Name: "shut/", Mode: 0o555, Uid: 1}, tar.Header{Name: "shut/f", Mode: 0o400, Uid: 1, Uname: "x"},
		tar.Header{Name: "none/", Mode: 0o1000}, tar.Header{Name: "none/d/f", Uname: "x"},
		tar.Header{Name: "x", PAXRecords: map[string]string{"SCHILY.xattr.trusted.t": "1", "SCHILY.xattr.user.u": "1"}},
		tar.Header{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3})
	dir, r := applied(t, layer(t, list...), o)
	want := []string{"!gone", "f=x", "none/", "none/d/", "none/d/f=x", "o/", "shut/", "shut/f=x", "x"}
	if got := names(t, dir); !slices.Equal(got, want) {
		t.Errorf("made %q, want %q", got, want)
	}
	if xattrsOf(t, filepath.Join(dir, "o"))["user.overlay.opaque"] != "y" || r.Skipped != 1 || r.Xattrs != 1 {
		t.Errorf("the opaque folder has %q; %+v", xattrsOf(t, filepath.Join(dir, "o")), r)
	}
	for name, want := range map[string]uint32{"f": 0o4755, "shut": 0o555, "none": 0o1000} {
		var st unix.Stat_t
		if err := unix.Lstat(filepath.Join(dir, name), &st); err != nil || st.Mode&0o7777 != want || st.Uid != 0 || st.Gid != 0 {
			t.Errorf("%s: mode %o, owner %d:%d, %v", name, st.Mode, st.Uid, st.Gid, err)
		}
	}
	// With owners it says which one can't be.
	_, err := apply(t, t.TempDir(), layer(t, list...), unpack.Options{UserXattr: true})
	if err == nil || !strings.HasPrefix(err.Error(), "cannot give the owner 33:42 to f: the user namespace does not map this id; ") {
		t.Errorf("%v", err)
	}
	showsTheSame(t, o, ",userxattr")
}
