package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The image that is unpacked: what a distribution with a large language in it
// is, in files and bytes.
const (
	bigLayers = 4
	bigFiles  = 20_000
	bigBytes  = 300 << 20
	// stackedLayers is how many layers the image has whose start is compared with
	// a folder's.
	stackedLayers = 10
)

// imageProject makes a project beside the others' with the images, once.
func (w *workshop) imageProject() (string, error) {
	dir := filepath.Join(w.dir, "images")
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	probe, err := os.ReadFile(filepath.Join(w.rootfs, probePath))
	if err != nil {
		return "", err
	}
	file := "containers:\n  big: {image: 'oci:big:latest'}\n  stacked: {image: 'oci:stacked:latest'}\n  folder: {rootfs: " + w.rootfs + "}\n" +
		"commands:\n  stacked: !Command {container: stacked, run: [/probe]}\n  folder: !Command {container: folder, run: [/probe]}\n"
	if err := os.WriteFile(filepath.Join(dir, "lanyard.yaml"), []byte(file), 0o644); err != nil {
		return "", err
	}
	if err := makeImage(filepath.Join(dir, "stacked"), stackedLayers, func(layer int, t *tar.Writer) error {
		return writeEntry(t, fmt.Sprintf("layer%d/file", layer), 0o644, []byte("x"), layer == 0, probe)
	}); err != nil {
		return "", err
	}
	random := rand.New(rand.NewPCG(1, 2))
	err = makeImage(filepath.Join(dir, "big"), bigLayers, func(layer int, t *tar.Writer) error { return fillLayer(t, layer, random) })
	return dir, err
}

// writeEntry writes a file, and the probe where the first layer has to have it.
func writeEntry(t *tar.Writer, name string, mode int64, data []byte, first bool, probe []byte) error {
	files := []struct {
		name string
		mode int64
		data []byte
	}{{name, mode, data}}
	if first {
		files = append(files, struct {
			name string
			mode int64
			data []byte
		}{"probe", 0o755, probe})
	}
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data)), ModTime: time.Unix(1, 0), Typeflag: tar.TypeReg}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(f.data); err != nil {
			return err
		}
	}
	return nil
}

// fillLayer writes a layer's share of the large image: files of many sizes, whose
// contents compress about as far as programs do.
func fillLayer(t *tar.Writer, layer int, random *rand.Rand) error {
	const files, mean = bigFiles / bigLayers, bigBytes / bigFiles
	words := make([]byte, 1<<16)
	for i := range words {
		words[i] = byte(random.ExpFloat64() * 24)
	}
	for i := range files {
		size := int(random.ExpFloat64() * mean)
		data := make([]byte, 0, size+len(words))
		for len(data) < size {
			at := random.IntN(len(words) - 256)
			data = append(data, words[at:at+64+random.IntN(192)]...)
		}
		if err := writeEntry(t, fmt.Sprintf("usr/share/%d/%d/file%d", layer, i/100, i), 0o644, data[:size], false, nil); err != nil {
			return err
		}
	}
	return nil
}

// makeImage makes an OCI layout with an image, latest.
func makeImage(dir string, layers int, fill func(layer int, t *tar.Writer) error) error {
	var adds []v1.Layer
	for i := range layers {
		// In a file: what this process needs at most counts as its children's, too.
		packed, err := os.CreateTemp("", "layer")
		if err != nil {
			return err
		}
		defer os.Remove(packed.Name())
		z := gzip.NewWriter(packed)
		t := tar.NewWriter(z)
		if err := errors.Join(fill(i, t), t.Close(), z.Close(), packed.Close()); err != nil {
			return err
		}
		layer, err := tarball.LayerFromFile(packed.Name(), tarball.WithMediaType(types.OCILayer))
		if err != nil {
			return err
		}
		adds = append(adds, layer)
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.AppendLayers(base, adds...)
	if err != nil {
		return err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return err
	}
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	return path.AppendImage(image, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "latest"}))
}

