package rootfs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/rootfs"
	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// threeLayers is a root in which each layer changes what those below say.
func threeLayers(t *testing.T, dir string) []string {
	t.Helper()
	return []string{
		layer(t, dir+"/top", "which=top", "etc/resolv.conf -> ../run/x/resolv.conf", "-etc/passwd", "!opaque/", "opaque/new=new", "deep/ 711", "both/2=2"),
		layer(t, dir+"/middle", "which=middle", "middle=middle", "-etc/issue", "etc/group=middle", "hidden/link -> /etc/group"),
		layer(t, system(t, dir+"/bottom"), "which=bottom", "bottom=bottom", "etc/issue=bottom", "opaque/old=old", "deep/er/f=f", "both/1=1"),
	}
}

const lookAtThree = `cat /which /middle /bottom; echo; ls /opaque /both; cat /hidden/link; echo; ls /etc; cat /etc/hosts /run/x/resolv.conf /etc/resolv.conf; ls -d /proc /work 2>&1; stat -c '%a' /deep`

const threeSeen = "topmiddlebottom\n/both:\n1\n2\n\n/opaque:\nnew\nmiddle\ngroup\nhosts\nresolv.conf\nof the host\nresolv\nresolv\nls: /work: No such file or directory\n/proc\n711\n"

func TestLayers(t *testing.T) {
	testkit.Require(t, testkit.UserNS)
	dir := t.TempDir()
	layers := threeLayers(t, dir)
	before := hash(t, dir)
	for name, transient := range map[string]bool{"read-only": false, "transient": true} {
		root := layersOf(layers...)
		root.Transient = transient
		// A volume in a folder of the middle layer, and at a place that a whiteout leaves empty.
		root.Mounts = append(root.Mounts, rootfs.Mount{Kind: rootfs.Tmpfs, Target: "/deep/er", Mode: 0o755})
		got := output(t, root, lookAtThree+`; ls -A /deep/er; touch /new 2>/dev/null && echo written; true`)
		want := threeSeen
		if transient {
			want += "written\n"
		}
		if got != want {
			t.Errorf("%s: output\n%swant\n%s", name, got, want)
		}
	}
	if hash(t, dir) != before {
		t.Error("a layer was changed")
	}
}

// TestLayerNames: names are looked up in all layers together, with what whiteouts
// and opaque folders hide.
func TestLayerNames(t *testing.T) {
	testkit.Require(t, testkit.UserNS)
	for name, c := range map[string]struct {
		top  []string
		real string
	}{
		"a link below":             {nil, "/run/x/hosts"},
		"its whiteout":             {[]string{"-etc/hosts"}, "/etc/hosts"},
		"an opaque folder":         {[]string{"!etc/"}, "/etc/hosts"},
		"another link":             {[]string{"etc/hosts -> /run/other"}, "/run/other"},
		"the folder is another's":  {[]string{"-etc", "opt/etc/x=", "usr/etc -> ../opt/etc"}, "/etc/hosts"},
		"a link to a folder below": {[]string{"-etc/hosts", "etc/hosts -> /lib/x/hosts", "lib/x -> ../run/y"}, "/run/y/hosts"},
	} {
		dir := t.TempDir()
		bottom := layer(t, system(t, dir+"/bottom"), "etc/hosts -> ../run/x/hosts", "etc/other=")
		root := layersOf(layer(t, dir+"/top", append(c.top, "x=")...), bottom)
		root.Files = root.Files[:1]
		if got := output(t, root, "cat "+c.real+" && cat /etc/hosts"); got != "of the host\nof the host\n" {
			t.Errorf("%s: output %q", name, got)
		}
	}
}

