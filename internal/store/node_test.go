package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestAdoptAndUse(t *testing.T) {
	s := open(t)
	one, two := hexKey(Layers, 1), hexKey(Layers, 2)
	if _, err := s.Use(one); !errors.Is(err, fs.ErrNotExist) || s.Has(one) {
		t.Errorf("what is not there: %v", err)
	}
	put(t, s, one)
	put(t, s, two, one)
	ageNode(t, s, two, time.Hour)
	l, err := s.Use(two)
	must(t, err)
	defer l.Close()
	want := filepath.Join(s.dir(two), "fs") + "|" + filepath.Join(s.dir(one), "fs")
	if got := strings.Join(l.Layers, "|"); got != want || !s.Has(two) {
		t.Errorf("layers %s, want %s", got, want)
	}
	nodes, err := s.nodes()
	must(t, err)
	if used := nodes[two].used; time.Since(used) > time.Minute {
		t.Errorf("it says that it was used last at %v", used)
	}
	if size, err := s.Size(l.Node); err != nil || size != int64(len(one)+len(two)) {
		t.Errorf("size %d, %v", size, err)
	}
	noTemps(t, s)
	(*Lease)(nil).Close()
}

// TestAdoptNeedsWhatIsBelow: what a node lies on may have been taken away while
// it was made.
func TestAdoptNeedsWhatIsBelow(t *testing.T) {
	s := open(t)
	temp, err := s.Temp()
	must(t, err)
	defer temp.Close()
	_, err = temp.NodeDir("node")
	must(t, err)
	_, err = s.Adopt(temp, "node", Node{Stack: []Key{hexKey(Layers, 2), hexKey(Layers, 1)}})
	if err == nil || !strings.Contains(err.Error(), "was removed meanwhile; start again") || s.Has(hexKey(Layers, 2)) {
		t.Errorf("it lies on nothing: %v", err)
	}
}

// TestDamaged: a description that can't be read is no node; one that is made
// anew takes its place, and so it is with a node that lacks what is below.
func TestDamaged(t *testing.T) {
	one, two := hexKey(Layers, 1), hexKey(Layers, 2)
	for name, damage := range map[string]func(s *Store) error{
		"empty":    func(s *Store) error { return os.Truncate(filepath.Join(s.dir(one), nodeFile), 0) },
		"no stack": func(s *Store) error { return os.WriteFile(filepath.Join(s.dir(one), nodeFile), []byte("{}"), 0o644) },
		"another's": func(s *Store) error {
			return os.WriteFile(filepath.Join(s.dir(one), nodeFile), []byte(`{"stack":["`+string(two)+`"]}`), 0o644)
		},
		"no description": func(s *Store) error { return os.Remove(filepath.Join(s.dir(one), nodeFile)) },
		"gone":           func(s *Store) error { return os.RemoveAll(s.dir(one)) },
		"no files":       func(s *Store) error { return os.RemoveAll(filepath.Join(s.dir(one), fsDir)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			put(t, s, one)
			put(t, s, two, one)
			must(t, damage(s))
			if _, err := s.Use(one); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("used: %v", err)
			}
			put(t, s, one)
			for _, key := range []Key{one, two} {
				l, err := s.Use(key)
				if err != nil {
					t.Fatalf("made anew: %v", err)
				}
				if _, err := os.Stat(filepath.Join(l.Layers[0], "file")); err != nil {
					t.Error(err)
				}
				l.Close()
			}
			noTemps(t, s)
		})
	}
}

// TestAdoptTwice: of several that made the same, the first one's stays.
func TestAdoptTwice(t *testing.T) {
	s := open(t)
	key := hexKey(Builds, 1)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			again, err := Open(s.path, "test")
			if err != nil {
				t.Error(err)
				return
			}
			temp, err := again.Temp()
			if err != nil {
				t.Error(err)
				return
			}
			defer temp.Close()
			if _, err := temp.NodeDir("n"); err != nil {
				t.Error(err)
			}
			l, err := again.Adopt(temp, "n", Node{Stack: []Key{key}})
			if err != nil {
				t.Error(err)
			}
			l.Close()
		})
	}
	group.Wait()
	if got := there(t, s); got != "builds1" {
		t.Errorf("there is %s", got)
	}
	noTemps(t, s)
}

// TestRetire: what is used, or what something lies on that is used, can't be
// made again; else both go.
func TestRetire(t *testing.T) {
	s := open(t)
	base, top, other := hexKey(Builds, 1), hexKey(Builds, 2), hexKey(Builds, 3)
	put(t, s, base)
	put(t, s, top, base)
	put(t, s, other)
	l, err := s.Use(top)
	must(t, err)
	for _, f := range []func() error{func() error { return s.Busy(base) }, func() error { return s.Retire(context.Background(), base) }} {
		if err := f(); err == nil || !strings.Contains(err.Error(), "can't be made again while it is used") {
			t.Errorf("what is used: %v", err)
		}
	}
	if got := there(t, s); got != "builds1 builds2 builds3" {
		t.Errorf("there is %s", got)
	}
	l.Close()
	must(t, s.Busy(base))
	must(t, s.Retire(context.Background(), base))
	must(t, s.Retire(context.Background(), base))
	if got := there(t, s); got != "builds3" {
		t.Errorf("there is %s", got)
	}
	noTemps(t, s)
}

func TestChain(t *testing.T) {
	// From the OCI image specification, config.md: ChainID(L0|L1) = Digest(ChainID(L0) + " " + DiffID(L1)).
	one, two := "sha256:"+strings.Repeat("1", 64), "sha256:"+strings.Repeat("2", 64)
	if got := Chain("", one); got != one {
		t.Errorf("one layer: %s", got)
	}
	if got := Chain(one, two); LayerKey(got) == LayerKey(two) || Chain(two, one) == got {
		t.Errorf("the order does not count: %s", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic for what is no chain")
		}
	}()
	LayerKey("sha256:../../x")
}
