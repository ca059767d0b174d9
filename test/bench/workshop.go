package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// patience bounds every wait of a measurement.
const patience = 10 * time.Second

// Paths inside every container of the benchmarks.
const (
	probePath = "/probe"
	upPath    = "/work/up"
	goPath    = "/work/go"
	blockPath = "/work/block"
)

// workshop is a temporary folder with all that the experiments need. Its
// project folder is /work in every container.
type workshop struct {
	dir     string
	project string
	rootfs  string // has the mount points, for peers that would make them
	bare    string
	lanyard string // absolute; "" when it is not built
	up      *gate  // containers report here
	start   *gate  // and wait here
	stderr  *os.File
	helpers []*helper
	docker  docker
	bundles int // OCI bundles made so far
	runs    int // containers named so far
}

// newWorkshop builds everything. Whoever gets it calls close.
func newWorkshop(lanyard string) (*workshop, error) {
	dir, err := os.MkdirTemp("", "lanyard-bench-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // supervisors of other users look into it
		return nil, err
	}
	w := &workshop{
		dir: dir, project: filepath.Join(dir, "project"), bare: filepath.Join(dir, "bare"),
		rootfs: filepath.Join(dir, "project", "root"),
	}
	if err := w.fill(lanyard); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *workshop) fill(lanyard string) error {
	if err := w.makeRoot(); err != nil {
		return err
	}
	if err := build(w.bare, "bare", ""); err != nil {
		return err
	}
	if err := build(filepath.Join(w.rootfs, probePath), "probe", "-s -w -E main.entry"); err != nil {
		return err
	}
	var err error
	if w.up, err = newGate(filepath.Join(w.project, "up")); err != nil {
		return err
	}
	if w.start, err = newGate(filepath.Join(w.project, "go")); err != nil {
		return err
	}
	if w.stderr, err = os.Create(filepath.Join(w.dir, "stderr")); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(w.project, "block"), lineBlock(), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(w.project, "lanyard.yaml"), []byte(projectFile()), 0o644); err != nil {
		return err
	}
	installed := filepath.Join(w.dir, "lanyard")
	err = install(installed, lanyard)
	if err == nil {
		w.lanyard = installed
	} else if !os.IsNotExist(err) {
		return err
	}
	return nil
}

// close ends what still runs and removes the folder.
func (w *workshop) close() {
	for _, h := range w.helpers {
		if err := h.close(); err != nil {
			fmt.Fprintf(os.Stderr, "bench: the running supervisor: %v\n", err)
		}
	}
	for _, g := range []*gate{w.up, w.start} {
		if g != nil {
			g.file.Close()
		}
	}
	if w.stderr != nil {
		w.stderr.Close()
	}
	if err := errors.Join(w.sweep(), w.closeDocker(), w.unmount(), os.RemoveAll(w.dir)); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v; remove it by hand\n", err)
	}
}

// makeRoot makes the smallest root that all contestants accept: systemd-nspawn
// wants usr.
func (w *workshop) makeRoot() error {
	for _, name := range []string{"proc", "sys", "dev", "tmp", "run", "work", "etc", "usr"} {
		if err := os.MkdirAll(filepath.Join(w.rootfs, name), 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"resolv.conf", "hosts"} {
		if err := os.WriteFile(filepath.Join(w.rootfs, "etc", name), nil, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// build compiles one of the benchmark's own programs, static.
func build(output, name, ldflags string) error {
	linked := output + ".linked"
	cmd := exec.Command("go", "build", "-ldflags", ldflags, "-o", linked,
		"github.com/lanyard-dev/lanyard/test/bench/"+name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build %s: %v\n%s", name, err, out)
	}
	if err := install(output, linked); err != nil {
		return err
	}
	return os.Remove(linked)
}

// install copies a program, as cp(1) and go install do. What the linker has just
// written through a mapping lies in the page cache page by page, and costs half
// as much again to start as a file that was copied or read from a disk, as the
// peers' were: 0.21 ms instead of 0.14 for the initialisers before a stage. One
// large write would be wrong in the other direction: the kernel keeps it in
// pieces of 2 MiB and maps each as a whole, 2 MB more of memory.
func install(output, linked string) error {
	source, err := os.Open(linked)
	if err != nil {
		return err
	}
	defer source.Close()
	file, err := os.OpenFile(output, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, source); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
