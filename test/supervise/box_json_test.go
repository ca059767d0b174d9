package supervise_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/testkit"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// containerJSON reads what the supervisor wrote of its container.
func (p *place) containerJSON() *specs.Spec {
	p.t.Helper()
	spec := &specs.Spec{}
	if err := json.Unmarshal([]byte(p.read(p.path("container.json"))), spec); err != nil {
		p.t.Fatalf("container.json: %v", err)
	}
	for _, part := range []bool{spec.Process != nil, spec.Root != nil, spec.Linux != nil} {
		if !part {
			p.t.Fatalf("container.json lacks a part:\n%s", p.read(p.path("container.json")))
		}
	}
	return spec
}

// onlyFiles says that the directory has these files, and no others.
func (p *place) onlyFiles(names ...string) {
	p.t.Helper()
	entries, err := os.ReadDir(p.dir)
	p.must(err)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, names) {
		p.t.Errorf("the directory has %q, want %q", got, names)
	}
}

// isCgroup says whether path is what container.json has to say of the
// container's cgroup: nothing where nobody may make one.
func (p *place) isCgroup(path string) bool {
	p.t.Helper()
	if !testkit.MayMakeCgroups() {
		return path == ""
	}
	switch place := cgroup.FindPlace(); place.Kind {
	case cgroup.Scope:
		return strings.HasSuffix(path, "/harpoon-"+p.id+".scope/harpoon/"+p.id) && path[0] == '/'
	case cgroup.Own:
		return path == strings.TrimPrefix(place.Folder, "/sys/fs/cgroup")+"/harpoon/"+p.id
	}
	return path == "harpoon/"+p.id
}

func itoa(n int) string { return strconv.Itoa(n) }

func deadline() time.Time { return time.Now().Add(bound) }

// What container.json says is what runs.
func TestContractContainerJSONIsTrue(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	data := p.volume("data")
	limits := ""
	if os.Geteuid() == 0 {
		limits = `"mem": 64, "cpu": 0.5, `
	}
	p.write("agent.json", `{"env": {"A": "b"}, "resources": {`+limits+`"fd": 123}, "command": {"working_dir": "/bin"},
		"storage": {"tmp": {"/scratch": 5, "/tmp": -1}, "volumes": {"/data": "`+data+`"}}}`)
	const script = `id -u; id -g; umask; pwd; ulimit -Sn; ulimit -Hn; cat /proc/sys/kernel/hostname
		grep CapBnd /proc/self/status; grep NoNewPrivs /proc/self/status; cat /proc/self/mountinfo`
	got := strings.SplitN(p.outputs(script), "\n", 10)
	spec := p.containerJSON()
	bounding := uint64(0)
	for _, name := range spec.Process.Capabilities.Bounding {
		bounding |= 1 << capability[name]
	}
	want := []string{
		fmt.Sprint(spec.Process.User.UID), fmt.Sprint(spec.Process.User.GID), fmt.Sprintf("%04o", *spec.Process.User.Umask),
		spec.Process.Cwd, fmt.Sprint(spec.Process.Rlimits[0].Soft), fmt.Sprint(spec.Process.Rlimits[0].Hard), spec.Hostname,
		fmt.Sprintf("CapBnd:\t%016x", bounding), "NoNewPrivs:\t" + map[bool]string{true: "1", false: "0"}[spec.Process.NoNewPrivileges],
	}
	if !slices.Equal(got[:9], want) {
		t.Errorf("in the container it is\n%q\ncontainer.json says\n%q", got[:9], want)
	}
	if c := spec.Process.Capabilities; len(c.Effective)+len(c.Permitted)+len(c.Inheritable)+len(c.Ambient) > 0 {
		t.Errorf("container.json gives capabilities: %+v", c)
	}
	if args := []string{"/bin/sh", "-c", script}; !slices.Equal(spec.Process.Args, args) || spec.Root.Path != p.root || !spec.Root.Readonly {
		t.Errorf("args %q in root %+v", spec.Process.Args, spec.Root)
	}
	if env := []string{"A=b", "HOME=/"}; !slices.Equal(spec.Process.Env, env) || spec.Process.Rlimits[0].Type != "RLIMIT_NOFILE" {
		t.Errorf("env %q, rlimits %+v", spec.Process.Env, spec.Process.Rlimits)
	}
	p.sameMounts(spec, got[9])
	p.sameIDs(spec)
}

var capability = map[string]uint{
	"CAP_CHOWN": unix.CAP_CHOWN, "CAP_DAC_OVERRIDE": unix.CAP_DAC_OVERRIDE, "CAP_FOWNER": unix.CAP_FOWNER, "CAP_FSETID": unix.CAP_FSETID,
	"CAP_KILL": unix.CAP_KILL, "CAP_NET_BIND_SERVICE": unix.CAP_NET_BIND_SERVICE, "CAP_SETFCAP": unix.CAP_SETFCAP, "CAP_SETGID": unix.CAP_SETGID,
	"CAP_SETPCAP": unix.CAP_SETPCAP, "CAP_SETUID": unix.CAP_SETUID, "CAP_SYS_CHROOT": unix.CAP_SYS_CHROOT,
}

// sameMounts compares container.json with a mountinfo of the container, in both
// directions.
func (p *place) sameMounts(spec *specs.Spec, mountinfo string) {
	p.t.Helper()
	real := mountsIn(mountinfo)
	said := map[string]bool{"/": true}
	for _, path := range append(spec.Linux.MaskedPaths, spec.Linux.ReadonlyPaths...) {
		said[path] = true
	}
	for _, m := range spec.Mounts {
		said[m.Destination] = true
		r, there := real[m.Destination]
		if !there {
			p.t.Errorf("container.json has %s, which is not mounted", m.Destination)
			continue
		}
		if m.Type != "bind" && m.Type != r.kind {
			p.t.Errorf("%s is %s, container.json says %s", m.Destination, r.kind, m.Type)
		}
		for _, option := range []string{"ro", "nosuid", "nodev", "noexec"} {
			if wanted := slices.Contains(m.Options, option); wanted && !r.has(option) {
				p.t.Errorf("%s has the options %q, container.json says %s", m.Destination, r.options, option)
			}
		}
	}
	for path := range real {
		below := strings.HasPrefix(path, "/sys/") || strings.HasPrefix(path, "/dev/") // of the host's, in a user namespace
		if !said[path] && !(spec.Linux.UIDMappings != nil && below) {
			p.t.Errorf("%s is mounted, and container.json does not say so", path)
		}
	}
}

// sameIDs checks who the container is outside, and where.
func (p *place) sameIDs(spec *specs.Spec) {
	p.t.Helper()
	if os.Geteuid() == 0 {
		r := spec.Linux.Resources
		if !p.isCgroup(spec.Linux.CgroupsPath) || len(spec.Linux.UIDMappings) > 0 ||
			*r.Memory.Limit != 64<<20 || *r.Memory.Swap != 128<<20 || *r.CPU.Quota != 50_000 || *r.CPU.Period != 100_000 {
			p.t.Errorf("cgroup %q, resources %+v, ids %+v", spec.Linux.CgroupsPath, r, spec.Linux.UIDMappings)
		}
		return
	}
	want := []specs.LinuxIDMapping{{ContainerID: 1, HostID: uint32(os.Geteuid()), Size: 1}}
	if !slices.Equal(spec.Linux.UIDMappings, want) || !p.isCgroup(spec.Linux.CgroupsPath) {
		p.t.Errorf("cgroup %q, ids %+v, want %+v", spec.Linux.CgroupsPath, spec.Linux.UIDMappings, want)
	}
}
