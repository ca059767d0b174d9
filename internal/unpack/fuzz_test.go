package unpack_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/unpack"
)

// FuzzApply: whatever the stream is, nothing outside the folder changes, and
// time and memory are bounded.
func FuzzApply(f *testing.F) {
	for _, lines := range [][]string{
		{"a=1", "b/", "b/c -> ../a", "d => a", "a -> /etc", "a/x=1"},
		{"l -> ../../..", "l/f=1", "l/.wh.f", "l/.wh..wh..opq", "m => l/f", "l/", "l=1"},
		{".wh.a", "a/b=1", "a/.wh..wh..opq", "a/c/.wh.d", ".wh.a", "a=1", "a/"},
		{"OUT/f", "l -> OUT", "l/f=1", "l/g => l/f", "l/.wh.f", "x/../../f", "/f"},
	} {
		for _, flags := range []byte{0, 1} {
			f.Add(flags, layer(f, words(lines...)...))
			f.Add(flags, gzipped(layer(f, words(lines...)...)))
		}
	}
	f.Add(byte(0), zstdPacked(f, layer(f, words("a=1", "b")...)))
	f.Add(byte(1), hugeHole(f, 1<<40))
	f.Add(byte(0), layer(f, tar.Header{Name: "d/", PAXRecords: map[string]string{"SCHILY.xattr.user.overlay.opaque": "y", "SCHILY.xattr.user.x": ""}},
		tar.Header{Name: "c", Typeflag: tar.TypeChar}, tar.Header{Name: "p", Typeflag: tar.TypeFifo}, tar.Header{Name: "d/", Mode: 0o7777}))
	made, err := filepath.Glob("testdata/*.tar") // by GNU tar, in the formats of their names
	if err != nil || len(made) < 5 {
		f.Fatalf("testdata has %q, %v", made, err)
	}
	for _, name := range made {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(0), data)
		f.Add(byte(1), data)
	}
	f.Fuzz(func(t *testing.T, flags byte, data []byte) {
		base := t.TempDir()
		dir := filepath.Join(base, "a", "b", "layer")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"f", "a/f", "a/b/f"} {
			if err := os.WriteFile(filepath.Join(base, name), []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		before := outside(t, base)
		folder, err := os.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer folder.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		o := mine(unpack.Options{Flat: flags&1 != 0, MaxBytes: 8 << 20, MaxFiles: 500})
		o.OneID, o.Nodes = true, false
		_, err = unpack.Apply(ctx, folder, bytes.NewReader(mended(bytes.ReplaceAll(data, []byte("OUT"), []byte(base)))), o)
		if ctx.Err() != nil {
			t.Fatalf("it takes more than 20 s: %v", err)
		}
		if err != nil && (len(err.Error()) > 2000 || strings.ContainsRune(err.Error(), '\n')) {
			t.Errorf("a message of %d bytes: %q", len(err.Error()), err)
		}
		differ(t, outside(t, base), before)
		var m runtime.MemStats
		if runtime.ReadMemStats(&m); m.HeapInuse > 400<<20 {
			t.Errorf("%d MiB of heap", m.HeapInuse>>20)
		}
		makeRemovable(t, dir)
	})
}

// mended gives every tar header its checksum again: no change of one would pass
// otherwise.
func mended(data []byte) []byte {
	for at := 0; at+512 <= len(data); at += 512 {
		if block := data[at : at+512]; string(block[257:262]) == "ustar" {
			setSum(block)
		}
	}
	return data
}

// outside describes what lies beside the layer's folder.
func outside(t *testing.T, base string) string {
	var lines []string
	err := filepath.WalkDir(base, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == "layer":
			return filepath.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprint(path, info.Mode(), info.ModTime(), xattrsOf(t, path))
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += string(data)
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// makeRemovable lets an ordinary user remove folders without permissions.
func makeRemovable(t *testing.T, dir string) {
	for range 100 { // each round gets a level deeper
		changed := false
		_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil && d.IsDir() {
				changed = os.Chmod(path, 0o700) == nil || changed
			}
			return nil
		})
		if !changed {
			break
		}
	}
}
