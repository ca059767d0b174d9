package supervise_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// mount is a line of mountinfo (proc_pid_mountinfo(5)).
type mount struct {
	options []string // of the mount, then of the filesystem
	kind    string   // of the filesystem
}

func (m mount) has(option string) bool { return slices.Contains(m.options, option) }

// mountsIn gives the mounts by their place; of several the last, which is seen.
func mountsIn(mountinfo string) map[string]mount {
	list := map[string]mount{}
	for line := range strings.Lines(mountinfo) {
		f := strings.Fields(line)
		dash := slices.Index(f, "-")
		if dash < 6 || len(f) < dash+4 {
			continue
		}
		list[f[4]] = mount{append(strings.Split(f[5], ","), strings.Split(f[dash+3], ",")...), f[dash+1]}
	}
	return list
}

func TestContractMounts(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	file := filepath.Join(p.base, "file")
	p.must(os.WriteFile(file, []byte("of the host\n"), 0o666))
	p.must(os.Chmod(file, 0o666))
	p.write("agent.json", fmt.Sprintf(`{"storage": {"tmp": {"/tmp": -1, "/var/cache/web": 8},
		"volumes": {"/data": %q, "/tmp/inner": %q, "/etc/web.conf": %q}}}`, p.volume("data"), p.volume("inner"), file))
	mounts := mountsIn(p.outputs("cat /proc/self/mountinfo"))
	for _, c := range []struct{ path, kind, options string }{
		{"/", "overlay", "ro"},
		{"/proc", "proc", "rw nosuid nodev noexec"},
		{"/sys", "sysfs", "ro nosuid nodev noexec"},
		{"/dev", "tmpfs", "ro nosuid noexec"},
		{"/dev/pts", "devpts", "rw nosuid noexec"},
		{"/dev/shm", "tmpfs", "rw nosuid nodev noexec"},
		{"/etc/resolv.conf", "", "ro"},
		{"/data", "", "rw"},
		{"/etc/web.conf", "", "rw"},
		{"/tmp", "tmpfs", "rw nosuid nodev noexec"},
		{"/tmp/inner", "", "rw"},
		{"/var/cache/web", "tmpfs", "rw nosuid nodev noexec size=8192k"},
	} {
		m, there := mounts[c.path]
		if !there || c.kind != "" && m.kind != c.kind {
			t.Errorf("%s is mounted: %v, as %q; want %q", c.path, there, m.kind, c.kind)
		}
		for _, option := range strings.Fields(c.options) {
			if !m.has(option) {
				t.Errorf("%s has the options %q, not %s", c.path, m.options, option)
			}
		}
	}
}

