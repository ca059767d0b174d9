package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/rootfs"
)

// Worker does file work with one id mapping. Each call is a process of its own,
// which ends with the call, with ctx, or with us.
type Worker struct {
	ids *container.UserNS
}

// New gives a worker with the ids of u; nil is root, without a user namespace.
func New(u *container.UserNS) *Worker { return &Worker{ids: u} }

// OneID says that only one id can be had: owners are not kept.
func (w *Worker) OneID() bool { return w.ids != nil && w.ids.Own() }

// Unpack unpacks layers, one after the other, the lowest first. progress is told
// how many bytes of a layer's blob were read.
func (w *Worker) Unpack(ctx context.Context, layers []Layer, limits Limits, progress func(layer int, read int64)) ([]Unpacked, error) {
	answer, err := w.do(ctx, request{Unpack: &unpackRequest{Layers: layers, Limits: limits, OneID: w.OneID(), UserNS: w.ids != nil}}, func(m message) {
		if progress != nil {
			progress(m.Layer, m.Read)
		}
	})
	return answer.Unpacked, err
}

// Remove removes trees, whatever their ids and modes. What is not there is no
// error.
func (w *Worker) Remove(ctx context.Context, paths ...string) error {
	_, err := w.do(ctx, request{Remove: paths}, nil)
	return err
}

// RemoveIn removes trees in root, which no link leads out of, as Remove does. The
// paths are relative to it.
func (w *Worker) RemoveIn(ctx context.Context, root string, paths ...string) error {
	_, err := w.do(ctx, request{Remove: paths, Within: root}, nil)
	return err
}

// Measure gives the bytes that the files of a tree hold, and how many entries it has.
func (w *Worker) Measure(ctx context.Context, path string) (size, files int64, err error) {
	answer, err := w.do(ctx, request{Measure: path}, nil)
	return answer.Size, answer.Files, err
}

// CanOverlay says whether the filesystem of dir can hold what overlayfs wants of
// a layer: whiteouts, and marks of opaque folders. What it tries in dir is removed.
func (w *Worker) CanOverlay(ctx context.Context, dir string) (bool, error) {
	answer, err := w.do(ctx, request{Probe: dir}, nil)
	return answer.Overlay, err
}

// Change makes changes to a root under construction, in order. root is where it
// lies, see rootfs.Spec.Upper and InPlace; its Project is /work.
func (w *Worker) Change(ctx context.Context, root rootfs.Spec, limits Limits, changes ...Change) error {
	root.UserNS, root.Console = w.ids != nil, -1
	_, err := w.do(ctx, request{Build: &buildRequest{Root: root, Changes: changes, OneID: w.OneID(), UserNS: w.ids != nil, Limits: limits}}, nil)
	return err
}

// CopyTree copies a whole root to an empty folder: owners, modes, times, links and
// extended attributes stay as they are.
func (w *Worker) CopyTree(ctx context.Context, from, to string) error {
	_, err := w.do(ctx, request{Copy: &copyRequest{From: from, To: to}}, nil)
	return err
}

// Own gives path, which is relative to root and never leads out of it, an owner:
// ids of the mapping, -1 to keep one.
func (w *Worker) Own(ctx context.Context, root, path string, uid, gid int) error {
	_, err := w.do(ctx, request{Own: &ownRequest{Root: root, Path: path, UID: uid, GID: gid}}, nil)
	return err
}

// Debian makes a system of Debian's, or Ubuntu's, packages in an empty folder.
func (w *Worker) Debian(ctx context.Context, d Debian) error {
	_, err := w.do(ctx, request{Debian: &d}, nil)
	return err
}

// do has a worker carry out one request.
func (w *Worker) do(ctx context.Context, r request, progress func(message)) (answer message, err error) {
	// What changes a root mounts proc, and what makes one starts other programs.
	h, err := container.StartHelper(Argv0, w.ids, r.Build != nil || r.Debian != nil || r.Copy != nil)
	if err != nil {
		return answer, err
	}
	stop := h.KillWith(ctx)
	defer func() {
		stop()
		if err2 := h.Close(); err == nil {
			err = err2
		}
		if err != nil && ctx.Err() != nil {
			err = ctx.Err()
		}
	}()
	if err := json.NewEncoder(h.Socket()).Encode(r); err != nil {
		return answer, fmt.Errorf("cannot tell the worker what to do: %w", err)
	}
	in := json.NewDecoder(h.Socket())
	for {
		var m message
		if err := in.Decode(&m); err != nil {
			return answer, fmt.Errorf("the worker for files ended early: %w", err)
		}
		switch {
		case !m.Done && progress != nil:
			progress(m)
		case m.Error != "":
			return m, errors.New(m.Error)
		case m.Done:
			return m, nil
		}
	}
}
