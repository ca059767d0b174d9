package registry

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestMisbehavingRegistry: what a registry may do with one blob, and what comes
// of it. Times are how often it is asked for the blob; 0 is for tries that
// net/http repeats by itself.
func TestMisbehavingRegistry(t *testing.T) {
	s := serve(t)
	img, data := one(t, s, newTestClient(Options{Tries: 3}), 100_000)
	hurried := resolve(t, newTestClient(Options{Idle: 300 * time.Millisecond, Tries: 3}), s.ref("one"))
	l := img.Layers[0]
	wrong := bytes.Clone(data)
	wrong[len(wrong)/2] ^= 1
	status := func(code int, header ...string) func(http.ResponseWriter, *http.Request, int) {
		return func(w http.ResponseWriter, _ *http.Request, _ int) {
			if len(header) > 0 {
				w.Header().Set(header[0], header[1])
			}
			w.WriteHeader(code)
			fmt.Fprint(w, `{"errors":[{"code":"X","message":"reason\u001b[2J"}]}`)
		}
	}
	firstly := func(first, then func(http.ResponseWriter, *http.Request, int)) func(http.ResponseWriter, *http.Request, int) {
		return func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				first(w, r, n)
			} else {
				then(w, r, n)
			}
		}
	}
	send := func(data []byte) func(http.ResponseWriter, *http.Request, int) {
		return func(w http.ResponseWriter, r *http.Request, _ int) { ranged(data).ServeHTTP(w, r) }
	}
	drop := func(w http.ResponseWriter, r *http.Request, _ int) { cutOff(w, r, ranged(data), 40_000) }
	hang := func(w http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() }
	unsized := func(data []byte) func(http.ResponseWriter, *http.Request, int) {
		return func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.(http.Flusher).Flush()
			w.Write(data)
		}
	}
	for name, test := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request, n int)
		times  int
		want   []string // in the error; none for a success
	}{
		"another content":        {send(wrong), 1, []string{"wanted " + l.Digest, "got " + digestOf(wrong), s.host}},
		"too short":              {send(data[:50_000]), 1, []string{"50000 bytes of the blob where the manifest tells"}},
		"too long":               {send(append(bytes.Clone(data), 1)), 1, []string{"of the blob where the manifest tells"}},
		"too long, size untold":  {unsized(append(bytes.Clone(data), 1)), 1, []string{"sends more than the"}},
		"too short, size untold": {unsized(data[:50_000]), 3, []string{"it ends after 50000 of"}},
		"hangs":                  {hang, 3, []string{"no byte in 300ms"}},
		"hangs once":             {firstly(hang, send(data)), 2, nil},
		"hangs in the middle": {firstly(func(w http.ResponseWriter, r *http.Request, _ int) {
			w.Write(data[:1000])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, send(data)), 2, nil},
		"401":             {status(401), 1, []string{"does not let us read one", "docker login " + s.host, "podman login", "reason [2J"}},
		"403":             {status(403), 1, []string{"does not let us read one", "docker login " + s.host}},
		"404":             {status(404), 1, []string{"has no layer " + short(l.Digest) + " of one", "check name, tag and digest"}},
		"429":             {status(429), 3, []string{"too many requests", "docker login"}},
		"429 once":        {firstly(status(429, "Retry-After", "1"), send(data)), 2, nil},
		"429 for an hour": {status(429, "Retry-After", "3600"), 1, []string{"wait 1h0m0s"}},
		"500":             {status(500), 3, []string{"500 Internal Server Error", "reason [2J"}},
		"500 once":        {firstly(status(500), send(data)), 2, nil},
		"drops":           {drop, 3, nil}, // each try has 40,000 bytes more
		"drops at once":   {func(http.ResponseWriter, *http.Request, int) { panic(http.ErrAbortHandler) }, 0, []string{"EOF"}},
		"ignores ranges": {firstly(drop, func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Write(data)
		}), 2, nil},
		"refuses ranges": {firstly(drop, func(w http.ResponseWriter, r *http.Request, _ int) {
			if r.Header.Get("Range") != "" {
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return
			}
			w.Write(data)
		}), 3, nil},
		"another range": {firstly(drop, func(w http.ResponseWriter, r *http.Request, _ int) {
			if r.Header.Get("Range") != "" {
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 5-%d/%d", len(data)-1, len(data)))
				w.WriteHeader(http.StatusPartialContent)
				return
			}
			w.Write(data)
		}), 3, nil},
		"redirects without end": {func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, r.URL.String(), http.StatusFound)
		}, 30, []string{"redirects without end"}},
		"redirects to plain HTTP elsewhere": {func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, "http://registry.invalid/x", http.StatusFound)
		}, 1, []string{"registry.invalid", "plain HTTP", "settings.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			s.behave(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if !isBlob(r, l) {
					next.ServeHTTP(w, r)
					return
				}
				test.answer(w, r, int(asked.Add(1)))
			})
			blobs, from := t.TempDir(), img
			if strings.HasPrefix(name, "hangs") { // the others must not: who is slow would be asked once more
				from = hurried
			}
			blob, progress, err := download(from, blobs)
			if n := int(asked.Load()); test.times > 0 && n != test.times {
				t.Errorf("the registry was asked %d times, want %d", n, test.times)
			}
			if test.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				wantBlob(t, blob, progress, data)
				return
			}
			wantError(t, err, append(test.want, "image "+img.Ref, "layer 1 of 1")...)
			if strings.Contains(err.Error(), "\x1b") {
				t.Errorf("the error is not clean: %q", err)
			}
			left, err := filepath.Glob(filepath.Join(blobs, "*"))
			for _, path := range left {
				if info, err := os.Stat(path); err != nil || !strings.HasSuffix(path, ".part") || info.Size() == 0 || info.Size() > l.Size {
					t.Errorf("%s is left, %v", path, err)
				}
			}
			if err != nil || name == "another content" && left != nil {
				t.Errorf("%v is left, %v", left, err)
			}
		})
	}
}
