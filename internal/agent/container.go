package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
)

// Resolved is a container as it really runs.
type Resolved struct {
	ID, Hostname     string
	Config           *Config
	Args             []string // the command, not empty
	Root             string   // absolute path of the root on the host, links resolved
	UID, GID         uint32   // of the command, inside the container
	Caps             []string // the bounding set, as CAP_CHOWN; all other sets are empty
	NoNewPrivs       bool
	Masked, ReadOnly []string // paths in the container that are covered, or can't be written
	UserNS           *UserNS  // nil: no user namespace
	Cgroup           string   // cgroupsPath; "" where this host or user has none to give
	NoSwap           bool     // the kernel counts no swap, so that it is not limited
	NoResolvConf     bool     // the host has no /etc/resolv.conf to bind
}

// UserNS is a user namespace with one user and one group in it.
type UserNS struct {
	UID, GID         uint32 // inside
	HostUID, HostGID uint32 // what they are outside
}

// containerFile is the file's name in the supervisor's directory.
const containerFile = "container.json"

// EncodeContainer gives c as an OCI runtime-spec configuration.
func EncodeContainer(c *Resolved) ([]byte, error) {
	text := &bytes.Buffer{}
	e := json.NewEncoder(text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(spec(c)); err != nil {
		return nil, fmt.Errorf("cannot describe the container: %w", err)
	}
	return text.Bytes(), nil
}

// WriteContainer writes the text of EncodeContainer as container.json in dir,
// mode 0644. An older one is replaced as a whole; on an error it stays as it was.
// While it is written it has the name temporary, which must be nobody else's, and
// is left under that name only if this process is killed.
func WriteContainer(dir, temporary string, text []byte) error {
	if err := replace(filepath.Join(dir, containerFile), filepath.Join(dir, temporary), text); err != nil {
		return fmt.Errorf("cannot write container.json: %w; the supervisor needs a directory that it may write to", err)
	}
	return nil
}

// replace writes a file so that a reader sees the old one or the new one.
func replace(path, temporary string, data []byte) error {
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644) // whatever the umask is
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary)
	}
	return err
}

// ociVersion is the oldest runtime-spec that has every key of ours (umask came
// last). Readers of an older minor version refuse a newer one: crun 1.8 does.
const ociVersion = "1.0.2"

func spec(c *Resolved) *ociSpec {
	s := &ociSpec{
		Version:  ociVersion,
		Hostname: c.Hostname,
		Root:     ociRoot{Path: c.Root, Readonly: true},
		Process: ociProcess{
			User:            ociUser{UID: c.UID, GID: c.GID, Umask: 0o022},
			Args:            c.Args,
			Env:             c.Config.Environ(),
			Cwd:             c.Config.WorkingDir,
			Capabilities:    ociCapabilities{Bounding: c.Caps},
			Rlimits:         []ociRlimit{{Type: "RLIMIT_NOFILE", Hard: c.Config.NoFile, Soft: c.Config.NoFile}},
			NoNewPrivileges: c.NoNewPrivs,
		},
		Mounts: mounts(c),
		Linux: ociLinux{ // no network namespace: the host's
			Namespaces:    []ociNamespace{{"mount"}, {"uts"}, {"ipc"}, {"pid"}, {"cgroup"}},
			MaskedPaths:   c.Masked,
			ReadonlyPaths: c.ReadOnly,
		},
	}
	if c.Cgroup != "" {
		s.Linux.CgroupsPath, s.Linux.Resources = c.Cgroup, resources(c.Config, c.NoSwap)
	}
	if ns := c.UserNS; ns != nil {
		s.Linux.Namespaces = append(s.Linux.Namespaces, ociNamespace{"user"})
		s.Linux.UIDMappings = []ociIDMapping{{ContainerID: ns.UID, HostID: ns.HostUID, Size: 1}}
		s.Linux.GIDMappings = []ociIDMapping{{ContainerID: ns.GID, HostID: ns.HostGID, Size: 1}}
	}
	return s
}

// cpuPeriod is the bandwidth period in microseconds, the kernel's default.
const cpuPeriod = 100_000

func resources(c *Config, noSwap bool) *ociResources {
	r := &ociResources{}
	if c.Memory != nil {
		r.Memory = &ociMemory{Limit: *c.Memory}
		if !noSwap {
			r.Memory.Swap = 2 * *c.Memory
		}
	}
	if c.CPUs != nil {
		// The kernel refuses a quota below 1 ms (kernel/sched/core.c, min_cfs_quota_period).
		quota := max(1000, int64(math.Round(*c.CPUs*cpuPeriod)))
		r.CPU = &ociCPU{Quota: quota, Period: cpuPeriod}
	}
	return r
}
