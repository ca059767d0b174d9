package worker

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"golang.org/x/sys/unix"
)

// drain bounds how long output is waited for that mmdebstrap left something
// running for.
const drain = time.Second

// make runs mmdebstrap. This process is the first of a pid namespace: what
// mmdebstrap leaves running ends with it.
func (d *Debian) make() error {
	log, err := os.OpenFile(d.Log, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("cannot open the log: %w", err)
	}
	defer log.Close()
	// It looks at its own processes there.
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("cannot mount /proc for mmdebstrap: %w", err)
	}
	// The umask that packages are made for.
	unix.Umask(0o022)
	args := append([]string{"--mode=root", "--format=directory", "--variant=" + d.Variant}, d.Options...)
	if len(d.Packages) > 0 {
		args = append(args, "--include="+strings.Join(d.Packages, ","))
	}
	args = append(append(args, d.Release, d.Dest), d.Sources...)
	fmt.Fprintf(log, "+ %s %s\n", d.Program, strings.Join(args, " "))
	cmd := exec.Command(d.Program, args...)
	// Not the file itself, which could be truncated through /dev/stderr.
	output := struct{ io.Writer }{log}
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.Dir = d.Env, output, output, "/"
	cmd.WaitDelay = drain
	// Scripts of packages send signals to what they start; ours are all blocked.
	linux.SetMask(0)
	if err := cmd.Run(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return fmt.Errorf("mmdebstrap failed: %w", err)
	}
	// Device nodes are for root alone, and a container brings its own.
	nodes, err := filepath.Glob(filepath.Join(d.Dest, "dev", "*"))
	if err != nil {
		return err
	}
	return removeAll(nodes)
}
