package provide

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/ids"
	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/rootfs"
	"github.com/lanyard-dev/lanyard/internal/seccomp"
	"github.com/lanyard-dev/lanyard/internal/worker"
)

// change carries out a step that only touches files.
func (b *builder) change(ctx context.Context, step *plan.Step) error {
	var changes []worker.Change
	inProject := path.Join("/work", step.Source)
	switch step.Kind {
	case plan.StepEnsureDir:
		changes = []worker.Change{{Kind: worker.EnsureDir, Path: step.Target}}
	case plan.StepRemove:
		changes = []worker.Change{{Kind: worker.Remove, Path: step.Target}}
	case plan.StepText:
		for _, f := range step.Files {
			changes = append(changes, worker.Change{Kind: worker.Text, Path: f.Path, Content: f.Content})
		}
	case plan.StepCopy:
		changes = []worker.Change{{Kind: worker.Copy, Path: step.Target, Copy: step}}
	case plan.StepTar:
		c := worker.Change{Kind: worker.Tar, Path: step.Target, Source: inProject, Subdir: step.Subdir}
		if step.URL != "" {
			blob, err := b.p.registry().Download(ctx, step.URL, step.SHA256, b.s.Blobs(), b.task.Add)
			if err != nil {
				return err
			}
			defer os.Remove(blob)
			c.Blob = blob
		}
		changes = []worker.Change{c}
	default:
		return fmt.Errorf("internal error: no way to carry out !%s", step.Kind)
	}
	limits := b.p.o.Settings.LayerLimits
	return b.v.files.Change(ctx, b.root(), worker.Limits{Bytes: limits.Size, Files: limits.Files}, changes...)
}

// install has the system's own program install packages. Services that a package
// would start are left alone: policy-rc.d(8) says so to Debian's.
const install = `
policy=/usr/sbin/policy-rc.d
if command -v apt-get >/dev/null; then
	[ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy && ours=yes; }
	apt-get -q update
	apt-get -qy -o Dpkg::Options::=--force-confold install --no-install-recommends "$@"
	[ -z "${ours:-}" ] || rm -f $policy
	apt-get clean
	rm -rf /var/lib/apt/lists/*
elif command -v apk >/dev/null; then
	apk add --no-cache "$@"
elif command -v dnf >/dev/null; then
	dnf -y --setopt=install_weak_deps=False install "$@" && dnf clean all
elif command -v microdnf >/dev/null; then
	microdnf -y install "$@" && microdnf clean all
elif command -v zypper >/dev/null; then
	zypper -n install --no-recommends "$@" && zypper clean -a
elif command -v pacman >/dev/null; then
	pacman -Sy --noconfirm --needed "$@" && pacman -Scc --noconfirm
else
	exit 126
fi`

func (b *builder) install(ctx context.Context, packages []string) error {
	env := []string{"DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"}
	if b.v.files.OneID() {
		// Where one id is mapped nobody can become the user that apt downloads as.
		env = append(env, "APT_CONFIG=/run/lanyard-apt.conf")
	}
	err := b.run(ctx, append([]string{"/bin/sh", "-ec", install, "sh"}, packages...), env)
	var ended *exitError
	if errors.As(err, &ended) && ended.status == 126 {
		return errNoProgram
	}
	if err != nil && b.v.files.OneID() {
		err = fmt.Errorf("%w (only your own id can be mapped, and packages want more: %w)", err, ids.Lookup(os.Geteuid()).None)
	}
	return err
}

// exitError is a program of a recipe that failed.
type exitError struct {
	program string
	status  int // 128 + n for signal n
}

func (e *exitError) Error() string { return fmt.Sprintf("%s gave status %d", e.program, e.status) }

// run runs a program in the root under construction, as its root.
func (b *builder) run(ctx context.Context, argv, env []string) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	spec := &container.Spec{Name: b.c.Name, Stdio: [3]*os.File{null, b.log, b.log}, UserNS: b.v.ids}
	st := &spec.Stage
	st.Root, st.Argv, st.Env, st.WorkDir = b.root(), argv, b.environment(env), "/"
	for _, entry := range st.Env {
		if list, ok := strings.CutPrefix(entry, "PATH="); ok {
			st.Path = strings.Split(list, ":")
		}
	}
	if st.Root.Mounts, err = b.mounts(); err != nil {
		return err
	}
	st.Root.Files = b.p.o.Files
	st.Caps, st.Session, st.TTY, st.CgroupNS = container.DefaultCaps, true, -1, true
	st.SetGroups, st.NoNewPrivs = !b.v.files.OneID(), b.v.ids != nil
	if st.Filter, err = seccomp.Default(seccomp.Options{Caps: container.DefaultCaps, Nesting: b.v.ids != nil}); err != nil {
		return err
	}
	return b.await(ctx, spec)
}

