// Engine is a supervisor that is running already, for the benchmark of a
// container's start: for each byte on its standard input it starts one
// default container through internal/container, waits until it is gone, and
// writes the time at which it began: two native 64-bit words, seconds and
// nanoseconds of CLOCK_MONOTONIC.
//
//	engine ROOTFS PROJECT [-limits MEMORY,CPUS,PIDS | -range | -open] CMD [ARG...]
//
// As an ordinary user its containers have the one id of that user, or with -range
// all ids that newuidmap maps for it. With -open there is no filter of system
// calls and no scope for abstract sockets.
//
// It ends with its input. Exit status 1, with the reason on standard error,
// when a container could not be started.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/ids"
	"github.com/lanyard-dev/lanyard/internal/rootfs"
	"github.com/lanyard-dev/lanyard/internal/seccomp"
	"github.com/lanyard-dev/lanyard/internal/stage"
	"golang.org/x/sys/unix"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "engine: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) (err error) {
	if len(args) < 3 {
		return errors.New("usage: engine ROOTFS PROJECT [-limits MEMORY,CPUS,PIDS | -range | -open] CMD [ARG...]")
	}
	root, project, argv := args[0], args[1], args[2:]
	var limits cgroup.Limits
	if argv[0] == "-limits" && len(argv) > 2 {
		if limits, err = parseLimits(argv[1]); err != nil {
			return err
		}
		argv = argv[2:]
	}
	var all *container.UserNS
	if argv[0] == "-range" && len(argv) > 1 {
		if all, err = wholeRange(); err != nil {
			return err
		}
		argv = argv[1:]
	}
	open := argv[0] == "-open" && len(argv) > 1
	if open {
		argv = argv[1:]
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	runOf := container.NewRun()
	defer func() { err = errors.Join(err, runOf.Close()) }()
	engine := container.NewEngine(runOf)
	for n := 0; ; n++ {
		if got, err := os.Stdin.Read(make([]byte, 1)); got == 0 || err != nil {
			return nil // the end of the input
		}
		spec, err := defaultContainer(root, project, argv)
		if err != nil {
			return err
		}
		if all != nil {
			spec.UserNS, spec.Stage.SetGroups = all, true
		}
		if open {
			spec.Stage.Filter, spec.Stage.Scoped = "", false
		}
		spec.Name, spec.Limits = fmt.Sprintf("bench%d", n), limits
		spec.Stdio = [3]*os.File{null, null, os.Stderr}
		var begin unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &begin); err != nil {
			return err
		}
		if err := start(engine, spec); err != nil {
			return err
		}
		if err := binary.Write(os.Stdout, binary.NativeEndian, [2]int64{int64(begin.Sec), int64(begin.Nsec)}); err != nil {
			return err
		}
	}
}

// start starts one container and waits until it is gone.
func start(engine *container.Engine, spec *container.Spec) error {
	var failure error
	gone := make(chan struct{})
	engine.Start(spec, func(e container.Event) {
		switch e.Kind {
		case container.Failed:
			failure = e.Err
		case container.Gone:
			close(gone)
		}
	})
	<-gone
	return failure
}

// wholeRange maps all ids that this user has.
func wholeRange() (*container.UserNS, error) {
	host := ids.Lookup(os.Geteuid())
	if host.None != nil {
		return nil, host.None
	}
	uids, err := ids.Request{Own: uint32(os.Geteuid()), Sub: host.UIDs}.Plan()
	if err != nil {
		return nil, err
	}
	gids, err := ids.Request{Own: uint32(os.Getegid()), Sub: host.GIDs}.Plan()
	return &container.UserNS{UIDs: uids, GIDs: gids, Host: host}, err
}

// parseLimits reads "bytes,cpus,processes".
func parseLimits(text string) (cgroup.Limits, error) {
	var memory, pids int64
	var cpus float64
	if _, err := fmt.Sscanf(text, "%d,%g,%d", &memory, &cpus, &pids); err != nil {
		return cgroup.Limits{}, fmt.Errorf("cannot read the limits %q: %v; want MEMORY,CPUS,PIDS", text, err)
	}
	return cgroup.Limits{Memory: &memory, CPUs: &cpus, Pids: &pids}, nil
}

// podmanCaps are the capabilities of a default container.
const podmanCaps = 1<<unix.CAP_CHOWN | 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_FOWNER |
	1<<unix.CAP_FSETID | 1<<unix.CAP_KILL | 1<<unix.CAP_NET_BIND_SERVICE |
	1<<unix.CAP_SETFCAP | 1<<unix.CAP_SETGID | 1<<unix.CAP_SETPCAP |
	1<<unix.CAP_SETUID | 1<<unix.CAP_SYS_CHROOT

// defaultContainer is what a child of a group gets whose project file says
// nothing but rootfs.
func defaultContainer(root, project string, argv []string) (*container.Spec, error) {
	filter, err := seccomp.Default(seccomp.Options{Caps: podmanCaps, Nesting: os.Geteuid() != 0})
	if err != nil {
		return nil, err
	}
	spec := &container.Spec{Stage: stage.Spec{
		Root: rootfs.Spec{
			Kind: rootfs.Dir, Path: root, Project: project, UserNS: os.Geteuid() != 0, Console: -1,
			Mounts: []rootfs.Mount{
				{Kind: rootfs.Tmpfs, Target: "/tmp", Size: 100 << 20, Mode: 0o1777},
				{Kind: rootfs.Tmpfs, Target: "/run", Size: 100 << 20, Mode: 0o755},
			},
			Files: []rootfs.File{hostFile("/etc/resolv.conf"), hostFile("/etc/hosts")},
		},
		Argv: argv, WorkDir: "/work", Caps: podmanCaps, CgroupNS: true, Session: true, TTY: -1, Filter: filter, Scoped: true,
		Env: []string{
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "TERM=dumb",
		},
		Path: []string{"/bin"},
	}}
	if os.Geteuid() != 0 {
		spec.UserNS, spec.Stage.NoNewPrivs = container.OwnIDs(0, 0), true
	} else {
		spec.Stage.SetGroups = true
	}
	return spec, nil
}

// hostFile is a copy of one of the host's files, empty if it has none.
func hostFile(path string) rootfs.File {
	content, _ := os.ReadFile(path)
	return rootfs.File{Target: path, Content: string(content)}
}
