// Bench compares Lanyard with the bare kernel and with other container
// runtimes, and holds its figures against the budgets of the design.
//
//	go run ./test/bench [-rounds N] [-only REGEXP] [-lanyard FILE] [-json FILE] [-md FILE]
//
// With -growth DIR it measures instead how cost grows with the number of
// children, and writes DIR/growth.md and DIR/growth.svg. With -check it takes few
// rounds and fails if lanyard is slower than it was, beside the same contestants,
// when the committed ratios were taken; -band N takes those, from N runs.
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

// errInterrupted is the end by a signal.
var errInterrupted = errors.New("interrupted; everything is removed")

// options are the command line.
type options struct {
	rounds    int
	only      *regexp.Regexp
	lanyard   string
	pause     time.Duration // of watching idle children
	json, md  string        // files to write; "" for none
	growth    string        // folder; "": don't measure growth
	check     bool
	band      int // runs; 0: don't make one
	committed string
}

func parse() (o options, err error) {
	flag.IntVar(&o.rounds, "rounds", 20, "counted rounds of each experiment")
	only := flag.String("only", "", "run the experiments whose `key` matches this regular expression")
	flag.StringVar(&o.lanyard, "lanyard", "bin/lanyard", "the binary to measure")
	flag.DurationVar(&o.pause, "idle", 10*time.Second, "how long to watch idle children")
	flag.StringVar(&o.json, "json", "", "write every sample to this `file`")
	flag.StringVar(&o.md, "md", "", "write the report as Markdown to this `file`")
	flag.StringVar(&o.growth, "growth", "", "measure how cost grows with the number of children; page and picture go into this `folder`")
	flag.BoolVar(&o.check, "check", false, fmt.Sprintf("compare ratios with the committed ones; %d rounds", guardRounds))
	flag.IntVar(&o.band, "band", 0, "take the ratios to be committed from so many `runs`")
	flag.StringVar(&o.committed, "committed", "test/bench/committed.json", "`file` of the committed ratios")
	flag.Parse()
	if flag.NArg() > 0 || o.rounds < 1 {
		return o, fmt.Errorf("want at least one round and no arguments; see -h")
	}
	o.only, err = regexp.Compile(*only)
	return o, err
}

func run() error {
	o, err := parse()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	switch {
	case o.growth != "":
		return inWorkshop(o.lanyard, func(w *workshop) error { return grow(ctx, w, o) })
	case o.band != 0:
		return makeBand(ctx, o)
	case o.check:
		return check(ctx, o)
	default:
		return inWorkshop(o.lanyard, func(w *workshop) error { return measure(ctx, w, o) })
	}
}

// inWorkshop does something with a workshop of its own.
func inWorkshop(lanyard string, do func(*workshop) error) error {
	w, err := newWorkshop(lanyard)
	if err != nil {
		return err
	}
	defer w.close()
	return do(w)
}

// measure carries experiments out and reports.
func measure(ctx context.Context, w *workshop, o options) error {
	r := report{Machine: machine(), Rounds: o.rounds}
	every := experiments(w, o.pause)
	var err error
	if r.Results, err = carryOutAll(ctx, o.chosen(every), o.rounds); err != nil {
		return err
	}
	if len(r.Results) == 0 {
		var keys []string
		for _, e := range every {
			keys = append(keys, e.key)
		}
		return fmt.Errorf("-only %v matches none of: %s", o.only, strings.Join(keys, " "))
	}
	return o.write(r)
}

// chosen are the experiments that -only names.
func (o options) chosen(every []experiment) []experiment {
	var out []experiment
	for _, e := range every {
		if o.only.MatchString(e.key) {
			out = append(out, e)
		}
	}
	return out
}

// write writes the report to all places.
func (o options) write(r report) error {
	r.plain(os.Stdout)
	if err := writeTo(o.json, r.json); err != nil {
		return err
	}
	return writeTo(o.md, func(out io.Writer) error { r.markdown(out); return nil })
}

// experiments are all there are, in the order of the report.
func experiments(w *workshop, pause time.Duration) []experiment {
	return slices.Concat([]experiment{
		startRow(w), isolationRow(w), userRow(w), limitsRow(w), commandRow(w), stopRow(w), fiftyRow(w), fallRow(w), fallAtOnceRow(w), killRow(w),
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
