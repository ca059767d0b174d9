package plan

import (
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// containers reads the containers section. A container with mistakes is kept,
// so that commands that name it are not called wrong as well.
func (l *loader) containers(n *yaml.Node) map[string]*Container {
	out := map[string]*Container{}
	for _, e := range l.mapping(n, "containers", same) {
		l.validName(l.at(e.keyNode), e.key, "container")
		out[e.key] = l.container(e)
	}
	return out
}

func (l *loader) container(e entry) *Container {
	what := "container " + quote(e.key)
	c := &Container{Pos: l.at(e.keyNode), Name: e.key}
	l.untagged(e.value)
	entries, ok := l.tagged(e.value, what, dashed)
	if !ok {
		return c
	}
	f, words := l.fields(entries, what, containerWords)
	c.Unsupported = words
	l.source(c, f, what)
	c.DefaultShell = l.defaultShell(f)
	c.Environ = l.environ(f)
	if n := f.get("environ-file"); n != nil {
		c.EnvironFile = l.insidePath(n, "environ-file")
	}
	volumes, more := l.volumes(f)
	c.Volumes, c.Unsupported = volumes, append(c.Unsupported, more...)
	c.UIDs, c.GIDs = l.idRanges(f, "uids"), l.idRanges(f, "gids")
	c.WriteMode = l.writeMode(f)
	c.Limits = l.limits(f)
	c.LimitsMode = l.limitsMode(f)
	c.Security = l.security(f)
	l.swapNeedsMemory(c.Limits, nil)
	return c
}

// sources are the keys that say where a root comes from.
var sources = []string{"rootfs", "host", "image", "setup"}

const sourceForms = "image: REF, setup: [STEPS], rootfs: FOLDER or host: true"

// source reads where the root comes from.
func (l *loader) source(c *Container, f fields, what string) {
	if n := f.get("rootfs"); n != nil {
		c.RootFS, _ = l.filled(n, "rootfs")
	}
	if n := f.get("image"); n != nil {
		l.untagged(n)
		c.Image, c.ImagePos = l.imageName(n, "image"), l.at(n)
	}
	if n := f.get("setup"); n != nil {
		l.setup(c, n)
	}
	where, off := c.Pos, false
	if n := f.get("host"); n != nil {
		var ok bool
		c.Host, ok = l.boolean(n, "host")
		where, off = l.at(n), ok && !c.Host
	}
	first := ""
	for _, e := range f {
		switch {
		case !slices.Contains(sources, e.key) || e.key == "host" && off:
		case first == "":
			first = e.key
		default:
			l.problem(l.at(e.keyNode), "%s has two sources, %s and %s; keep one", what, first, e.key)
		}
	}
	if first == "" {
		l.problem(where, "%s has no source; write %s", what, sourceForms)
	}
}

// defaultShell reads what a line of run is given to. A string is the shell's
// name, with -c added; vagga never split it at spaces either.
func (l *loader) defaultShell(f fields) []string {
	normal := []string{"/bin/sh", "-c"}
	n := f.get("default-shell")
	switch {
	case n == nil:
		return normal
	case n.Kind == yaml.ScalarNode:
		text, ok := l.filled(n, "default-shell")
		switch {
		case !ok:
			return normal
		case strings.ContainsAny(text, " \t\n"):
			l.problem(l.at(n), "default-shell: %s has spaces; write a list: [%s, -c]", quote(text), strings.Join(strings.Fields(text), ", "))
			return normal
		}
		return []string{text, "-c"}
	}
	before := len(l.problems)
	shell := l.texts(n, "default-shell")
	if len(l.problems) == before && (len(shell) == 0 || shell[0] == "") {
		l.problem(l.at(n), "default-shell is empty; write [/bin/sh, -c] or remove the key")
	}
	if len(shell) == 0 {
		return normal
	}
	return shell
}

// insidePath reads an absolute path inside a container.
func (l *loader) insidePath(n *yaml.Node, what string) string {
	text, ok := l.filled(n, what)
	if ok && !strings.HasPrefix(text, "/") {
		l.problem(l.at(n), "%s: %s is a path inside the container and has to begin with a slash", what, quote(text))
		return ""
	}
	if !ok {
		return ""
	}
	return path.Clean(text)
}
