// Command torture attacks the promise that nothing survives lanyard: it runs
// random projects whose processes do what they can to stay, kills the
// supervisor, a container's init or the janitor at random moments in random
// ways, and looks for whatever is left.
//
//	go run ./test/torture [-rounds N] [-lanes N] [-seed N] [-lanyard FILE] [-md FILE]
//
// Each round is made of its seed alone, the first one of -seed and each next one
// of the number after it, so a failure is repeated with -seed and -rounds 1.
// Root sees more than an ordinary user: cgroups where only root may make them,
// death for want of memory, frozen processes.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

func main() {
	lanyard := flag.String("lanyard", "bin/lanyard", "the binary to torture")
	rounds := flag.Int("rounds", 100, "how many rounds")
	lanes := flag.Int("lanes", 2*runtime.NumCPU(), "how many rounds at a time")
	seed := flag.Uint64("seed", uint64(time.Now().Unix()), "of the first round")
	md := flag.String("md", "", "write the report to this file too")
	verbose := flag.Bool("v", false, "tell what each round does, and keep quiet about nothing")
	flag.Parse()
	os.Exit(run(*lanyard, options{rounds: *rounds, lanes: *lanes, seed: *seed, verbose: *verbose}, *md))
}

func run(lanyard string, o options, md string) int {
	w, err := newWorkshop(lanyard)
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		return 1
	}
	defer w.close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	t, err := w.torture(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		return 1
	}
	fmt.Print(t)
	if md != "" {
		if err := os.WriteFile(md, []byte(t.String()), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "torture:", err)
			return 1
		}
	}
	if t.failed() {
		return 1
	}
	return 0
}
