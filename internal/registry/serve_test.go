package registry

import (
	"bytes"
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	server "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	ggcr "github.com/google/go-containerregistry/pkg/v1/remote"
)

// site is a registry on loopback, whose handler a test may wrap, and a record of
// what it was asked.
type site struct {
	*httptest.Server
	t    *testing.T
	host string

	mu       sync.Mutex
	requests []*http.Request
	wrap     func(w http.ResponseWriter, r *http.Request, next http.Handler)
}

func serve(t *testing.T) *site {
	t.Helper()
	s := &site{t: t}
	inner := server.New(server.Logger(log.New(io.Discard, "", 0)))
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.Clone(context.Background()))
		wrap := s.wrap
		s.mu.Unlock()
		if wrap != nil {
			wrap(w, r, inner)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(s.Close)
	s.host = strings.TrimPrefix(s.URL, "http://")
	return s
}

// behave sets what the site does with requests, and forgets those so far.
func (s *site) behave(wrap func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrap, s.requests = wrap, nil
}

// asked gives the requests whose path contains part.
func (s *site) asked(part string) []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*http.Request
	for _, r := range s.requests {
		if strings.Contains(r.URL.Path, part) {
			list = append(list, r)
		}
	}
	return list
}

func (s *site) ref(text string) Ref {
	s.t.Helper()
	ref, err := Parse(s.host+"/"+text, "/")
	if err != nil {
		s.t.Fatal(err)
	}
	return ref
}

// push stores an image or an index, for this test's own client.
func (s *site) push(text string, what any) {
	s.t.Helper()
	ref, err := name.ParseReference(s.host + "/" + text)
	if err != nil {
		s.t.Fatal(err)
	}
	switch what := what.(type) {
	case v1.Image:
		err = ggcr.Write(ref, what)
	case v1.ImageIndex:
		err = ggcr.WriteIndex(ref, what)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// testImage makes an image of random layers for linux on this architecture.
func testImage(t *testing.T, p platform, layers int, size int64) v1.Image {
	t.Helper()
	img, err := random.Image(size, int64(layers))
	if err != nil {
		t.Fatal(err)
	}
	cf, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	cf = cf.DeepCopy()
	cf.OS, cf.Architecture, cf.Variant = p.os, p.arch, p.variant
	cf.Created = v1.Time{Time: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)}
	cf.Config = v1.Config{
		Env: []string{"A=1"}, WorkingDir: "/srv", User: "10:20", Entrypoint: []string{"/e"}, Cmd: []string{"c", "d"},
		Volumes: map[string]struct{}{"/z": {}, "/a": {}}, Labels: map[string]string{"l": "m"}, StopSignal: "SIGINT",
	}
	if img, err = mutate.ConfigFile(img, cf); err != nil {
		t.Fatal(err)
	}
	return img
}

var amd64 = platform{os: "linux", arch: "amd64"}

// newTestClient is one that loses patience soon.
func newTestClient(opts Options) *Client {
	if opts.Arch == "" {
		opts.Arch = "amd64"
	}
	if opts.Keychain == nil {
		opts.Keychain = Credentials(func(string) string { return "" })
	}
	if opts.Idle == 0 {
		opts.Idle = 5 * time.Second
	}
	opts.Backoff = time.Millisecond
	return New(opts)
}

func resolve(t *testing.T, c *Client, ref Ref) *Image {
	t.Helper()
	img, err := c.Resolve(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// blobBytes is the content of an image's layer, compressed.
func blobBytes(t *testing.T, img v1.Image, i int) []byte {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	r, err := layers[i].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// cutOff sends the first n bytes of an answer and drops the connection.
func cutOff(w http.ResponseWriter, r *http.Request, next http.Handler, n int) {
	rec := httptest.NewRecorder()
	next.ServeHTTP(rec, r)
	for key, values := range rec.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(rec.Code)
	body := rec.Body.Bytes()
	w.Write(body[:min(n, len(body))])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// ranged answers with a part if one is wanted, as most registries do and the
// one of the library does not.
func ranged(data []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	})
}

func isBlob(r *http.Request, l Layer) bool { return strings.HasSuffix(r.URL.Path, "/blobs/"+l.Digest) }

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the error is %v; want %q in it", err, part)
		}
	}
}