func TestContractTmp(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{"storage": {"tmp": {"/small": 1, "/tmp": -1}}}`)
	got := p.outputs(`stat -c %a /small /tmp
		dd if=/dev/zero of=/small/f bs=65536 count=64 2>&1 | grep -c "No space left"
		wc -c </small/f
		dd if=/dev/zero of=/tmp/f bs=65536 count=64 2>/dev/null; wc -c </tmp/f
		cp /bin/busybox /tmp/busybox; /tmp/busybox true 2>&1; true`)
	if want := "1777\n1777\n1\n1048576\n4194304\n"; !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "Permission denied\n") {
		t.Errorf("%s\nwant\n%sand that nothing can be executed", got, want)
	}
}

func TestContractVolumesAreReadWrite(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	data := p.volume("data")
	p.must(os.WriteFile(data+"/old", []byte("old\n"), 0o666))
	link := filepath.Join(p.base, "link")
	p.must(os.Symlink(data, link))
	p.write("agent.json", fmt.Sprintf(`{"storage": {"volumes": {"/data": %q, "/by/link": %q}}}`, data, link))
	if got := p.outputs("cat /data/old; echo new >/data/new; cat /by/link/new; mkdir /data/d && rm /data/old"); got != "old\nnew\n" {
		t.Errorf("output %q", got)
	}
	info, err := os.Stat(data + "/new")
	p.must(err)
	owner := info.Sys().(*syscall.Stat_t)
	want := uint32(1)
	if os.Geteuid() != 0 {
		want = uint32(os.Geteuid())
	}
	if owner.Uid != want || info.Mode() != 0o644 {
		t.Errorf("a new file belongs to uid %d with mode %v, want %d and 0644", owner.Uid, info.Mode(), want)
	}
	if exists(data+"/old") || !exists(data+"/d") {
		t.Error("what the container did to the volume is not seen outside")
	}
}

func TestContractDevices(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	got := p.outputs(`cd /dev; stat -c "%n %F %t:%T" console full null random tty urandom zero
		stat -c "%F" pts shm; for l in fd stdin stdout stderr ptmx; do readlink $l; done
		echo gone >/dev/null; echo gone >/dev/console; head -c 2 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c
		echo shared >/dev/shm/f; cat /dev/shm/f; echo x 2>/dev/null >/dev/full || echo full`)
	want := `console character special file 1:3
full character special file 1:7
null character special file 1:3
random character special file 1:8
tty character special file 5:0
urandom character special file 1:9
zero character special file 1:5
directory
directory
/proc/self/fd
/proc/self/fd/0
/proc/self/fd/1
/proc/self/fd/2
pts/ptmx
2
3
shared
full
`
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestContractResolvConfIsTheHosts(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	host, err := os.ReadFile("/etc/resolv.conf")
	p.must(err)
	got := p.outputs("cat /etc/resolv.conf; mv /etc/resolv.conf /etc/other 2>/dev/null || echo stays")
	if got != string(host)+"stays\n" {
		t.Errorf("%q, want %q", got, host)
	}
}

// Also where the container's user may write, nothing can be written.
func TestContractRootfsIsReadOnly(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	open := filepath.Join(p.root, "open")
	p.must(os.Mkdir(open, 0o755))
	p.must(os.WriteFile(open+"/file", nil, 0o644))
	p.must(os.Chmod(open, 0o777))
	p.must(os.Chmod(open+"/file", 0o666))
	before := tree(t, p.root)
	got := p.outputs(`touch /open/new 2>&1; (echo x >/open/file) 2>&1; chmod 700 /open 2>&1; rm /open/file 2>&1; mkdir /new 2>&1; touch /dev/new 2>&1; true`)
	if lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n"); len(lines) != 6 || strings.Count(got, "Read-only file system") < 5 {
		t.Errorf("%s\nwant six refusals because it is read-only", got)
	}
	if after := tree(t, p.root); after != before {
		t.Errorf("before:\n%safter:\n%s", before, after)
	}
}

// Mount points that the root lacks are made elsewhere.
func TestContractNothingIsWrittenIntoRootfs(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(p *place){
		"a link":      func(p *place) {},
		"a directory": func(p *place) { p.must(os.Remove(p.path("rootfs"))); p.must(os.Rename(p.root, p.path("rootfs"))) },
		"a link to a link": func(p *place) {
			p.must(os.Rename(p.path("rootfs"), p.path("other")))
			p.must(os.Symlink("other", p.path("rootfs")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, `{}`)
			prepare(p)
			p.write("agent.json", fmt.Sprintf(`{"storage": {"tmp": {"/tmp": -1, "/a/b/c": 1}, "volumes": {"/data/deep": %q, "/bin/there": %q}}}`,
				p.volume("data"), p.volume("there")))
			root, err := filepath.EvalSymlinks(p.path("rootfs"))
			p.must(err)
			before := tree(t, root)
			if got := p.outputs("cd /a/b/c && cd /data/deep && cd /bin/there && touch /data/deep/x && pwd"); got != "/bin/there\n" {
				t.Errorf("output %q", got)
			}
			if after := tree(t, root); after != before {
				t.Errorf("before:\n%safter:\n%s", before, after)
			}
			if got := p.containerJSON().Root.Path; got != root {
				t.Errorf("container.json says root %s, want %s", got, root)
			}
		})
	}
}

// tree describes everything in a folder: names, modes, owners, sizes, and when
// each was changed.
func tree(t *testing.T, root string) string {
	t.Helper()
	var text strings.Builder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		fmt.Fprintf(&text, "%s %v %d:%d %d %d %d.%d\n", path, info.Mode(), st.Uid, st.Gid, info.Size(), st.Nlink, st.Ctim.Sec, st.Ctim.Nsec)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}
