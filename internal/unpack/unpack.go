// Package unpack applies a layer of an image, a tar stream as the OCI image
// specification describes it (layer.md), to a folder. It works beneath an open
// folder only: no entry, link or hard link of a layer reaches anything outside.
//
// It is not atomic: after an error the folder holds a part of the layer. The
// caller applies to a temporary folder that nobody else changes, and renames it.
package unpack

import (
	"context"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Options says how a layer is applied. The zero value makes a layer in overlay
// format with the owners that the layer names, without device nodes.
type Options struct {
	// Flat is set where layers are laid over each other in one folder: a
	// whiteout removes what is there of lower layers. Otherwise whiteouts become
	// what overlayfs reads as such: a character device 0/0, and an xattr for an
	// opaque folder (Documentation/filesystems/overlayfs.rst in Linux).
	Flat bool
	// UserXattr marks opaque folders with user.overlay.opaque instead of
	// trusted.overlay.opaque, for mounts with the option userxattr.
	UserXattr bool
	// OneID is set where only one id is mapped: owners stay as they are made.
	OneID bool
	// Nodes makes device nodes, which needs CAP_MKNOD in the first user
	// namespace; otherwise they are left out and counted.
	Nodes bool
	// MaxBytes bounds the uncompressed stream and the sizes of all files
	// together, holes too; MaxFiles the entries and folders that are made.
	// 0 means no limit. Beyond one the error is a *LimitError.
	MaxBytes, MaxFiles int64
	// Lower are the roots of the lower layers, the uppermost first, each in
	// overlay format or flat. Folders that the layer implies but does not list
	// take mode, owner, xattrs and times from there, because overlayfs shows
	// those of the uppermost folder. Without one they are root's, with mode
	// 0755 and the time 0. Flat needs none: what is lower is there.
	Lower []*os.File
	// Progress is called often, from the goroutine that called Apply, with the
	// bytes read so far from the layer as it came. May be nil.
	Progress func(compressedBytes int64)
}

// Result is what Apply did.
type Result struct {
	DiffID     string // "sha256:" and the hex digest of the whole uncompressed stream
	Compressed int64  // bytes read from the layer as it came
	Bytes      int64  // sizes of the regular files
	Files      int64  // entries, with whiteouts, and folders made for them
	Skipped    int    // device nodes that were left out
	Xattrs     int    // xattrs that were left out: the kernel, the filesystem or Apply refuses them
	Opaque     bool   // the layer hides everything below it; overlayfs does not look for the mark on a layer's top folder, so leave the lower layers out
}

// applier is one Apply. One goroutine uses it.
type applier struct {
	Options
	result Result
	stream *stream
	umask  uint32
	uid    uint32 // who files belong to when they are made
	gid    uint32
	opaque string // the xattr of opaque folders
	buf    []byte // contents on their way into a file

	name string // of the entry at hand, as the stream has it

	folders   map[string]*folder // open ones, by real path
	clock     uint64             // counts uses of folders
	made      made               // Flat: what this layer made, which its whiteouts spare
	whiteouts int                // overlay format: how many this layer has made
	opaques   int                // and how many opaque folders
	acls      bool               // a folder of this layer has a default ACL
}

// Apply reads a layer to its end and applies it to dir, a folder that is open
// for reading. The stream may be plain tar, gzip or zstd, which is seen from its
// first bytes; several members or frames may follow each other. An empty stream
// is an empty layer, as for Docker.
//
// Errors: *LayerError if the layer is bad, *LimitError if it is too large, the
// layer's own if reading it fails, else an error that names the entry and wraps
// the kernel's (ENOSPC: the disk is full). Apply waits for its goroutines: a
// Read of the layer has to end when ctx does.
//
// It needs about 15 MB of memory whatever the layer's size; a zstd layer as much
// more as its window is larger than 8 MB, and Flat about 20 bytes for each entry.
func Apply(ctx context.Context, dir *os.File, layer io.Reader, o Options) (Result, error) {
	s := openStream(ctx, layer, o.MaxBytes, o.Progress)
	defer s.close()
	a := &applier{Options: o, stream: s, umask: umask(), uid: uint32(os.Geteuid()), gid: uint32(os.Getegid()),
		opaque:  "trusted.overlay.opaque",
		folders: map[string]*folder{}, buf: make([]byte, chunkSize)}
	if o.UserXattr {
		a.opaque = "user.overlay.opaque"
	}
	err := a.open(dir)
	if err == nil {
		err = a.entries()
	}
	if e := a.closeFolders(); err == nil {
		err = e
	}
	if err != nil {
		return Result{}, err
	}
	a.result.DiffID, a.result.Compressed = s.digest(), s.read.Load()
	return a.result, nil
}

// open begins with the top folder. Its metadata is that of a folder that is not
// listed, until the layer lists it.
func (a *applier) open(dir *os.File) error {
	fd, err := unix.Openat(int(dir.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: dir.Name(), Err: err}
	}
	// The ACL that files inherit would change the modes of all that is made.
	_ = unix.Fremovexattr(fd, defaultACL)
	if a.Flat {
		a.made = made{}
	}
	root, err := a.adopt(top, fd)
	if err != nil {
		return err
	}
	if empty, err := isEmpty(fd); err != nil || !empty {
		return err
	}
	return a.imply(root, false)
}

// count notes an entry, or a folder that one needs.
func (a *applier) count() error {
	if a.result.Files++; a.MaxFiles > 0 && a.result.Files > a.MaxFiles {
		return &LimitError{What: "files", Limit: a.MaxFiles}
	}
	return nil
}
