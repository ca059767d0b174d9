package client

import (
	"context"
	"errors"
	"io"
	"time"
)

// The wait of Watch for a supervisor that is away: it doubles from shortest to
// longest, and is short again after a state.
const (
	shortest = 50 * time.Millisecond
	longest  = time.Second
)

// Watch calls each for every state of the supervisor of the folder dir, and
// connects again, however often, when the supervisor is away: not started yet,
// ended, or started anew. It returns what each returns, if that is an error,
// ctx.Err() when ctx ends, and an error of Dial or Next that time doesn't mend (no
// such folder, another user's supervisor).
//
// After a reconnection the first state is that of the moment; what happened in
// between is only seen by what it left. A supervisor that was started anew
// counts from zero: its Restarts, OOMs and Metrics may be lower than before.
// Equal states may follow each other. While each runs nothing is read, so that
// a slow one misses states between others, never the newest.
func Watch(ctx context.Context, dir string, each func(State) error) error {
	for wait := shortest; ; wait = min(2*wait, longest) {
		var refused error
		err := stream(ctx, dir, func(s State) bool {
			wait = shortest
			refused = each(s)
			return refused == nil
		})
		switch {
		case refused != nil:
			return refused
		case ctx.Err() != nil:
			return ctx.Err()
		case !errors.Is(err, io.EOF) && !errors.Is(err, ErrNotRunning):
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// stream calls each for every state of one connection, until it says false.
func stream(ctx context.Context, dir string, each func(State) bool) error {
	conn, err := Dial(ctx, dir)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	for {
		s, err := conn.Next()
		if err != nil || !each(s) {
			return err
		}
	}
}
