package store

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sys/unix"
)

// Busy is the error that a node can't be made again, because it or something
// that lies on it is used.
func (s *Store) Busy(key Key) error {
	return s.locked(unix.LOCK_EX, func() error {
		_, err := s.above(key)
		return err
	})
}

// Retire takes away a node that is about to be made again, with all that lies on
// it. It is an error if somebody uses any of them.
func (s *Store) Retire(ctx context.Context, key Key) error {
	return s.takeAway(ctx, func(c *cleaner) error {
		nodes, err := s.above(key)
		for key, n := range nodes {
			if err == nil {
				err = c.take("build", string(key), s.dir(key), n.Size)
			}
		}
		return err
	})
}

// above gives a node and all that lies on it.
func (s *Store) above(key Key) (map[Key]found, error) {
	nodes, err := s.nodes()
	if err != nil {
		return nil, err
	}
	for k, n := range nodes {
		switch {
		case !slices.Contains(n.Stack, key):
			delete(nodes, k)
		case s.inUse(k):
			return nil, errors.New("it can't be made again while it is used; stop what runs in it, or in what was built on it, first")
		}
	}
	return nodes, nil
}
