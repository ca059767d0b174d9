package provide

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/ids"
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
			blob, done, err := b.archive(ctx, step)
			if err != nil {
				return err
			}
			defer done()
			c.Blob = blob
		}
		changes = []worker.Change{c}
	default:
		return fmt.Errorf("internal error: no way to carry out !%s", step.Kind)
	}
	limits := b.p.o.Settings.LayerLimits
	root := b.root()
	root.Mounts = []rootfs.Mount{b.tmpMount()}
	return b.v.files.Change(ctx, root, worker.Limits{Bytes: limits.Size, Files: limits.Files}, changes...)
}

// archive downloads what a !Tar names, and gives it a name in temp: another build
// with the same archive removes its own. done removes it.
func (b *builder) archive(ctx context.Context, step *plan.Step) (path string, done func(), err error) {
	held := filepath.Join(b.temp.Path, "archive")
	for range holdTries {
		blob, err := b.p.registry().Download(ctx, step.URL, step.SHA256, b.s.Blobs(), b.task.Add)
		if err != nil {
			return "", nil, err
		}
		done := func() { os.Remove(blob) }
		err = os.Link(blob, held)
		switch {
		case err == nil:
			return held, func() { os.Remove(held); done() }, nil
		case !errors.Is(err, fs.ErrNotExist):
			return blob, done, nil // a filesystem without hard links
		}
	}
	return "", nil, errors.New("the downloaded archive is removed again and again; let the other lanyard come to its end first")
}

// install has the system's own program install packages. Services that a package
// would start are left alone: policy-rc.d(8) says so to Debian's. dpkg need not
// wait for the disk (dpkg(1), --force-unsafe-io), because a build that was cut
// short is thrown away.
const install = `
policy=/usr/sbin/policy-rc.d
if command -v apt-get >/dev/null; then
	[ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy && ours=yes; }
	apt-get -q update
	apt-get -qy -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-unsafe-io install --no-install-recommends "$@"
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
	exit 1
fi`

// noManager succeeds where none of these programs is there.
const noManager = `for program in apt-get apk dnf microdnf zypper pacman; do if command -v $program >/dev/null; then exit 1; fi; done`

var errNoProgram = errors.New("no program to install packages with was found: apt-get, apk, dnf, microdnf, zypper or pacman; write the command for this system as a step, !Sh")

func (b *builder) install(ctx context.Context, packages []string) error {
	env := []string{"DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", "APT_CONFIG=/run/" + aptConf}
	err := b.run(ctx, append([]string{"/bin/sh", "-ec", install, "sh"}, packages...), env)
	var ended *exitError
	// Looked at afterwards, because these programs may give any status themselves.
	if errors.As(err, &ended) && b.run(ctx, []string{"/bin/sh", "-ec", noManager}, nil) == nil {
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
	output, end, err := b.output()
	if err != nil {
		return err
	}
	defer end()
	spec := &container.Spec{Name: b.c.Name, Stdio: [3]*os.File{null, output, output}, UserNS: b.v.ids}
	st := &spec.Stage
	st.Root, st.Argv, st.Env, st.WorkDir = b.root(), argv, b.environment(env), "/work"
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
	st.SetGroups, st.NoNewPrivs, st.Scoped = b.v.ids == nil || b.v.ids.SetGroups(), b.v.ids != nil, true
	if st.Filter, err = seccomp.Default(seccomp.Options{Caps: container.DefaultCaps, Nesting: b.v.ids != nil}); err != nil {
		return err
	}
	return b.await(ctx, spec)
}

// tmpMount is the /tmp that all steps see.
func (b *builder) tmpMount() rootfs.Mount {
	return rootfs.Mount{Kind: rootfs.Bind, Target: "/tmp", Source: b.tmp()}
}

// mounts are what every program of a recipe sees besides the root.
func (b *builder) mounts() ([]rootfs.Mount, error) {
	run := rootfs.Mount{Kind: rootfs.Tmpfs, Target: "/run", Mode: 0o755}
	run.Files = []rootfs.Entry{{Path: aptConf, Mode: 0o644, Content: aptOptions(b.v.files.OneID())}}
	list := []rootfs.Mount{b.tmpMount(), run}
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

// environment is what programs of a recipe get: nothing of the caller's but
// proxies.
func (b *builder) environment(more []string) []string {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TERM=dumb"}
	for _, name := range []string{"http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"} {
		if value := b.p.o.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return lastOfEach(slices.Concat(env, b.config.Env, b.config.BuildEnv, more))
}

// lastOfEach keeps the last value of each variable, where the first one stood.
func lastOfEach(env []string) []string {
	at := map[string]int{}
	var out []string
	for _, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		if i, ok := at[name]; ok {
			out[i] = entry
			continue
		}
		at[name] = len(out)
		out = append(out, entry)
	}
	return out
}
