package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// outputRow: one busy child's lines through lanyard into `cat >/dev/null`.
func outputRow(w *workshop) experiment {
	return experiment{
		key: "output",
		metrics: []metric{{
			what: "prefixed output of 100-byte lines in large blocks, into `cat >/dev/null`", unit: "MB/s",
			budgets: []budget{{against: catName, limit: 0.5, atLeast: true}, {limit: 500, atLeast: true}},
		}},
		contestants: append(contestants(w.piped,
			w.lanyardArgs("--output", "prefix", "lines"),
			named("raw", w.lanyardArgs("--output", "raw", "lines")),
			named("json", w.lanyardArgs("--output", "json", "lines"))),
			contestant{name: catName, measure: w.catCat}),
	}
}

// catName is the peer of outputRow: the child writes to one cat, that one to
// another.
const catName = "cat | cat"

// piped measures a lanyard that writes to `cat >/dev/null`: the rate of the
// child's bytes, starts and ends included.
func (w *workshop) piped(cmd *exec.Cmd) ([]float64, error) {
	return w.rate(cmd, exec.Command("cat"))
}

// catCat measures the same without lanyard and without a container.
func (w *workshop) catCat() ([]float64, error) {
	writer := exec.Command(filepath.Join(w.rootfs, probePath), writeLines[1], filepath.Join(w.project, "block"))
	return w.rate(writer, exec.Command("cat"), exec.Command("cat"))
}

// rate starts a pipeline that ends in /dev/null and waits for all of it.
func (w *workshop) rate(pipeline ...*exec.Cmd) ([]float64, error) {
	var between []*os.File
	closeBetween := func() {
		for _, f := range between {
			f.Close()
		}
	}
	for i := range len(pipeline) - 1 {
		r, wr, err := os.Pipe()
		if err != nil {
			closeBetween()
			return nil, err
		}
		between = append(between, r, wr)
		pipeline[i].Stdout, pipeline[i+1].Stdin = wr, r
	}
	begin := time.Now()
	var errs []error
	var started []*running
	for _, cmd := range pipeline {
		r, err := w.run(cmd)
		if err != nil {
			errs = append(errs, err)
			break
		}
		started = append(started, r)
	}
	closeBetween()
	for _, r := range started {
		if err := r.waitFor(patience); err != nil {
			errs = append(errs, r.failed(err))
		}
	}
	took := time.Since(begin)
	return []float64{float64(bytesWritten) / 1e6 / took.Seconds()}, errors.Join(errs...)
}
