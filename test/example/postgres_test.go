//go:build example

package example_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestPostgres is a database's life: it is filled, killed, found again as it was,
// stopped, lost with its lanyard, found again, and removed.
func TestPostgres(t *testing.T) {
	dir := postgresProject(t)
	first := start(t, dir, nil, "run")
	first.writes(3)
	rows := count(t, dir)
	if rows < 3 {
		t.Errorf("psql sees %d rows, want 3 at least", rows)
	}
	second := start(t, dir, nil, "run", "--only", "server")
	second.ends(1)
	if !strings.Contains(second.out.String(), "another server uses this database") {
		t.Error("a second server says nothing of the first")
	}
	family := below(t, first.cmd.Process.Pid)
	if err := syscall.Kill(server(t, family).pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	first.ends(128 + int(syscall.SIGKILL))
	if left := append(still(t, family), mounted(t, dir)...); len(left) > 0 {
		t.Errorf("the server was killed, and there are still %v", left)
	}

	again := start(t, dir, nil, "run")
	if found := again.writes(1); found < rows {
		t.Errorf("after a kill of the server there are %d rows of %d", found, rows)
	}
	rows = count(t, dir)
	family = below(t, again.cmd.Process.Pid)
	again.signal(syscall.SIGINT)
	again.ends(128 + int(syscall.SIGINT))
	if left := append(still(t, family), mounted(t, dir)...); len(left) > 0 {
		t.Errorf("it was stopped, and there are still %v", left)
	}

	lost := start(t, dir, nil, "run")
	if found := lost.writes(1); found < rows {
		t.Errorf("after an orderly stop there are %d rows of %d", found, rows)
	}
	rows = count(t, dir)
	family = below(t, lost.cmd.Process.Pid)
	lost.signal(syscall.SIGKILL)
	vanishes(t, func() []string { return append(still(t, family), mounted(t, dir)...) })

	last := start(t, dir, nil, "run")
	if found := last.writes(1); found < rows {
		t.Errorf("after a kill of lanyard there are %d rows of %d", found, rows)
	}
	clean := start(t, dir, nil, "_clean", "--volumes")
	clean.ends(0)
	if !strings.Contains(clean.out.String(), "volume data stays: a command that uses volumes") {
		t.Errorf("_clean while the server runs says %q", clean.out.String())
	}
	last.signal(syscall.SIGTERM)
	last.ends(128 + int(syscall.SIGTERM))
	start(t, dir, nil, "_clean", "--volumes").ends(0)
	for _, name := range []string{"data", "socket"} {
		if _, err := os.Lstat(filepath.Join(dir, ".lanyard/volumes", name)); !os.IsNotExist(err) {
			t.Errorf("_clean --volumes leaves %s (%v)", name, err)
		}
	}
}

// postgresProject returns a copy of the example, its root built: its data is the
// test's own.
func postgresProject(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"lanyard.yaml", "client"} {
		data, err := os.ReadFile(filepath.Join("../../examples/postgres", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	provide(t, dir)
	// The volumes hold files of ids that a test can't remove.
	t.Cleanup(func() {
		cmd := exec.Command(lanyardBinary(t), "_clean", "--volumes")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("cannot remove the volumes: %v\n%s", err, out)
		}
	})
	return dir
}

var (
	before  = regexp.MustCompile(`there are (\d+) rows from before`)
	written = regexp.MustCompile(`row \d+ is written`)
)

// writes waits until the client has written some rows, and gives how many
// there were before.
func (a *app) writes(some int) (rows int) {
	a.t.Helper()
	a.poll("rows are written", func() error {
		found := before.FindStringSubmatch(a.out.String())
		if n := len(written.FindAllString(a.out.String(), -1)); n < some || found == nil {
			return fmt.Errorf("%d so far", n)
		}
		var err error
		rows, err = strconv.Atoi(found[1])
		return err
	})
	return rows
}

// count asks the database through the example's psql.
func count(t *testing.T, dir string) int {
	t.Helper()
	a := start(t, dir, nil, "psql", "-Atc", "SELECT count(*) FROM visits")
	a.ends(0)
	n, err := strconv.Atoi(strings.TrimSpace(a.out.String()))
	if err != nil {
		t.Fatalf("psql says %q", a.out.String())
	}
	return n
}

// server is PostgreSQL's first process, the parent of all others of its.
func server(t *testing.T, family []process) process {
	t.Helper()
	for _, p := range family {
		if p.args[0] == "postgres" {
			return p
		}
	}
	t.Fatalf("no server among %v", family)
	return process{}
}
