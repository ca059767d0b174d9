package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Image is what a reference was resolved to.
type Image struct {
	Ref      string    `json:"ref"`             // as the registry's client writes it
	Stamp    string    `json:"stamp,omitempty"` // of a file that holds it: another one means another image
	Platform string    `json:"platform"`        // os/arch[/variant]
	Digest   string    `json:"digest"`          // of the manifest
	Fetched  time.Time `json:"fetched"`
	Config   Config    `json:"config"`
	Top      Key       `json:"top"`  // the node of its uppermost layer
	Size     int64     `json:"size"` // bytes of all its layers

	LastUsed time.Time `json:"-"`
}

func (s *Store) imagePath(ref, platform string) string {
	sum := sha256.Sum256([]byte(ref + "\n" + platform))
	return filepath.Join(s.path, "images", hex.EncodeToString(sum[:])+".json")
}

// Image gives what a reference was resolved to, and notes that it was used now.
// The error is fs.ErrNotExist where it never was; after any other it is as
// unknown, and PutImage replaces what is there.
func (s *Store) Image(ref, platform string) (Image, error) {
	path := s.imagePath(ref, platform)
	image, err := readImage(path)
	if err == nil {
		now := time.Now()
		_ = os.Chtimes(path, now, now)
	}
	return image, err
}

func readImage(path string) (Image, error) {
	var image Image
	data, err := os.ReadFile(path)
	if err != nil {
		return image, err
	}
	if err := json.Unmarshal(data, &image); err != nil || image.Top == "" {
		return image, fmt.Errorf("%s is damaged", path)
	}
	return image, nil
}

// PutImage keeps what a reference was resolved to.
func (s *Store) PutImage(image Image) error {
	return s.locked(unix.LOCK_SH, func() error { return writeJSON(s.imagePath(image.Ref, image.Platform), image) })
}

// Images are all that were resolved, by reference. Those that can't be read are
// left out.
func (s *Store) Images() ([]Image, error) {
	images, _, err := s.images()
	return images, err
}

// images gives the path of each, too.
func (s *Store) images() (images []Image, paths []string, err error) {
	paths, err = filepath.Glob(filepath.Join(s.path, "images", "*.json"))
	if err != nil {
		return nil, nil, err
	}
	kept := paths[:0]
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		image, err := readImage(path)
		if err != nil {
			continue
		}
		image.LastUsed = info.ModTime()
		images, kept = append(images, image), append(kept, path)
	}
	return images, kept, nil
}

// trimSHA gives the digits of "sha256:HEX".
func trimSHA(digest string) (string, bool) {
	digits, ok := strings.CutPrefix(digest, "sha256:")
	if _, err := hex.DecodeString(digits); !ok || err != nil || len(digits) != 2*sha256.Size {
		return "", false
	}
	return digits, true
}

// Chain gives the digest of a chain of layers from that of the chain below it,
// "" for none, and the layer's own: the ChainID of the OCI image specification
// (config.md, Layer ChainID).
func Chain(below, diffID string) string {
	if below == "" {
		return diffID
	}
	sum := sha256.Sum256([]byte(below + " " + diffID))
	return "sha256:" + hex.EncodeToString(sum[:])
}
