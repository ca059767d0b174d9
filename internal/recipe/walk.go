package recipe

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
)

// Entry is one file, folder or link of what a step names.
type Entry struct {
	Path string      // relative to what was named, "." for that itself
	Info fs.FileInfo // links are not followed, but for what was named
	Link string      // target of a symbolic link, "" for others

	dir  *os.Root
	name string // in dir
}

// Open opens a regular file; valid during the visit. A file that has become
// something else meanwhile is an error, and never awaited.
func (e Entry) Open() (*os.File, error) {
	f, err := e.dir.OpenFile(e.name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, e.locate(err)
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, fmt.Errorf("%s is no file any more; it changed while it was read", e.Path)
	}
	return f, nil
}

// locate makes an error of dir name the whole path.
func (e Entry) locate(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) && e.Path != "." {
		return &fs.PathError{Op: p.Op, Path: e.Path, Err: p.Err}
	}
	return err
}

// Walk visits what source, a clean path relative to project, names: itself, and
// if it is a folder everything below, each folder before its entries, which are
// sorted by name. Links in source are followed inside of the project; those
// below are entries. What Ignored says is left out. Memory depends on the
// largest folder, not on the tree. A device, pipe or socket is an error.
func Walk(project *os.Root, source string, visit func(Entry) error) error {
	info, err := project.Stat(source)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return visitKnown(Entry{Path: ".", Info: info, dir: project, name: source}, visit)
	}
	dir, err := project.OpenRoot(source)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := visit(Entry{Path: ".", Info: info, dir: dir, name: "."}); err != nil {
		return err
	}
	return walk(dir, "", visit)
}

func walk(dir *os.Root, above string, visit func(Entry) error) error {
	names, err := list(dir)
	if err != nil {
		return Entry{Path: path.Join(above, ".")}.locate(err)
	}
	for _, name := range names {
		if Ignored(name) {
			continue
		}
		e := Entry{Path: path.Join(above, name), dir: dir, name: name}
		if e.Info, err = dir.Lstat(name); err != nil {
			return e.locate(err)
		}
		if e.Info.Mode()&fs.ModeSymlink != 0 {
			if e.Link, err = dir.Readlink(name); err != nil {
				return e.locate(err)
			}
		}
		if err := visitKnown(e, visit); err != nil {
			return err
		}
		if e.Info.IsDir() {
			if err := descend(e, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

func descend(e Entry, visit func(Entry) error) error {
	sub, err := e.dir.OpenRoot(e.name)
	if err != nil {
		return e.locate(err)
	}
	defer sub.Close()
	return walk(sub, e.Path, visit)
}

// list gives the names in dir, sorted as bytes.
func list(dir *os.Root) ([]string, error) {
	f, err := dir.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

func visitKnown(e Entry, visit func(Entry) error) error {
	if mode := e.Info.Mode(); !mode.IsRegular() && !mode.IsDir() && mode&fs.ModeSymlink == 0 {
		return fmt.Errorf("%s is %s; only files, folders and links can be taken from the project", e.Path, typeName(mode))
	}
	return visit(e)
}

func typeName(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "a file"
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeSymlink != 0:
		return "a link"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

// Ignored says whether an entry of this name in a folder is left out: what
// version control, vagga and lanyard keep in a project, and the backups of
// editors. These are vagga's default rules, and .lanyard. What a step names
// itself is never left out.
func Ignored(name string) bool {
	switch name {
	case ".git", ".hg", ".svn", ".vagga", ".lanyard":
		return true
	}
	return strings.HasSuffix(name, "~") || strings.HasSuffix(name, ".bak") || strings.HasSuffix(name, ".orig") ||
		strings.HasPrefix(name, ".#") || len(name) > 1 && strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#")
}
