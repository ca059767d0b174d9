package rootfs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// stackVariable names the folder of a test whose bottom layer the kernel refuses.
const stackVariable = "LANYARD_TEST_STACK"

// TestLayersByFuse: fuse-overlayfs takes the same layers, where the kernel
// refuses; the one that names were looked up with is gone when the command runs.
// What is under construction is not left to it.
func TestLayersByFuse(t *testing.T) {
	testkit.Require(t, testkit.UserNS, testkit.Fuse)
	if dir := os.Getenv(stackVariable); dir != "" {
		inStack(t, dir)
		return
	}
	p := layeredProject(t)
	dir := filepath.Dir(p.Root)
	// In the namespace of deep it is an ordinary user's layers that count.
	threeLayers(t, dir)
	if err := unix.Setxattr(dir+"/top/opaque", "user.overlay.opaque", []byte("y"), 0); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable() // the folder changes
	if err != nil {
		t.Fatal(err)
	}
	cmd := deep(t, p)
	cmd.Args = append(cmd.Args[:4], dir+"/bottom", self, "-test.run=^TestLayersByFuse$", "-test.v")
	cmd.Env = append(cmd.Env, stackVariable+"="+dir, "PATH="+os.Getenv("PATH"), "LANYARD_TEST_AS="+os.Getenv("LANYARD_TEST_AS"))
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("%v\n%s", err, out)
	}
}

// inStack is root of a user namespace, where the bottom layer is on as many
// overlays as the kernel stacks. An overlay would hide the others' whiteouts.
func inStack(t *testing.T, dir string) {
	fuse, err := exec.LookPath("fuse-overlayfs")
	if err != nil {
		t.Fatal(err)
	}
	root := layersOf(dir+"/top", dir+"/middle", dir+"/stack/deep")
	root.UserNS, root.FuseOverlay = true, fuse
	for name, transient := range map[string]bool{"read-only": false, "transient": true} {
		root.Transient = transient
		got := output(t, root, lookAtThree+`; touch /new 2>/dev/null && echo written
grep -c ' - fuse.fuse-overlayfs ' /proc/self/mountinfo
while test $(cat /proc/[0-9]*/comm | grep -c fuse-overlayfs) -gt 1; do :; done; echo one`)
		want := threeSeen + map[bool]string{true: "written\n"}[transient] + "1\none\n"
		if got != want {
			t.Errorf("%s: output\n%swant\n%s", name, got, want)
		}
	}
	root.Transient, root.Upper = false, upper(t, t.TempDir())
	if _, _, err := start(t, root, "true"); err == nil || !strings.HasPrefix(err.Error(), "mount an overlay over the rootfs "+dir+"/top: invalid argument: the kernel stacks at most two overlays") {
		t.Errorf("under construction: %v", err)
	}
}
