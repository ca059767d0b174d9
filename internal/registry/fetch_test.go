package registry

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// download fetches layer 0 and says how far progress came.
func download(img *Image, blobs string) (Blob, int64, error) {
	var sum int64
	blob, err := img.Fetch(context.Background(), 0, blobs, func(n int64) { sum += n })
	return blob, sum, err
}

// wantBlob checks that a blob has the content, and that nothing else is left.
func wantBlob(t *testing.T, blob Blob, progress int64, data []byte) {
	t.Helper()
	got, err := os.ReadFile(blob.Path)
	if err != nil || !bytes.Equal(got, data) || blob.Size != int64(len(data)) || blob.Offset != 0 || !blob.Temporary {
		t.Errorf("the blob is %+v with %d bytes, %v; want %d", blob, len(got), err, len(data))
	}
	if progress != int64(len(data)) {
		t.Errorf("progress came to %d of %d bytes", progress, len(data))
	}
	wantFiles(t, filepath.Dir(blob.Path), 1)
}

func wantFiles(t *testing.T, dir string, n int) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) || len(entries) != n {
		t.Errorf("%s holds %v, %v; want %d files", dir, entries, err, n)
	}
}

// one pushes an image with one layer, and gives it resolved, with its bytes.
func one(t *testing.T, s *site, c *Client, size int64) (*Image, []byte) {
	t.Helper()
	made := testImage(t, amd64, 1, size)
	s.push("one", made)
	return resolve(t, c, s.ref("one")), blobBytes(t, made, 0)
}

func TestFetch(t *testing.T) {
	s := serve(t)
	img, data := one(t, s, newTestClient(Options{}), 300_000)
	blobs := filepath.Join(t.TempDir(), "new", "blobs")
	for round := range 2 {
		blob, progress, err := download(img, blobs)
		if err != nil {
			t.Fatal(err)
		}
		wantBlob(t, blob, progress, data)
		if n := len(s.asked("/blobs/" + img.Layers[0].Digest)); n != 1+1 { // the push looked for it too
			t.Errorf("round %d: the registry was asked %d times", round, n)
		}
	}
	// A blob that a crash damaged is fetched again.
	path := filepath.Join(blobs, img.Layers[0].Digest[len("sha256:"):])
	if err := os.WriteFile(path, make([]byte, len(data)), 0o600); err != nil {
		t.Fatal(err)
	}
	blob, progress, err := download(img, blobs)
	if err != nil {
		t.Fatal(err)
	}
	wantBlob(t, blob, progress, data)
}

// TestResume: what an earlier download left is not sent again; what it left
// damaged is.
func TestResume(t *testing.T) {
	s := serve(t)
	img, data := one(t, s, newTestClient(Options{}), 100_000)
	l := img.Layers[0]
	damaged := bytes.Clone(data[:60_000])
	damaged[7] ^= 1
	for name, test := range map[string]struct {
		left []byte
		want []string // Range of each request
	}{
		"nothing":  {nil, []string{""}},
		"a part":   {data[:60_000], []string{"bytes=60000-"}},
		"damaged":  {damaged, []string{"bytes=60000-", ""}},
		"all":      {data, nil},
		"too much": {append(bytes.Clone(data), 1, 2), []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			s.behave(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if isBlob(r, l) {
					next = ranged(data)
				}
				next.ServeHTTP(w, r)
			})
			blobs := t.TempDir()
			if err := os.WriteFile(filepath.Join(blobs, l.Digest[len("sha256:"):]+".part"), test.left, 0o600); err != nil {
				t.Fatal(err)
			}
			blob, progress, err := download(img, blobs)
			if err != nil {
				t.Fatal(err)
			}
			wantBlob(t, blob, progress, data)
			var got []string
			for _, r := range s.asked("/blobs/" + l.Digest) {
				got = append(got, r.Header.Get("Range"))
			}
			if strings.Join(got, "|") != strings.Join(test.want, "|") {
				t.Errorf("ranges asked for: %q, want %q", got, test.want)
			}
		})
	}
}

