package store

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// roleVar makes the test binary another process that uses a store.
const roleVar = "LANYARD_TEST_STORE_ROLE"

// roles are what another process does with the store at path until its input ends.
var roles = map[string]func(s *Store) error{
	"temp": func(s *Store) error {
		t, err := s.Temp()
		if err == nil {
			err = os.WriteFile(filepath.Join(t.Path, "half"), []byte("made"), 0o600)
		}
		return err
	},
	"lock": func(s *Store) error {
		_, err := s.Lock(context.Background(), "thing", nil)
		return err
	},
	"lease": func(s *Store) error {
		_, err := s.Use(hexKey(Layers, 2))
		return err
	},
}

func TestMain(m *testing.M) {
	if role := roles[os.Getenv(roleVar)]; role != nil {
		s, err := Open(os.Args[1], "test")
		if err == nil {
			err = role(s)
		}
		fmt.Println(err)
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// other starts another process in a role, and waits until it is there. kill kills it.
func other(t *testing.T, s *Store, role string) (kill func()) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", s.path)
	cmd.Env = append(os.Environ(), roleVar+"="+role)
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		in.Close()
	}
	t.Cleanup(kill)
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "<nil>\n" {
		t.Fatalf("another process, %s: %q, %v", role, line, err)
	}
	return kill
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "a store, with: all"), "test")
	must(t, err)
	return s
}

// hexKey is the key of node n, of as many digits as one has.
func hexKey(kind string, n int) Key { return Key(fmt.Sprintf("%s/%064x", kind, n)) }

// put makes a node with one file, which lies on others.
func put(t *testing.T, s *Store, key Key, below ...Key) {
	t.Helper()
	temp, err := s.Temp()
	must(t, err)
	defer func() { must(t, temp.Close()) }()
	dir, err := temp.NodeDir("node")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "file"), []byte(key), 0o644))
	n := Node{Stack: append([]Key{key}, below...), Size: int64(len(key)), Files: 1, Created: time.Now(), Container: "box", Project: "/project"}
	l, err := s.Adopt(temp, "node", n)
	must(t, err)
	l.Close()
}

// age makes something look as if it was used last d ago.
func age(t *testing.T, path string, d time.Duration) {
	t.Helper()
	when := time.Now().Add(-d)
	must(t, os.Chtimes(path, when, when))
}

func ageNode(t *testing.T, s *Store, key Key, d time.Duration) {
	t.Helper()
	age(t, filepath.Join(s.dir(key), nodeFile), d)
}

// there are the nodes and images of a store, as layers/1.
func there(t *testing.T, s *Store) string {
	t.Helper()
	nodes, err := s.nodes()
	must(t, err)
	var list []string
	for key := range nodes {
		kind, digits, _ := strings.Cut(string(key), "/")
		list = append(list, kind+strings.TrimLeft(digits, "0"))
	}
	images, err := s.Images()
	must(t, err)
	for _, i := range images {
		list = append(list, i.Ref)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// clean cleans, and gives what was taken away, sorted.
func clean(t *testing.T, s *Store, o CleanOptions) []string {
	t.Helper()
	list, err := s.Clean(context.Background(), o)
	must(t, err)
	var out []string
	for _, r := range list {
		out = append(out, r.What+" "+strings.TrimLeft(r.Name, "0"))
	}
	slices.Sort(out)
	return out
}

// noTemps fails the test if something half made is there.
func noTemps(t *testing.T, s *Store) {
	t.Helper()
	var left []string
	must(t, filepath.WalkDir(filepath.Join(s.path, "tmp"), func(path string, d fs.DirEntry, err error) error {
		if name := d.Name(); name != "tmp" && name != trash {
			left = append(left, path)
		}
		return err
	}))
	if len(left) > 0 {
		t.Errorf("half-made things are left: %q", left)
	}
}
