package worker

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/recipe"
	"golang.org/x/sys/unix"
)

// project is where a root under construction has its project.
const project = "/work"

// copyIn copies what a !Copy names in the project to a path of the root. What is
// left out, and which bits of a mode count, is as the recipe's version has it.
// Folders that are there already, or links to some (/bin), are filled and stay
// as they are.
func copyIn(step *plan.Step, to string) error {
	root, err := os.OpenRoot(project)
	if err != nil {
		return fmt.Errorf("cannot open the project: %w", err)
	}
	defer root.Close()
	return recipe.Walk(root, step.Source, func(e recipe.Entry) error {
		target := path.Join(to, e.Path)
		if there, err := os.Stat(target); err == nil && there.IsDir() {
			if e.Info.IsDir() {
				return nil
			}
			if there, err := os.Lstat(target); err == nil && there.IsDir() {
				return fmt.Errorf("cannot copy %s to %s: there is a folder; name the file in it, or take it away first (!Remove)", path.Join(step.Source, e.Path), target)
			}
		}
		if err := copyEntry(e, target); err != nil {
			return fmt.Errorf("cannot copy %s to %s: %w", path.Join(step.Source, e.Path), target, err)
		}
		return finish(step, e, target)
	})
}

// copyEntry makes a copy in the place of what is there.
func copyEntry(e recipe.Entry, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	switch {
	case e.Info.IsDir():
		return os.Mkdir(to, 0o755)
	case e.Link != "":
		return os.Symlink(e.Link, to)
	}
	in, err := e.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// copied is the time that copies get: what a build makes does not depend on when
// it was made.
var copied = time.Unix(1, 0)

// finish gives a copy its owner, mode and time.
func finish(step *plan.Step, e recipe.Entry, to string) error {
	uid, gid := 0, 0
	if step.OwnerUID != nil {
		uid = int(*step.OwnerUID)
	}
	if step.OwnerGID != nil {
		gid = int(*step.OwnerGID)
	}
	if err := os.Lchown(to, uid, gid); err != nil {
		if errors.Is(err, syscall.EINVAL) {
			return fmt.Errorf("%s can't belong to %d:%d: that id is not mapped in the container", to, uid, gid)
		}
		return fmt.Errorf("cannot give the copy its owner: %w", err)
	}
	if e.Info.Mode()&fs.ModeSymlink != 0 {
		return nil
	}
	if err := unix.Chmod(to, recipe.Mode(step, e.Info.Mode())); err != nil {
		return fmt.Errorf("cannot give %s its mode: %w", to, err)
	}
	if !e.Info.Mode().IsRegular() {
		return nil
	}
	when := copied
	if step.PreserveTimes {
		when = e.Info.ModTime()
	}
	if err := os.Chtimes(to, when, when); err != nil {
		return fmt.Errorf("cannot give the copy its time: %w", err)
	}
	return nil
}
