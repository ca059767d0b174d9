// Package images_test runs containers of images and recipes as a user does:
// through the command line, with a registry on loopback.
package images_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/cli"
	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/ids"
	"github.com/lanyard-dev/lanyard/internal/testkit"
	"github.com/lanyard-dev/lanyard/internal/worker"
)

// mark is what all processes of this test carry.
var mark uint64

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != "lanyard" {
		var err error
		if mark, err = testkit.MarkSelf(); err != nil {
			panic(err)
		}
	}
	testkit.Main(m, cli.Main)
}

// processes are what was started by this test and lives: workers have no
// environment to know them by.
func processes() []testkit.Process {
	return slices.DeleteFunc(testkit.Living(testkit.Marked(mark)), func(p testkit.Process) bool { return p.PID == os.Getpid() })
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// project is a project with a store of its own.
type project struct {
	*testkit.Project
	t     *testing.T
	store string
}

// newProject makes a project, in whose file HOST stands for a registry. At its end
// the store is emptied, and nothing may be left.
func newProject(t *testing.T, r *registry, yaml string) *project {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data, of: mine")
	if r != nil {
		yaml = strings.ReplaceAll(yaml, "HOST", r.host)
	}
	p := &project{Project: testkit.NewProject(t, yaml), t: t, store: filepath.Join(data, "lanyard")}
	p.Env = append(p.Env, "XDG_DATA_HOME="+data, "HOME=/nonexistent")
	t.Cleanup(func() {
		p.empty()
		must(t, remove(data))
	})
	return p
}

// empty cleans the store and wants it to be empty then.
func (p *project) empty() {
	p.t.Helper()
	if !testkit.Until(testkit.Slow(5*time.Second), func() bool { return len(processes()) == 0 }) {
		p.t.Errorf("processes are left: %v", processes())
	}
	p.OK("_clean", "--unused", "--at-least", "0")
	if left := p.left("blobs", "images", "logs", "locks", "tmp", "ids"); len(left) > 0 {
		p.t.Errorf("left in the store: %q", left)
	}
}

// left are the files of the store below some of its folders, without those that
// are always there, and caches.
func (p *project) left(folders ...string) (list []string) {
	for _, folder := range folders {
		top := filepath.Join(p.store, folder)
		_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			name, _ := filepath.Rel(p.store, path)
			parts := strings.Split(name, "/")
			switch {
			case err != nil || len(parts) == 1 || name == "tmp/trash":
			case parts[0] == "ids" && len(parts) > 2 && parts[2] == "caches":
				return filepath.SkipDir
			case parts[0] != "ids" || len(parts) > 3:
				list = append(list, name)
				if d.IsDir() {
					return filepath.SkipDir
				}
			}
			return nil
		})
	}
	return list
}

// remove removes a tree with files of any ids.
func remove(path string) error {
	w := worker.New(nil)
	if host := ids.Lookup(os.Geteuid()); os.Geteuid() != 0 && host.None != nil {
		w = worker.New(container.OwnIDs(0, 0))
	} else if os.Geteuid() != 0 {
		uids, err := ids.Request{Own: uint32(os.Geteuid()), Sub: host.UIDs}.Plan()
		gids, err2 := ids.Request{Own: uint32(os.Getegid()), Sub: host.GIDs}.Plan()
		if err != nil || err2 != nil {
			return fmt.Errorf("%v, %v", err, err2)
		}
		w = worker.New(&container.UserNS{UIDs: uids, GIDs: gids, Host: host})
	}
	return w.Remove(context.Background(), path)
}

// wants compares the output of a lanyard that has to succeed.
func (p *project) wants(want string, args ...string) {
	p.t.Helper()
	if got := p.OK(args...); got != want {
		p.t.Errorf("%q gave %q, want %q", args, got, want)
	}
}

// each runs a test as root; as an ordinary user with all ids, and with one, where
// there is no newuidmap.
func each(t *testing.T, test func(t *testing.T, as string)) {
	if os.Geteuid() == 0 {
		t.Run("root", func(t *testing.T) { test(t, "root") })
		return
	}
	t.Run("ids", func(t *testing.T) { testkit.Require(t, testkit.IDs); test(t, "ids") })
	t.Run("own", func(t *testing.T) { testkit.Require(t, testkit.UserNS); test(t, "own") })
}

// as makes a project's lanyards have the ids of each.
func (p *project) as(who string) *project {
	if who == "own" {
		p.Env = append(p.Env, "PATH=/nonexistent")
	}
	return p
}
