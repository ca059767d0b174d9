package stage

import (
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// start runs the command as a child, in the working directory that was asked
// for.
func (s *server) start() {
	if err := enter(s.spec.WorkDir); err != nil {
		e := linux.Fail("change into the working directory", s.spec.WorkDir, err)
		e.Detail = "it has to be a folder in the container"
		s.fail(e)
	}
	s.ownStdio()
	s.ownKeyring()
	p := &linux.Process{
		TTY: -1, NoFile: s.spec.NoFile, NewCgroupNS: s.spec.CgroupNS,
		SetGroups: s.spec.SetGroups, Groups: s.spec.Groups, UID: s.spec.UID, GID: s.spec.GID,
		NoNewPrivs: s.spec.NoNewPrivs, Filter: []byte(s.spec.Filter), Ruleset: -1, Ignore: s.spec.Ignore, LastCap: linux.LastCap(),
	}
	p.Caps = s.spec.Caps & linux.Permitted()
	if s.spec.Foreground {
		p.TTY = s.spec.TTY
	}
	p.CgroupFDs, p.CgroupDir = s.cgroupFiles, s.cgroupFolder
	if s.spec.Scoped {
		p.Ruleset = linux.AbstractScope()
		defer syscall.Close(p.Ruleset)
	}
	p.Argv, p.Env = vector(s.spec.Argv), vector(s.spec.Env)
	candidates := s.candidates()
	for _, path := range candidates {
		p.Paths = append(p.Paths, terminated(path))
	}
	// From here on a dead parent means a signal (the parent-death signal is
	// set), so this look is the last that is needed.
	if s.orphaned() {
		exit(0)
	}
	linux.IgnoreAll(0) // the command may signal us from its first instruction on
	pid, pidfd, err := p.Start()
	if err != nil {
		if err.Step == linux.ExecStep {
			explainExec(err, s.spec, candidates)
		}
		s.fail(err)
	}
	s.command, s.pidfd = pid, pidfd
}

// enter changes into a folder. "/" is the container's and ours, but the magic links
// of /proc are not followed: our descriptors lead out, and an image chooses its
// working directory (CVE-2024-21626).
func enter(dir string) error {
	fd, err := linux.OpenInRoot(linux.AT_FDCWD, dir, linux.O_PATH|syscall.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	return syscall.Fchdir(fd)
}

// nameHost gives the UTS namespace its name.
func (s *server) nameHost() {
	name := s.spec.Hostname
	if name == "" {
		return
	}
	if err := syscall.Sethostname([]byte(name)); err != nil {
		s.fail(linux.Fail("set the hostname", name, err))
	}
}

// candidates are the paths that the command's first word may mean, in order.
func (s *server) candidates() []string {
	name := s.spec.Argv[0]
	for i := range len(name) {
		if name[i] == '/' {
			return []string{name}
		}
	}
	var list []string
	for _, dir := range s.spec.Path {
		if dir == "" {
			dir = "."
		}
		list = append(list, dir+"/"+name)
	}
	return list
}

func (s *server) orphaned() bool {
	fds := []linux.PollFd{{Fd: socket, Events: linux.POLLRDHUP}}
	n, err := linux.Retry(func() (int, error) { return linux.Poll(fds, 0) })
	return err != nil || n > 0
}

func terminated(s string) []byte { return append([]byte(s), 0) }

func vector(list []string) []*byte {
	out := make([]*byte, 0, len(list)+1)
	for _, s := range list {
		out = append(out, &terminated(s)[0])
	}
	return append(out, nil)
}
