// Command soak runs lanyard for a long time and measures that it does not grow:
// a group of 50 children, one of which has a process that crashes every second,
// and a service whose command crashes every second, with ten clients of its
// control socket that come and go.
//
//	go run ./test/soak [-for 1h] [-lanyard FILE] [-svg FILE] [-md FILE]
//
// A group starts no child again, so it is the service that restarts. Memory,
// descriptors, threads, goroutines and CPU of both supervisors, and the memory of
// the group's inits, are sampled; a line is fitted to each, and has to be flat.
// The lanyard is this program itself, called so, because it can tell how many
// goroutines it has; of another one, see -lanyard, that is not measured.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/cli"
)

func main() {
	if name := filepath.Base(os.Args[0]); name == "lanyard" {
		answer()
		os.Exit(cli.Main(name, os.Args[1:]))
	}
	length := flag.Duration("for", time.Hour, "how long")
	lanyard := flag.String("lanyard", "", "another lanyard than this program; its goroutines can't be counted")
	svg := flag.String("svg", "", "write a plot to this file")
	md := flag.String("md", "", "write the report to this file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *length, *lanyard, *svg, *md); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, length time.Duration, lanyard, svg, md string) error {
	runtime.LockOSThread() // what it starts dies with its thread
	defer runtime.UnlockOSThread()
	s, err := newSoak(lanyard)
	if err != nil {
		return err
	}
	defer s.close()
	r, err := s.run(ctx, length)
	if err != nil {
		return err
	}
	fmt.Print(r)
	if svg != "" {
		if err := os.WriteFile(svg, []byte(plot(r.samples)), 0o644); err != nil {
			return err
		}
	}
	if md != "" {
		if err := os.WriteFile(md, []byte(r.String()), 0o644); err != nil {
			return err
		}
	}
	if len(r.failures) > 0 {
		return fmt.Errorf("%d things are not as they should be, see above", len(r.failures))
	}
	return nil
}
