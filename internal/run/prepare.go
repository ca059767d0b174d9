package run

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/provide"
	"github.com/lanyard-dev/lanyard/internal/rootfs"
)

// prepare turns a process of the plan into a container: every name is looked
// up and every default filled in.
func (s *session) prepare(c *plan.Command, p *plan.Process, screen *screen) (*container.Spec, error) {
	o := s.options
	from := o.Plan.Containers[p.Container]
	spec := &container.Spec{Name: p.Name}
	st := &spec.Stage
	if err := s.setUser(spec, from, p); err != nil {
		return nil, err
	}
	root, err := s.root(from, spec.UserNS)
	if err != nil {
		return nil, err
	}
	if who, err := withUser(p, root, spec.UserNS == nil || spec.UserNS.SetGroups()); err != nil {
		return nil, err
	} else if who != p {
		p = who
		if err := s.setUser(spec, from, p); err != nil {
			return nil, err
		}
	}
	if external := p.ExternalUserID; external != nil && spec.UserNS == nil && *external != st.UID {
		screen.mux.Message(fmt.Sprintf("warning: %s: external-user-id %d has no effect as root, whose containers have the machine's own ids: user-id %d is %[3]d outside",
			p.Name, *external, st.UID))
	}
	st.Root = rootfs.Spec{Kind: root.Kind, Path: root.Path, Layers: root.Layers, UserNS: spec.UserNS != nil, Project: o.Plan.Root, Console: -1}
	if firstOf(p.WriteMode, from.WriteMode, plan.ReadOnly) == plan.Transient {
		// A private layer over the machine's system covers its root
		// filesystem; what is mounted on it stays out.
		st.Root.Kind, st.Root.Transient = rootfs.Dir, true
	}
	if st.Root.Mounts, err = s.mounts(from, p, spec.UserNS); err != nil {
		return nil, err
	}
	st.Root.Files = hostFiles()
	env, err := s.environment(root, from, p, st.UID)
	if err != nil {
		return nil, err
	}
	st.Env = env.list()
	st.Path = strings.Split(env.value["PATH"], ":")
	var more []string
	if c == o.Command {
		more = o.Args
	}
	if st.Argv, err = arguments(from, p, root, more); err != nil {
		return nil, err
	}
	if st.WorkDir, err = workDir(o, p, root.Config.WorkingDir); err != nil {
		return nil, err
	}
	if err := s.secure(spec, from, p); err != nil {
		return nil, err
	}
	st.Session, st.Siblings, st.TTY, st.CgroupNS = c.Supervise, len(c.Children) > fewSiblings, -1, true
	return spec, setLimits(spec, from, p, screen)
}

// fewSiblings have had their TERM when the kernel begins to take the first one's
// container apart; with more of them it has to wait (docs/adr/0012).
const fewSiblings = 8

func firstOf[T comparable](values ...T) T {
	var zero T
	for _, v := range values {
		if v != zero {
			return v
		}
	}
	return zero
}

// setUser fills in who the command runs as.
func (s *session) setUser(spec *container.Spec, from *plan.Container, p *plan.Process) error {
	st := &spec.Stage
	if p.UserID != nil {
		st.UID = *p.UserID
	}
	if p.GroupID != nil {
		st.GID = *p.GroupID
	}
	st.Caps = container.DefaultCaps
	if container.Privileged() {
		st.SetGroups, st.Groups = true, p.SupplementaryGIDs
		return nil
	}
	st.NoNewPrivs = true
	return mapIDs(spec, from, p, s.ids())
}

// arguments gives the command's argument vector as the plan has it, or the
// image's own; more are the words after the command's name.
func arguments(from *plan.Container, p *plan.Process, root provide.Root, more []string) ([]string, error) {
	switch {
	case len(p.Run) == 0:
		return imageCommand(root.Config, more)
	case !p.Shell:
		return slices.Concat(p.Run, more), nil
	}
	shell := from.DefaultShell
	if len(shell) == 0 {
		shell = []string{"/bin/sh", "-c"}
	}
	return slices.Concat(shell, []string{p.Run[0], "--"}, more), nil
}

// workDir gives the folder inside the container that the command starts in:
// work-dir, else the one that matches the caller's, or for what an image runs by
// itself the image's.
func workDir(o *Options, p *plan.Process, image string) (string, error) {
	if p.WorkDir == "" && len(p.Run) == 0 && path.IsAbs(image) {
		return path.Clean(image), nil
	}
	if p.WorkDir == "" {
		return path.Join("/work", below(o.Plan.Root, o.Dir)), nil
	}
	dir := p.WorkDir
	if !path.IsAbs(dir) {
		dir = path.Join("/work", dir)
	}
	if inside, ok := strings.CutPrefix(dir+"/", "/work/"); ok {
		if info, err := os.Stat(filepath.Join(o.Plan.Root, inside)); err != nil || !info.IsDir() {
			return "", fmt.Errorf("work-dir %s is no directory of the project (%s)", p.WorkDir, filepath.Join(o.Plan.Root, inside))
		}
	}
	return dir, nil
}

// below gives the path of dir in root, "" if it lies elsewhere. Links are
// followed first: one to an absolute path leads nowhere in a container.
func below(root, dir string) string {
	realRoot, err := filepath.EvalSymlinks(root)
	realDir, err2 := filepath.EvalSymlinks(dir)
	if err == nil && err2 == nil {
		root, dir = realRoot, realDir
	}
	rel, err := filepath.Rel(root, dir)
	if err != nil || !filepath.IsLocal(rel) {
		return ""
	}
	return rel
}

// hostFiles are the host's name resolution, copied at the start.
func hostFiles() []rootfs.File {
	var files []rootfs.File
	for _, name := range []string{"/etc/resolv.conf", "/etc/hosts"} {
		if data, err := os.ReadFile(name); err == nil {
			files = append(files, rootfs.File{Target: name, Content: string(data)})
		}
	}
	return files
}

// setLimits merges the limits of container and command, key by key.
func setLimits(spec *container.Spec, from *plan.Container, p *plan.Process, screen *screen) error {
	a, b := p.Limits, from.Limits
	spec.Limits = cgroup.Limits{
		Memory: firstOf(a.Memory, b.Memory), Swap: firstOf(a.Swap, b.Swap),
		CPUs: firstOf(a.CPUs, b.CPUs), Pids: firstOf(a.Pids, b.Pids), IOWeight: firstOf(a.IOWeight, b.IOWeight),
	}
	spec.BestEffort = firstOf(p.LimitsMode, from.LimitsMode, plan.Strict) == plan.BestEffort
	files := firstOf(a.NoFile, b.NoFile)
	if files == nil {
		return nil
	}
	var own syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &own); err != nil {
		return fmt.Errorf("cannot read the limit on open files: %w", err)
	}
	spec.Stage.NoFile = *files
	if *files <= own.Max {
		return nil
	}
	if !spec.BestEffort {
		return fmt.Errorf("limit nofile %d is above lanyard's own hard limit of %d; raise that (ulimit -Hn, as root), or set limits-mode: best-effort", *files, own.Max)
	}
	screen.mux.Message(fmt.Sprintf("warning: %s: limit nofile %d is above lanyard's own hard limit; using %d", p.Name, *files, own.Max))
	spec.Stage.NoFile = own.Max
	return nil
}
