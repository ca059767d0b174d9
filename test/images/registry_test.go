package images_test

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	server "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// registry is one on loopback that counts what it is asked for.
type registry struct {
	t    *testing.T
	host string

	mu    sync.Mutex
	asked []string // METHOD PATH, since the last forget
	wrap  func(w http.ResponseWriter, r *http.Request, next http.Handler)
}

func serve(t *testing.T) *registry {
	t.Helper()
	r := &registry{t: t}
	inner := server.New(server.Logger(log.New(io.Discard, "", 0)))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.asked = append(r.asked, req.Method+" "+req.URL.Path)
		wrap := r.wrap
		r.mu.Unlock()
		if wrap != nil {
			wrap(w, req, inner)
			return
		}
		inner.ServeHTTP(w, req)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	r.host = strings.TrimPrefix(s.URL, "http://")
	return r
}

// behave sets what the registry does, and forgets what it was asked.
func (r *registry) behave(wrap func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrap, r.asked = wrap, nil
}

// blobs counts how often each blob was asked for.
func (r *registry) blobs() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	count := map[string]int{}
	for _, a := range r.asked {
		if _, digest, ok := strings.Cut(a, "/blobs/"); ok && strings.HasPrefix(a, "GET ") {
			count[digest]++
		}
	}
	return count
}

func (r *registry) requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.asked...)
}

func (r *registry) push(text string, img v1.Image) {
	r.t.Helper()
	ref, err := name.ParseReference(r.host + "/" + text)
	must(r.t, err)
	must(r.t, remote.Write(ref, img))
	r.behave(nil)
}

// entry is a file of a layer; its name says what it is: NAME/ a folder, NAME->TARGET
// a link, else a file with Text.
type entry struct {
	name, text string
	uid, gid   int
	mode       int64
}

// layerOf makes a layer.
func layerOf(t testing.TB, entries ...entry) v1.Layer {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: e.mode, Uid: e.uid, Gid: e.gid, Typeflag: tar.TypeReg, Size: int64(len(e.text)), ModTime: time.Unix(1e9, 0)}
		if name, target, ok := strings.Cut(e.name, "->"); ok {
			h.Name, h.Linkname, h.Typeflag = name, target, tar.TypeSymlink
		} else if strings.HasSuffix(e.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		must(t, w.WriteHeader(h))
		_, err := w.Write([]byte(e.text))
		must(t, err)
	}
	must(t, w.Close())
	return asLayer(t, buf.Bytes())
}

func asLayer(t testing.TB, data []byte) v1.Layer {
	t.Helper()
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil })
	must(t, err)
	return l
}

// busybox is a layer with a root that programs run in; made once.
var busybox = sync.OnceValue(func() []byte { return tarOf(baseRoot) })

var baseRoot string

// base gives the layer of a small system.
func base(t testing.TB) v1.Layer {
	t.Helper()
	once.Do(func() {
		baseRoot = filepath.Join(t.TempDir(), "root")
		testkit.MakeRoot(t, baseRoot)
		busybox()
	})
	return asLayer(t, busybox())
}

var once sync.Once

// tarOf makes a tar stream of a folder, as root's.
func tarOf(dir string) []byte {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		target, _ := os.Readlink(path)
		h, err := tar.FileInfoHeader(info, target)
		if err != nil {
			return err
		}
		h.Name, _ = filepath.Rel(dir, path)
		h.Uid, h.Gid, h.Uname, h.Gname = 0, 0, "", ""
		if err := w.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil {
			_, err = w.Write(data)
		}
		return err
	})
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// imageOf makes an image of layers for this machine.
func imageOf(t testing.TB, config v1.Config, layers ...v1.Layer) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(empty.Image, layers...)
	must(t, err)
	cf, err := img.ConfigFile()
	must(t, err)
	cf = cf.DeepCopy()
	cf.OS, cf.Architecture, cf.Config = "linux", runtime.GOARCH, config
	img, err = mutate.ConfigFile(img, cf)
	must(t, err)
	return img
}

// system is an image with a small system and a file /version.
func system(t testing.TB, version string) v1.Image {
	t.Helper()
	return imageOf(t, v1.Config{}, base(t), layerOf(t, entry{name: "version", text: version}))
}

// digest is that of an image's layer.
func digest(t testing.TB, img v1.Image, i int) string {
	t.Helper()
	layers, err := img.Layers()
	must(t, err)
	d, err := layers[i].Digest()
	must(t, err)
	return d.String()
}

// gate holds back the answers to requests for a blob, after some bytes of it.
type gate struct {
	reached chan struct{} // closed once one is held back
	once    sync.Once
	open    context.Context
	Open    func()
}

// hang makes the registry stop in the middle of a blob until the gate is opened.
func (r *registry) hang(digest string, after int) *gate {
	g := &gate{reached: make(chan struct{})}
	g.open, g.Open = context.WithCancel(context.Background())
	r.t.Cleanup(g.Open)
	r.behave(func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if !strings.HasSuffix(req.URL.Path, "/blobs/"+digest) || req.Method != "GET" || req.Header.Get("Range") != "" {
			next.ServeHTTP(w, req)
			return
		}
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, req)
		body := rec.Body.Bytes()
		for key, values := range rec.Header() {
			w.Header()[key] = values
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(body[:after])
		w.(http.Flusher).Flush()
		g.once.Do(func() { close(g.reached) })
		select {
		case <-g.open.Done():
			_, _ = w.Write(body[after:])
		case <-req.Context().Done():
		}
	})
	return g
}

// wait waits until something is held back.
func (g *gate) wait(t *testing.T) {
	t.Helper()
	select {
	case <-g.reached:
	case <-time.After(testkit.Slow(20 * time.Second)):
		t.Fatal("nobody asks for the blob")
	}
}

// configOf is an image's configuration that sets variables.
func configOf(env ...string) v1.Config { return v1.Config{Env: env} }

// archiveOf makes a tar stream.
func archiveOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	in, err := layerOf(t, entries...).Uncompressed()
	must(t, err)
	defer in.Close()
	data, err := io.ReadAll(in)
	must(t, err)
	return data
}
