package unpack_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/unpack"
	"golang.org/x/sys/unix"
)

// when is the time of all that tests make.
var when = time.Date(2020, 2, 3, 4, 5, 6, 789000001, time.UTC)

// layer makes a tar stream of headers. A file's contents are its Uname, which
// nothing reads. What isn't set is usual.
func layer(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range headers {
		contents := h.Uname
		h.Uname = ""
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
			if strings.HasSuffix(h.Name, "/") {
				h.Typeflag = tar.TypeDir
			}
		}
		if h.Mode == 0 {
			h.Mode = 0o644
			if h.Typeflag == tar.TypeDir {
				h.Mode = 0o755
			}
		}
		if h.ModTime.IsZero() {
			h.ModTime = when
		}
		h.Size, h.Format = int64(len(contents)), tar.FormatPAX
		if err := w.WriteHeader(&h); err != nil {
			t.Fatalf("%s: %v", h.Name, err)
		}
		if _, err := io.WriteString(w, contents); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// words makes headers of lines: "name", "name/", "name=contents",
// "name -> symlink", "name => hard link".
func words(lines ...string) []tar.Header {
	var list []tar.Header
	for _, line := range lines {
		h := tar.Header{Name: line}
		if name, target, ok := strings.Cut(line, " -> "); ok {
			h = tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target}
		} else if name, target, ok := strings.Cut(line, " => "); ok {
			h = tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target}
		} else if name, contents, ok := strings.Cut(line, "="); ok {
			h = tar.Header{Name: name, Uname: contents}
		}
		list = append(list, h)
	}
	return list
}

// mine are options that whoever runs the tests may use.
func mine(o unpack.Options) unpack.Options {
	o.OneID = os.Geteuid() != 0
	o.Nodes = !o.OneID
	o.UserXattr = o.OneID
	return o
}

// opaqueXattr is the one that mine has set.
func opaqueXattr() string {
	if os.Geteuid() != 0 {
		return "user.overlay.opaque"
	}
	return "trusted.overlay.opaque"
}

// apply applies a layer to a folder.
func apply(t testing.TB, dir string, data []byte, o unpack.Options) (unpack.Result, error) {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return unpack.Apply(context.Background(), f, bytes.NewReader(data), o)
}

// applied applies a layer to a new folder.
func applied(t testing.TB, data []byte, o unpack.Options) (string, unpack.Result) {
	t.Helper()
	dir := t.TempDir()
	r, err := apply(t, dir, data, o)
	if err != nil {
		t.Fatal(err)
	}
	return dir, r
}

// names lists what is in a tree: whiteouts as "!name", opaque folders as
// "name!", contents behind "=", symlinks behind " -> ".
func names(t testing.TB, dir string) []string {
	t.Helper()
	var list []string
	walk(t, dir, func(name, path string, st *unix.Stat_t) {
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFDIR:
			if name = strings.TrimPrefix(name+"/", "./"); xattrsOf(t, path)[opaqueXattr()] == "y" {
				name += "!"
			}
		case unix.S_IFREG:
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if len(data) > 0 {
				name += "=" + string(data)
			}
		case unix.S_IFLNK:
			target, err := os.Readlink(path)
			if err != nil {
				t.Fatal(err)
			}
			name += " -> " + target
		case unix.S_IFCHR:
			if st.Rdev == 0 {
				name = "!" + name
			}
		}
		if name != "" {
			list = append(list, name)
		}
	})
	slices.Sort(list)
	return list
}

// facts describes everything of a tree, a line for each file: what two programs
// that unpacked the same layer must agree on.
func facts(t testing.TB, dir string) string {
	t.Helper()
	var out []string
	first := map[uint64]string{}
	walk(t, dir, func(name, path string, st *unix.Stat_t) {
		line := fmt.Sprintf("%s mode=%o owner=%d:%d mtime=%d.%09d", name, st.Mode, st.Uid, st.Gid, st.Mtim.Sec, st.Mtim.Nsec)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			line += fmt.Sprintf(" size=%d sum=%x", st.Size, sha256.Sum256(data))
		case unix.S_IFLNK:
			target, _ := os.Readlink(path)
			line += " -> " + target
		case unix.S_IFCHR, unix.S_IFBLK:
			line += fmt.Sprintf(" dev=%x", st.Rdev)
		}
		if st.Mode&unix.S_IFMT != unix.S_IFDIR && st.Nlink > 1 {
			if first[st.Ino] == "" {
				first[st.Ino] = name
			} else {
				line += " same as " + first[st.Ino]
			}
		}
		found := xattrsOf(t, path)
		for _, key := range slices.Sorted(mapKeys(found)) {
			line += fmt.Sprintf(" %s=%q", key, found[key])
		}
		out = append(out, line)
	})
	return strings.Join(out, "\n") + "\n"
}

func mapKeys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func walk(t testing.TB, dir string, f func(name, path string, st *unix.Stat_t)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		// overlayfs lists a whiteout that hides nothing, and then says that it is
		// not there.
		if err := unix.Lstat(path, &st); err == unix.ENOENT {
			return nil
		} else if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		f(name, path, &st)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func xattrsOf(t testing.TB, path string) map[string]string {
	t.Helper()
	buf := make([]byte, 64<<10)
	n, err := unix.Llistxattr(path, buf)
	if err != nil {
		return nil
	}
	found := map[string]string{}
	for _, name := range strings.Split(string(buf[:n]), "\x00") {
		if name == "" {
			continue
		}
		value := make([]byte, 64<<10)
		n, err := unix.Lgetxattr(path, name, value)
		if err != nil {
			t.Fatalf("%s: %s: %v", path, name, err)
		}
		found[name] = string(value[:n])
	}
	return found
}

// differ fails with the lines that are not in both.
func differ(t testing.TB, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for _, line := range a {
		if !slices.Contains(b, line) {
			t.Errorf("made:   %s", line)
		}
	}
	for _, line := range b {
		if !slices.Contains(a, line) {
			t.Errorf("wanted: %s", line)
		}
	}
}
