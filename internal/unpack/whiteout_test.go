package unpack_test

import (
	"archive/tar"
	"fmt"
	"math/rand/v2"
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

// orders calls f with every order of a few lines.
func orders(lines []string, f func([]string)) {
	if len(lines) < 2 {
		f(lines)
		return
	}
	for i := range lines {
		rest := slices.Delete(slices.Clone(lines), i, i+1)
		orders(rest, func(tail []string) { f(append([]string{lines[i]}, tail...)) })
	}
}

// TestWhiteouts: in any order of the stream, whiteouts hide what lower layers
// have and spare what their own layer has.
func TestWhiteouts(t *testing.T) {
	for _, c := range []struct{ lower, upper, overlay, flat []string }{
		{[]string{"a=0", "b=0"}, []string{".wh.a"}, []string{"!a"}, []string{"b=0"}},
		{[]string{"a=0"}, []string{"a=1", ".wh.a"}, []string{"a=1"}, []string{"a=1"}},
		{[]string{"a=0"}, []string{"a -> x", ".wh.a"}, []string{"a -> x"}, []string{"a -> x"}},
		{[]string{"a/b=0", "a/c=0"}, []string{"a/c=1", ".wh.a"}, []string{"a/!", "a/c=1"}, []string{"a/", "a/c=1"}},
		{[]string{"a/b=0", "a/s/t=0"}, []string{"a/", ".wh.a", "a/s/u=1"}, []string{"a/!", "a/s/", "a/s/u=1"}, []string{"a/", "a/s/", "a/s/u=1"}},
		{[]string{"a/b=0", "a/c/d=0"}, []string{"a/.wh..wh..opq", "a/e=1", "a/c/f=1"}, []string{"a/!", "a/c/", "a/c/f=1", "a/e=1"}, []string{"a/", "a/c/", "a/c/f=1", "a/e=1"}},
		{[]string{"a/b=0", "z=0"}, []string{".wh..wh..opq", "a/c=1"}, []string{"!", "a/", "a/c=1"}, []string{"a/", "a/c=1"}},
		{[]string{"a/b=0", "a/c/d=0"}, []string{"a/.wh.b", "a/c/.wh.d", "a/.wh..wh..opq"}, []string{"a/!", "a/c/"}, []string{"a/", "a/c/"}},
		{[]string{"a/b=0"}, []string{".wh.a", "a=1"}, []string{"a=1"}, []string{"a=1"}},
		{[]string{"a=0"}, []string{".wh.a", "a/", "a/b=1"}, []string{"a/!", "a/b=1"}, []string{"a/", "a/b=1"}},
		{[]string{"a=0"}, []string{"a/b=1"}, []string{"a/", "a/b=1"}, []string{"a/", "a/b=1"}},
		{[]string{"a=0"}, []string{".wh.a", ".wh.a"}, []string{"!a"}, nil},
	} {
		slices.Sort(c.overlay)
		orders(c.upper, func(upper []string) {
			dir, r := applied(t, layer(t, words(upper...)...), mine(unpack.Options{}))
			if got := names(t, dir); !slices.Equal(got, c.overlay) {
				t.Errorf("overlay: %q made %q, want %q", upper, got, c.overlay)
			}
			if want := slices.Contains(c.upper, ".wh..wh..opq"); r.Opaque != want {
				t.Errorf("%q: Opaque is %v", upper, r.Opaque)
			}
			flat, _ := applied(t, layer(t, words(c.lower...)...), mine(unpack.Options{Flat: true}))
			if _, err := apply(t, flat, layer(t, words(upper...)...), mine(unpack.Options{Flat: true})); err != nil {
				t.Fatal(err)
			}
			if got := names(t, flat); !slices.Equal(got, c.flat) {
				t.Errorf("flat: %q over %q made %q, want %q", upper, c.lower, got, c.flat)
			}
		})
	}
}

// TestLower: a folder that a layer only implies has what the lower layers show
// there, because an overlay shows the uppermost.
func TestLower(t *testing.T) {
	o := mine(unpack.Options{})
	pax := map[string]string{"SCHILY.xattr.user.a": "1"}
	uid := 0
	if !o.OneID {
		uid = 33
	}
	bottom, _ := applied(t, layer(t, tar.Header{Name: "./", Mode: 0o711}, tar.Header{Name: "a/", Mode: 0o1777, Uid: uid, PAXRecords: pax},
		tar.Header{Name: "a/b/", Mode: 0o700}, tar.Header{Name: "c/d/", Mode: 0o700}, tar.Header{Name: "e/", Mode: 0o700}, tar.Header{Name: "f/g/", Mode: 0o700}), o)
	middle, _ := applied(t, layer(t, tar.Header{Name: "c/", Mode: 0o750}, tar.Header{Name: "c/.wh..wh..opq"}, tar.Header{Name: ".wh.e"}, tar.Header{Name: "f", Uname: "x"}, tar.Header{Name: "a/b/", Mode: 0o705}), o)
	for _, name := range []string{middle, bottom} {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		o.Lower = append(o.Lower, f)
	}
	dir, _ := applied(t, layer(t, words("a/b/x", "c/d/x", "e/x", "f/g/x", "n/x")...), o)
	for name, want := range map[string]struct {
		mode uint32
		time time.Time
	}{".": {0o755, time.Unix(0, 0)}, "a": {0o755, time.Unix(0, 0)}, "a/b": {0o705, when}, "c": {0o750, when}, "c/d": {0o755, time.Unix(0, 0)},
		"e": {0o755, time.Unix(0, 0)}, "f": {0o755, time.Unix(0, 0)}, "f/g": {0o755, time.Unix(0, 0)}, "n": {0o755, time.Unix(0, 0)}} {
		var st unix.Stat_t
		if err := unix.Stat(filepath.Join(dir, name), &st); err != nil || st.Mode&0o7777 != want.mode || st.Mtim.Sec != want.time.Unix() {
			t.Errorf("%s: mode %o, time %d, %v; want %o, %d", name, st.Mode, st.Mtim.Sec, err, want.mode, want.time.Unix())
		}
	}
	o.Lower = o.Lower[1:]
	dir, _ = applied(t, layer(t, words("a/x")...), o)
	var st unix.Stat_t
	path := filepath.Join(dir, "a")
	if err := unix.Stat(path, &st); err != nil || st.Mode&0o7777 != 0o1777 || int(st.Uid) != uid+os.Geteuid() || xattrsOf(t, path)["user.a"] != "1" || st.Mtim.Nsec != int64(when.Nanosecond()) {
		t.Errorf("a: mode %o, owner %d, xattrs %q, %v", st.Mode, st.Uid, xattrsOf(t, path), err)
	}
}

// TestOverlayShowsTheSame: layers made at random, seen through an overlay, are
// what they are when they are laid over each other in one folder.
func TestOverlayShowsTheSame(t *testing.T) {
	testkit.Require(t, testkit.Root)
	showsTheSame(t, unpack.Options{}, "")
}

// showsTheSame is also run in a user namespace.
func showsTheSame(t *testing.T, o unpack.Options, mountOptions string) {
	base := t.TempDir()
	for round := range testkit.Rounds(t, 50) {
		seed := rand.Uint64()
		random := rand.New(rand.NewPCG(seed, 1))
		dir := filepath.Join(base, fmt.Sprint(round))
		flat, shown := filepath.Join(dir, "flat"), filepath.Join(dir, "shown")
		lowers := []string{filepath.Join(dir, "empty")}
		options := o
		for i := range 3 {
			name := filepath.Join(dir, fmt.Sprint("layer", i))
			for _, d := range []string{name, flat, shown, lowers[0]} {
				if err := os.MkdirAll(d, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			data := layer(t, randomLayer(random)...)
			opaque, err := apply(t, name, data, options)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if opaque.Opaque {
				lowers, options.Lower = lowers[:1], nil
			}
			flatOptions := o
			flatOptions.Flat = true
			if _, err := apply(t, flat, data, flatOptions); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			f, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			options.Lower = append([]*os.File{f}, options.Lower...)
			lowers = slices.Insert(lowers, 1, name)
		}
		if err := unix.Mount("overlay", shown, "overlay", unix.MS_RDONLY, "lowerdir="+strings.Join(lowers, ":")+mountOptions); err != nil {
			t.Fatalf("overlay: %v", err)
		}
		t.Cleanup(func() { _ = unix.Unmount(shown, unix.MNT_DETACH) })
		got, want := withoutTop(facts(t, shown)), withoutTop(facts(t, flat))
		if err := unix.Unmount(shown, 0); err != nil {
			t.Fatal(err)
		}
		if differ(t, got, want); t.Failed() {
			t.Fatalf("seed %d: the overlay shows (made), the flat folder has (wanted)", seed)
		}
	}
}

// withoutTop takes off the top folder's line: that of the overlay is the empty
// layer's.
func withoutTop(facts string) string {
	_, rest, _ := strings.Cut(facts, "\n")
	return rest
}

// randomLayer makes a few entries with few names, so that they meet. Times are
// equal: what a folder's was before a lower layer's file went is nobody's.
func randomLayer(random *rand.Rand) []tar.Header {
	name := func() string { return string(rune('a' + random.IntN(3))) }
	var list []tar.Header
	for range 1 + random.IntN(8) {
		path := ""
		for range random.IntN(3) {
			path += name() + "/"
		}
		h := tar.Header{Name: path + name()}
		switch random.IntN(6) {
		case 0:
			h.Name, h.Mode = h.Name+"/", 0o700+random.Int64N(0o100)
		case 1:
			h.Typeflag, h.Linkname = tar.TypeFifo, ""
		case 2:
			h.Name = path + ".wh." + name()
		case 3:
			h.Name = path + ".wh..wh..opq"
		default:
			h.Uname = fmt.Sprint(random.IntN(100))
		}
		list = append(list, h)
		if fits(list) {
			continue
		}
		list = list[:len(list)-1]
	}
	return list
}

// fits says whether no entry lies in one that is no folder, in either order: for
// such a layer there is no one answer.
func fits(list []tar.Header) bool {
	for _, a := range list {
		for _, b := range list {
			if !strings.HasSuffix(a.Name, "/") && strings.HasPrefix(b.Name, a.Name+"/") {
				return false
			}
			if strings.TrimSuffix(a.Name, "/") == strings.TrimSuffix(b.Name, "/") && strings.HasSuffix(a.Name, "/") != strings.HasSuffix(b.Name, "/") {
				return false
			}
		}
	}
	return true
}
