package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/unpack"
	"golang.org/x/sys/unix"
)

// init takes the process over when it is a worker. Any program that links this
// package, tests too, can start one.
func init() {
	if len(os.Args) == 1 && os.Args[0] == Argv0 {
		os.Exit(serve())
	}
}

// memory is what a worker should stay below, in bytes.
const memory = 64 << 20

// serve is the whole life of a worker.
func serve() int {
	runtime.LockOSThread() // parent-death signals, and ids at first, belong to a thread
	debug.SetMemoryLimit(memory)
	socket, in, err := container.BeginHelper()
	if socket == nil {
		return 1
	}
	var r request
	if err == nil {
		err = in.Decode(&r)
	}
	answer, out := message{}, json.NewEncoder(socket)
	if err == nil {
		syscall.Umask(0)
		answer, err = carryOut(&r, func(m message) { _ = out.Encode(m) })
	}
	answer.Done = true
	switch {
	case errors.Is(err, unix.ENOSPC):
		answer.Error = err.Error() + "; make room (lanyard _clean), or write store: FOLDER in the settings"
	case err != nil:
		answer.Error = err.Error()
	}
	if out.Encode(answer) != nil {
		return 1
	}
	return 0
}

func carryOut(r *request, tell func(message)) (answer message, err error) {
	switch {
	case r.Unpack != nil:
		answer.Unpacked, err = unpackAll(r.Unpack, tell)
	case r.Within != "":
		err = removeWithin(r.Within, r.Remove)
	case r.Remove != nil:
		err = removeAll(r.Remove)
	case r.Measure != "":
		answer.Size, answer.Files, err = measure(r.Measure)
	case r.Probe != "":
		answer.Overlay, err = canOverlay(r.Probe)
	case r.Build != nil:
		err = r.Build.carryOut()
	case r.Own != nil:
		err = r.Own.carryOut()
	case r.Copy != nil:
		err = copyAll(r.Copy.From, r.Copy.To)
	case r.Debian != nil:
		err = r.Debian.make()
	default:
		err = errors.New("internal error: a worker has nothing to do")
	}
	return answer, err
}

// tellEvery is how often progress is told.
const tellEvery = 100 * time.Millisecond

func unpackAll(r *unpackRequest, tell func(message)) ([]Unpacked, error) {
	var done []Unpacked
	for i, layer := range r.Layers {
		last := time.Time{}
		one, err := unpackOne(&layer, r, func(read int64) {
			if now := time.Now(); now.Sub(last) > tellEvery || read == layer.Size {
				last = now
				tell(message{Layer: i, Read: read})
			}
		})
		if err != nil {
			return nil, err
		}
		done = append(done, one)
	}
	return done, nil
}

// raiseLimits names the setting that bounds what is unpacked.
const raiseLimits = "raise layer-limits in the settings"

func unpackOne(layer *Layer, r *unpackRequest, progress func(int64)) (Unpacked, error) {
	blob, err := os.Open(layer.Blob)
	if err != nil {
		return Unpacked{}, fmt.Errorf("cannot open layer: %w", err)
	}
	defer blob.Close()
	dir, err := os.OpenFile(layer.Dest, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return Unpacked{}, err
	}
	defer dir.Close()
	var lower []*os.File
	for _, path := range layer.Lower {
		f, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY, 0)
		if err != nil {
			return Unpacked{}, err
		}
		defer f.Close()
		lower = append(lower, f)
	}
	result, err := unpack.Apply(context.Background(), dir, io.NewSectionReader(blob, layer.Offset, layer.Size), unpack.Options{
		Flat: layer.Flat, UserXattr: r.UserNS, OneID: r.OneID, Nodes: !r.UserNS,
		MaxBytes: r.Limits.Bytes, MaxFiles: r.Limits.Files, Lower: lower, Progress: progress,
	})
	var limit *unpack.LimitError
	switch {
	case errors.As(err, &limit):
		return Unpacked{}, fmt.Errorf("layer %s: %w; if it is meant to be so large, %s", layer.DiffID, err, raiseLimits)
	case err != nil:
		return Unpacked{}, fmt.Errorf("layer %s: %w", layer.DiffID, err)
	case layer.DiffID != "" && result.DiffID != layer.DiffID:
		return Unpacked{}, fmt.Errorf("layer %s: its content is %s; the image is damaged", layer.DiffID, result.DiffID)
	}
	return Unpacked{Bytes: result.Bytes, Files: result.Files, Skipped: result.Skipped, Opaque: result.Opaque}, nil
}

// removeAll removes trees. The modes of folders matter only where an owner or a
// group is not mapped: root's power over a file ends there (user_namespaces(7)).
func removeAll(paths []string) error {
	for _, path := range paths {
		err := os.RemoveAll(path)
		if errors.Is(err, fs.ErrPermission) {
			openFolders(path)
			err = os.RemoveAll(path)
		}
		if err != nil {
			return fmt.Errorf("cannot remove %s: %w", path, err)
		}
	}
	return nil
}

func openFolders(path string) {
	_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(p, 0o700)
		}
		return nil
	})
}

func measure(path string) (size, files int64, err error) {
	seen := map[uint64]bool{} // inodes with more than one name
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(p, &st); err != nil {
			return err
		}
		files++
		if st.Mode&unix.S_IFMT == unix.S_IFREG && !seen[st.Ino] {
			size += st.Size
			if st.Nlink > 1 {
				seen[st.Ino] = true
			}
		}
		return nil
	})
	return size, files, err
}
