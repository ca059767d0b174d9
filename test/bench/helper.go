package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// helper is a running test/bench/engine: a supervisor that starts one
// container after another. It is started with the first of them.
type helper struct {
	w    *workshop
	args []string
	user *syscall.Credential // who it runs as; nil for ourselves

	process *running // nil until the first start
	order   io.WriteCloser
	began   *os.File
}

// engineArgs is lanyard as a supervisor that is running already.
func (w *workshop) engineArgs(limited bool, argv []string) contestant {
	var options []string
	if limited {
		options = []string{"-limits", fmt.Sprintf("%d,%d,%d", limitMemory, limitCPUs, limitPids)}
	}
	return w.engine(lanyardName, nil, append(options, argv...))
}

// engine is a contestant with a supervisor of its own, which runs as user, or as
// ourselves.
func (w *workshop) engine(name string, user *syscall.Credential, args []string) contestant {
	h := &helper{w: w, user: user, args: append([]string{w.rootfs, w.project}, args...)}
	w.helpers = append(w.helpers, h)
	return contestant{name: name, measure: h.firstByte}
}

// open builds and starts the supervisor.
func (h *helper) open() error {
	path := filepath.Join(h.w.dir, "engine")
	if _, err := os.Stat(path); err != nil { // another helper's is the same
		if err := build(path, "engine", ""); err != nil {
			return err
		}
	}
	cmd := exec.Command(path, h.args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: h.user}
	var err error
	if h.order, err = cmd.StdinPipe(); err != nil {
		return err
	}
	answers, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	defer theirs.Close()
	cmd.Stdout, h.began = theirs, answers
	h.process, err = h.w.run(cmd)
	return err
}

// firstByte has one container started, and measures from the supervisor's
// clock at its beginning to its command's report.
func (h *helper) firstByte() ([]float64, error) {
	if h.process == nil {
		if err := h.open(); err != nil {
			return nil, err
		}
	}
	if err := h.w.up.drain(); err != nil {
		return nil, err
	}
	if err := h.w.up.patient(); err != nil {
		return nil, err
	}
	if _, err := h.order.Write([]byte{'x'}); err != nil {
		return nil, h.process.failed(err)
	}
	if err := h.w.up.await(1); err != nil {
		return nil, h.process.failed(err)
	}
	end, err := monotonic()
	if err != nil {
		return nil, err
	}
	if err := h.began.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	var began [2]int64
	if err := binary.Read(h.began, binary.NativeEndian, &began); err != nil {
		return nil, h.process.failed(fmt.Errorf("its container does not end: %w", err))
	}
	return []float64{milliseconds(end - time.Duration(began[0])*time.Second - time.Duration(began[1]))}, nil
}

// close ends the supervisor.
func (h *helper) close() error {
	if h.process == nil {
		return nil
	}
	h.order.Close()
	h.began.Close()
	if h.process.over() {
		return nil // a failure that has been reported
	}
	return h.process.waitFor(patience)
}

// monotonic is CLOCK_MONOTONIC, the same in every process.
func monotonic() (time.Duration, error) {
	var ts unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return time.Duration(ts.Nano()), err
}