// TestManyLayers: as many as overlayfs takes, in a store whose name has all that
// an option would have to escape.
func TestManyLayers(t *testing.T) {
	testkit.Require(t, testkit.UserNS)
	store := filepath.Join(t.TempDir(), `a store: of, "layers\n"`+"\n=\\,")
	var layers []string
	for i := range rootfs.MaxLayers + 1 {
		layers = append(layers, layer(t, fmt.Sprintf("%s/%d, ", store, i), fmt.Sprintf("%d=%d", i, i), fmt.Sprintf("which=%d", i)))
	}
	bottom := layer(t, system(t, store+"/sys tem"), "which=0")
	for _, n := range []int{1, 2, 10, 11, 200, rootfs.MaxLayers} {
		all := append(slices.Clone(layers[:n-1]), bottom)
		got := output(t, layersOf(all...), "cat /which; echo; ls / | grep -c '^[0-9]'; cat /etc/hosts")
		if want := fmt.Sprintf("0\n%d\nof the host\n", n-1); got != want {
			t.Errorf("%d layers: output %q, want %q", n, got, want)
		}
	}
	_, _, err := start(t, layersOf(layers...), "true")
	if err == nil || !strings.Contains(err.Error(), "these are 500, and overlayfs takes 499; build the image with fewer") {
		t.Errorf("one too many gives: %v", err)
	}
	gone := append(slices.Clone(layers[:2]), store+"/gone", bottom)
	if _, _, err = start(t, layersOf(gone...), "true"); err == nil || err.Error() != "open the layer "+store+"/gone: no such file or directory" {
		t.Errorf("one that is gone gives: %v", err)
	}
}

