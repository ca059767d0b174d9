package worker

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

func (r *ownRequest) carryOut() error {
	root, err := os.OpenRoot(r.Root)
	if err != nil {
		return err
	}
	defer root.Close()
	err = root.Lchown(r.Path, r.UID, r.GID)
	if errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("%s can't belong to %d:%d: that id is not mapped in the container", r.Path, r.UID, r.GID)
	}
	return err
}
