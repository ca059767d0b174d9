package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func resolved(c *Config) *Resolved {
	return &Resolved{
		Cgroup: "harpoon/web-1",
		ID:     "web-1", Hostname: "web", Config: c, Args: []string{"/bin/sh", "-c", "a <b >c && d"}, Root: "/srv/root",
		UID: 1, GID: 1, Caps: []string{"CAP_CHOWN", "CAP_KILL"}, NoNewPrivs: true,
		Masked: []string{"/proc/kcore"}, ReadOnly: []string{"/proc/sys"},
	}
}

// decode reads a container.json back; a key that runtime-spec doesn't know is
// an error.
func decode(t *testing.T, data []byte) *specs.Spec {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	s := &specs.Spec{}
	if err := d.Decode(s); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return s
}

func write(t *testing.T, c *Resolved) *specs.Spec {
	t.Helper()
	dir := t.TempDir()
	if err := WriteContainer(dir, ".new", encoded(t, c)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "container.json"))
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, data)
}

// checkContainer: what is written of c is what is read back.
func checkContainer(t *testing.T, c *Config) {
	t.Helper()
	want := spec(resolved(c))
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(decode(t, data))
	if err != nil || !bytes.Equal(data, again) {
		t.Errorf("%v: wrote %s, read %s", err, data, again)
	}
}

func TestContainer(t *testing.T) {
	c := mustParse(t, `{"env": {"A": "<1>"}, "command": {"working_dir": "/app"}, "resources": {"mem": 64, "cpu": 0.25, "fd": 99}}`)
	got := write(t, resolved(c))
	if got.Version != "1.0.2" || got.Hostname != "web" || *got.Root != (specs.Root{Path: "/srv/root", Readonly: true}) {
		t.Errorf("%+v, root %+v", got, got.Root)
	}
	umask := uint32(0o022)
	process := &specs.Process{
		User: specs.User{UID: 1, GID: 1, Umask: &umask}, Args: []string{"/bin/sh", "-c", "a <b >c && d"},
		Env: []string{"A=<1>", "HOME=/"}, Cwd: "/app", NoNewPrivileges: true,
		Capabilities: &specs.LinuxCapabilities{Bounding: []string{"CAP_CHOWN", "CAP_KILL"}},
		Rlimits:      []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Hard: 99, Soft: 99}},
	}
	if !reflect.DeepEqual(got.Process, process) {
		t.Errorf("process %+v\nwant    %+v", got.Process, process)
	}
	linux := &specs.Linux{
		CgroupsPath: "harpoon/web-1", MaskedPaths: []string{"/proc/kcore"}, ReadonlyPaths: []string{"/proc/sys"},
		Namespaces: []specs.LinuxNamespace{{Type: "mount"}, {Type: "uts"}, {Type: "ipc"}, {Type: "pid"}, {Type: "cgroup"}},
		Resources: &specs.LinuxResources{
			Memory: &specs.LinuxMemory{Limit: ptr[int64](64 << 20), Swap: ptr[int64](128 << 20)},
			CPU:    &specs.LinuxCPU{Quota: ptr[int64](25000), Period: ptr[uint64](100000)},
		},
	}
	if !reflect.DeepEqual(got.Linux, linux) {
		t.Errorf("linux %+v\nwant  %+v", got.Linux, linux)
	}
}

func TestContainerWithoutLimits(t *testing.T) {
	got := write(t, resolved(mustParse(t, "{}")))
	if !reflect.DeepEqual(got.Linux.Resources, &specs.LinuxResources{}) {
		t.Errorf("resources %+v", got.Linux.Resources)
	}
	if r := got.Process.Rlimits[0]; r.Hard != 4069 || r.Soft != 4069 || got.Process.Cwd != "/" {
		t.Errorf("process %+v", got.Process)
	}
	if small := write(t, resolved(mustParse(t, `{"resources": {"cpu": 1e-9}}`))).Linux.Resources.CPU; *small.Quota != 1000 {
		t.Errorf("the smallest quota is %d", *small.Quota)
	}
}

func TestContainerInUserNamespace(t *testing.T) {
	r := resolved(mustParse(t, "{}"))
	r.UserNS = &UserNS{UID: 1, GID: 2, HostUID: 1000, HostGID: 1001}
	got := write(t, r)
	if last := got.Linux.Namespaces[len(got.Linux.Namespaces)-1]; last.Type != specs.UserNamespace {
		t.Errorf("namespaces %+v", got.Linux.Namespaces)
	}
	if !slices.Equal(got.Linux.UIDMappings, []specs.LinuxIDMapping{{ContainerID: 1, HostID: 1000, Size: 1}}) ||
		!slices.Equal(got.Linux.GIDMappings, []specs.LinuxIDMapping{{ContainerID: 2, HostID: 1001, Size: 1}}) {
		t.Errorf("mappings %+v %+v", got.Linux.UIDMappings, got.Linux.GIDMappings)
	}
	for _, m := range got.Mounts {
		if m.Destination == "/dev/pts" && slices.Contains(m.Options, "gid=5") || m.Destination == "/sys" && m.Options[0] != "rbind" {
			t.Errorf("%+v", m)
		}
	}
}

