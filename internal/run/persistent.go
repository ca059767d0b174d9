package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"golang.org/x/sys/unix"
)

// stateDir is the folder of a project that lanyard keeps things in.
func stateDir(root string) string { return filepath.Join(root, ".lanyard") }

func volumePath(root, name string) string { return filepath.Join(stateDir(root), "volumes", name) }

// persistent gives the folder of a persistent volume and makes it if need be;
// one with an init-command has been made by fillVolumes before.
func (s *session) persistent(v *plan.Volume, p *plan.Process) (string, error) {
	if dir, ok := s.volumes[v.Name]; ok {
		return dir, nil
	}
	path := volumePath(s.options.Plan.Root, v.Name)
	if err := makeStateDir(s.options.Plan.Root); err != nil {
		return "", err
	}
	return path, makeVolume(path, v, p)
}

// makeStateDir makes .lanyard/volumes, which version control is told to leave
// alone.
func makeStateDir(root string) error {
	dir := stateDir(root)
	if err := os.MkdirAll(filepath.Join(dir, "volumes"), 0o755); err != nil {
		return fmt.Errorf("cannot make the folder for volumes: %w", err)
	}
	ignore := filepath.Join(dir, ".gitignore")
	if _, err := os.Lstat(ignore); err == nil {
		return nil
	}
	if err := os.WriteFile(ignore, []byte("*\n"), 0o644); err != nil {
		// A full disk leaves an empty file, which the next run would take for ours.
		_ = os.Remove(ignore)
		_ = os.Remove(filepath.Join(dir, "volumes"))
		_ = os.Remove(dir)
		return fmt.Errorf("cannot make %s: %w", ignore, err)
	}
	return nil
}

// makeVolume makes a volume's folder, unless it is there, with its owner.
func makeVolume(path string, v *plan.Volume, p *plan.Process) error {
	err := os.Mkdir(path, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot make the volume: %w", err)
	}
	if err := ownVolume(path, v, p); err != nil {
		_ = os.Remove(path)
		return err
	}
	return nil
}

func ownVolume(path string, v *plan.Volume, p *plan.Process) error {
	uid, gid := idOf(v.OwnerUID), idOf(v.OwnerGID)
	if os.Geteuid() == 0 {
		if uid < 0 && gid < 0 {
			return nil
		}
		return os.Chown(path, uid, gid)
	}
	// One id is mapped: what is ours is the command's user's.
	if (uid >= 0 && uid != max(0, idOf(p.UserID))) || (gid >= 0 && gid != max(0, idOf(p.GroupID))) {
		return fmt.Errorf("owner-uid and owner-gid can only be the command's own ids where one id can be mapped: more takes newuidmap and ranges for you in /etc/subuid and /etc/subgid, which this version does not use yet")
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
	root := s.options.Plan.Root
	path := volumePath(root, v.Name)
	if _, err := os.Lstat(path); err == nil {
		return 0, nil
	}
	command, ok := s.options.Plan.Command(v.InitCommand)
	if !ok {
		return 0, fmt.Errorf("internal error: no command %q", v.InitCommand)
	}
	if words := s.options.Plan.UnsupportedFor(command, command.Children); len(words) > 0 {
		return complain(unsupported(command, words), ExitProject), nil
	}
	if err := makeStateDir(root); err != nil {
		return 0, err
	}
	lock, err := lockVolume(root, v.Name)
	if err != nil {
		return 0, err
	}
	defer lock.Close()
	if _, err := os.Lstat(path); err == nil {
		return 0, nil // another lanyard has filled it meanwhile
	}
	fresh := volumePath(root, "."+v.Name+".new-"+s.run.ID())
	if err := s.run.Note(container.Entry{Kind: janitor.TreeEntry, Path: fresh}); err != nil {
		return 0, err
	}
	if err := makeVolume(fresh, v, p); err != nil {
		return 0, err
	}
	s.volumes[v.Name] = fresh
	defer delete(s.volumes, v.Name)
	fmt.Fprintf(os.Stderr, "lanyard: filling volume %s with %s\n", v.Name, v.InitCommand)
	if code := s.command(command, command.Children); code != 0 {
		_ = janitor.RemoveTree(fresh)
		fmt.Fprintf(os.Stderr, "lanyard: volume %s is not filled: %s gave status %d\n", v.Name, v.InitCommand, code)
		return code, nil
	}
	if err := os.Rename(fresh, path); err != nil {
		return 0, fmt.Errorf("cannot put volume %s in its place: %w", v.Name, err)
	}
	return 0, nil
}

// lockVolume waits until nobody else fills the volume.
func lockVolume(root, name string) (*os.File, error) {
	f, err := os.OpenFile(volumePath(root, "."+name+".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock volume %s: %w", name, err)
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot lock volume %s: %w", name, err)
	}
	return f, nil
}
