package registry

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// document is a manifest or an index; one of both is set.
type document struct {
	digest string
	image  *v1.Manifest
	index  *v1.IndexManifest
}

// parseDocument finds out what data is. told is the media type that came with
// it; what the document says of itself counts more.
func parseDocument(data []byte, told string) (document, error) {
	var shape struct {
		SchemaVersion             int64
		MediaType                 types.MediaType
		Config, Layers, Manifests json.RawMessage
	}
	if err := json.Unmarshal(data, &shape); err != nil {
		return document{}, fmt.Errorf("the manifest is no valid JSON: %s", clean(err.Error()))
	}
	kind := shape.MediaType
	if kind == "" {
		kind = types.MediaType(told)
	}
	doc := document{digest: digestOf(data)}
	switch isIndex, isImage := shape.Manifests != nil, shape.Layers != nil || shape.Config != nil; {
	case kind.IsSchema1() || shape.SchemaVersion == 1:
		return document{}, errors.New("it is stored in Docker's format of 2015 (manifest schema 1), which is not supported; push it again with a newer Docker or Podman")
	case isIndex && isImage:
		// Two readers could see two images in it (CVE-2021-41190).
		return document{}, errors.New("its manifest is an index and an image at once, and is refused")
	case isIndex && !kind.IsImage():
		doc.index = &v1.IndexManifest{}
		return doc, decode(data, doc.index, "index")
	case isImage && !kind.IsIndex():
		doc.image = &v1.Manifest{}
		return doc, decode(data, doc.image, "manifest")
	}
	return document{}, fmt.Errorf("its manifest is of the type %q, which is no image", clean(string(kind)))
}

func decode(data []byte, into any, what string) error {
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(into); err != nil {
		return fmt.Errorf("its %s is not valid: %s", what, clean(err.Error()))
	}
	return nil
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// checkDigest compares what came with what was asked for.
func checkDigest(data []byte, want string) error {
	if got := digestOf(data); got != want {
		return &digestError{want: want, got: got}
	}
	return nil
}

// layersOf checks a manifest and its configuration against each other.
func layersOf(m *v1.Manifest, cf *v1.ConfigFile) ([]Layer, error) {
	if len(m.Layers) > maxLayers {
		return nil, fmt.Errorf("it has %d layers; at most %d are supported", len(m.Layers), maxLayers)
	}
	if len(m.Layers) != len(cf.RootFS.DiffIDs) {
		return nil, fmt.Errorf("its manifest has %d layers and its configuration %d (rootfs.diff_ids); the image is broken", len(m.Layers), len(cf.RootFS.DiffIDs))
	}
	var layers []Layer
	for i, d := range m.Layers {
		l := Layer{Digest: d.Digest.String(), DiffID: cf.RootFS.DiffIDs[i].String(), MediaType: string(d.MediaType), Size: d.Size}
		switch {
		case len(d.URLs) > 0 || !d.MediaType.IsDistributable():
			return nil, fmt.Errorf("layer %d is not part of the image but lies elsewhere (a foreign layer, as Windows images have); that is not supported", i+1)
		case !d.MediaType.IsLayer() && d.MediaType != dockerZstd:
			return nil, fmt.Errorf("layer %d is of the type %q, which is no layer of a file system", i+1, clean(l.MediaType))
		case !isDigest(l.Digest) || !isDigest(l.DiffID):
			return nil, fmt.Errorf("layer %d has another digest than sha256: %s, %s", i+1, l.Digest, l.DiffID)
		case l.Size <= 0:
			return nil, fmt.Errorf("layer %d has a size of %d bytes; the image is broken", i+1, l.Size)
		}
		layers = append(layers, l)
	}
	return layers, nil
}

// dockerZstd is what Docker calls a layer that zstd compressed.
const dockerZstd types.MediaType = "application/vnd.docker.image.rootfs.diff.tar.zstd"

// checkConfigType refuses what is stored like an image but is none: charts,
// signatures, modules.
func checkConfigType(m *v1.Manifest) error {
	if m.Config.MediaType.IsConfig() {
		return nil
	}
	kind := m.ArtifactType
	if kind == "" {
		kind = string(m.Config.MediaType)
	}
	return fmt.Errorf("it is no image but an artifact of the type %q", clean(kind))
}

func parseConfig(data []byte) (*v1.ConfigFile, error) {
	cf := &v1.ConfigFile{}
	if err := decode(data, cf, "configuration"); err != nil {
		return nil, err
	}
	// No program can be given one (execve(2)).
	c := &cf.Config
	for name, texts := range map[string][]string{"Env": c.Env, "Cmd": c.Cmd, "Entrypoint": c.Entrypoint, "WorkingDir": {c.WorkingDir}, "User": {c.User}} {
		if slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, "\x00") }) {
			return nil, fmt.Errorf("its configuration has a NUL character in %s; the image is broken", name)
		}
	}
	return cf, nil
}

// configOf takes from a configuration file what matters here.
func configOf(cf *v1.ConfigFile) Config {
	c := cf.Config
	return Config{
		Env: c.Env, WorkingDir: c.WorkingDir, User: c.User, Entrypoint: c.Entrypoint, Cmd: c.Cmd,
		Architecture: cf.Architecture, OS: cf.OS, Variant: cf.Variant, Created: cf.Created.Time,
	}
}
