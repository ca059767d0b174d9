package store

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Kinds of nodes; the folders that they are in.
const (
	Layers = "layers" // of an image; named after its chain: all layers below it count
	Builds = "builds" // made by a recipe; named after its version
)

// Key names a node: its kind, a slash, and 64 hexadecimal digits.
type Key string

// LayerKey is the key of the layer that completes a chain of layers, "sha256:HEX"
// as identity.ChainID of the OCI image specification has it.
func LayerKey(chain string) Key {
	if hex, ok := trimSHA(chain); ok {
		return Key(Layers + "/" + hex)
	}
	panic("internal error: not a chain: " + chain)
}

// BuildKey is the key of what a recipe's version made.
func BuildKey(version string) Key { return Key(Builds + "/" + version) }

// Node is a layer, or what a recipe made: a folder with node.json and fs.
type Node struct {
	// Stack are the keys of all that is mounted, this node's first. One whose
	// files are all in one folder is alone.
	Stack   []Key     `json:"stack"`
	Size    int64     `json:"size"` // bytes of this node's files
	Files   int64     `json:"files"`
	Created time.Time `json:"created"`

	// Of builds:
	Container string `json:"container,omitempty"` // whose recipe made it
	Project   string `json:"project,omitempty"`   // absolute path
	Config    Config `json:"config"`
}

// Config is what an image, or a recipe, says of the processes in it.
type Config struct {
	Env        []string `json:"env,omitempty"` // NAME=VALUE
	WorkingDir string   `json:"workdir,omitempty"`
	User       string   `json:"user,omitempty"`
	Entrypoint []string `json:"entrypoint,omitempty"`
	Cmd        []string `json:"cmd,omitempty"`
	BuildEnv   []string `json:"build_env,omitempty"` // NAME=VALUE of a recipe's !Env: for steps, not for what is started
}

func (s *Store) dir(key Key) string { return filepath.Join(s.ids, filepath.FromSlash(string(key))) }

const (
	nodeFile = "node.json"
	fsDir    = "fs"
)

// Lease keeps a node and what it lies on from being removed.
type Lease struct {
	Key    Key
	Node   Node
	Layers []string // folders to mount, the uppermost first
	hold   *os.File
}

// Close gives the lease up.
func (l *Lease) Close() {
	if l != nil {
		l.hold.Close()
	}
}

// Use takes a lease on a node, and notes that it was used now. The error is
// fs.ErrNotExist where there is no such node, or where it is damaged or lacks
// something that it lies on: Adopt puts a whole one in its place.
func (s *Store) Use(key Key) (l *Lease, err error) {
	err = s.locked(unix.LOCK_SH, func() error {
		l, err = s.use(key)
		return err
	})
	return l, err
}

func (s *Store) use(key Key) (*Lease, error) {
	dir := s.dir(key)
	hold, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	if err := flock(hold, unix.LOCK_SH); err != nil {
		hold.Close()
		return nil, fmt.Errorf("cannot lock %s: %w", dir, err)
	}
	l := &Lease{Key: key, hold: hold}
	if l.Node, err = s.node(key); err != nil {
		hold.Close()
		return nil, err
	}
	for _, k := range l.Node.Stack {
		layer := filepath.Join(s.dir(k), fsDir)
		if _, err := os.Lstat(layer); err != nil {
			hold.Close()
			return nil, err
		}
		l.Layers = append(l.Layers, layer)
	}
	now := time.Now()
	_ = os.Chtimes(filepath.Join(dir, nodeFile), now, now)
	return l, nil
}

// node reads a node's description. One that can't be understood is as good as
// none: fs.ErrNotExist.
func (s *Store) node(key Key) (Node, error) {
	var n Node
	path := filepath.Join(s.dir(key), nodeFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return n, err
	}
	if err := json.Unmarshal(data, &n); err != nil || len(n.Stack) == 0 || n.Stack[0] != key {
		return n, &fs.PathError{Op: "read", Path: path, Err: fs.ErrNotExist}
	}
	_, err = os.Lstat(filepath.Join(s.dir(key), fsDir))
	return n, err
}

// Has says whether a node is there, and not damaged.
func (s *Store) Has(key Key) bool {
	_, err := s.node(key)
	return err == nil
}

// writeJSON writes a file that is whole or not there.
func writeJSON(path string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("internal error: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("cannot write to the store: %w", err)
	}
	_, err = f.Write(append(data, '\n'))
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("cannot write to the store: %w", err)
	}
	return nil
}

// Size gives the bytes of all files of a node and what it lies on.
func (s *Store) Size(n Node) (int64, error) {
	var sum int64
	for _, key := range n.Stack {
		one, err := s.node(key)
		if err != nil {
			return 0, err
		}
		sum += one.Size
	}
	return sum, nil
}
