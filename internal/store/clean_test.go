package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

const day = 24 * time.Hour

// stocked is a store with two images that share a layer, and two builds:
//
//	image a: 1, 2    image b: 1, 3    build 4 on a    build 5 on nothing    layer 6 of no image
func stocked(t *testing.T) *Store {
	t.Helper()
	s := open(t)
	put(t, s, hexKey(Layers, 1))
	put(t, s, hexKey(Layers, 2), hexKey(Layers, 1))
	put(t, s, hexKey(Layers, 3), hexKey(Layers, 1))
	put(t, s, hexKey(Builds, 4), hexKey(Layers, 2), hexKey(Layers, 1))
	put(t, s, hexKey(Builds, 5))
	put(t, s, hexKey(Layers, 6))
	for ref, n := range map[string]int{"a": 2, "b": 3} {
		must(t, s.PutImage(Image{Ref: ref, Platform: "linux/amd64", Top: hexKey(Layers, n)}))
	}
	return s
}

// ageAll makes everything look as if it was used last d ago.
func ageAll(t *testing.T, s *Store, d time.Duration) {
	t.Helper()
	nodes, err := s.nodes()
	must(t, err)
	for key := range nodes {
		ageNode(t, s, key, d)
	}
	paths, err := filepath.Glob(filepath.Join(s.path, "images", "*"))
	must(t, err)
	for _, path := range paths {
		age(t, path, d)
	}
}

func TestClean(t *testing.T) {
	s := stocked(t)
	ageAll(t, s, 100*day)
	const all = "a b builds4 builds5 layers1 layers2 layers3 layers6"
	clean(t, s, CleanOptions{DryRun: true})
	if got := there(t, s); got != all {
		t.Errorf("a dry run left %s", got)
	}
	clean(t, s, CleanOptions{})
	if got := there(t, s); got != "a b builds4 builds5 layers1 layers2 layers3" {
		t.Errorf("what is referred to: %s", got)
	}
	noTemps(t, s)
}

func TestCleanUnused(t *testing.T) {
	for _, c := range []struct {
		name string
		use  func(t *testing.T, s *Store)
		want string
	}{
		{"nothing is used", func(*testing.T, *Store) {}, ""},
		{"an image", func(t *testing.T, s *Store) { _, err := s.Image("b", "linux/amd64"); must(t, err) }, "b layers1 layers3"},
		{"a build, with the image that it lies on", func(t *testing.T, s *Store) {
			l, err := s.Use(hexKey(Builds, 4))
			must(t, err)
			l.Close()
		}, "a builds4 layers1 layers2"},
		{"not long enough", func(t *testing.T, s *Store) { ageNode(t, s, hexKey(Builds, 5), 9*day) }, "builds5"},
		{"long enough", func(t *testing.T, s *Store) { ageNode(t, s, hexKey(Builds, 5), 11*day) }, ""},
		{"it runs", func(t *testing.T, s *Store) {
			other(t, s, "lease")
			ageNode(t, s, hexKey(Layers, 2), 100*day)
		}, "a layers1 layers2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := stocked(t)
			ageAll(t, s, 100*day)
			c.use(t, s)
			o := CleanOptions{Unused: true, AtLeast: 10 * day}
			o.DryRun = true
			dry := clean(t, s, o)
			o.DryRun = false
			if done := clean(t, s, o); !reflect.DeepEqual(dry, done) {
				t.Errorf("it said it would remove\n%q, and removed\n%q", dry, done)
			}
			if got := there(t, s); got != c.want {
				t.Errorf("there is %q, want %q", got, c.want)
			}
			noTemps(t, s)
		})
	}
}

// TestCleanOtherIDs: what other id mappings have is looked after too.
func TestCleanOtherIDs(t *testing.T) {
	s := stocked(t)
	more, err := Open(s.path, "more")
	must(t, err)
	put(t, more, hexKey(Layers, 1))
	put(t, more, hexKey(Layers, 3), hexKey(Layers, 1))
	put(t, more, hexKey(Layers, 7))
	clean(t, s, CleanOptions{})
	if got := there(t, more); got != "a b layers1 layers3" {
		t.Errorf("there is %s", got)
	}
	put(t, more, hexKey(Layers, 7))
	s.OwnOnly = true
	clean(t, s, CleanOptions{})
	if got := there(t, more); got != "a b layers1 layers3 layers7" {
		t.Errorf("what can't be removed is taken away: %s", got)
	}
	images, builds, err := List(s.path)
	if err != nil || len(images) != 2 || len(builds) != 2 {
		t.Errorf("%v, %v, %v", images, builds, err)
	}
}

