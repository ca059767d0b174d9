package unpack_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"github.com/lanyard-dev/lanyard/internal/unpack"
)

// bigLayer is what an image of a distribution looks like to a disk: many small
// files, a few large ones, contents that compress to about a third.
func bigLayer(b *testing.B, files int, bytes int64) []byte {
	b.Helper()
	random := rand.New(rand.NewPCG(3, 4))
	text := make([]byte, 1<<20)
	for i := range text {
		text[i] = "etaoinshrdlu etaoin\n"[random.IntN(20)]
	}
	sizes := make([]float64, files)
	sum := 0.0
	for i := range sizes {
		sizes[i] = random.ExpFloat64() * random.ExpFloat64() * random.ExpFloat64()
		sum += sizes[i]
	}
	var list []tar.Header
	folder := -1
	for i, size := range sizes {
		if i/40 != folder {
			folder = i / 40
			list = append(list, tar.Header{Name: fmt.Sprintf("usr/share/d%d/", folder)})
		}
		n := int(size / sum * float64(bytes))
		contents := make([]byte, 0, n)
		for len(contents) < n {
			at := random.IntN(len(text) / 2)
			contents = append(contents, text[at:at+min(n-len(contents), 1+random.IntN(5000))]...)
		}
		list = append(list, tar.Header{Name: fmt.Sprintf("usr/share/d%d/file%d", folder, i), Uname: string(contents)})
	}
	return layer(b, list...)
}

// BenchmarkApply unpacks a layer of 100 MB and 7,000 files, and has GNU tar do
// the same in turns: "of-tar" is our time divided by tar's, below 1 is faster.
func BenchmarkApply(b *testing.B) {
	program := testkit.RequireTool(b, "tar")
	plain := bigLayer(b, 7000, 100e6)
	for name, c := range map[string]struct {
		data []byte
		flag string
	}{"gzip": {gzipped(plain), "-z"}, "zstd": {zstdPacked(b, plain), "--zstd"}, "plain": {plain, "-p"}} {
		b.Run(name, func(b *testing.B) {
			if c.flag == "--zstd" {
				testkit.RequireTool(b, "zstd")
			}
			b.SetBytes(int64(len(plain)))
			file := filepath.Join(b.TempDir(), "layer")
			if err := os.WriteFile(file, c.data, 0o600); err != nil {
				b.Fatal(err)
			}
			var ratios []float64
			for b.Loop() {
				dir := b.TempDir()
				ours, theirs := filepath.Join(dir, "ours"), filepath.Join(dir, "theirs")
				for _, d := range []string{ours, theirs} {
					if err := os.Mkdir(d, 0o755); err != nil {
						b.Fatal(err)
					}
				}
				f, err := os.Open(ours)
				if err != nil {
					b.Fatal(err)
				}
				begun := time.Now()
				if _, err := unpack.Apply(context.Background(), f, bytes.NewReader(c.data), mine(unpack.Options{})); err != nil {
					b.Fatal(err)
				}
				took := time.Since(begun)
				f.Close()
				b.StopTimer()
				begun = time.Now()
				if out, err := exec.Command(program, "-C", theirs, c.flag, "--xattrs", "-xf", file).CombinedOutput(); err != nil {
					b.Fatalf("tar: %v: %s", err, out)
				}
				ratios = append(ratios, float64(took)/float64(time.Since(begun)))
				if err := os.RemoveAll(dir); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "of-tar")
		})
	}
}
