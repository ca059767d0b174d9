package supervise

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/agent"
	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/early"
	"github.com/lanyard-dev/lanyard/internal/image"
	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/lanyard-dev/lanyard/internal/rootfs"
	"github.com/lanyard-dev/lanyard/internal/stage"
	"golang.org/x/sys/unix"
)

// commandID is the user and the group that a command runs as, the original's.
const commandID = early.CommandID

// rootName is the directory of the container's root, or a link to one.
const rootName = "rootfs"

// ownFileLimit is how many files a container may open at most: our own hard
// limit, which only CAP_SYS_RESOURCE could raise (getrlimit(2)).
func ownFileLimit() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return agent.DefaultNoFile
	}
	return limit.Max
}

// describe says what the container is, and has its init build it. It makes nothing
// outside the container's namespaces.
func (s *service) describe() (*container.Spec, error) {
	if len(s.options.Args) == 0 || s.options.Args[0] == "" {
		return nil, errors.New("no command: write it after --hostname and --ID, as in -- /bin/server --port 80")
	}
	root, err := image.Folder(filepath.Join(s.dir, rootName))
	if err != nil {
		return nil, err
	}
	spec := &container.Spec{
		Name:  s.options.ID,
		Stdio: stdio(), UserNS: userNS(), Init: s.init,
		Stage: stage.Spec{
			Argv: s.options.Args, Env: s.config.Environ(), Path: s.config.SearchPath(),
			WorkDir: s.config.WorkingDir, Hostname: s.options.Hostname,
			UID: commandID, GID: commandID, Caps: container.DefaultCaps, NoFile: s.config.NoFile,
			CgroupNS: true, Session: session, TTY: -1,
		},
	}
	spec.Stage.SetGroups, spec.Stage.NoNewPrivs = spec.UserNS == nil, spec.UserNS != nil
	if err := s.filter(spec); err != nil {
		return nil, err
	}
	spec.Stage.Root = rootfs.Spec{
		Kind: root.Kind, Path: root.Path, UserNS: spec.UserNS != nil,
		Mounts: s.mounts(), Console: -1, ConsoleNull: true,
	}
	if !s.joinsScope() {
		s.init.Describe(spec)
	}
	return spec, nil
}

// prepare makes what else the container needs, and writes it down for clients.
func (s *service) prepare(spec *container.Spec) error {
	if s.group != nil {
		if err := s.createGroup(); err != nil {
			if err = s.withoutGroup(err); err != nil {
				return err
			}
		}
	}
	spec.Cgroup = s.group
	resolved := s.resolved(spec)
	encoded := sync.OnceValues(func() ([]byte, error) { return agent.EncodeContainer(resolved) })
	go encoded() // beside what else there is to do
	spec.Before = sync.OnceValue(func() error {
		text, err := encoded()
		if err != nil {
			return err
		}
		return s.writeContainer(text)
	})
	return nil
}

// writeContainer writes container.json, in another file first, which is noted: a
// kill in between must not leave it.
func (s *service) writeContainer(text []byte) error {
	temporary := ".container.json." + s.run.ID()
	if err := s.run.Note(container.Entry{Kind: janitor.TreeEntry, Path: filepath.Join(s.dir, temporary)}); err != nil {
		return err
	}
	return agent.WriteContainer(".", temporary, text)
}

// mounts are those of agent.json, and the host's resolv.conf, parents first.
func (s *service) mounts() []rootfs.Mount {
	var list []rootfs.Mount
	if _, err := os.Stat(resolvConf); err == nil {
		list = append(list, rootfs.Mount{Kind: rootfs.Bind, Target: resolvConf, Source: resolvConf, ReadOnly: true})
	}
	for _, t := range s.config.Tmp {
		m := rootfs.Mount{Kind: rootfs.Tmpfs, Target: t.Path, Mode: 0o1777, NoExec: true, Size: rootfs.Unlimited}
		if t.Size >= 0 {
			m.Size = uint64(t.Size)
		}
		list = append(list, m)
	}
	for _, v := range s.config.Volumes {
		list = append(list, rootfs.Mount{Kind: rootfs.Bind, Target: v.Path, Source: v.Source})
	}
	// What the agent puts in the place of resolv.conf comes after it, and wins.
	slices.SortStableFunc(list, func(a, b rootfs.Mount) int { return strings.Compare(a.Target, b.Target) })
	return list
}

const resolvConf = "/etc/resolv.conf"

// resolved is what container.json says of the container.
func (s *service) resolved(spec *container.Spec) *agent.Resolved {
	st := &spec.Stage
	r := &agent.Resolved{
		ID: s.options.ID, Hostname: s.options.Hostname, Config: s.config, Args: st.Argv,
		Root: st.Root.Path, UID: st.UID, GID: st.GID, NoNewPrivs: st.NoNewPrivs,
		Masked: rootfs.Masked(), ReadOnly: rootfs.ReadOnly(), Cgroup: cgroupsPath(spec), NoSwap: s.noSwap,
		NoResolvConf: !slices.ContainsFunc(st.Root.Mounts, func(m rootfs.Mount) bool { return m.Target == resolvConf }),
	}
	for c := range 64 {
		if st.Caps&(1<<c) != 0 {
			r.Caps = append(r.Caps, capName(c))
		}
	}
	if ns := spec.UserNS; ns != nil {
		r.UserNS = &agent.UserNS{
			UID: ns.UIDs[0].Inside, GID: ns.GIDs[0].Inside, HostUID: ns.UIDs[0].Outside, HostGID: ns.GIDs[0].Outside,
		}
	}
	return r
}

// capNames are the capabilities of container.DefaultCaps.
var capNames = map[int]string{
	unix.CAP_CHOWN: "CAP_CHOWN", unix.CAP_DAC_OVERRIDE: "CAP_DAC_OVERRIDE", unix.CAP_FOWNER: "CAP_FOWNER",
	unix.CAP_FSETID: "CAP_FSETID", unix.CAP_KILL: "CAP_KILL", unix.CAP_NET_BIND_SERVICE: "CAP_NET_BIND_SERVICE",
	unix.CAP_SETFCAP: "CAP_SETFCAP", unix.CAP_SETGID: "CAP_SETGID", unix.CAP_SETPCAP: "CAP_SETPCAP",
	unix.CAP_SETUID: "CAP_SETUID", unix.CAP_SYS_CHROOT: "CAP_SYS_CHROOT",
}

func capName(c int) string { return capNames[c] }

// cgroupsPath is what container.json says of the container's cgroup; "" for none.
func cgroupsPath(spec *container.Spec) string {
	if spec.Cgroup == nil {
		return ""
	}
	return spec.Cgroup.Path()
}
