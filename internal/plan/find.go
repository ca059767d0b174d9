package plan

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxFile bounds the size of a file in bytes. It is far above what a person
// writes, and keeps a device or a log named by mistake out of memory.
const maxFile = 1 << 20

// Find returns the project file of dir: lanyard.yaml, else vagga.yaml, in dir
// or the nearest parent that has either. The path is dir's, extended; an
// absolute dir gives an absolute path. The error wraps ErrNoProject when there
// is none.
func Find(dir string) (path string, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("cannot look for a project file: %w", err)
	}
	hint := ""
	for at := abs; ; at = filepath.Dir(at) {
		for _, name := range []string{"lanyard.yaml", "vagga.yaml"} {
			path := filepath.Join(at, name)
			if found, err := isProject(path); found || err != nil {
				return path, err
			}
		}
		if hint == "" {
			hint = misnamed(at)
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("%w: neither lanyard.yaml nor vagga.yaml in %s or a folder above it; write one, or name one with -f FILE%s", ErrNoProject, abs, hint)
		}
	}
}

// isProject says whether path can be a project file. A link to nothing is an
// error: taking the next file instead would run something else in silence.
func isProject(path string) (bool, error) {
	info, err := os.Stat(path)
	if err == nil {
		return !info.IsDir(), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("cannot look for a project file: %w", err)
	}
	if _, err := os.Lstat(path); err == nil {
		return false, fmt.Errorf("project file %s is a symbolic link to nothing; repair or remove it", path)
	}
	return false, nil
}

// misnamed points at the usual typing mistake, the extension .yml.
func misnamed(dir string) string {
	for _, name := range []string{"lanyard.yml", "vagga.yml"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return fmt.Sprintf(" (%s is not looked at: its name has to end in .yaml)", filepath.Join(dir, name))
		}
	}
	return ""
}

// Load reads and checks the project file at path. The error is a Problems with
// all mistakes of the file, or an I/O error that names the file. Positions
// carry path as it was given; Plan.File and Plan.Root are absolute.
func Load(path string) (*Plan, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read project file %s: %w", path, err)
	}
	data, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read project file: %w", err)
	}
	p, err := Parse(path, data)
	if err != nil {
		return nil, err
	}
	p.File, p.Root = abs, filepath.Dir(abs)
	return p, nil
}

// read returns the contents of a file; one that is too large is cut one byte
// above maxFile, which Parse reports.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}
