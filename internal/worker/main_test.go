package worker_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/ids"
	"github.com/lanyard-dev/lanyard/internal/testkit"
	"github.com/lanyard-dev/lanyard/internal/worker"
	"golang.org/x/sys/unix"
)

// hangVar makes the test binary a program that has a worker wait for ever for a
// pipe, which it names.
const hangVar = "LANYARD_TEST_WORKER_HANG"

func TestMain(m *testing.M) {
	if pipe := os.Getenv(hangVar); pipe != "" {
		kind, path, _ := strings.Cut(pipe, ":")
		w, err := mapped(kind)
		if err == nil {
			_, err = w.Unpack(context.Background(), []worker.Layer{{Blob: path, Dest: "/"}}, worker.Limits{}, nil)
		}
		fmt.Println(err)
		os.Exit(1)
	}
	code := m.Run()
	if left := children(); len(left) > 0 {
		fmt.Printf("workers are left: %v\n", left)
		code = 1
	}
	os.Exit(code)
}

// children are the processes that we have not reaped.
func children() (pids []string) {
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, path := range lists {
		data, _ := os.ReadFile(path)
		pids = append(pids, strings.Fields(string(data))...)
	}
	return pids
}

// kinds are the id mappings that this user has: root none; others all ids that
// they may use, and their own alone.
func kinds() []string {
	if container.Privileged() {
		return []string{"root"}
	}
	return []string{"ids", "own"}
}

func mapped(kind string) (*worker.Worker, error) {
	switch kind {
	case "root":
		return worker.New(nil), nil
	case "own":
		return worker.New(container.OwnIDs(0, 0)), nil
	}
	host := ids.Lookup(os.Geteuid())
	uids, err := ids.Request{Own: uint32(os.Geteuid()), Sub: host.UIDs}.Plan()
	gids, err2 := ids.Request{Own: uint32(os.Getegid()), Sub: host.GIDs}.Plan()
	if err != nil || err2 != nil {
		return nil, fmt.Errorf("%v, %v", err, err2)
	}
	return worker.New(&container.UserNS{UIDs: uids, GIDs: gids, Host: host}), nil
}

// each runs a test with every mapping.
func each(t *testing.T, test func(t *testing.T, kind string, w *worker.Worker)) {
	for _, kind := range kinds() {
		t.Run(kind, func(t *testing.T) {
			testkit.Require(t, map[string]testkit.Need{"root": testkit.Root, "ids": testkit.IDs, "own": testkit.UserNS}[kind])
			w, err := mapped(kind)
			must(t, err)
			test(t, kind, w)
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var ctx = context.Background()

// place is a folder that workers get to, and that a worker removes.
func place(t *testing.T, w *worker.Worker) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "place")
	must(t, os.Mkdir(dir, 0o755))
	t.Cleanup(func() { must(t, w.Remove(ctx, dir)) })
	return dir
}

// archive makes a tar stream. A header without a type is a folder if its name
// ends with a slash, else a file with its Uname as content.
func archive(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range headers {
		text := ""
		switch {
		case h.Typeflag == 0 && strings.HasSuffix(h.Name, "/"):
			h.Typeflag = tar.TypeDir
		case h.Typeflag == 0:
			text, h.Typeflag, h.Size = h.Uname, tar.TypeReg, int64(len(h.Uname))
		}
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		h.Uname, h.ModTime = "", time.Unix(1e9, 0)
		must(t, w.WriteHeader(&h))
		_, err := w.Write([]byte(text))
		must(t, err)
	}
	must(t, w.Close())
	return buf.Bytes()
}

func zip(t *testing.T, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, err := w.Write(data)
	must(t, err)
	must(t, w.Close())
	return buf.Bytes()
}

// blob writes a layer to a file behind some other bytes.
func blob(t *testing.T, data []byte) worker.Layer {
	t.Helper()
	path := filepath.Join(t.TempDir(), "blob")
	must(t, os.WriteFile(path, slices.Concat([]byte("before"), zip(t, data), []byte("behind")), 0o644))
	sum := sha256.Sum256(data)
	return worker.Layer{Blob: path, Offset: 6, Size: int64(len(zip(t, data))), DiffID: "sha256:" + hex.EncodeToString(sum[:])}
}

// names lists what is below dir; a file with its content, a link with its target.
func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		switch {
		case d.IsDir():
			name += "/"
		case d.Type()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			name += "->" + target
		case d.Type()&fs.ModeCharDevice != 0:
			name = "!" + name
		default:
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name += "=" + string(data)
		}
		list = append(list, name)
		return nil
	}))
	return list
}

func lstat(t *testing.T, path string) (st unix.Stat_t) {
	t.Helper()
	must(t, unix.Lstat(path, &st))
	return st
}
