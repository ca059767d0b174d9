package rootfs_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// members gives the processes of the container that a command of the project
// runs in, as soon as fuse-overlayfs is among them.
func members(t *testing.T, p *testkit.Project) (pids []int) {
	t.Helper()
	limit := testkit.Slow(30 * time.Second)
	deadline := time.Now().Add(limit)
	for time.Now().Before(deadline) {
		served := false
		pids = nil
		if _, err := os.Stat(p.Path("ready")); err == nil {
			ns, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", p.Pids()[0]))
			entries, _ := filepath.Glob("/proc/[0-9]*")
			for _, e := range entries {
				if link, err := os.Readlink(e + "/ns/pid"); err == nil && link == ns {
					var pid int
					_, _ = fmt.Sscanf(e, "/proc/%d", &pid)
					pids = append(pids, pid)
					comm, _ := os.ReadFile(e + "/comm")
					served = served || strings.TrimSpace(string(comm)) == "fuse-overlayfs"
				}
			}
		}
		if served {
			return pids
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("no container with fuse-overlayfs within %v: %v", limit, pids)
	return nil
}

// onlyServer: nobody but fuse-overlayfs holds /dev/fuse, or its end would not be
// that of the mount.
func onlyServer(t *testing.T, pids []int) {
	t.Helper()
	var fuse, file syscall.Stat_t
	if err := syscall.Stat("/dev/fuse", &fuse); err != nil {
		t.Fatal(err)
	}
	holders := 0
	for _, pid := range pids {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, f := range files {
			if syscall.Stat(f, &file) != nil || file.Rdev != fuse.Rdev {
				continue
			}
			holders++
			if comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); string(comm) != "fuse-overlayfs\n" {
				t.Errorf("%s, process %d, holds %s", comm, pid, f)
			}
		}
	}
	if holders != 1 {
		t.Errorf("%d descriptors of /dev/fuse are open", holders)
	}
}

// alive says whether a process runs: an orphan's zombie waits for the machine's
// first process.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !bytes.Contains(stat, []byte(") Z "))
}

func gone(t *testing.T, pids []int) {
	t.Helper()
	limit := testkit.Slow(10 * time.Second)
	if !testkit.Until(limit, func() bool { return !slices.ContainsFunc(pids, alive) }) {
		t.Fatalf("of the container's processes %v some are left after %v", pids, limit)
	}
}

// TestFuseOverlayEnds: however lanyard ends, fuse-overlayfs ends with it, even one
// that is stopped and has the command wait for an answer.
func TestFuseOverlayEnds(t *testing.T) {
	testkit.Require(t, testkit.UserNS, testkit.Fuse)
	for name, script := range map[string]string{
		"runs":  "touch /work/ready; sleep 1000",
		"stuck": server + "pid=$(server); ls /no-such-file; touch /work/ready; kill -STOP $pid; ls /no-other-file",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := layeredProject(t)
			for range testkit.Rounds(t, 20) {
				_ = os.Remove(p.Path("ready"))
				cmd := deep(t, p, "sh", script)
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				pids := members(t, p)
				onlyServer(t, pids)
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				gone(t, pids)
			}
		})
	}
}

// TestFuseOverlayKilled: a command that kills it harms itself only.
func TestFuseOverlayKilled(t *testing.T) {
	testkit.Require(t, testkit.UserNS, testkit.Fuse)
	t.Parallel()
	p := layeredProject(t)
	out, said, _ := run(t, p, "sh", server+"pid=$(server); kill -KILL $pid; while test -d /proc/$pid; do :; done; cd / && ls /bin/; echo ends")
	if strings.Contains(out, "busybox") {
		t.Errorf("output\n%s%s", out, said)
	}
}