// upper makes a folder for the upper layer of a root under construction.
func upper(t *testing.T, dir string) string {
	t.Helper()
	for _, name := range []string{"fs", "work"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// list gives what is in a folder, with whiteouts and opaque folders marked.
func list(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		var st unix.Stat_t
		if err == nil {
			err = unix.Lstat(path, &st)
		}
		if err != nil || path == dir {
			return err
		}
		name := path[len(dir)+1:]
		buf := make([]byte, 8)
		n, xerr := unix.Lgetxattr(path, opaque(), buf)
		switch {
		case st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0:
			name = "-" + name
		case st.Mode&unix.S_IFMT == unix.S_IFDIR && xerr == nil && string(buf[:n]) == "y":
			name = "!" + name + "/"
		case st.Mode&unix.S_IFMT == unix.S_IFDIR:
			name += "/"
		}
		names = append(names, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// TestUpper: what steps write stays in the upper layer, in overlay's format, and
// nothing of ours does; the next step, and whoever has it as a layer, sees it.
func TestUpper(t *testing.T) {
	testkit.Require(t, testkit.UserNS)
	dir := t.TempDir()
	layers := threeLayers(t, dir)
	layer(t, layers[2], "gone=gone", "replaced/old=old", "vol/ 711", "vol/near=near")
	lower := hash(t, dir)
	build := layersOf(layers...)
	build.Upper = upper(t, t.TempDir())
	build.Mounts = append(build.Mounts, rootfs.Mount{Kind: rootfs.Tmpfs, Target: "/vol/ume", Mode: 0o755}, rootfs.Mount{Kind: rootfs.Tmpfs, Target: "/lone/ly", Mode: 0o755})

	if output(t, build, "cat /etc/hosts >/dev/null; touch /tmp/x /run/x /vol/ume/x /lone/ly/x /dev/shm/x; ls / /etc /vol /lone >/dev/null"); list(t, build.Upper+"/fs") != "" {
		t.Errorf("what only looks leaves %s", list(t, build.Upper+"/fs"))
	}
	output(t, build, `echo made >/made; rm /gone; rm -r /replaced; mkdir /replaced; echo new >/replaced/new
echo beside >/vol/beside; echo changed >/vol/near; echo y >/etc/y; rm /which; chmod 600 /middle; rm /etc/hosts`)
	want := "!replaced/ -etc/hosts -gone -which etc/ etc/y made middle replaced/new vol/ vol/beside vol/near"
	if got := list(t, build.Upper+"/fs"); got != want {
		t.Errorf("the upper layer has\n%s\nwant\n%s", got, want)
	}
	var st syscall.Stat_t
	if err := syscall.Stat(build.Upper+"/fs/vol", &st); err != nil || st.Mode&0o7777 != 0o711 || int(st.Uid) != os.Geteuid() {
		t.Errorf("the folder beside a mount point: %+v, %v", st, err)
	}
	// Names are looked up with what an earlier step has done.
	output(t, build, "mkdir -p /opt/hosts.d && ln -s /run/here /etc/hosts")
	if got := output(t, build, "cat /run/here /made /replaced/new; ls /vol /gone 2>&1; true"); got != "of the host\nmade\nnew\nls: /gone: No such file or directory\n/vol:\nbeside\nnear\nume\n" {
		t.Errorf("the next step sees\n%s", got)
	}
	used := layersOf(append([]string{build.Upper + "/fs"}, layers...)...)
	if got := output(t, used, "cat /made /vol/near /run/here /middle; ls /replaced /which /vol 2>&1; true"); got != "made\nchanged\nof the host\nmiddlels: /which: No such file or directory\n/replaced:\nnew\n\n/vol:\nbeside\nnear\n" {
		t.Errorf("as a layer it gives\n%s", got)
	}
	if hash(t, dir) != lower {
		t.Error("a lower layer was changed")
	}
	root := layersOf(layers...)
	root.Upper = build.Upper + "/none"
	if _, _, err := start(t, root, "true"); err == nil || err.Error() != "open the layer "+build.Upper+"/none/fs: no such file or directory" {
		t.Errorf("without an upper folder: %v", err)
	}
}

// TestInPlace: the folder is the root, and keeps what is written; its own files
// stay under those of ours.
func TestInPlace(t *testing.T) {
	testkit.Require(t, testkit.UserNS)
	dir := layer(t, system(t, t.TempDir()+"/root"), "etc/hosts=mine", "vol/file=file")
	for _, name := range []string{"proc", "sys", "dev", "tmp", "run", "etc/resolv.conf"} {
		_ = os.Remove(filepath.Join(dir, name))
	}
	link(t, "../run/y/resolv.conf", filepath.Join(dir, "etc/resolv.conf"))
	root := layersOf()
	root.Layers, root.Path, root.InPlace = nil, dir, true
	root.Mounts = append(root.Mounts, rootfs.Mount{Kind: rootfs.Tmpfs, Target: "/new/vol", Mode: 0o755},
		rootfs.Mount{Kind: rootfs.Bind, Target: "/vol/file", Source: system(t, t.TempDir()+"/s") + "/etc/passwd"},
		rootfs.Mount{Kind: rootfs.Bind, Target: "/vol/made", Source: dir + "/vol/file"})
	for range 2 {
		got := output(t, root, `cat /etc/hosts /run/y/resolv.conf /vol/made; head -c 5 /vol/file; echo; echo x >/x; rm -f /bin/yes; touch /new/vol/x /tmp/x /dev/shm/x
grep -c ' / rw,.*nodev' /proc/self/mountinfo; grep -c overlay /proc/self/mountinfo; true`)
		if got != "of the host\nresolv\nfileroot:\n1\n0\n" {
			t.Errorf("output\n%s", got)
		}
	}
	for name, want := range map[string]string{"etc/hosts": "mine", "vol/file": "file", "vol/made": "", "x": "x\n"} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(data) != want {
			t.Errorf("%s is %q, %v", name, data, err)
		}
	}
	for _, name := range []string{"bin/yes", "tmp/x", "new/vol/x", "run/y", "work"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s is there", name)
		}
	}
	_ = os.Remove(filepath.Join(dir, "proc"))
	link(t, "/etc", filepath.Join(dir, "proc"))
	if _, _, err := start(t, root, "true"); err == nil || err.Error() != "mount /proc: too many levels of symbolic links" {
		t.Errorf("a link in the place of /proc: %v", err)
	}
}
