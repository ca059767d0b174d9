package unpack_test

import (
	"archive/tar"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"github.com/lanyard-dev/lanyard/internal/unpack"
	"golang.org/x/sys/unix"
)

func TestNames(t *testing.T) {
	for _, c := range []struct{ in, want []string }{
		{[]string{"./", "./a=1", "b/", "b//c=2", "d/./e=3"}, []string{"a=1", "b/", "b/c=2", "d/", "d/e=3"}},
		{[]string{"/", "\xff\xfe=1", "sp ace", "new\nline"}, []string{"new\nline", "sp ace", "\xff\xfe=1"}},
		{[]string{"a=1", "a=2"}, []string{"a=2"}},
		{[]string{"a/", "a/b=1", "a=2"}, []string{"a=2"}},
		{[]string{"a=1", "a/", "a/b=2"}, []string{"a/", "a/b=2"}},
		{[]string{"a -> b", "a=1"}, []string{"a=1"}},
		{[]string{"a=1", "a -> b"}, []string{"a -> b"}},
		{[]string{"b/", "a -> b", "a/", "a/c=1"}, []string{"a/", "a/c=1", "b/"}},
		{[]string{"a=1", "b => a", "a=2", "c => /b", "d => ./c"}, []string{"a=2", "b=1", "c=1", "d=1"}},
		{[]string{"a=1", "a => a"}, []string{"a=1"}},
		{[]string{"a/", "a/b=1", "a/c/d=2", "b=9", "b => a/c/d"}, []string{"a/", "a/b=1", "a/c/", "a/c/d=2", "b=2"}},
		{[]string{"a/", "a/b=1", "a=3", "a/"}, []string{"a/"}},
		// aufs's bookkeeping is no part of an image.
		{[]string{".wh..wh.plnk/", ".wh..wh.plnk/1.2=x", ".wh..wh.aufs", "a=1"}, []string{"a=1"}},
	} {
		for _, flat := range []bool{false, true} {
			dir, _ := applied(t, layer(t, words(c.in...)...), mine(unpack.Options{Flat: flat}))
			slices.Sort(c.want)
			if got := names(t, dir); !slices.Equal(got, c.want) {
				t.Errorf("flat %v: %q made %q, want %q", flat, c.in, got, c.want)
			}
		}
	}
}

func TestBadEntries(t *testing.T) {
	long := strings.Repeat("x", 256)
	for _, c := range []struct {
		in   []tar.Header
		want string
	}{
		{words("/etc/passwd=x"), "entry /etc/passwd has an absolute name"},
		{words("a/../../b"), `entry a/../../b has ".." in its path`},
		{words("a/../b"), `entry a/../b has ".." in its path`},
		{words(".."), `has ".." in its path`},
		{words("a", "b => ../a"), `entry b has ".." in its path`},
		{words("b => a"), "entry b is a hard link to a, which the layer has not (yet)"},
		{words(".wh.a", "b => a"), "entry b is a hard link to a, which the layer has not (yet)"},
		{words("b/", "b/x", "b => b/x"), "entry b is a hard link to b/x, which the layer has not (yet)"},
		{words("d/", "b => d"), "entry b is a hard link to d, which is a folder"},
		{words("b => /"), "entry b is a hard link to nothing"},
		{words("d/" + long), "has a name of more than 255 bytes"},
		{words(strings.Repeat("d/", 2100) + "x"), "has a path of more than 4095 bytes"},
		{words("a=1", "a/b"), "entry a/b lies in a, which is not a folder"},
		{words("a -> a", "a/b"), "entry a/b lies behind the symlink a, which leads nowhere"},
		{words(".wh."), "entry .wh. is a whiteout of no name"},
		{words("a/.wh..."), "is a whiteout of no name"},
		{words(".wh.a/b"), "entry .wh.a/b lies in a whiteout"},
		{[]tar.Header{{Name: "./", Typeflag: tar.TypeSymlink, Linkname: "/"}}, "entry ./ is the top folder, but not as a folder"},
		{[]tar.Header{{Name: "c", Typeflag: tar.TypeChar}}, "entry c is the device 0:0"},
		{[]tar.Header{{Name: "c", Typeflag: tar.TypeBlock, Devmajor: 5000}}, "entry c is the device 5000:0"},
		{[]tar.Header{{Name: "a", Uid: 1<<32 - 1}}, "entry a has an owner that Linux does not have: 4294967295"},
		{[]tar.Header{{Name: "a", Gid: 1 << 40}}, "entry a has an owner that Linux does not have"},
		{[]tar.Header{{Name: "a", Typeflag: 'Z'}}, "entry a has the type 'Z'"},
	} {
		for _, flat := range []bool{false, true} {
			_, err := apply(t, t.TempDir(), layer(t, c.in...), mine(unpack.Options{Flat: flat}))
			var bad *unpack.LayerError
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("flat %v, %.60q: %v, want %q", flat, c.in[len(c.in)-1].Name, err, c.want)
			}
			if err != nil && (len(err.Error()) > 500 || strings.Contains(err.Error(), "\n")) {
				t.Errorf("a message of %d bytes", len(err.Error()))
			}
		}
	}
}

