package registry

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// fetchVar has this binary fetch the image of the reference in it instead of
// running tests, into the folder that follows.
const fetchVar = "LANYARD_TEST_FETCH"

func TestMain(m *testing.M) {
	text := os.Getenv(fetchVar)
	if text == "" {
		os.Exit(m.Run())
	}
	ref, blobs, _ := strings.Cut(text, " ")
	if err := fetchMain(ref, blobs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func fetchMain(text, blobs string) error {
	ref, err := Parse(text, "/")
	if err != nil {
		return err
	}
	img, err := New(Options{Arch: "amd64", Idle: time.Minute}).Resolve(context.Background(), ref)
	if err != nil {
		return err
	}
	_, err = img.Fetch(context.Background(), 0, blobs, nil)
	return err
}

// TestKill: who is killed in the middle of a download leaves what the next one
// goes on with, and no lock; of two processes one downloads.
func TestKill(t *testing.T) {
	s := serve(t)
	img, data := one(t, s, newTestClient(Options{}), 1_000_000)
	l := img.Layers[0]
	blobs := t.TempDir()
	part := filepath.Join(blobs, l.Digest[len("sha256:"):]+".part")
	child := func() *exec.Cmd {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), fetchVar+"="+s.ref("one").String()+" "+blobs)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	const half = 500_000
	var answered atomic.Int32
	s.behave(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if !isBlob(r, l) {
			next.ServeHTTP(w, r)
			return
		}
		if answered.Add(1) == 1 { // the other one may ask too, between the two kills
			w.Write(data[:half])
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	})
	victim, waiting := child(), child()
	there := func() bool { info, err := os.Stat(part); return err == nil && info.Size() == half }
	if !testkit.Until(testkit.Slow(20*time.Second), there) {
		t.Error("the download does not begin")
	}
	if n := len(s.asked("/blobs/" + l.Digest)); n != 1 {
		t.Errorf("two processes asked %d times", n)
	}
	waiting.Process.Kill() // it may be the one that downloads, or not
	victim.Process.Kill()
	waiting.Wait()
	victim.Wait()

	s.behave(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if isBlob(r, l) {
			next = ranged(data)
		}
		next.ServeHTTP(w, r)
	})
	for _, cmd := range []*exec.Cmd{child(), child()} {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	requests := s.asked("/blobs/" + l.Digest)
	if len(requests) != 1 || requests[0].Header.Get("Range") != fmt.Sprintf("bytes=%d-", half) {
		t.Errorf("the registry was asked %d times for the rest", len(requests))
	}
	wantBlob(t, Blob{Path: strings.TrimSuffix(part, ".part"), Size: l.Size, Temporary: true}, l.Size, data)
}
