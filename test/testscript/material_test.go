package testscript_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"github.com/rogpeppe/go-internal/testscript"
)

// material is what recipes and images of scripts are made of.
type material struct {
	root []byte // a small system of busybox, as a gzipped tar archive
}

func newMaterial(t *testing.T) *material {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	testkit.MakeRoot(t, dir)
	return &material{root: packed(t, dir)}
}

// packed makes a gzipped tar archive of a folder; all in it is root's.
func packed(t *testing.T, dir string) []byte {
	t.Helper()
	var buffer bytes.Buffer
	z := gzip.NewWriter(&buffer)
	w := tar.NewWriter(z)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		link, _ := os.Readlink(path)
		h, err := tar.FileInfoHeader(info, link)
		if err != nil {
			return err
		}
		h.Name, _ = filepath.Rel(dir, path)
		h.Uid, h.Gid, h.Uname, h.Gname = 0, 0, "", ""
		if err := w.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil {
			_, err = w.Write(data)
		}
		return err
	})
	for _, end := range []func() error{w.Close, z.Close} {
		if err == nil {
			err = end()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// archive FILE writes the small system as an archive.
func (m *material) archive(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: archive FILE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), m.root, 0o644))
}

// layout FOLDER CONFIG writes an OCI layout of one image, app, of the small
// system; CONFIG is a JSON object for what the image says of its command.
func (m *material) layout(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: layout FOLDER CONFIG")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o755))
	z, err := gzip.NewReader(bytes.NewReader(m.root))
	ts.Check(err)
	plain := sha256.New()
	_, err = io.Copy(plain, z)
	ts.Check(err)
	config := descriptor(ts, dir, "application/vnd.oci.image.config.v1+json", map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "config": json.RawMessage(args[1]),
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(plain.Sum(nil))}},
	})
	layer := blob(ts, dir, "application/vnd.oci.image.layer.v1.tar+gzip", m.root)
	manifest := descriptor(ts, dir, "application/vnd.oci.image.manifest.v1+json", map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": []any{layer},
	})
	manifest["annotations"] = map[string]string{"org.opencontainers.image.ref.name": "app"}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": []any{manifest}})
	ts.Check(err)
	ts.Check(os.WriteFile(filepath.Join(dir, "index.json"), index, 0o644))
	ts.Check(os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion": "1.0.0"}`), 0o644))
}

// descriptor writes a blob of JSON and gives what names it (image-spec,
// descriptor.md).
func descriptor(ts *testscript.TestScript, dir, mediaType string, value any) map[string]any {
	data, err := json.Marshal(value)
	ts.Check(err)
	return blob(ts, dir, mediaType, data)
}

func blob(ts *testscript.TestScript, dir, mediaType string, data []byte) map[string]any {
	sum := fmt.Sprintf("%x", sha256.Sum256(data))
	ts.Check(os.WriteFile(filepath.Join(dir, "blobs", "sha256", sum), data, 0o644))
	return map[string]any{"mediaType": mediaType, "digest": "sha256:" + sum, "size": len(data)}
}
