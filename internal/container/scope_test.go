package container

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestJanitorWaitsForItsScope: it ends when it is in the scope that its supervisor
// has asked for, or below it; a second after its end of the pipe, if it is never.
func TestJanitorWaitsForItsScope(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	const limit = time.Second
	scope := fmt.Sprintf("lanyard-test-%d.scope", os.Getpid())
	group, err := cgroup.PlanMeasured(testkit.CgroupBase(t), scope+"/box", cgroup.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if err := group.Create(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := group.Remove(); err != nil {
			t.Error(err)
		}
	}()
	// It was told the truth, so it is not too early; how late it may be is the machine's.
	if took := janitorAlone(t, []string{scope}, nil); took < limit {
		t.Errorf("it did not wait for its scope, but ended after %v", took)
	}
	for what, once := range map[string]func() time.Duration{
		"in its scope":    func() time.Duration { return janitorAlone(t, []string{scope}, group) },
		"without a scope": func() time.Duration { return janitorAlone(t, nil, nil) },
		"a refused scope": func() time.Duration { return janitorAlone(t, []string{scope, ""}, nil) },
	} {
		least := time.Hour
		for try := 0; try < 20 && least >= limit; try++ {
			least = min(least, once())
		}
		if least >= limit {
			t.Errorf("%s: it took %v", what, least)
		}
	}
}

// janitorAlone has the janitor of a run see its supervisor's end, once it is told
// of scopes and has entered a group, and gives how long it lived after that.
func janitorAlone(t *testing.T, scopes []string, group *cgroup.Group) time.Duration {
	t.Helper()
	r := runIn(filepath.Join(t.TempDir(), "lanyard"))
	if err := r.Note(Entry{janitor.TreeEntry, filepath.Join(t.TempDir(), "none")}); err != nil {
		t.Fatal(err)
	}
	for _, scope := range scopes {
		if err := r.expectScope(scope); err != nil {
			t.Fatal(err)
		}
	}
	if group != nil {
		files, folder, err := group.Open(nil)
		if err != nil {
			t.Fatal(err)
		}
		folder.Close()
		for _, f := range files {
			if _, err := fmt.Fprint(f, r.janitor); err != nil {
				t.Errorf("%s: %v", f.Name(), err)
			}
			f.Close()
		}
	}
	if len(scopes) > 0 { // as a sweep of another run may do it, as soon as we are gone
		if err := janitor.Clean(r.folder); err != nil {
			t.Error(err)
		}
	}
	begun := time.Now()
	for _, f := range []*os.File{r.journal, r.lock, r.pipe} {
		f.Close()
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(r.janitor, &status, 0, nil); err != nil || status != 0 {
		t.Errorf("its end: %v, %v", status, err)
	}
	if exists(filepath.Join(r.base, r.ID())) {
		t.Error("its run folder is left")
	}
	return time.Since(begun)
}
