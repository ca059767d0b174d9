package store

import (
	"path"
	"path/filepath"
	"time"
)

// Build is what a recipe made, as a list shows it.
type Build struct {
	Node
	Version  string // 64 hexadecimal digits
	LastUsed time.Time
}

// List gives all images and builds of the store at path.
func List(storePath string) ([]Image, []Build, error) {
	images, err := (&Store{path: storePath}).Images()
	if err != nil {
		return nil, nil, err
	}
	dirs, err := filepath.Glob(filepath.Join(storePath, "ids", "*"))
	if err != nil {
		return nil, nil, err
	}
	var builds []Build
	for _, dir := range dirs {
		nodes, err := (&Store{path: storePath, ids: dir}).nodes()
		if err != nil {
			return nil, nil, err
		}
		for key, n := range nodes {
			if n.kind() == Builds {
				builds = append(builds, Build{Node: n.Node, Version: path.Base(string(key)), LastUsed: n.used})
			}
		}
	}
	return images, builds, nil
}
