package unpack_test

import (
	"archive/tar"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"github.com/lanyard-dev/lanyard/internal/unpack"
)

// bigLayer is what an image of a distribution looks like to a disk: many small
// files, a few large ones, contents that compress to about a third.
func bigLayer(b *testing.B, name string, files int, bytes int64) []byte {
	b.Helper()
	random := rand.New(rand.NewPCG(3, 4))
	vocabulary := make([]string, 20000)
	for i := range vocabulary {
		word := make([]byte, 2+random.IntN(9))
		for j := range word {
			word[j] = byte('a' + random.IntN(26))
		}
		vocabulary[i] = string(word) + " "
	}
	often := rand.NewZipf(random, 1.2, 8, uint64(len(vocabulary)-1))
	sizes := make([]float64, files)
	sum := 0.0
	for i := range sizes {
		sizes[i] = random.ExpFloat64() * random.ExpFloat64() * random.ExpFloat64()
		sum += sizes[i]
	}
	list := []tar.Header{{Name: name + "/"}}
	for i, size := range sizes {
		folder := fmt.Sprintf("%s/d%d/", name, i/40)
		if i%40 == 0 {
			list = append(list, tar.Header{Name: folder})
		}
		n := int(size / sum * float64(bytes))
		contents := make([]byte, 0, n)
		for len(contents) < n {
			contents = append(contents, vocabulary[often.Uint64()]...)
		}
		list = append(list, tar.Header{Name: fmt.Sprintf("%sfile%d", folder, i), Uname: string(contents)})
	}
	return layer(b, list...)
}

// race times two ways to unpack the same into a folder, ours in this process and
// theirs in others, in turns, the first of each pair changing. It reports our
// median time, and the medians of what it and the processors' time are of theirs:
// below 1 we are faster. The second holds on a busy machine too.
func race(b *testing.B, theirs string, ourWay, theirWay func(dir string)) {
	var ours, ratios, cpus []float64
	timed := func(way func(string), who int) (took, cpu float64) {
		dir, err := os.MkdirTemp(b.TempDir(), "")
		if err != nil {
			b.Fatal(err)
		}
		syscall.Sync()
		begun, used := time.Now(), processorTime(who)
		way(dir)
		took, cpu = time.Since(begun).Seconds(), processorTime(who)-used
		if err := os.RemoveAll(dir); err != nil {
			b.Fatal(err)
		}
		return took, cpu
	}
	for i := 0; b.Loop(); i++ {
		var our, their, ourCPU, theirCPU float64
		if i%2 == 0 {
			our, ourCPU = timed(ourWay, syscall.RUSAGE_SELF)
		}
		their, theirCPU = timed(theirWay, syscall.RUSAGE_CHILDREN)
		if i%2 == 1 {
			our, ourCPU = timed(ourWay, syscall.RUSAGE_SELF)
		}
		ours, ratios, cpus = append(ours, our), append(ratios, our/their), append(cpus, ourCPU/theirCPU)
	}
	for _, list := range [][]float64{ours, ratios, cpus} {
		slices.Sort(list)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ours[len(ours)/2]*1000, "ms")
	b.ReportMetric(ratios[len(ratios)/2], "of-"+theirs)
	b.ReportMetric(cpus[len(cpus)/2], "cpu-of-"+theirs)
}

// processorTime is what this process or its children used, in seconds.
func processorTime(who int) float64 {
	var r syscall.Rusage
	_ = syscall.Getrusage(who, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
}

// applyFile applies a layer that lies in a file.
func applyFile(b *testing.B, dir, file string) {
	b.Helper()
	in, err := os.Open(file)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	out, err := os.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	if _, err := unpack.Apply(context.Background(), out, in, mine(unpack.Options{})); err != nil {
		b.Fatal(err)
	}
}

func runs(b *testing.B, name string, args ...string) {
	b.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		b.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

// BenchmarkTar unpacks a layer of 100 MB and 7,000 files beside GNU tar.
func BenchmarkTar(b *testing.B) {
	program := testkit.RequireTool(b, "tar")
	plain := bigLayer(b, "usr", 7000, 100e6)
	for _, c := range []struct {
		name, flag string
		data       []byte
	}{{"gzip", "-z", gzipped(plain)}, {"zstd", "--zstd", zstdPacked(b, plain)}, {"plain", "-p", plain}} {
		b.Run(c.name, func(b *testing.B) {
			if c.name == "zstd" {
				testkit.RequireTool(b, "zstd")
			}
			file := filepath.Join(b.TempDir(), "layer")
			if err := os.WriteFile(file, c.data, 0o600); err != nil {
				b.Fatal(err)
			}
			race(b, "tar", func(dir string) { applyFile(b, dir, file) },
				func(dir string) { runs(b, program, "-C", dir, c.flag, "--xattrs", "-xf", file) })
		})
	}
}

// BenchmarkUmoci unpacks an image of 300 MB, three layers and 20,000 files
// beside umoci.
func BenchmarkUmoci(b *testing.B) {
	testkit.Require(b, testkit.Root) // umoci changes owners
	umoci := testkit.RequireTool(b, "umoci")
	dir := b.TempDir()
	image := filepath.Join(dir, "image")
	runs(b, umoci, "init", "--layout", image)
	runs(b, umoci, "new", "--image", image+":x")
	var files []string
	for i, size := range []int64{150e6, 100e6, 50e6} {
		file := filepath.Join(dir, fmt.Sprint("layer", i))
		data := bigLayer(b, fmt.Sprint("usr", i), int(size/15000), size)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			b.Fatal(err)
		}
		runs(b, umoci, "raw", "add-layer", "--image", image+":x", file)
		if err := os.WriteFile(file, gzipped(data), 0o600); err != nil {
			b.Fatal(err)
		}
		files = append(files, file)
	}
	race(b, "umoci", func(dir string) {
		for i, file := range files {
			layer := filepath.Join(dir, fmt.Sprint(i))
			if err := os.Mkdir(layer, 0o755); err != nil {
				b.Fatal(err)
			}
			applyFile(b, layer, file)
		}
	}, func(dir string) { runs(b, umoci, "raw", "unpack", "--image", image+":x", filepath.Join(dir, "rootfs")) })
}
