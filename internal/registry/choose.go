package registry

import (
	"context"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// maxNested bounds the indexes within an index that are read.
const maxNested = 16

// candidate is an image that an index offers.
type candidate struct {
	digest   string
	platform platform // empty where the index does not say
}

// build makes an Image of a document: of the manifest in it, or of the one that
// it offers for the platform.
func (c *Client) build(ctx context.Context, ref Ref, src source, doc document) (*Image, error) {
	if doc.index != nil {
		chosen, err := c.choose(ctx, src, doc.index)
		if err != nil {
			return nil, err
		}
		data, err := src.manifest(ctx, chosen)
		if err != nil {
			return nil, err
		}
		if doc, err = parseDocument(data, ""); err != nil {
			return nil, err
		}
		if doc.image == nil {
			return nil, fmt.Errorf("%s should be an image and is an index", short(chosen))
		}
	}
	return c.assemble(ctx, ref, src, doc)
}

func (c *Client) assemble(ctx context.Context, ref Ref, src source, doc document) (*Image, error) {
	m := doc.image
	if err := checkConfigType(m); err != nil {
		return nil, err
	}
	switch {
	case !isDigest(m.Config.Digest.String()):
		return nil, fmt.Errorf("its configuration has another digest than sha256: %s", m.Config.Digest)
	case m.Config.Size < 0 || m.Config.Size > maxConfig:
		return nil, fmt.Errorf("its configuration has %d bytes; at most %d are supported", m.Config.Size, maxConfig)
	}
	data, err := src.config(ctx, m.Config)
	if err != nil {
		return nil, err
	}
	cf, err := parseConfig(data)
	if err != nil {
		return nil, err
	}
	if err := c.suits(cf); err != nil {
		return nil, err
	}
	layers, err := layersOf(m, cf)
	if err != nil {
		return nil, err
	}
	return &Image{Ref: ref.String(), Digest: doc.digest, Config: configOf(cf), Layers: layers, source: src}, nil
}

// suits says whether an image runs here. Very old images don't say what for;
// they are taken.
func (c *Client) suits(cf *v1.ConfigFile) error {
	have := platform{os: cf.OS, arch: cf.Architecture, variant: cf.Variant}
	if have.os == "" || have.arch == "" || c.platform.rank(have) >= 0 {
		return nil
	}
	return otherPlatform(c.platform, []platform{have})
}

func otherPlatform(want platform, have []platform) error {
	var names []string
	for _, p := range have {
		names = append(names, p.String())
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > 20 {
		names = append(names[:20], "…")
	}
	return fmt.Errorf("there is none for %s; it is made for %s", want, strings.Join(names, ", "))
}

// choose gives the digest of the image that suits best. One whose platform the
// index does not tell is taken if it is the only candidate.
func (c *Client) choose(ctx context.Context, src source, index *v1.IndexManifest) (string, error) {
	list, err := candidates(ctx, src, index)
	if err != nil {
		return "", err
	}
	best, bestRank := "", -1
	var have []platform
	for _, cand := range list {
		rank := c.platform.rank(cand.platform)
		if rank >= 0 && (bestRank < 0 || rank < bestRank) {
			best, bestRank = cand.digest, rank
		}
		if cand.platform.os != "" {
			have = append(have, cand.platform)
		}
	}
	switch {
	case best != "":
		return best, nil
	case len(list) == 0:
		return "", fmt.Errorf("its index has no image in it")
	case len(list) == 1 && len(have) == 0:
		return list[0].digest, nil
	case len(have) == 0:
		return "", fmt.Errorf("its index has %d images and does not say for which platforms they are; name one by its digest", len(list))
	}
	return "", otherPlatform(c.platform, have)
}

// candidates lists the images of an index, and of the indexes in it: one level
// of them, as some builders write.
func candidates(ctx context.Context, src source, index *v1.IndexManifest) ([]candidate, error) {
	var list []candidate
	nested := 0
	for _, d := range index.Manifests {
		switch {
		case !isDigest(d.Digest.String()):
			return nil, fmt.Errorf("its index names another digest than sha256: %s", d.Digest)
		case d.MediaType.IsIndex():
			if nested++; nested > maxNested {
				return nil, fmt.Errorf("its index holds more than %d other ones", maxNested)
			}
			inner, err := readIndex(ctx, src, d.Digest.String())
			if err != nil {
				return nil, err
			}
			list = append(list, images(inner)...)
		}
	}
	return append(list, images(index)...), nil
}

func readIndex(ctx context.Context, src source, digest string) (*v1.IndexManifest, error) {
	data, err := src.manifest(ctx, digest)
	if err != nil {
		return nil, err
	}
	doc, err := parseDocument(data, "")
	if err != nil {
		return nil, err
	}
	if doc.index == nil {
		return nil, fmt.Errorf("%s should be an index and is an image", short(digest))
	}
	return doc.index, nil
}

// images are those of an index that may be meant. Builders add signatures and
// the like for the platform unknown/unknown.
func images(index *v1.IndexManifest) []candidate {
	var list []candidate
	for _, d := range index.Manifests {
		p := platformOf(d.Platform)
		if d.MediaType.IsImage() && isDigest(d.Digest.String()) && p.os != "unknown" {
			list = append(list, candidate{digest: d.Digest.String(), platform: p})
		}
	}
	return list
}
