package registry

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
)

// home makes a folder with files, and the environment of a user who has it.
func home(t *testing.T, files map[string]string, vars ...string) func(string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{"HOME": dir}
	for i := 0; i+1 < len(vars); i += 2 {
		env[vars[i]] = filepath.Join(dir, vars[i+1])
	}
	return func(name string) string { return env[name] }
}

func auths(host, user, password string) string {
	return fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}

// basic wants user u with password p of all that comes.
func basic(challenge string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if user, password, _ := r.BasicAuth(); user != "u" || password != "p" {
			if challenge != "" {
				w.Header().Set("WWW-Authenticate", challenge)
			}
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// bearer wants a token, which it gives to user u with password p.
func bearer(s *site) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		user, password, _ := r.BasicAuth()
		switch {
		case r.URL.Path == "/token" && user == "u" && password == "p" && r.URL.Query().Get("scope") == "repository:one:pull" && r.URL.Query().Get("service") == "s":
			fmt.Fprint(w, `{"token":"sesame"}`)
		case r.URL.Path == "/token":
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"errors":[{"code":"UNAUTHORIZED","message":"wrong password"}]}`)
		case r.Header.Get("Authorization") != "Bearer sesame":
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="s"`, s.URL))
			w.WriteHeader(http.StatusUnauthorized)
		default:
			next.ServeHTTP(w, r)
		}
	}
}

