package agent

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// places are the paths inside the container that something is mounted on, and
// the key that says so.
type places map[string]string

// entries gives the members of an object that maps names to values; none
// where there is no object.
func (r *reader) entries(v value) []member {
	if !r.is(v, "an object", "an object in braces") {
		return nil
	}
	return r.members(v)
}

func (r *reader) env(v value) map[string]string {
	env := map[string]string{}
	for _, m := range r.entries(v) {
		value := r.text(m.value, "a string in quotes")
		switch {
		case m.name == "":
			r.problem(m.at, "%s has an empty name; name the variable", m.key)
		case strings.ContainsAny(m.name, "=\x00"):
			r.problem(m.at, "%s: the name of a variable holds no = and no NUL; rename it", m.key)
		case strings.Contains(value, "\x00"):
			r.problem(m.value.at, "%s holds a NUL (\\u0000), which no environment can carry; take it out", m.key)
		default:
			env[m.name] = value
		}
	}
	return env
}

func (r *reader) workingDir(v value) string {
	text := r.text(v, "an absolute path inside the container")
	if text == "" {
		return "/"
	}
	dir, wrong := inside(text)
	if wrong != "" {
		r.problem(v.at, "%s is %s, %s", v.key, quote(text), wrong)
		return "/"
	}
	return dir
}

// maxPath is PATH_MAX without the NUL (linux/limits.h), in bytes.
const maxPath = 4095

// inside cleans an absolute path of the container, or says what is wrong. A
// ".." is refused: what it means depends on the links of a root.
func inside(text string) (clean, wrong string) {
	switch {
	case !path.IsAbs(text):
		return "", "which is relative; begin with a slash"
	case strings.ContainsAny(text, "\x00\n"):
		return "", "which holds a NUL or a newline; take it out"
	case len(text) > maxPath:
		return "", "which is longer than a path can be (4095 bytes); shorten it"
	case slices.Contains(strings.Split(text, "/"), ".."):
		return "", `which holds ".."; write the path without it`
	}
	return path.Clean(text), ""
}

// mountPoint checks the name of m, a key of storage, and that nothing else is
// mounted there.
func (r *reader) mountPoint(m member, taken places) (clean string, ok bool) {
	clean, wrong := inside(m.name)
	switch {
	case wrong != "":
		r.problem(m.at, "%s: the path inside the container is %s, %s", m.key, quote(m.name), wrong)
		return "", false
	case clean == "/":
		r.problem(m.at, "%s: nothing can be mounted on the container's root itself; name a folder below it", m.key)
		return "", false
	}
	if first, again := taken[clean]; again {
		r.problem(m.at, "%s is the same place as %s; keep one of them", m.key, first)
		return "", false
	}
	taken[clean] = m.key
	return clean, true
}

func (r *reader) tmp(v value, taken places) []Tmp {
	var list []Tmp
	for _, m := range r.entries(v) {
		target, ok := r.mountPoint(m, taken)
		size := r.tmpSize(m.value)
		if ok {
			list = append(list, Tmp{Path: target, Size: size})
		}
	}
	slices.SortFunc(list, func(a, b Tmp) int { return strings.Compare(a.Path, b.Path) })
	return list
}

// tmpSize gives the size of a tmpfs in bytes. Missing (null) is as wrong as 0.
func (r *reader) tmpSize(v value) int64 {
	const meaning = "MiB, at least 1; -1 is no limit"
	n, ok := r.whole(v, -1, maxTmp, meaning)
	switch {
	case ok && n == 0, string(v.raw) == "null":
		r.problem(v.at, "%s is %s; write the size of that tmpfs in %s", v.key, v.raw, meaning)
	case n > 0:
		return n * mib
	}
	return -1
}

func (r *reader) volumes(v value, taken places) []Volume {
	var list []Volume
	for _, m := range r.entries(v) {
		target, ok := r.mountPoint(m, taken)
		if string(m.raw) == "null" {
			m.raw = []byte(`""`)
		}
		source := r.text(m.value, "an absolute path of the host, in quotes")
		if kind(m.raw) == "a string" {
			r.source(m, source)
		}
		if ok {
			list = append(list, Volume{Path: target, Source: source})
		}
	}
	slices.SortFunc(list, func(a, b Volume) int { return strings.Compare(a.Path, b.Path) })
	return list
}

// source checks the host's side of a volume.
func (r *reader) source(m member, source string) {
	at := m.value.at
	switch {
	case source == "":
		r.problem(at, "%s has no path of the host; write the absolute path of what is seen at %s", m.key, quote(m.name))
		return
	case !filepath.IsAbs(source):
		r.problem(at, "%s: the host's path %s is relative; begin with a slash", m.key, quote(source))
		return
	case strings.ContainsAny(source, "\x00\n"):
		r.problem(at, "%s: the host's path %s holds a NUL or a newline; take it out", m.key, quote(source))
		return
	}
	_, err := os.Stat(source)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.problem(at, "%s: the host's path %s, to be seen at %s, does not exist; create it first", m.key, quote(source), quote(m.name))
	case err != nil:
		r.problem(at, "%s: the host's path %s, to be seen at %s, can't be reached: %v", m.key, quote(source), quote(m.name), errors.Unwrap(err))
	}
}
