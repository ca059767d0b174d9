package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/lanyard-dev/lanyard/client"
)

// A container is stopped, and killed if that takes more than ten seconds. Then
// its supervisor ends.
func Example() {
	conn, err := client.Dial(context.Background(), "/srv/redis")
	if errors.Is(err, client.ErrNotRunning) {
		fmt.Println("nothing to stop")
		return
	}
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	if err := conn.Stop(); err != nil {
		log.Fatal(err)
	}
	defer time.AfterFunc(10*time.Second, func() { conn.Kill() }).Stop()
	state, err := conn.Next()
	for err == nil && !state.Finished() {
		state, err = conn.Next()
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("exit code", state.ExitStatus.Code())

	if err := conn.Exit(); err != nil {
		log.Fatal(err)
	}
	for err == nil {
		_, err = conn.Next()
	}
	if !errors.Is(err, io.EOF) {
		log.Fatal(err)
	}
}

// The states of a container are shown until Ctrl-C, over every restart of its
// supervisor.
func ExampleWatch() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := client.Watch(ctx, "/srv/redis", func(s client.State) error {
		fmt.Printf("up %t, %d restarts, %d of %d bytes\n", s.Up, s.Restarts, s.Metrics.MemoryUsage, s.Metrics.MemoryLimit)
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		log.Fatal(err)
	}
}