func TestCredentials(t *testing.T) {
	s := serve(t)
	_, data := one(t, s, newTestClient(Options{}), 1000)
	for name, wrap := range map[string]func(http.ResponseWriter, *http.Request, http.Handler){
		"basic": basic(`Basic realm="x"`), "no challenge": basic(""), "bearer": bearer(s)} {
		t.Run(name, func(t *testing.T) {
			s.behave(wrap)
			env := home(t, map[string]string{".docker/config.json": auths(s.host, "u", "p")})
			img := resolve(t, newTestClient(Options{Keychain: Credentials(env)}), s.ref("one"))
			blob, progress, err := download(img, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			wantBlob(t, blob, progress, data)

			for _, files := range []map[string]string{nil, {".docker/config.json": auths(s.host, "u", "wrong")}} {
				s.behave(wrap)
				_, err = newTestClient(Options{Keychain: Credentials(home(t, files))}).Resolve(context.Background(), s.ref("one"))
				wantError(t, err, "does not let us read one", "401 Unauthorized", "docker login "+s.host)
				if n := len(s.asked("/")); n > 3 {
					t.Errorf("it was asked %d times", n)
				}
			}
			s.behave(wrap)
			env = home(t, map[string]string{".docker/config.json": `{`})
			_, err = newTestClient(Options{Keychain: Credentials(env)}).Resolve(context.Background(), s.ref("one"))
			wantError(t, err, "credentials on this machine could not be read", ".docker/config.json")
		})
	}
}

type resource struct{ host, path string }

func (r resource) String() string      { return r.host + "/" + r.path }
func (r resource) RegistryStr() string { return r.host }

// TestWhereCredentialsAre: each place where Docker and Podman keep them, and
// which comes first.
func TestWhereCredentialsAre(t *testing.T) {
	helper := func(body string) string { return "#!/bin/sh\nread server\n" + body }
	echo := helper(`echo "{\"Username\":\"$server\",\"Secret\":\"s\"}"`)
	docker, podman := auths("h.io", "docker", "x"), auths("h.io", "podman", "x")
	for name, test := range map[string]struct {
		files map[string]string
		vars  []string
		at    resource
		want  string // the user, "" for none; an error begins with "error: "
	}{
		"none":               {nil, nil, resource{"h.io", "a"}, ""},
		"docker":             {map[string]string{".docker/config.json": docker}, nil, resource{"h.io", "a"}, "docker"},
		"docker elsewhere":   {map[string]string{"d/config.json": docker}, []string{"DOCKER_CONFIG", "d"}, resource{"h.io", "a"}, "docker"},
		"another registry":   {map[string]string{".docker/config.json": docker}, nil, resource{"other.io", "h.io"}, ""},
		"podman":             {map[string]string{".config/containers/auth.json": podman}, nil, resource{"h.io", "a"}, "podman"},
		"podman, XDG":        {map[string]string{"c/containers/auth.json": podman}, []string{"XDG_CONFIG_HOME", "c"}, resource{"h.io", "a"}, "podman"},
		"podman, running":    {map[string]string{"r/containers/auth.json": podman, ".config/containers/auth.json": docker}, []string{"XDG_RUNTIME_DIR", "r"}, resource{"h.io", "a"}, "podman"},
		"named file":         {map[string]string{"f": podman, ".docker/config.json": docker}, []string{"REGISTRY_AUTH_FILE", "f"}, resource{"h.io", "a"}, "podman"},
		"docker, no such":    {map[string]string{".docker/config.json": auths("x.io", "x", "x"), ".config/containers/auth.json": podman}, nil, resource{"h.io", "a"}, "podman"},
		"docker broken":      {map[string]string{".docker/config.json": "{", ".config/containers/auth.json": podman}, nil, resource{"h.io", "a"}, "podman"},
		"broken":             {map[string]string{".docker/config.json": "{"}, nil, resource{"h.io", "a"}, "error: "},
		"Docker Hub":         {map[string]string{".docker/config.json": auths("https://index.docker.io/v1/", "hub", "x")}, nil, resource{"index.docker.io", "library/a"}, "hub"},
		"Docker Hub, Podman": {map[string]string{".config/containers/auth.json": auths("docker.io", "hub", "x")}, nil, resource{"index.docker.io", "library/a"}, "hub"},
		"a part of the hub":  {map[string]string{".config/containers/auth.json": auths("docker.io/team", "hub", "x")}, nil, resource{"index.docker.io", "team/a"}, "hub"},
		"old style":          {map[string]string{".docker/config.json": auths("https://h.io/v1/", "old", "x")}, nil, resource{"h.io", "a"}, "old"},
		"most special": {map[string]string{".docker/config.json": `{"auths":{"h.io":{"username":"all","password":"x"},"h.io/team":{"username":"team","password":"x"}}}`},
			nil, resource{"h.io", "team/app"}, "team"},
		"helper":            {map[string]string{".docker/config.json": `{"credHelpers":{"h.io":"test"},"credsStore":"wrong"}`, "bin/docker-credential-test": echo}, nil, resource{"h.io", "a"}, "h.io"},
		"store":             {map[string]string{".docker/config.json": `{"auths":{"h.io":{}},"credsStore":"test"}`, "bin/docker-credential-test": echo}, nil, resource{"h.io", "a"}, "h.io"},
		"store for the hub": {map[string]string{".docker/config.json": `{"credsStore":"test"}`, "bin/docker-credential-test": echo}, nil, resource{"index.docker.io", "library/a"}, "https://index.docker.io/v1/"},
		"helper has none": {map[string]string{".docker/config.json": `{"credsStore":"test"}`,
			"bin/docker-credential-test": helper("echo credentials not found in native keychain; exit 1")}, nil, resource{"h.io", "a"}, ""},
		"helper fails":  {map[string]string{".docker/config.json": `{"credsStore":"test"}`, "bin/docker-credential-test": helper("echo locked; exit 1")}, nil, resource{"h.io", "a"}, "error: "},
		"helper babble": {map[string]string{".docker/config.json": `{"credsStore":"test"}`, "bin/docker-credential-test": helper("echo hello")}, nil, resource{"h.io", "a"}, "error: "},
		"no helper":     {map[string]string{".docker/config.json": `{"credsStore":"not-there"}`}, nil, resource{"h.io", "a"}, "error: "},
		"helper's path": {map[string]string{".docker/config.json": `{"credsStore":"../x"}`}, nil, resource{"h.io", "a"}, "error: "},
	} {
		t.Run(name, func(t *testing.T) {
			env := home(t, test.files, test.vars...)
			t.Setenv("PATH", filepath.Join(env("HOME"), "bin")+":"+os.Getenv("PATH"))
			auth, err := Credentials(env).Resolve(test.at)
			if test.want == "error: " {
				if err == nil || auth != authn.Anonymous {
					t.Errorf("%v, %v; want an error, and nobody", auth, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := auth.Authorization()
			if err != nil || cfg.Username != test.want {
				t.Errorf("user %q, %v; want %q", cfg.Username, err, test.want)
			}
		})
	}
}

// TestIdentityToken: a helper that gives a token instead of a password.
func TestIdentityToken(t *testing.T) {
	env := home(t, map[string]string{".docker/config.json": `{"credsStore":"test"}`,
		"bin/docker-credential-test": "#!/bin/sh\necho '{\"Username\":\"<token>\",\"Secret\":\"s\"}'"})
	t.Setenv("PATH", filepath.Join(env("HOME"), "bin")+":"+os.Getenv("PATH"))
	auth, err := Credentials(env).Resolve(resource{"h.io", "a"})
	if err != nil {
		t.Fatal(err)
	}
	if cfg, err := auth.Authorization(); err != nil || cfg.IdentityToken != "s" || cfg.Username != "" {
		t.Errorf("%+v, %v", cfg, err)
	}
}

// TestRedirect: a blob may lie on another host, which must not be told who
// asks, and be continued there.
func TestRedirect(t *testing.T) {
	for name, wrap := range map[string]func(s *site) func(http.ResponseWriter, *http.Request, http.Handler){
		"basic": func(*site) func(http.ResponseWriter, *http.Request, http.Handler) { return basic(`Basic realm="x"`) }, "bearer": bearer} {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			img, data := one(t, s, newTestClient(Options{}), 100_000)
			var seen []*http.Request
			other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen = append(seen, r.Clone(context.Background()))
				if len(seen) == 1 {
					cutOff(w, r, ranged(data), 30_000)
				}
				ranged(data).ServeHTTP(w, r)
			}))
			defer other.Close()
			guard := wrap(s)
			s.behave(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				guard(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if isBlob(r, img.Layers[0]) {
						http.Redirect(w, r, other.URL+"/elsewhere", http.StatusTemporaryRedirect)
						return
					}
					next.ServeHTTP(w, r)
				}))
			})
			env := home(t, map[string]string{".docker/config.json": auths(s.host, "u", "p")})
			img = resolve(t, newTestClient(Options{Keychain: Credentials(env)}), s.ref("one"))
			blob, progress, err := download(img, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			wantBlob(t, blob, progress, data)
			if len(seen) != 2 || seen[1].Header.Get("Range") != "bytes=30000-" {
				t.Fatalf("the other host was asked %d times", len(seen))
			}
			for _, r := range seen {
				if r.Header.Get("Authorization") != "" {
					t.Errorf("the other host was told %q", r.Header.Get("Authorization"))
				}
				if !strings.HasPrefix(r.Header.Get("User-Agent"), "lanyard") {
					t.Errorf("we called ourselves %q", r.Header.Get("User-Agent"))
				}
			}
		})
	}
}