// TestCleanLeftovers: downloads, logs and half-made things go, unless somebody is at it.
func TestCleanLeftovers(t *testing.T) {
	s := open(t)
	kill := other(t, s, "temp")
	other(t, s, "lock")
	write := func(path string) *os.File {
		f, err := os.Create(filepath.Join(s.path, path))
		must(t, err)
		t.Cleanup(func() { f.Close() })
		_, err = f.WriteString("12345")
		must(t, err)
		return f
	}
	must(t, unix.Flock(int(write("blobs/busy.part").Fd()), unix.LOCK_EX))
	write("blobs/dead.part")
	write("locks/dead")
	write("images/.new-1")
	write("images/bad.json")
	log, err := s.Log("busy.log")
	must(t, err)
	defer log.Close()
	write("logs/dead.log")
	put(t, s, hexKey(Builds, 1))
	must(t, os.Truncate(filepath.Join(s.dir(hexKey(Builds, 1)), nodeFile), 0))
	if images, err := s.Images(); err != nil || len(images) != 0 {
		t.Errorf("images %v, %v", images, err)
	}
	want := []string{"build  1 ()", "download dead.part", "half made the description of an image", "half made the description of an image", "log dead.log"}
	got := clean(t, s, CleanOptions{})
	got[0] = strings.ReplaceAll(got[0], "00000000000", "")
	want[0] = got[0] // a damaged one has no name
	if !reflect.DeepEqual(got, want) {
		t.Errorf("removed %q", got)
	}
	kill()
	if got := clean(t, s, CleanOptions{}); len(got) != 1 || !strings.HasPrefix(got[0], "half made ") {
		t.Errorf("removed %q", got)
	}
	for dir, want := range map[string]string{"blobs": "busy.part", "logs": "busy.log", "locks": "thing", "images": ""} {
		entries, err := os.ReadDir(filepath.Join(s.path, dir))
		must(t, err)
		names := ""
		for _, e := range entries {
			names += e.Name()
		}
		if names != want {
			t.Errorf("%s has %q, want %q", dir, names, want)
		}
	}
	noTemps(t, s)
}

// TestSweep removes what dead processes left, and only that.
func TestSweep(t *testing.T) {
	s := open(t)
	kills := []func(){other(t, s, "temp"), other(t, s, "temp")}
	kills[0]()
	must(t, os.MkdirAll(filepath.Join(s.path, "tmp", trash, "1"), 0o700)) // of a killed Clean
	must(t, s.Sweep(context.Background()))
	if left, _ := filepath.Glob(filepath.Join(s.path, "tmp", "*", "half")); len(left) != 1 {
		t.Errorf("left of one who lives and one who is dead: %q", left)
	}
	kills[1]()
	must(t, s.Sweep(context.Background()))
	noTemps(t, s)
}

// TestCleanInterrupted: the second who cleans waits, and can be interrupted.
func TestCleanInterrupted(t *testing.T) {
	s := open(t)
	hold, err := s.openTrash(context.Background())
	must(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 2*lockPoll)
	defer cancel()
	if _, err := s.Clean(ctx, CleanOptions{}); err != context.DeadlineExceeded {
		t.Errorf("%v", err)
	}
	must(t, hold.Close())
	clean(t, s, CleanOptions{})
}

// TestCleanFullDisk: there has to be a way back from a full disk.
func TestCleanFullDisk(t *testing.T) {
	testkit.Require(t, testkit.Root)
	dir := t.TempDir()
	must(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,nr_inodes=60"))
	t.Cleanup(func() { must(t, unix.Unmount(dir, 0)) })
	s, err := Open(filepath.Join(dir, "store"), "test")
	must(t, err)
	put(t, s, hexKey(Layers, 6))
	for i := 0; ; i++ { // all inodes
		if err := os.Mkdir(filepath.Join(dir, fmt.Sprint(i)), 0o755); err != nil {
			break
		}
	}
	if _, err := s.Temp(); err == nil {
		t.Fatal("the disk is not full")
	}
	clean(t, s, CleanOptions{})
	if got := there(t, s); got != "" {
		t.Errorf("there is %s", got)
	}
}

// TestRemoveShut: modes do not keep anything from being removed.
func TestRemoveShut(t *testing.T) {
	s := open(t)
	temp, err := s.Temp()
	must(t, err)
	must(t, os.MkdirAll(filepath.Join(temp.Path, "a/b/c"), 0o755))
	for _, name := range []string{"a/b/c", "a/b", "a"} {
		must(t, os.Chmod(filepath.Join(temp.Path, name), 0))
	}
	must(t, temp.Close())
	noTemps(t, s)
}
