package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// volumesDir is the folder of a project's persistent volumes. Who uses one of
// them has it locked, shared, so that _clean removes none meanwhile.
const volumesDir = stateDir + "/volumes"

// openVolumes opens it; a link in its place is an error, because what is removed
// there is to be lanyard's own.
func openVolumes(project *os.Root) (*os.File, error) {
	for _, dir := range []string{stateDir, volumesDir} {
		info, err := project.Lstat(dir)
		if err == nil && !info.IsDir() {
			err = &fs.PathError{Op: "open", Path: dir, Err: errors.New("not a folder; remove what stands there")}
		}
		if err != nil {
			return nil, err
		}
	}
	return project.Open(volumesDir)
}

// holdVolumes locks the project's volumes as long as this lanyard lives.
func (s *session) holdVolumes(project *os.Root) error {
	if s.held != nil {
		return nil
	}
	dir, err := openVolumes(project)
	if err != nil {
		return fmt.Errorf("cannot use the project's volumes: %w", err)
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_SH|unix.LOCK_NB); err == unix.EWOULDBLOCK {
		dir.Close()
		return errors.New("the project's volumes are being removed by another lanyard; start again when it has ended")
	}
	s.held = dir // without a lock where the filesystem has none
	return nil
}

// openState opens the project and makes .lanyard/volumes in it, which version
// control is told to leave alone.
func openState(root string) (*os.Root, error) {
	project, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("cannot open the project: %w", err)
	}
	if err := project.MkdirAll(volumesDir, 0o755); err != nil {
		project.Close()
		return nil, fmt.Errorf("cannot make the folder for volumes: %w", err)
	}
	const ignore = stateDir + "/.gitignore"
	if _, err := project.Lstat(ignore); err == nil {
		return project, nil
	}
	if err := project.WriteFile(ignore, []byte("*\n"), 0o644); err != nil {
		// A full disk leaves an empty file, which the next run would take for ours.
		for _, path := range []string{ignore, volumesDir, stateDir} {
			_ = project.Remove(path)
		}
		project.Close()
		return nil, fmt.Errorf("cannot make %s: %w", ignore, err)
	}
	return project, nil
}