// unpackRow: a large image, from its layout to a root on the disk.
func unpackRow(w *workshop) experiment {
	lanyard := w.lanyardArgs()
	return experiment{
		key: "unpack", maxRounds: 3, slow: true,
		metrics: []metric{
			{what: fmt.Sprintf("unpacking an image of %d MB and %d files in %d layers", bigBytes>>20, bigFiles, bigLayers), unit: "ms", budgets: []budget{{against: "umoci unpack", limit: 1}, {against: "tar -xzf", limit: 1}}},
			{what: "memory of its largest process", unit: "MB", budgets: []budget{{limit: 100, below: true}}},
		},
		contestants: []contestant{
			{name: lanyardName, missing: lanyard.missing, measure: func() ([]float64, error) {
				return w.unpacked(func(project, to string) []*exec.Cmd {
					return []*exec.Cmd{exec.Command(w.lanyard, "_pull", "--quiet", "big")}
				})
			}},
			w.umoci(), {name: "tar -xzf", measure: func() ([]float64, error) { return w.unpacked(untar) }},
		},
	}
}

func (w *workshop) umoci() contestant {
	const name = "umoci unpack"
	path, missing := find("umoci")
	if os.Geteuid() != 0 && missing == "" {
		missing = "it keeps owners as root only"
	}
	return contestant{name: name, missing: missing, measure: func() ([]float64, error) {
		return w.unpacked(func(project, to string) []*exec.Cmd {
			return []*exec.Cmd{exec.Command(path, "unpack", "--image", filepath.Join(project, "big:latest"), filepath.Join(to, "bundle"))}
		})
	}}
}

// untar unpacks the layers one after the other, as a shell script would.
func untar(project, to string) []*exec.Cmd {
	blobs, err := filepath.Glob(filepath.Join(project, "big", "blobs", "sha256", "*"))
	if err != nil {
		return nil
	}
	var commands []*exec.Cmd
	for _, blob := range blobs {
		if info, err := os.Stat(blob); err == nil && info.Size() > 1<<20 {
			commands = append(commands, exec.Command("tar", "-C", to, "-xzf", blob))
		}
	}
	return commands
}

// unpacked measures commands that unpack the large image into a new folder, one
// after the other. The folder stays until the workshop goes: for a minute ext4 looks
// around the inodes that were just freed (fs/ext4/ialloc.c, recently_deleted), so
// whoever came after a removal would pay for it.
func (w *workshop) unpacked(commands func(project, to string) []*exec.Cmd) ([]float64, error) {
	project, err := w.imageProject()
	if err != nil {
		return nil, err
	}
	to, err := os.MkdirTemp(w.dir, "unpacked-")
	if err != nil {
		return nil, err
	}
	syscall.Sync() // what earlier rounds have left to write is not this one's
	begin, most := time.Now(), int64(0)
	for _, cmd := range commands(project, to) {
		cmd.Dir, cmd.Env = project, append(os.Environ(), "XDG_DATA_HOME="+to)
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w: %s", cmd.Path, err, strings.TrimSpace(string(out)))
		}
		most = max(most, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	}
	return []float64{milliseconds(time.Since(begin)), float64(most) / 1000}, nil
}

// imageRow: what an image of many layers costs a start more than a folder.
func imageRow(w *workshop) experiment {
	lanyard := w.lanyardArgs()
	return experiment{
		key: "image",
		metrics: []metric{{
			what: fmt.Sprintf("start with an image of %d layers that is there, more than with a folder", stackedLayers), unit: "ms",
			budgets: []budget{{limit: 1}},
		}},
		contestants: []contestant{{name: lanyardName, missing: lanyard.missing, measure: w.imageStart}},
	}
}

// pairs is how many starts of each kind one measurement has, in turn: their
// smallest count, because what is asked for is a small difference.
const pairs = 5

func (w *workshop) imageStart() ([]float64, error) {
	project, err := w.imageProject()
	if err != nil {
		return nil, err
	}
	best := map[string]float64{}
	for range pairs {
		for _, command := range []string{"folder", "stacked"} {
			cmd := exec.Command(w.lanyard, command)
			cmd.Dir, cmd.Env = project, append(os.Environ(), "XDG_DATA_HOME="+filepath.Join(w.dir, "data"))
			begin := time.Now()
			if out, err := cmd.CombinedOutput(); err != nil {
				return nil, fmt.Errorf("%s: %w: %s", command, err, out)
			}
			if took := milliseconds(time.Since(begin)); best[command] == 0 || took < best[command] {
				best[command] = took
			}
		}
	}
	return []float64{best["stacked"] - best["folder"]}, nil
}
