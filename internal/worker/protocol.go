package worker

import (
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/rootfs"
)

// request is what a worker is to do; one of its fields is set.
type request struct {
	Unpack  *unpackRequest `json:"unpack,omitempty"`
	Remove  []string       `json:"remove,omitempty"`
	Within  string         `json:"within,omitempty"` // of Remove: the folder that the paths are relative to, and stay in
	Measure string         `json:"measure,omitempty"`
	Probe   string         `json:"probe,omitempty"`
	Build   *buildRequest  `json:"build,omitempty"`
	Debian  *Debian        `json:"debian,omitempty"`
	Copy    *copyRequest   `json:"copy,omitempty"`
	Own     *ownRequest    `json:"own,omitempty"`
}

// ownRequest gives a path in a folder, which is not left, an owner.
type ownRequest struct {
	Root string `json:"root"`
	Path string `json:"path"`
	UID  int    `json:"uid"` // -1 keeps it
	GID  int    `json:"gid"`
}

// copyRequest copies a tree as it is.
type copyRequest struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// buildRequest changes a root under construction.
type buildRequest struct {
	Root    rootfs.Spec `json:"root"`
	Changes []Change    `json:"changes"`
	OneID   bool        `json:"one_id"`
	UserNS  bool        `json:"userns"`
	Limits  Limits      `json:"limits"`
}

// ChangeKind says what a Change does.
type ChangeKind string

// The kinds of changes.
const (
	EnsureDir ChangeKind = "ensure-dir" // Path, with its parents
	Text      ChangeKind = "text"       // a file Path with Content, 0644
	Remove    ChangeKind = "remove"     // Path and what is below it
	Copy      ChangeKind = "copy"       // what a !Copy names to Path
	Tar       ChangeKind = "tar"        // what Subdir of an archive holds to Path
)

// Change is one change to a root under construction. Paths are absolute in it;
// the project is /work there.
type Change struct {
	Kind    ChangeKind `json:"kind"`
	Path    string     `json:"path"`
	Content string     `json:"content,omitempty"` // Text
	Source  string     `json:"source,omitempty"`  // Tar: a path in the root
	Blob    string     `json:"blob,omitempty"`    // Tar: a file of the host, instead of Source
	Subdir  string     `json:"subdir,omitempty"`  // Tar: relative; "" or "." for all

	Copy *plan.Step `json:"copy,omitempty"` // Copy: what, and how
}

// Debian is a system to make with mmdebstrap(1).
type Debian struct {
	Program  string   `json:"program"` // absolute path of mmdebstrap
	Release  string   `json:"release"`
	Variant  string   `json:"variant"`
	Packages []string `json:"packages"`
	Sources  []string `json:"sources"` // mirrors or files of sources, as mmdebstrap takes them
	Options  []string `json:"options"` // more of its options
	Env      []string `json:"env"`
	Dest     string   `json:"dest"` // an empty folder
	Log      string   `json:"log"`  // a file that its output is added to
}

type unpackRequest struct {
	Layers []Layer `json:"layers"`
	Limits Limits  `json:"limits"`
	OneID  bool    `json:"one_id"`
	UserNS bool    `json:"userns"`
}

// Layer is a layer to unpack.
type Layer struct {
	Blob         string   `json:"blob"` // file that holds it, compressed or not
	Offset, Size int64    // the part of the file that it is
	Dest         string   `json:"dest"`  // folder to unpack to
	Flat         bool     `json:"flat"`  // over what is in Dest; else for overlay
	Lower        []string `json:"lower"` // folders of the layers below, the uppermost first
	DiffID       string   `json:"diffid"`
}

// Limits bound what one layer may unpack to.
type Limits struct {
	Bytes int64 `json:"bytes"`
	Files int64 `json:"files"`
}

// Unpacked is what a layer was.
type Unpacked struct {
	Bytes   int64 `json:"bytes"`
	Files   int64 `json:"files"`
	Skipped int   `json:"skipped"` // device nodes that can't be made here
	Opaque  bool  `json:"opaque"`  // it hides all layers below it, which overlayfs has to be told by leaving them out
}

// message is what a worker says: progress, or the answer, which is the last.
type message struct {
	Layer    int        `json:"layer,omitempty"` // progress: which one
	Read     int64      `json:"read,omitempty"`  // progress: bytes of it that were read
	Done     bool       `json:"done,omitempty"`
	Error    string     `json:"error,omitempty"`
	Unpacked []Unpacked `json:"unpacked,omitempty"`
	Size     int64      `json:"size,omitempty"`
	Files    int64      `json:"files,omitempty"`
	Overlay  bool       `json:"overlay,omitempty"`
}
