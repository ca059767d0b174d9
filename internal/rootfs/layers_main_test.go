package rootfs_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/rootfs"
	"github.com/lanyard-dev/lanyard/internal/stage"
	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// layer makes a folder as overlayfs wants one: "NAME=TEXT" is a file, "NAME/" a
// folder, "NAME/ MODE" one of that mode, "NAME -> TARGET" a link, "-NAME" a
// whiteout, "!NAME/" an opaque folder.
func layer(t *testing.T, dir string, entries ...string) string {
	t.Helper()
	for _, entry := range entries {
		name := strings.TrimLeft(entry, "-!")
		path := filepath.Join(dir, name)
		file, text, isFile := strings.Cut(name, "=")
		folder, mode, _ := strings.Cut(name, "/ ")
		var err error
		switch {
		case strings.Contains(entry, " -> "):
			from, target, _ := strings.Cut(entry, " -> ")
			link(t, target, filepath.Join(dir, from))
		case isFile:
			write(t, filepath.Join(dir, file), text, 0o644)
		case entry[0] == '-':
			if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
				err = unix.Mknod(path, unix.S_IFCHR, 0)
			}
		default:
			path = filepath.Join(dir, folder)
			bits, _ := strconv.ParseUint(mode, 8, 32)
			if err = os.MkdirAll(path, 0o755); err == nil && mode != "" {
				err = os.Chmod(path, os.FileMode(bits))
			}
			if err == nil && entry[0] == '!' {
				err = unix.Setxattr(path, opaque(), []byte("y"), 0)
			}
		}
		if err != nil {
			t.Fatal(entry, err)
		}
	}
	return dir
}

// opaque is the attribute of an opaque folder: only root may write the first.
func opaque() string {
	if os.Geteuid() == 0 {
		return "trusted.overlay.opaque"
	}
	return "user.overlay.opaque"
}

// system makes a layer with a small system in it.
func system(t *testing.T, dir string) string {
	t.Helper()
	testkit.MakeRoot(t, dir)
	return dir
}

// layersOf is a root of layers, as a default container has one.
func layersOf(layers ...string) rootfs.Spec {
	return rootfs.Spec{Kind: rootfs.Dir, Layers: layers, UserNS: os.Geteuid() != 0, Console: -1,
		Mounts: []rootfs.Mount{
			{Kind: rootfs.Tmpfs, Target: "/tmp", Mode: 0o1777},
			{Kind: rootfs.Tmpfs, Target: "/run", Mode: 0o755},
		},
		Files: []rootfs.File{{Target: "/etc/hosts", Content: "of the host\n"}, {Target: "/etc/resolv.conf", Content: "resolv\n"}},
	}
}

// start runs a shell script in a root and gives its output, its exit status and
// what failed.
func start(t *testing.T, root rootfs.Spec, script string) (string, int, error) {
	t.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	spec := &container.Spec{Name: "box", Stdio: [3]*os.File{null, out, out}, Stage: stage.Spec{
		Root: root, Argv: []string{"sh", "-c", script}, Env: []string{"PATH=/bin"}, Path: []string{"/bin"},
		WorkDir: "/", TTY: -1, Session: true, Caps: 1<<unix.CAP_CHOWN | 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_FOWNER,
	}}
	if root.UserNS {
		spec.UserNS = container.OwnIDs(0, 0)
	}
	status, gone := -1, make(chan error, 1)
	var failed error
	container.NewEngine(container.NewRun()).Start(spec, func(e container.Event) {
		switch e.Kind {
		case container.Failed:
			failed = e.Err
		case container.Exited:
			status = e.Status.ExitStatus()
		case container.Gone:
			gone <- failed
		}
	})
	select {
	case err = <-gone:
	case <-time.After(testkit.Slow(60 * time.Second)):
		t.Fatal("the container is not gone after 60 s, or as long as this machine takes for that")
	}
	text, rerr := os.ReadFile(out.Name())
	if rerr != nil {
		t.Fatal(rerr)
	}
	return string(text), status, err
}

// output wants a script to succeed.
func output(t *testing.T, root rootfs.Spec, script string) string {
	t.Helper()
	text, status, err := start(t, root, script)
	if err != nil || status != 0 {
		t.Fatalf("status %d, %v, output\n%s", status, err, text)
	}
	return text
}
