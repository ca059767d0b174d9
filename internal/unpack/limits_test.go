package unpack_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/lanyard-dev/lanyard/internal/testkit"
	"github.com/lanyard-dev/lanyard/internal/unpack"
	"golang.org/x/sys/unix"
)

// hugeHole is a layer with one sparse file of nothing but a hole, in the format
// that GNU tar calls 0.1.
func hugeHole(t testing.TB, size int64) []byte {
	t.Helper()
	records := ""
	for _, r := range []string{"GNU.sparse.major=0", "GNU.sparse.minor=1", "GNU.sparse.name=hole", fmt.Sprint("GNU.sparse.size=", size), "GNU.sparse.numblocks=1", fmt.Sprintf("GNU.sparse.map=%d,0", size)} {
		n := len(r) + 4
		records += fmt.Sprintf("%d %s\n", n, r)
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "pax", Size: int64(len(records)), Format: tar.FormatUSTAR}); err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write([]byte(records))
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "hole", Mode: 0o600, Format: tar.FormatUSTAR}); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	data := out.Bytes()
	// archive/tar writes no extended headers that are asked for by type.
	data[156] = tar.TypeXHeader
	setSum(data[:512])
	return data
}

// setSum sets the checksum of a tar header (pax(1)).
func setSum(header []byte) {
	sum := 0
	copy(header[148:156], "        ")
	for _, b := range header {
		sum += int(b)
	}
	copy(header[148:156], fmt.Sprintf("%06o\x00 ", sum))
}

func TestLimits(t *testing.T) {
	big := layer(t, words("a="+strings.Repeat("x", 3000), "b="+strings.Repeat("x", 3000))...)
	many := layer(t, words("a/b/c", "d/", "e", ".wh.f")...)
	for _, c := range []struct {
		data         []byte
		bytes, files int64
		want         string
	}{
		{big, 5000, 0, "the layer has more than 5000 bytes"},
		{big, 100000, 0, ""},
		{gzipped(append(big, make([]byte, 50<<20)...)), 10 << 20, 0, "the layer has more than 10485760 bytes"},
		{hugeHole(t, 1<<40), 1 << 30, 0, "the layer has more than 1073741824 bytes"},
		{many, 0, 5, "the layer has more than 5 files"},
		{many, 0, 6, ""},
		{layer(t, words(strings.Repeat("d/", 2000)+"x")...), 0, 100, "the layer has more than 100 files"},
	} {
		_, err := apply(t, t.TempDir(), c.data, mine(unpack.Options{MaxBytes: c.bytes, MaxFiles: c.files}))
		var limit *unpack.LimitError
		if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &limit) || err.Error() != c.want) {
			t.Errorf("%d bytes, %d files: %v, want %q", c.bytes, c.files, err, c.want)
		}
	}
}

// TestDiskFull: the error says which file there was no room for.
func TestDiskFull(t *testing.T) {
	testkit.Require(t, testkit.Root)
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,nr_inodes=20"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Unmount(dir, unix.MNT_DETACH) }()
	for name, data := range map[string][]byte{"write usr/big": layer(t, words("usr/big="+noise(3<<20))...),
		"make the folder d/d/d": layer(t, words(strings.Repeat("d/", 30)+"x")...)} {
		_, err := apply(t, dir, data, mine(unpack.Options{}))
		if !errors.Is(err, unix.ENOSPC) || !strings.HasPrefix(err.Error(), "cannot "+name) || strings.Contains(err.Error(), dir) {
			t.Errorf("%v, want %q", err, name)
		}
		// Whichever comes first, the other one has all the room.
		if err := errors.Join(os.RemoveAll(filepath.Join(dir, "usr")), os.RemoveAll(filepath.Join(dir, "d"))); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMemory: it is bounded, however large the layer, its files and its folders
// are.
func TestMemory(t *testing.T) {
	in, out := io.Pipe()
	go func() {
		w := gzip.NewWriter(out)
		tw := tar.NewWriter(w)
		block := []byte(noise(1 << 20))
		for i := range 120 {
			for j := range 30 {
				_ = tw.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: fmt.Sprintf("d%d/e%d/", i, j), Mode: 0o755})
			}
			size := int64(len(block))
			_ = tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("d%d/f", i), Mode: 0o644, Size: size})
			_, _ = tw.Write(block)
		}
		_ = tw.Close()
		_ = w.Close()
		out.Close()
	}()
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	var peak uint64
	o := mine(unpack.Options{Progress: func(int64) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapInuse)
	}})
	runtime.GC()
	if _, err := unpack.Apply(context.Background(), dir, in, o); err != nil {
		t.Fatal(err)
	}
	t.Logf("at most %d KiB of heap", peak>>10)
	if peak > 30<<20 {
		t.Errorf("%d KiB of heap in use", peak>>10)
	}
}
