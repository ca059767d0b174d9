package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// saved is one image of an archive's manifest.json, as docker save writes it
// since 1.10 and podman save too. Paths are names in the archive.
type saved struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// sections is a source: the layers of an archive, by digest.
type sections struct {
	path   string
	layers map[string]section
}

func (c *Client) resolveArchive(ctx context.Context, ref Ref) (*Image, error) {
	f, err := openRegular(ref.path)
	if err != nil {
		return nil, fileError(ref, ref.path, err)
	}
	defer f.Close()
	t, err := readTar(ctx, f)
	if err != nil {
		return nil, err
	}
	one, err := t.choose(ref.tag)
	if err != nil {
		return nil, err
	}
	data, err := t.read(one.Config, maxConfig)
	if err != nil {
		return nil, err
	}
	digest := digestOf(data)
	if named := "sha256:" + strings.TrimSuffix(path.Base(one.Config), ".json"); isDigest(named) && named != digest {
		return nil, fmt.Errorf("%s: %w", clean(one.Config), &digestError{want: named, got: digest})
	}
	cf, err := parseConfig(data)
	if err != nil {
		return nil, err
	}
	if err := c.suits(cf); err != nil {
		return nil, err
	}
	src, layers, err := t.layers(ctx, ref.path, one, cf)
	if err != nil {
		return nil, err
	}
	return &Image{Ref: ref.String(), Digest: digest, Config: configOf(cf), Layers: layers, source: src}, nil
}

// choose reads manifest.json, and gives the image with a name, or the only one.
func (t *tarfile) choose(tag string) (saved, error) {
	if _, err := t.find("manifest.json"); err != nil {
		if _, err := t.find("index.json"); err == nil {
			return saved{}, errors.New("it is an OCI archive; unpack it into a folder, and name that: oci:FOLDER")
		}
		return saved{}, errors.New("there is no manifest.json in it: it is not what `docker save` or `podman save` writes")
	}
	data, err := t.read("manifest.json", maxManifest)
	if err != nil {
		return saved{}, err
	}
	var all []saved
	if err := json.Unmarshal(data, &all); err != nil {
		return saved{}, fmt.Errorf("its manifest.json is not valid: %s", clean(err.Error()))
	}
	var names []string
	for _, one := range all {
		if tag != "" && slices.ContainsFunc(one.RepoTags, func(have string) bool { return sameName(have, tag) }) {
			return one, nil
		}
		names = append(names, one.RepoTags...)
	}
	list := clean(strings.Join(names, ", "))
	switch {
	case tag != "" && len(names) == 0:
		return saved{}, fmt.Errorf("the images in it have no names; leave out %q", tag)
	case tag != "":
		return saved{}, fmt.Errorf("there is no %q in it, but %s", tag, list)
	case len(all) == 0:
		return saved{}, errors.New("there is no image in it")
	case len(all) > 1:
		return saved{}, fmt.Errorf("there are %d images in it; append the name of one: %s", len(all), list)
	}
	return all[0], nil
}

// sameName compares names as users write them: app is docker.io/library/app:latest.
func sameName(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := parseRemote(a)
	y, errY := parseRemote(b)
	return errX == nil && errY == nil && x.String() == y.String()
}

// layers finds the layers of an image. Where a layer's name is no digest, the
// digest is that of its tar stream, or it is computed.
func (t *tarfile) layers(ctx context.Context, file string, one saved, cf *v1.ConfigFile) (source, []Layer, error) {
	m := &v1.Manifest{}
	src := sections{path: file, layers: map[string]section{}}
	if len(one.Layers) > maxLayers {
		return nil, nil, fmt.Errorf("it has %d layers; at most %d are supported", len(one.Layers), maxLayers)
	}
	for i, name := range one.Layers {
		s, err := t.find(name)
		if err != nil {
			return nil, nil, err
		}
		kind, err := t.kind(s)
		if err != nil {
			return nil, nil, err
		}
		var digest string
		switch named := "sha256:" + strings.TrimPrefix(path.Clean(name), "blobs/sha256/"); {
		case isDigest(named):
			digest = named
		case kind == types.DockerUncompressedLayer && i < len(cf.RootFS.DiffIDs):
			digest = cf.RootFS.DiffIDs[i].String()
		default:
			if digest, err = t.digest(ctx, s); err != nil {
				return nil, nil, err
			}
		}
		src.layers[digest] = s
		hash, err := v1.NewHash(digest)
		if err != nil {
			return nil, nil, err
		}
		m.Layers = append(m.Layers, v1.Descriptor{MediaType: kind, Size: s.size, Digest: hash})
	}
	layers, err := layersOf(m, cf)
	return src, layers, err
}

func (s sections) manifest(context.Context, string) ([]byte, error) {
	return nil, errors.New("internal error: an archive has no manifests")
}

func (s sections) config(context.Context, v1.Descriptor) ([]byte, error) {
	return nil, errors.New("internal error: an archive's configuration was read before")
}

func (s sections) fetch(ctx context.Context, l Layer, _ string, progress func(int64)) (Blob, error) {
	at := s.layers[l.Digest]
	if err := verifyFile(ctx, s.path, at.offset, l, progress); err != nil {
		return Blob{}, fmt.Errorf("%s: %w", s.path, err)
	}
	return Blob{Path: s.path, Offset: at.offset, Size: l.Size}, nil
}
