package unpack

import (
	"path"
	"strings"
)

// top is the path of the folder that the layer is applied to. All paths are
// relative to it and clean.
const top = "."

// Linux's own limits, in bytes, without the final NUL (limits.h).
const (
	maxName = 255
	maxPath = 4095
)

// The names that the OCI specification (layer.md) takes out of the files'.
const (
	whiteoutPrefix = ".wh."
	opaqueName     = ".wh..wh..opq"
	aufsPrefix     = ".wh..wh." // bookkeeping of Docker's aufs driver, in old images
)

// cleanName checks the name of an entry and makes it a path. An absolute name or
// one with ".." is refused, inside or not: nothing that makes images writes
// them, and programs differ in what they make of them. Two forms are usual: a
// leading "./", and "/" alone for the top folder (kaniko writes it).
func cleanName(name string) (string, error) {
	switch {
	case name == "":
		return "", &LayerError{Why: "has an entry without a name"}
	case strings.Trim(name, "/") == "":
		return top, nil
	case name[0] == '/':
		return "", &LayerError{Entry: name, Why: "has an absolute name; it must be relative to the layer's top folder"}
	}
	return cleanPath(name, name)
}

// cleanTarget does it for what a hard link points at. An absolute one is taken
// as relative to the top folder, as everybody does (kaniko writes them).
func cleanTarget(entry, target string) (string, error) {
	relative := strings.TrimLeft(target, "/")
	if relative == "" {
		return "", &LayerError{Entry: entry, Why: "is a hard link to nothing"}
	}
	return cleanPath(entry, relative)
}

func cleanPath(entry, name string) (string, error) {
	if len(name) > maxPath {
		return "", &LayerError{Entry: entry, Why: "has a path of more than 4095 bytes, which Linux can't open"}
	}
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "..":
			return "", &LayerError{Entry: entry, Why: `has ".." in its path, which could lead out of the container's root`}
		case len(part) > maxName:
			return "", &LayerError{Entry: entry, Why: "has a name of more than 255 bytes, which Linux can't make"}
		case strings.IndexByte(part, 0) >= 0:
			return "", &LayerError{Entry: entry, Why: "has a NUL byte in its path"}
		}
	}
	return path.Clean(name), nil
}

// kind says what the name of an entry makes of it.
type kind int

const (
	ordinary kind = iota
	hides         // it hides a name in lower layers
	hidesAll      // it hides all that lower layers have in its folder
	ignored       // it is none of a container's business
)

// kindOf gives the kind of a clean path, and which name in its folder is meant.
func kindOf(entry, name string) (kind, string, error) {
	dir, base := split(name)
	for part := range strings.SplitSeq(dir, "/") {
		switch {
		case strings.HasPrefix(part, aufsPrefix):
			return ignored, "", nil
		case strings.HasPrefix(part, whiteoutPrefix):
			return 0, "", &LayerError{Entry: entry, Why: "lies in a whiteout, whose names (.wh.) are taken"}
		}
	}
	switch {
	case base == opaqueName:
		return hidesAll, "", nil
	case strings.HasPrefix(base, aufsPrefix):
		return ignored, "", nil
	case !strings.HasPrefix(base, whiteoutPrefix):
		return ordinary, base, nil
	}
	switch base = base[len(whiteoutPrefix):]; base {
	case "", ".", "..":
		return 0, "", &LayerError{Entry: entry, Why: "is a whiteout of no name"}
	}
	return hides, base, nil
}

// split takes the last name off a clean path.
func split(name string) (dir, base string) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return top, name
	}
	return name[:i], name[i+1:]
}

// join puts a name behind a clean path.
func join(dir, base string) string {
	if dir == top {
		return base
	}
	return dir + "/" + base
}
