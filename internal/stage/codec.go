package stage

import (
	"errors"

	"github.com/lanyard-dev/lanyard/internal/rootfs"
)

// The spec's encoding is plain: integers as uvarints (signed ones zigzag),
// strings and lists with their length in front, fields in the order of the
// structs. Both ends are the same binary, so there are no versions.

type encoder struct{ buf []byte }

func (e *encoder) uint(v uint64) { e.buf = appendUvarint(e.buf, v) }
func (e *encoder) int(v int64)   { e.uint(zigzag(v)) }
func (e *encoder) str(s string)  { e.uint(uint64(len(s))); e.buf = append(e.buf, s...) }

func (e *encoder) bool(b bool) {
	v := byte(0)
	if b {
		v = 1
	}
	e.buf = append(e.buf, v)
}

func (e *encoder) strs(list []string) {
	e.uint(uint64(len(list)))
	for _, s := range list {
		e.str(s)
	}
}

func (e *encoder) entries(list []rootfs.Entry) {
	e.uint(uint64(len(list)))
	for _, d := range list {
		e.str(d.Path)
		e.uint(uint64(d.Mode))
		e.str(d.Content)
	}
}

func (e *encoder) spec(s *Spec) {
	e.root(&s.Root)
	e.strs(s.Argv)
	e.strs(s.Env)
	e.strs(s.Path)
	e.str(s.WorkDir)
	e.str(s.Hostname)
	e.uint(uint64(s.UID))
	e.uint(uint64(s.GID))
	e.bool(s.SetGroups)
	e.uint(uint64(len(s.Groups)))
	for _, g := range s.Groups {
		e.uint(uint64(g))
	}
	e.uint(s.Caps)
	e.bool(s.NoNewPrivs)
	e.str(s.Filter)
	e.bool(s.Scoped)
	e.bool(s.OwnKeyring)
	e.bool(s.OwnStdio)
	e.bool(s.Become)
	e.uint(s.NoFile)
	e.uint(s.Ignore)
	e.bool(s.CgroupNS)
	e.bool(s.Session)
	e.bool(s.Siblings)
	e.int(int64(s.TTY))
	e.bool(s.Foreground)
	e.bool(s.JobControl)
}

func (e *encoder) root(r *rootfs.Spec) {
	e.uint(uint64(r.Kind))
	e.str(r.Path)
	e.strs(r.Layers)
	e.str(r.Upper)
	e.bool(r.InPlace)
	e.bool(r.Transient)
	e.bool(r.UserNS)
	e.str(r.FuseOverlay)
	e.uint(r.LayerSize)
	e.str(r.Project)
	e.uint(uint64(len(r.Mounts)))
	for i := range r.Mounts {
		m := &r.Mounts[i]
		e.uint(uint64(m.Kind))
		e.str(m.Target)
		e.str(m.Source)
		e.strs(m.Layers)
		e.str(m.Inside)
		e.bool(m.ReadOnly)
		e.bool(m.NoExec)
		e.uint(m.Size)
		e.uint(uint64(m.Mode))
		e.int(m.UID)
		e.int(m.GID)
		e.entries(m.Dirs)
		e.entries(m.Files)
	}
	e.uint(uint64(len(r.Files)))
	for _, f := range r.Files {
		e.str(f.Target)
		e.str(f.Content)
	}
	e.int(int64(r.Console))
	e.bool(r.Nesting)
	e.bool(r.ConsoleNull)
}

var errSpec = errors.New("the description of the container is damaged")

// decoder reads what encoder wrote. After the first error it gives zeros, and
// bad stays true.
type decoder struct {
	buf []byte
	bad bool
}

func (d *decoder) uint() uint64 {
	v, n := uvarint(d.buf)
	if n == 0 {
		d.bad, d.buf = true, nil
		return 0
	}
	d.buf = d.buf[n:]
	return v
}

func (d *decoder) int() int64 { return unzigzag(d.uint()) }

func (d *decoder) bool() bool {
	if len(d.buf) == 0 {
		d.bad = true
		return false
	}
	v := d.buf[0]
	d.buf = d.buf[1:]
	d.bad = d.bad || v > 1
	return v == 1
}

func (d *decoder) str() string {
	n := d.uint()
	if n > uint64(len(d.buf)) {
		d.bad, d.buf = true, nil
		return ""
	}
	s := string(d.buf[:n])
	d.buf = d.buf[n:]
	return s
}

// count reads a list's length: each element takes at least one byte, so a
// damaged length cannot make it allocate more than it was sent.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.buf)) {
		d.bad, d.buf = true, nil
		return 0
	}
	return int(n)
}

func (d *decoder) strs() []string {
	var list []string
	for range d.count() {
		list = append(list, d.str())
	}
	return list
}

func (d *decoder) entries() []rootfs.Entry {
	var list []rootfs.Entry
	for range d.count() {
		list = append(list, rootfs.Entry{Path: d.str(), Mode: uint32(d.uint()), Content: d.str()})
	}
	return list
}

func decodeSpec(payload []byte) (*Spec, error) {
	d := decoder{buf: payload}
	s := &Spec{Root: d.root()}
	s.Argv, s.Env, s.Path, s.WorkDir, s.Hostname = d.strs(), d.strs(), d.strs(), d.str(), d.str()
	s.UID, s.GID, s.SetGroups = uint32(d.uint()), uint32(d.uint()), d.bool()
	for range d.count() {
		s.Groups = append(s.Groups, uint32(d.uint()))
	}
	s.Caps, s.NoNewPrivs, s.Filter, s.Scoped = d.uint(), d.bool(), d.str(), d.bool()
	s.OwnKeyring, s.OwnStdio, s.Become, s.NoFile, s.Ignore = d.bool(), d.bool(), d.bool(), d.uint(), d.uint()
	s.CgroupNS = d.bool()
	s.Session, s.Siblings, s.TTY, s.Foreground, s.JobControl = d.bool(), d.bool(), int(d.int()), d.bool(), d.bool()
	if d.bad || len(d.buf) > 0 || len(s.Argv) == 0 {
		return nil, errSpec
	}
	return s, nil
}

func (d *decoder) root() rootfs.Spec {
	r := rootfs.Spec{Kind: rootfs.Kind(d.uint()), Path: d.str(), Layers: d.strs(), Upper: d.str(), InPlace: d.bool(), Transient: d.bool(), UserNS: d.bool(), FuseOverlay: d.str(), LayerSize: d.uint(), Project: d.str()}
	for range d.count() {
		r.Mounts = append(r.Mounts, rootfs.Mount{
			Kind: rootfs.MountKind(d.uint()), Target: d.str(), Source: d.str(), Layers: d.strs(), Inside: d.str(), ReadOnly: d.bool(), NoExec: d.bool(),
			Size: d.uint(), Mode: uint32(d.uint()), UID: d.int(), GID: d.int(), Dirs: d.entries(), Files: d.entries(),
		})
	}
	for range d.count() {
		r.Files = append(r.Files, rootfs.File{Target: d.str(), Content: d.str()})
	}
	r.Console, r.Nesting, r.ConsoleNull = int(d.int()), d.bool(), d.bool()
	return r
}
