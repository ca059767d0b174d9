package registry

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

func parse(t *testing.T, text, dir string) Ref {
	t.Helper()
	ref, err := Parse(text, dir)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// wantLayers fetches all layers of an image in a file, and compares what comes
// with the image that was put there: their tar streams, if they are compressed
// in another way.
func wantLayers(t *testing.T, img *Image, made v1.Image) {
	t.Helper()
	layers, err := made.Layers()
	if err != nil || len(layers) != len(img.Layers) {
		t.Fatalf("%d layers of %d, %v", len(img.Layers), len(layers), err)
	}
	for i, l := range img.Layers {
		diff, err := layers[i].DiffID()
		if err != nil || l.DiffID != diff.String() {
			t.Errorf("layer %d: diff id %s, want %s, %v", i, l.DiffID, diff, err)
		}
		var sum int64
		blob, err := img.Fetch(context.Background(), i, "/nowhere", func(n int64) { sum += n })
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(blob.Path)
		if err != nil || blob.Temporary || blob.Size != l.Size || sum != l.Size || blob.Offset+blob.Size > int64(len(data)) {
			t.Fatalf("layer %d: %+v, progress %d, %v", i, blob, sum, err)
		}
		if got := digestOf(data[blob.Offset : blob.Offset+blob.Size]); got != l.Digest {
			t.Errorf("layer %d is %s, want %s", i, got, l.Digest)
		}
	}
}

func writeLayout(t *testing.T, images map[string]v1.Image) string {
	t.Helper()
	dir := t.TempDir()
	p, err := layout.Write(dir, index(nil))
	if err != nil {
		t.Fatal(err)
	}
	for tag, img := range images {
		if err := p.AppendImage(img, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": tag})); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLayout(t *testing.T) {
	a, b := testImage(t, amd64, 2, 1000), testImage(t, amd64, 1, 1000)
	arm := testImage(t, platform{"linux", "arm64", ""}, 1, 1000)
	dir := writeLayout(t, map[string]v1.Image{"a": a})
	two := writeLayout(t, map[string]v1.Image{"a": a, "h.io/b:1": b})
	multi := t.TempDir()
	if _, err := layout.Write(multi, index(map[string]v1.Image{"linux/amd64": b, "linux/arm64": arm})); err != nil {
		t.Fatal(err)
	}
	c := newTestClient(Options{})
	for text, want := range map[string]v1.Image{
		dir: a, dir + ":a": a, two + ":a": a, two + ":h.io/b:1": b, multi: b,
	} {
		img := resolve(t, c, parse(t, "oci:"+text, "/"))
		if digest, err := want.Digest(); err != nil || img.Digest != digest.String() {
			t.Errorf("%s: %s, want %s, %v", text, img.Digest, digest, err)
		}
		wantLayers(t, img, want)
	}
	for text, wants := range map[string][]string{
		two:          {"several tags; append one: a, h.io/b:1"},
		two + ":c":   {`no tag "c"; there is a, h.io/b:1`},
		multi + ":c": {`no tag "c", nor any other`},
		"/none":      {"/none/index.json is missing", "skopeo copy"},
	} {
		_, err := c.Resolve(context.Background(), parse(t, "oci:"+text, "/"))
		wantError(t, err, append(wants, "image oci:")...)
	}
	_, err := newTestClient(Options{Arch: "s390x"}).Resolve(context.Background(), parse(t, "oci:"+multi, "/"))
	wantError(t, err, "made for linux/amd64, linux/arm64")
}

// TestDamagedLayout: files of a layout that are missing, cut, changed, or none.
func TestDamagedLayout(t *testing.T) {
	made := testImage(t, amd64, 1, 1000)
	manifest, err := made.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := made.Digest()
	if err != nil {
		t.Fatal(err)
	}
	layer := manifest.Layers[0].Digest
	for name, do := range map[string]func(path string) error{
		"missing": os.Remove,
		"cut":     func(path string) error { return os.Truncate(path, 100) },
		"changed": func(path string) error {
			data, err := os.ReadFile(path)
			if err == nil {
				data[50] ^= 1
				err = os.WriteFile(path, data, 0o600)
			}
			return err
		},
		"no file": func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return exec.Command("mkfifo", path).Run()
		},
	} {
		for _, which := range []v1.Hash{digest, manifest.Config.Digest, layer} {
			dir := writeLayout(t, map[string]v1.Image{"a": made})
			path := filepath.Join(dir, "blobs/sha256", which.Hex)
			if err := do(path); err != nil {
				t.Fatal(err)
			}
			img, err := newTestClient(Options{}).Resolve(context.Background(), parse(t, "oci:"+dir, "/"))
			if which == layer && err == nil {
				var sum int64
				if _, err = img.Fetch(context.Background(), 0, "", func(n int64) { sum += n }); sum != 0 {
					t.Errorf("progress is %d after a failure", sum)
				}
			}
			want := map[string]string{"missing": which.Hex, "cut": which.String(), "changed": which.String(), "no file": "not a regular file"}[name]
			wantError(t, err, want, "image oci:")
		}
	}
}