// mounts are what every program of a recipe sees besides the root.
func (b *builder) mounts() ([]rootfs.Mount, error) {
	tmp := rootfs.Mount{Kind: rootfs.Bind, Target: "/tmp", Source: b.tmp()}
	run := rootfs.Mount{Kind: rootfs.Tmpfs, Target: "/run", Mode: 0o755}
	if b.v.files.OneID() {
		run.Files = []rootfs.Entry{{Path: "lanyard-apt.conf", Mode: 0o644, Content: "APT::Sandbox::User \"root\";\n"}}
	}
	list := []rootfs.Mount{tmp, run}
	for i := range b.c.Setup {
		for _, cache := range b.c.Setup[i].Caches {
			dir, err := b.s.Cache(cache.Name)
			if err != nil {
				return nil, err
			}
			list = append(list, rootfs.Mount{Kind: rootfs.Bind, Target: cache.Path, Source: dir})
		}
	}
	return list, nil
}

// await starts a container and waits until nothing of it is left.
func (b *builder) await(ctx context.Context, spec *container.Spec) error {
	gone := make(chan error, 1)
	var failed error
	c := b.p.o.Engine.Start(spec, func(e container.Event) {
		switch e.Kind {
		case container.Failed:
			failed = e.Err
		case container.Exited:
			if status := e.Status; status.Signaled() {
				failed = &exitError{spec.Stage.Argv[0], 128 + int(status.Signal())}
			} else if status.ExitStatus() != 0 {
				failed = &exitError{spec.Stage.Argv[0], status.ExitStatus()}
			}
		case container.Gone:
			if failed == nil {
				failed = e.Err
			}
			gone <- failed
		}
	})
	select {
	case err := <-gone:
		return err
	case <-ctx.Done():
		c.Kill()
		<-gone
		return ctx.Err()
	}
}

// noMmdebstrap is what a recipe with !Debian lacks.
var noMmdebstrap = linux.Obstacle{Why: "mmdebstrap is not installed", Fix: "sudo apt-get install mmdebstrap (Debian, Ubuntu)"}

// debian makes a system of packages with mmdebstrap, from the machine's own
// sources where they are for the same release.
func (b *builder) debian(ctx context.Context, step *plan.Step) error {
	program, err := exec.LookPath("mmdebstrap")
	if err != nil {
		return &noMmdebstrap
	}
	if b.v.files.OneID() {
		return fmt.Errorf("packages want more ids than your own: %w", ids.Lookup(os.Geteuid()).None)
	}
	d := worker.Debian{
		Program: program, Release: step.Release, Variant: step.Variant, Packages: step.Packages, Dest: b.fs, Log: b.log.Name(),
		Env: b.environment([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TMPDIR=" + filepath.Join(b.temp.Path)}),
	}
	// usr-is-merged from the start: otherwise usrmerge is installed, with all of Perl.
	const merged = "/usr/share/mmdebstrap/hooks/maybe-merged-usr"
	if _, err := os.Stat(merged); err == nil {
		d.Options = append(d.Options, "--hook-dir="+merged)
	}
	switch {
	case step.Mirror != "":
		d.Sources = []string{step.Mirror}
	case release() == step.Release:
		d.Sources = aptSources()
	}
	return b.v.files.Debian(ctx, d)
}

// release is the code name of this machine's system (os-release(5)).
func release() string {
	data, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "VERSION_CODENAME="); ok {
			return strings.Trim(name, `"'`)
		}
	}
	return ""
}

// aptSources are this machine's files of package sources (sources.list(5)).
func aptSources() (files []string) {
	for _, path := range []string{"/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list.d/ubuntu.sources"} {
		if data, err := os.ReadFile(path); err == nil && (strings.Contains("\n"+string(data), "\ndeb ") || strings.Contains(string(data), "URIs:")) {
			files = append(files, path)
		}
	}
	return files
}
