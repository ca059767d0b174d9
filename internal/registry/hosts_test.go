package registry

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestMirrors: they are asked first, and one that fails in any way is no harm.
func TestMirrors(t *testing.T) {
	origin, mirror := serve(t), serve(t)
	made := testImage(t, amd64, 1, 100_000)
	origin.push("one", made)
	mirror.push("prefix/one", made)
	data := blobBytes(t, made, 0)
	gone := httptest.NewServer(nil)
	gone.Close()
	down := strings.TrimPrefix(gone.URL, "http://")
	for name, test := range map[string]struct {
		mirrors    []string
		wrap       func(w http.ResponseWriter, r *http.Request, next http.Handler)
		fromOrigin bool
	}{
		"works":       {mirrors: []string{mirror.host + "/prefix/"}},
		"second":      {mirrors: []string{down, mirror.host + "/prefix"}},
		"down":        {mirrors: []string{down}, fromOrigin: true},
		"lacks it":    {mirrors: []string{mirror.host}, fromOrigin: true},
		"wants login": {mirrors: []string{mirror.host + "/prefix"}, fromOrigin: true, wrap: basic(`Basic realm="x"`)},
		"breaks off": {mirrors: []string{mirror.host + "/prefix"}, fromOrigin: true, wrap: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if strings.HasSuffix(r.URL.Path, digestOf(data)) {
				cutOff(w, r, next, 50_000)
			}
			next.ServeHTTP(w, r)
		}},
		"lies and breaks off": {mirrors: []string{mirror.host + "/prefix"}, fromOrigin: true, wrap: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if strings.HasSuffix(r.URL.Path, digestOf(data)) {
				cutOff(w, r, ranged(make([]byte, len(data))), 50_000)
			}
			next.ServeHTTP(w, r)
		}},
		"lies": {mirrors: []string{mirror.host + "/prefix"}, fromOrigin: true, wrap: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if strings.Contains(r.URL.Path, "/blobs/") {
				w.Write(make([]byte, len(data)))
				return
			}
			next.ServeHTTP(w, r)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			origin.behave(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if strings.HasSuffix(r.URL.Path, digestOf(data)) {
					next = ranged(data)
				}
				next.ServeHTTP(w, r)
			})
			mirror.behave(test.wrap)
			c := newTestClient(Options{Mirrors: map[string][]string{origin.host: test.mirrors}})
			img := resolve(t, c, origin.ref("one"))
			blob, progress, err := download(img, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			wantBlob(t, blob, progress, data)
			if asked := len(origin.asked("/")) > 0; asked != test.fromOrigin {
				t.Errorf("the origin was asked: %t", asked)
			}
		})
	}
	c := newTestClient(Options{Mirrors: map[string][]string{down: {mirror.host}}})
	ref, err := Parse(down+"/one", "/")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Resolve(context.Background(), ref)
	wantError(t, err, "registry "+down, "connection refused", "mirrors failed: registry "+mirror.host)
	c = newTestClient(Options{Mirrors: map[string][]string{down: {"http://x"}}})
	_, err = c.Resolve(context.Background(), ref)
	wantError(t, err, `the mirror "http://x"`, "HOST[:PORT][/PREFIX]")
}

// elsewhere makes every name of the client's lead to a server of the test.
func elsewhere(c *Client, s *httptest.Server) {
	c.base.(*guard).inner.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, s.Listener.Addr().String())
	}
}

// TestPlainHTTP: without encryption only loopback, and whom a setting names.
func TestPlainHTTP(t *testing.T) {
	s := serve(t)
	s.push("one", testImage(t, amd64, 1, 1000))
	for host, refused := range map[string]string{
		"registry.test":      "`registries: {\"registry.test\": {plain-http: true}}` in settings.yaml",
		"registry.test:5000": "`registries: {\"registry.test:5000\": {plain-http: true}}` in settings.yaml",
		"10.1.2.3:5000":      "`registries: {\"10.1.2.3:5000\": {plain-http: true}}` in settings.yaml", // the library would allow it
		"127.0.0.2:5000":     "", "localhost:5000": "", "x.localhost": "", "[::1]:5000": "",
	} {
		ref, err := Parse(host+"/one", "/")
		if err != nil {
			t.Fatal(err)
		}
		for _, allowed := range []bool{false, true} {
			s.behave(nil)
			c := newTestClient(Options{PlainHTTP: map[string]bool{host: allowed}})
			elsewhere(c, s.Server)
			_, err := c.Resolve(context.Background(), ref)
			if refused == "" || allowed {
				if err != nil {
					t.Errorf("%s, allowed %t: %v", host, allowed, err)
				}
				continue
			}
			wantError(t, err, refused)
			if n := len(s.asked("/")); n > 0 {
				t.Errorf("%s was asked %d times in plain HTTP", host, n)
			}
		}
	}
}

// TestHTTPS: it is preferred where both would do, and a certificate that nobody
// vouches for is an error, not a reason for plain HTTP.
func TestHTTPS(t *testing.T) {
	s := serve(t)
	s.push("one", testImage(t, amd64, 1, 1000))
	secure := httptest.NewTLSServer(s.Config.Handler)
	defer secure.Close()
	secure.Config.ErrorLog = s.Config.ErrorLog
	ref, err := Parse(strings.TrimPrefix(secure.URL, "https://")+"/one", "/")
	if err != nil {
		t.Fatal(err)
	}
	_, err = newTestClient(Options{}).Resolve(context.Background(), ref)
	wantError(t, err, "certificate")
	c := newTestClient(Options{})
	c.base.(*guard).inner.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	s.behave(nil)
	resolve(t, c, ref)
	for _, r := range s.asked("/") {
		if r.TLS == nil {
			t.Errorf("%s came in plain HTTP", r.URL)
		}
	}
}

// TestRedirectToThisMachine: a registry elsewhere can't have us ask services of
// this machine.
func TestRedirectToThisMachine(t *testing.T) {
	s := serve(t)
	s.behave(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.Contains(r.URL.Path, "/manifests/") {
			http.Redirect(w, r, s.URL+"/secret", http.StatusFound)
			return
		}
		next.ServeHTTP(w, r)
	})
	c := newTestClient(Options{PlainHTTP: map[string]bool{"registry.test": true}})
	elsewhere(c, s.Server)
	ref, err := Parse("registry.test/one", "/")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Resolve(context.Background(), ref)
	wantError(t, err, "which is this machine")
	if len(s.asked("/secret")) > 0 {
		t.Error("it was asked")
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "x": 0, "99999999999999": 1 << 30 * time.Second,
		"Mon, 01 Jan 2024 00:00:30 GMT": 30 * time.Second, "Sun, 31 Dec 2023 00:00:00 GMT": 0,
	} {
		if got := parseRetryAfter(text, now); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}