// TestFetchTogether: many want one blob, and it is downloaded once.
func TestFetchTogether(t *testing.T) {
	s := serve(t)
	img, data := one(t, s, newTestClient(Options{}), 1_000_000)
	s.behave(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if isBlob(r, img.Layers[0]) {
			time.Sleep(50 * time.Millisecond)
		}
		next.ServeHTTP(w, r)
	})
	blobs := t.TempDir()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if blob, progress, err := download(img, blobs); err != nil || progress != blob.Size || blob.Size != int64(len(data)) {
				t.Errorf("%+v, %d, %v", blob, progress, err)
			}
		})
	}
	wg.Wait()
	wantFiles(t, blobs, 1)
	if n := len(s.asked("/blobs/" + img.Layers[0].Digest)); n != 1 {
		t.Errorf("the blob was asked for %d times", n)
	}
}

// TestCancel: a cancelled context ends everything at once, with its cause.
func TestCancel(t *testing.T) {
	s := serve(t)
	c := newTestClient(Options{Idle: time.Minute})
	img, data := one(t, s, c, 100_000)
	hang := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if isBlob(r, img.Layers[0]) {
			w.Write(data[:1000])
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	}
	busy := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		w.Header().Set("Retry-After", "50")
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	blobs := t.TempDir()
	kept := func() int64 {
		info, err := os.Stat(filepath.Join(blobs, img.Layers[0].Digest[len("sha256:"):]+".part"))
		if err != nil {
			return -1
		}
		return info.Size()
	}
	cause := errors.New("the user has had enough")
	for name, test := range map[string]struct {
		wrap func(http.ResponseWriter, *http.Request, http.Handler)
		do   func(ctx context.Context) error
	}{
		"greeting": {hang, func(ctx context.Context) error {
			_, err := newTestClient(Options{Idle: time.Minute}).Resolve(ctx, s.ref("one"))
			return err
		}},
		"manifest":      {hang, func(ctx context.Context) error { _, err := c.Resolve(ctx, s.ref("one")); return err }},
		"blob":          {hang, func(ctx context.Context) error { _, err := img.Fetch(ctx, 0, blobs, nil); return err }},
		"between tries": {busy, func(ctx context.Context) error { _, err := img.Fetch(ctx, 0, blobs, nil); return err }},
		"lock": {hang, func(ctx context.Context) error {
			p, _, err := openPart(ctx, blobs, img.Layers[0], func(int64) {})
			if err != nil {
				return err
			}
			defer p.file.Close()
			_, err = img.Fetch(ctx, 0, blobs, nil)
			return err
		}},
	} {
		s.behave(test.wrap)
		ctx, cancel := context.WithCancelCause(context.Background())
		cancelled := make(chan time.Time, 1)
		go func() {
			time.Sleep(100 * time.Millisecond)
			if name == "blob" {
				testkit.Until(testkit.Slow(10*time.Second), func() bool { return kept() == 1000 })
			}
			cancelled <- time.Now()
			cancel(cause)
		}()
		err := test.do(ctx)
		if took := time.Since(<-cancelled); !errors.Is(err, cause) || took > testkit.Slow(2*time.Second) {
			t.Errorf("%s: %v, %s after it was cancelled", name, err, took)
		}
	}
	// What was there is kept for the next time.
	if n := kept(); n != 1000 {
		t.Errorf("the part has %d bytes", n)
	}
}

// TestFullDisk: an error of this machine is not tried again, nor told as one of
// the registry.
func TestFullDisk(t *testing.T) {
	s := serve(t)
	img, _ := one(t, s, newTestClient(Options{}), 100_000)
	blobs := t.TempDir()
	path := filepath.Join(blobs, img.Layers[0].Digest[len("sha256:"):]+".part")
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Fatal(err)
	}
	_, _, err := download(img, blobs)
	wantError(t, err, "cannot open a download", "too many levels of symbolic links") // a link is not followed
	p := &part{size: 10, progress: func(int64) {}}
	if p.file, err = os.OpenFile("/dev/full", os.O_RDWR, 0); err != nil {
		t.Fatal(err)
	}
	defer p.file.Close()
	err = p.append(strings.NewReader("x"))
	wantError(t, err, "no space left on device", "make room")
	if !isFinal(err) {
		t.Error("a full disk is tried again")
	}
}
