package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/provide"
	"golang.org/x/sys/unix"
)

// stateDir is the folder of a project that lanyard keeps things in, relative to
// the project. The project is writable in its containers, so links may stand
// there by now: whatever is done in it goes through an os.Root or, for the
// mount, through openat2(2), which both refuse to leave the project.
const stateDir = ".lanyard"

func volumePath(name string) string { return volumesDir + "/" + name }

// persistent gives the folder of a persistent volume, relative to the project,
// and makes it if need be; one with an init-command has been made by
// fillVolumes before.
func (s *session) persistent(v *plan.Volume, p *plan.Process, ids *container.UserNS) (string, error) {
	if dir, ok := s.volumes[v.Name]; ok {
		return dir, nil
	}
	project, err := openState(s.options.Plan.Root)
	if err != nil {
		return "", err
	}
	defer project.Close()
	if err := s.holdVolumes(project); err != nil {
		return "", err
	}
	path := volumePath(v.Name)
	if v.InitCommand != "" {
		// Filled before; an empty one in its place would be taken for it for ever.
		if _, err := project.Lstat(path); err != nil {
			return "", fmt.Errorf("volume %s, which was filled, is gone: %w; start again", v.Name, err)
		}
		return path, nil
	}
	return path, s.makeVolume(project, path, v, p, ids)
}

// makeVolume makes a volume's folder, unless it is there, with its owner.
func (s *session) makeVolume(project *os.Root, path string, v *plan.Volume, p *plan.Process, ids *container.UserNS) error {
	err := project.Mkdir(path, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot make the volume: %w", err)
	}
	if err := s.ownVolume(project, path, v, p, ids); err != nil {
		_ = project.Remove(path)
		return err
	}
	return nil
}

func (s *session) ownVolume(project *os.Root, path string, v *plan.Volume, p *plan.Process, ids *container.UserNS) error {
	uid, gid := idOf(v.OwnerUID), idOf(v.OwnerGID)
	switch {
	case uid < 0 && gid < 0:
		return nil
	case ids == nil:
		return project.Lchown(path, uid, gid)
	case !ids.Own():
		return s.interruptible(func(ctx context.Context) error {
			return provide.Own(ctx, ids, s.options.Plan.Root, path, uid, gid)
		})
	}
	// One id is mapped: what is ours is the command's user's.
	if (uid >= 0 && uid != max(0, idOf(p.UserID))) || (gid >= 0 && gid != max(0, idOf(p.GroupID))) {
		return fmt.Errorf("owner-uid and owner-gid can only be the command's own ids where one id can be mapped: %w", s.ids().None)
	}
	return nil
}

func idOf(id *uint32) int {
	if id == nil {
		return -1
	}
	return int(*id)
}

// fillVolumes runs the init-commands of volumes that are not there yet. A
// volume appears under its name only when its command has exited with 0; a
// code other than 0 is that of a command which did not.
func (s *session) fillVolumes(chosen []*plan.Process) (int, error) {
	for _, p := range chosen {
		for _, v := range merge(s.options.Plan.Containers[p.Container].Volumes, p.Volumes) {
			if v.Kind != plan.Persistent || v.InitCommand == "" {
				continue
			}
			if code, err := s.fillVolume(&v, p); code != 0 || err != nil {
				return code, err
			}
		}
	}
	return 0, nil
}

func (s *session) fillVolume(v *plan.Volume, p *plan.Process) (int, error) {
	if _, filling := s.volumes[v.Name]; filling {
		return 0, nil
	}
	root, path := s.options.Plan.Root, volumePath(v.Name)
	command, ok := s.options.Plan.Command(v.InitCommand)
	if !ok {
		return 0, fmt.Errorf("internal error: no command %q", v.InitCommand)
	}
	if _, err := os.Lstat(filepath.Join(root, path)); err != nil {
		if words := s.options.Plan.UnsupportedFor(command, command.Children); len(words) > 0 {
			return complain(unsupported(command, words), ExitProject), nil
		}
	}
	project, err := openState(root)
	if err != nil {
		return 0, err
	}
	defer project.Close()
	if err := s.holdVolumes(project); err != nil {
		return 0, err
	}
	if _, err := project.Lstat(path); err == nil {
		return 0, nil
	}
	lock, code, err := s.lockVolume(project, v.Name)
	if code != 0 || err != nil {
		return code, err
	}
	defer lock.Close()
	if _, err := project.Lstat(path); err == nil {
		return 0, nil // another lanyard has filled it meanwhile
	}
	ids, err := s.idsOf(p)
	if err != nil {
		return 0, err
	}
	if err := s.sweepVolume(project, v.Name, ids); err != nil {
		return 0, err
	}
	fresh := volumePath("." + v.Name + ".new-" + s.run.ID())
	if err := s.run.Note(container.Entry{Kind: janitor.TreeEntry, Path: filepath.Join(root, fresh)}); err != nil {
		return 0, err
	}
	if err := s.makeVolume(project, fresh, v, p, ids); err != nil {
		return 0, err
	}
	s.volumes[v.Name] = fresh
	defer delete(s.volumes, v.Name)
	fmt.Fprintf(os.Stderr, "lanyard: filling volume %s with %s\n", v.Name, v.InitCommand)
	if code := s.command(command, command.Children); code != 0 {
		_ = s.removeVolume(fresh, ids)
		fmt.Fprintf(os.Stderr, "lanyard: volume %s is not filled: %s gave status %d\n", v.Name, v.InitCommand, code)
		return code, nil
	}
	if err := project.Rename(fresh, path); err != nil {
		return 0, fmt.Errorf("cannot put volume %s in its place: %w", v.Name, err)
	}
	return 0, nil
}

// removeVolume removes a volume's folder, whatever ids its files have.
func (s *session) removeVolume(path string, ids *container.UserNS) error {
	return s.interruptible(func(ctx context.Context) error {
		return provide.Remove(ctx, ids, s.options.Plan.Root, path)
	})
}

// sweepVolume removes what a killed lanyard left of filling a volume, whose lock
// is held: a janitor can't remove files of ids that are not the caller's.
func (s *session) sweepVolume(project *os.Root, name string, ids *container.UserNS) error {
	dir, err := openVolumes(project)
	if err != nil {
		return err
	}
	defer dir.Close()
	entries, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry, "."+name+".new-") {
			continue
		}
		if err := s.removeVolume(volumePath(entry), ids); err != nil {
			return fmt.Errorf("cannot remove what an earlier lanyard left of volume %s: %w", name, err)
		}
	}
	return nil
}

// lockPoll is how often a volume's lock is tried.
const lockPoll = 50 * time.Millisecond

// lockVolume waits until nobody else fills the volume. Anybody who can write to
// the project can hold the lock, so a signal that ends lanyard ends the wait: a
// code other than 0.
func (s *session) lockVolume(project *os.Root, name string) (*os.File, int, error) {
	f, err := project.OpenFile(volumePath("."+name+".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("cannot lock volume %s: %w", name, err)
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch err {
		case nil:
			return f, 0, nil
		case unix.EWOULDBLOCK:
			if code := s.pause(lockPoll); code != 0 {
				f.Close()
				return nil, code, nil
			}
		case unix.EINTR:
		default:
			f.Close()
			return nil, 0, fmt.Errorf("cannot lock volume %s: %w", name, err)
		}
	}
}

// pause waits, and gives 128 + n at once if signal n ends lanyard.
func (s *session) pause(d time.Duration) int {
	select {
	case <-time.After(d):
	case sig := <-s.signals:
		return s.ended(sig)
	}
	return 0
}
