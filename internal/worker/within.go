package worker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// removeWithin is removeAll in a folder that others may write to meanwhile: no
// name leads out of it.
func removeWithin(folder string, paths []string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, path := range paths {
		err := root.RemoveAll(path)
		if errors.Is(err, fs.ErrPermission) {
			_ = fs.WalkDir(root.FS(), path, func(p string, d fs.DirEntry, err error) error {
				if d != nil && d.IsDir() {
					_ = root.Chmod(p, 0o700)
				}
				return nil
			})
			err = root.RemoveAll(path)
		}
		if err != nil {
			return fmt.Errorf("cannot remove %s: %w", path, err)
		}
	}
	return nil
}
