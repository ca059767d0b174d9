// Bench compares Lanyard with the bare kernel and with other container
// runtimes, and holds its figures against the budgets of the design.
//
//	go run ./test/bench [-rounds N] [-only REGEXP] [-lanyard FILE] [-json FILE] [-md FILE]
//
// It needs a built lanyard; without one, or without a peer, the report says
// so and has the rest. Everything it makes is in a temporary folder and goes
// with it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	outer, err := hideUnified()
	if err == nil && !outer {
		err = run()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	rounds := flag.Int("rounds", 20, "counted rounds of each experiment")
	only := flag.String("only", "", "run the experiments whose `key` matches this regular expression")
	lanyard := flag.String("lanyard", "bin/lanyard", "the binary to measure")
	pause := flag.Duration("idle", 10*time.Second, "how long to watch idle children")
	jsonFile := flag.String("json", "", "write every sample to this `file`")
	mdFile := flag.String("md", "", "write the report as Markdown to this `file`")
	flag.Parse()
	if flag.NArg() > 0 || *rounds < 1 {
		return fmt.Errorf("want at least one round and no arguments; see -h")
	}
	pattern, err := regexp.Compile(*only)
	if err != nil {
		return err
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	w, err := newWorkshop(*lanyard)
	if err != nil {
		return err
	}
	defer w.close()
	r := report{Machine: machine(), Rounds: *rounds}
	var keys []string
	for _, e := range experiments(w, *pause) {
		keys = append(keys, e.key)
		if pattern.MatchString(e.key) {
			r.Results = append(r.Results, carryOut(ctx, e, *rounds))
		}
	}
	if ctx.Err() != nil {
		return errors.New("interrupted; everything is removed")
	}
	if len(r.Results) == 0 {
		return fmt.Errorf("-only %s matches none of: %s", *only, strings.Join(keys, " "))
	}
	r.plain(os.Stdout)
	if err := writeTo(*jsonFile, r.json); err != nil {
		return err
	}
	return writeTo(*mdFile, func(out io.Writer) error { r.markdown(out); return nil })
}

// experiments are all there are, in the order of the report.
func experiments(w *workshop, pause time.Duration) []experiment {
	return slices.Concat([]experiment{
		startRow(w), userRow(w), limitsRow(w), commandRow(w), stopRow(w), fiftyRow(w), fallRow(w), fallAtOnceRow(w), killRow(w),
		superviseRow(w), superviseKillRow(w), superviseMemoryRow(w),
		fewSubscribersRow(w, 1), fewSubscribersRow(w, 100), subscribersRow(w), restartRow(w),
		idleRow(w, pause), costRow(w, pause), outputRow(w), imageRow(w), unpackRow(w), initRow(w),
	}, groupRows(w), busyRows(w))
}

// writeTo writes a file, if one is named.
func writeTo(name string, write func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := write(file); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