// TestLinksOut: entries that go through links of the layer stay inside, as they
// would in the container, and nothing outside changes.
func TestLinksOut(t *testing.T) {
	for _, c := range []struct{ in, want []string }{
		{[]string{"etc/", "l -> /etc", "l/x=1"}, []string{"etc/", "etc/x=1", "l -> /etc"}},
		{[]string{"l -> ../../../../../outside", "l/x=1"}, []string{"l -> ../../../../../outside", "outside/", "outside/x=1"}},
		{[]string{"l -> OUT", "l/f=1", "l/.wh.f", "l/.wh..wh..opq"}, nil},
		{[]string{"l -> OUT", "l/f => l/f"}, nil},
		{[]string{"l -> OUT/f", "l=1"}, []string{"l=1"}},
		{[]string{"l -> OUT/f", "m => l", "m=1"}, []string{"l -> OUT/f", "m=1"}},
		{[]string{"a/", "a/l -> ..", "a/l/a/l/x=1"}, []string{"a/", "a/l -> ..", "x=1"}},
		{[]string{"l -> /", "l/x=1"}, []string{"l -> /", "x=1"}},
		{[]string{"l -> OUT", ".wh.l"}, []string{"l -> OUT"}},
		{[]string{"a/b/", "l -> a", "l/b/c=1", "l/d=1", "a/e=2"}, []string{"a/", "a/b/", "a/b/c=1", "a/d=1", "a/e=2", "l -> a"}},
	} {
		for _, flat := range []bool{false, true} {
			out := t.TempDir()
			for _, name := range []string{"f", "g"} {
				if err := os.WriteFile(filepath.Join(out, name), []byte("mine"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			before := facts(t, out)
			var in, want []string
			for _, line := range c.in {
				in = append(in, strings.ReplaceAll(line, "OUT", out))
			}
			for _, line := range c.want {
				want = append(want, strings.ReplaceAll(line, "OUT", out))
			}
			dir := t.TempDir()
			_, err := apply(t, dir, layer(t, words(in...)...), mine(unpack.Options{Flat: flat}))
			if c.want != nil && err != nil {
				t.Errorf("flat %v, %q: %v", flat, c.in, err)
			}
			slices.Sort(want)
			if got := names(t, dir); c.want != nil && !slices.Equal(got, want) {
				t.Errorf("flat %v: %q made %q, want %q", flat, c.in, got, want)
			}
			differ(t, facts(t, out), before)
		}
	}
}

// TestFolderTimes: whatever is made in a folder after it, and however many
// folders are open at once, it has its own time in the end.
func TestFolderTimes(t *testing.T) {
	var list []tar.Header
	for i := range 200 {
		list = append(list, tar.Header{Name: fmt.Sprintf("d%d/", i), ModTime: when.Add(time.Duration(i) * time.Hour)})
	}
	for round := range 3 {
		for i := range 200 {
			list = append(list, tar.Header{Name: fmt.Sprintf("d%d/s/f%d", i, round)})
		}
	}
	list = append(list, tar.Header{Name: "./", ModTime: when.Add(-time.Hour), Mode: 0o711})
	dir, r := applied(t, layer(t, list...), mine(unpack.Options{}))
	for i := range 200 {
		for _, c := range []struct {
			name string
			want time.Time
		}{{fmt.Sprintf("d%d", i), when.Add(time.Duration(i) * time.Hour)}, {fmt.Sprintf("d%d/s", i), time.Unix(0, 0)}} {
			if info, err := os.Stat(filepath.Join(dir, c.name)); err != nil || !info.ModTime().Equal(c.want) {
				t.Fatalf("%s: %v, want %v", c.name, info.ModTime(), c.want)
			}
		}
	}
	info, err := os.Stat(dir)
	if err != nil || !info.ModTime().Equal(when.Add(-time.Hour)) || info.Mode().Perm() != 0o711 {
		t.Errorf("the top folder has %v %v", info.Mode(), info.ModTime())
	}
	if r.Files != int64(len(list)+200) {
		t.Errorf("%d files were counted, want %d", r.Files, len(list)+200)
	}
}

// TestDeep: a path may be as long as Linux can open, with more folders than are
// kept open.
func TestDeep(t *testing.T) {
	deep := strings.Repeat("d/", 1900)
	applied(t, layer(t, words("l -> "+strings.Repeat("d/", 900), deep+"x=1", "y => "+deep+"x", "l/z=1")...), mine(unpack.Options{}))
}

func TestHoles(t *testing.T) {
	const block = 4096
	data := make([]byte, 40*block+100)
	copy(data[3*block+7:], "here")
	copy(data[20*block:], "and here")
	dir, r := applied(t, layer(t, tar.Header{Name: "f", Uname: string(data)}, tar.Header{Name: "z", Uname: string(make([]byte, 3<<20))}), mine(unpack.Options{}))
	got, err := os.ReadFile(filepath.Join(dir, "f"))
	if err != nil || string(got) != string(data) {
		t.Fatalf("the contents differ: %v", err)
	}
	var st unix.Stat_t
	for name, most := range map[string]int64{"f": 16 * block / 512, "z": 0} {
		if err := unix.Stat(filepath.Join(dir, name), &st); err != nil || st.Blocks > most {
			t.Errorf("%s takes %d blocks of 512 bytes, %v", name, st.Blocks, err)
		}
	}
	if st.Size == 0 || r.Bytes != int64(len(data)+3<<20) {
		t.Errorf("size %d, %d bytes counted", st.Size, r.Bytes)
	}
}

// TestXattrs: what an image may set is set, what only overlayfs may set is not.
func TestXattrs(t *testing.T) {
	pax := func(names ...string) map[string]string {
		records := map[string]string{}
		for _, name := range names {
			records["SCHILY.xattr."+name] = "v\x00="
		}
		return records
	}
	o := mine(unpack.Options{})
	dir, r := applied(t, layer(t,
		tar.Header{Name: "d/", PAXRecords: pax("user.a", "user.overlay.opaque", "trusted.overlay.opaque", "trusted.overlay.redirect")},
		tar.Header{Name: "f", Mode: 0o444, PAXRecords: pax("user.a", "user.overlay.metacopy")},
		tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "f", PAXRecords: pax("user.a", "trusted.overlay.x")},
		tar.Header{Name: "d2/", PAXRecords: pax("user.b")}, tar.Header{Name: "d2/", PAXRecords: pax("user.a")}), o)
	for name, want := range map[string]string{"d": "v\x00=", "f": "v\x00=", "d2": "v\x00="} {
		if got := xattrsOf(t, filepath.Join(dir, name)); len(got) != 1 || got["user.a"] != want {
			t.Errorf("%s has %q", name, got)
		}
	}
	if r.Xattrs != 6 { // 3 of d, 1 of f, and both of the symlink, which may have none of user.*
		t.Errorf("%d were left out, want 6", r.Xattrs)
	}
}

// TestDefaultACL: a folder keeps the ACL that new files in it are to inherit, and
// files of the image don't inherit it.
func TestDefaultACL(t *testing.T) {
	// Version 2; owner rwx, group r-x, others nothing (linux/posix_acl_xattr.h).
	acl := "\x02\x00\x00\x00" + "\x01\x00\x07\x00\xff\xff\xff\xff" + "\x04\x00\x05\x00\xff\xff\xff\xff" + "\x20\x00\x00\x00\xff\xff\xff\xff"
	list := []tar.Header{{Name: "d/", PAXRecords: map[string]string{"SCHILY.xattr.system.posix_acl_default": acl}}, {Name: "d/f"}, {Name: "d/s/"}}
	for i := range 100 {
		list = append(list, tar.Header{Name: fmt.Sprintf("x%d/", i)})
	}
	list = append(list, tar.Header{Name: "d/g", Mode: 0o666}, tar.Header{Name: "d/s/h"})
	for _, flat := range []bool{false, true} {
		dir, r := applied(t, layer(t, list...), mine(unpack.Options{Flat: flat}))
		if flat {
			if _, err := apply(t, dir, layer(t, tar.Header{Name: "d/i", Mode: 0o666}), mine(unpack.Options{Flat: true})); err != nil {
				t.Fatal(err)
			}
		}
		for name, want := range map[string]os.FileMode{"d/f": 0o644, "d/g": 0o666, "d/i": 0o666, "d/s": 0o755, "d/s/h": 0o644} {
			info, err := os.Stat(filepath.Join(dir, name))
			if errors.Is(err, os.ErrNotExist) && !flat {
				continue
			}
			if err != nil || info.Mode().Perm() != want || len(xattrsOf(t, filepath.Join(dir, name))) > 0 {
				t.Errorf("flat %v: %s: %v, %v, want %o", flat, name, info, err, want)
			}
		}
		if got := xattrsOf(t, filepath.Join(dir, "d")); got["system.posix_acl_default"] != acl || r.Xattrs > 0 {
			t.Errorf("flat %v: d has %q; %d left out", flat, got, r.Xattrs)
		}
	}
}

// TestOwnersAndModes: owners beyond 16 and 31 bits, and bits that a change of
// owner or contents would clear.
func TestOwnersAndModes(t *testing.T) {
	testkit.Require(t, testkit.Root)
	xattr := map[string]string{"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"}
	list := []tar.Header{
		{Name: "su", Mode: 0o4755, Uname: "x"}, {Name: "sg", Mode: 0o2711, Uid: 5, Gid: 6, Uname: "x"},
		{Name: "ping", Mode: 0o755, Uid: 7, PAXRecords: xattr, Uname: "x"}, {Name: "none", Mode: 0o1000},
		{Name: "large", Uid: 1<<32 - 2, Gid: 3000000000}, {Name: "w", Mode: 0o666}, {Name: "l", Typeflag: tar.TypeSymlink, Linkname: "su", Uid: 8, Gid: 9},
		{Name: "g/", Mode: 0o2775, Gid: 50}, {Name: "g/d/", Mode: 0o777}, {Name: "g/f", Mode: 0o600}, {Name: "t/", Mode: 0o1777, Uid: 3}, {Name: "p", Typeflag: tar.TypeFifo, Uid: 4, Mode: 0o622},
		{Name: "c", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3, Mode: 0o666}, {Name: "b", Typeflag: tar.TypeBlock, Devmajor: 259, Devminor: 70000, Mode: 0o660, Gid: 6},
	}
	for _, umask := range []int{0o022, 0o077, 0} {
		old := unix.Umask(umask)
		dir, _ := applied(t, layer(t, list...), unpack.Options{Nodes: true})
		unix.Umask(old)
		for _, h := range list {
			var st unix.Stat_t
			if err := unix.Lstat(filepath.Join(dir, h.Name), &st); err != nil {
				t.Fatal(err)
			}
			want := uint32(h.Mode)
			if h.Typeflag == tar.TypeSymlink {
				want = 0o777
			} else if h.Mode == 0 {
				want = 0o644
			}
			if st.Mode&0o7777 != want || st.Uid != uint32(h.Uid) || st.Gid != uint32(h.Gid) || time.Unix(st.Mtim.Unix()).Compare(when) != 0 {
				t.Errorf("umask %o: %s has mode %o, owner %d:%d, time %v", umask, h.Name, st.Mode, st.Uid, st.Gid, st.Mtim)
			}
		}
		if got := xattrsOf(t, filepath.Join(dir, "ping"))["security.capability"]; got != xattr["SCHILY.xattr.security.capability"] {
			t.Errorf("the capability is %q", got)
		}
	}
	_, r := applied(t, layer(t, list...), unpack.Options{})
	if r.Skipped != 2 {
		t.Errorf("%d devices were left out, want 2", r.Skipped)
	}
}