func lines(mounts []specs.Mount) []string {
	var list []string
	for _, m := range mounts {
		list = append(list, strings.Join([]string{m.Destination, m.Type, m.Source, strings.Join(m.Options, ",")}, " "))
	}
	return list
}

func TestMounts(t *testing.T) {
	fixed := []string{
		"/dev tmpfs tmpfs ro,nosuid,noexec,mode=755,size=1048576",
		"/dev/console bind /dev/null bind",
		"/dev/pts devpts devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5",
		"/dev/shm tmpfs tmpfs nosuid,nodev,noexec,mode=1777,size=104857600",
		"/etc/resolv.conf bind /etc/resolv.conf bind,ro",
		"/proc proc proc nosuid,nodev,noexec",
		"/sys bind /sys bind,ro,nosuid,nodev,noexec",
	}
	if got := lines(write(t, resolved(mustParse(t, "{}"))).Mounts); !slices.Equal(got, fixed) {
		t.Errorf("got  %q\nwant %q", got, fixed)
	}
	c := mustParse(t, `{"storage": {"tmp": {"/tmp": -1, "/data/x": 3, "/dev/shm": 1}, "volumes": {"/data": "/", "/etc": "/"}}}`)
	want := []string{
		"/data bind / rbind,rw,nodev", "/data/x tmpfs tmpfs nosuid,nodev,noexec,mode=1777,size=3145728",
		fixed[0], fixed[1], fixed[2], "/dev/shm tmpfs tmpfs nosuid,nodev,noexec,mode=1777,size=1048576",
		"/etc bind / rbind,rw,nodev", fixed[4], fixed[5], fixed[6], "/tmp tmpfs tmpfs nosuid,nodev,noexec,mode=1777,size=0",
	}
	if got := lines(write(t, resolved(c)).Mounts); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestContainerWithLess: what the host could not give is not claimed.
func TestContainerWithLess(t *testing.T) {
	r := resolved(mustParse(t, "{}"))
	r.Cgroup, r.NoResolvConf = "", true
	got := write(t, r)
	if got.Linux.CgroupsPath != "" || got.Linux.Resources != nil {
		t.Errorf("%+v", got.Linux)
	}
	for _, m := range got.Mounts {
		if m.Destination == "/etc/resolv.conf" {
			t.Errorf("%+v", m)
		}
	}
}

// TestContainerFile: an older file is replaced whole, readable for everybody,
// and nothing else is left.
func TestContainerFile(t *testing.T) {
	defer unix.Umask(unix.Umask(0o077))
	dir := t.TempDir()
	file := filepath.Join(dir, "container.json")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteContainer(dir, ".new", encoded(t, resolved(mustParse(t, "{}")))); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil || !bytes.HasPrefix(data, []byte("{\n  \"ociVersion\": \"1.0.2\",\n")) || !bytes.HasSuffix(data, []byte("\n}\n")) || !bytes.Contains(data, []byte("a <b >c && d")) {
		t.Errorf("%v: %s", err, data)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode() != 0o644 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	onlyFile(t, dir, "container.json")
}

func TestContainerFails(t *testing.T) {
	r := resolved(mustParse(t, "{}"))
	if err := WriteContainer(filepath.Join(t.TempDir(), "none"), ".new", encoded(t, r)); err == nil || !strings.HasPrefix(err.Error(), "cannot write container.json: ") ||
		!strings.Contains(err.Error(), "no such file or directory; the supervisor needs a directory that it may write to") {
		t.Errorf("%v", err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "container.json"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := WriteContainer(dir, ".new", encoded(t, r)); err == nil || !strings.Contains(err.Error(), "file exists") {
		t.Errorf("%v", err)
	}
	onlyFile(t, dir, "container.json")
}

// TestContainerFileIsWrittenElsewhere: under the name that the caller has noted,
// because a kill in between leaves it there.
func TestContainerFileIsWrittenElsewhere(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".new"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := WriteContainer(dir, ".new", encoded(t, resolved(mustParse(t, "{}")))); !errors.Is(err, os.ErrExist) || !strings.Contains(err.Error(), "/.new:") {
		t.Errorf("%v", err)
	}
	onlyFile(t, dir, ".new")
}

func onlyFile(t *testing.T, dir, name string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != name {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
}

func encoded(t *testing.T, r *Resolved) []byte {
	t.Helper()
	text, err := EncodeContainer(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
