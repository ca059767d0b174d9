package agent

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hard is the own limit on open files that tests assume.
const hard = 5000

func ptr[T any](v T) *T { return &v }

func mustParse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := parse([]byte(text), hard)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return c
}

func TestEverything(t *testing.T) {
	data, err := os.ReadFile("testdata/everything.json")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "agent.json"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := Load(dir, hard)
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Product: "shop", Environment: "staging", Job: "web",
		HealthChecks: []byte(`[{"kind": "http", "port": "http"}]`),
		ArtifactURL:  "https://example.org/web.tar.gz?a=1&b=2",
		Ports:        map[string]uint16{"http": 8080, "admin": 65535, "any": 0},
		Env:          map[string]string{"PATH": "/opt/bin::/bin", "GREETING": `hällo="<wörld>"`, "EMPTY": ""},
		WorkingDir:   "/srv/app",
		Memory:       ptr[int64](64 << 20), CPUs: ptr(0.5), NoFile: 512,
		Tmp:     []Tmp{{"/tmp", -1}, {"/var/tmp", 16 << 20}},
		Volumes: []Volume{{"/data", "/"}, {"/data/logs", "/dev/null"}},
		Grace:   Grace{Startup: 90 * time.Second, Shutdown: 500 * time.Millisecond},
		Restart: OnFailure,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if env, want := got.Environ(), []string{"EMPTY=", `GREETING=hällo="<wörld>"`, "HOME=/", "PATH=/opt/bin::/bin"}; !slices.Equal(env, want) {
		t.Errorf("environment %q, want %q", env, want)
	}
	if path, want := got.SearchPath(), []string{"/opt/bin", "", "/bin"}; !slices.Equal(path, want) {
		t.Errorf("search path %q, want %q", path, want)
	}
}

// TestDefaults: what is missing, null or of no effect is the contract's default.
func TestDefaults(t *testing.T) {
	nothing := &Config{Ports: map[string]uint16{}, Env: map[string]string{}, WorkingDir: "/", NoFile: 4069, Restart: No}
	for _, text := range []string{
		"{}", " \r\n\t{ }\n", `{"unknown": {"restart": "maybe"}, "Resources2": 1}`,
		`{"product": null, "health_checks": null, "ports": null, "env": null, "command": null, "resources": null, "storage": null, "grace": null, "restart": null}`,
		`{"command": {"working_dir": null, "exec": 7}, "resources": {"mem": null, "cpu": null, "fd": null}, "storage": {"tmp": null, "volumes": null}, "grace": {"startup": null}}`,
		`{"command": {"working_dir": ""}, "resources": {"mem": 0, "cpu": 0.0, "fd": 0}, "storage": {"tmp": {}, "volumes": {}}, "grace": {"startup": "", "shutdown": "0s"}, "restart": ""}`,
	} {
		got := mustParse(t, text)
		if !reflect.DeepEqual(got, nothing) {
			t.Errorf("%s: %+v", text, got)
		}
		if env := got.Environ(); !slices.Equal(env, []string{"HOME=/"}) {
			t.Errorf("%s: environment %q", text, env)
		}
		if path := strings.Join(got.SearchPath(), ":"); path != "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" {
			t.Errorf("%s: search path %q", text, path)
		}
	}
}

func TestHomeOfTheAgentWins(t *testing.T) {
	c := mustParse(t, `{"env": {"HOME": "", "PATH": ""}}`)
	if env := c.Environ(); !slices.Equal(env, []string{"HOME=", "PATH="}) {
		t.Errorf("environment %q", env)
	}
	if path := c.SearchPath(); !slices.Equal(path, []string{""}) {
		t.Errorf("search path %q", path)
	}
}

// TestLastKeyCounts, and case does not, as for encoding/json.
func TestLastKeyCounts(t *testing.T) {
	for text, want := range map[string]Policy{
		`{"restart": "no", "restart": "always"}`:        Always,
		`{"restart": "sometimes", "restart": "always"}`: Always,
		`{"Restart": "always"}`:                         Always,
		`{"restart": "no", "RESTART": "on-failure"}`:    OnFailure,
	} {
		if got := mustParse(t, text).Restart; got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	c := mustParse(t, `{"env": {"a": "1", "A": "2", "a": "3"}, "storage": {"tmp": {"/a": 0, "/a": 5}}}`)
	if !reflect.DeepEqual(c.Env, map[string]string{"a": "3", "A": "2"}) || !slices.Equal(c.Tmp, []Tmp{{"/a", 5 << 20}}) {
		t.Errorf("%+v", c)
	}
}

// TestBounds: the largest that is allowed.
func TestBounds(t *testing.T) {
	c := mustParse(t, `{"resources": {"mem": 4398046511103, "cpu": 1e6, "fd": 5000}, "storage": {"tmp": {"/t": 8796093022207}}, "restart": "no"}`)
	if *c.Memory != 4398046511103<<20 || *c.Memory*2 < 0 || *c.CPUs != 1e6 || c.NoFile != hard || c.Tmp[0].Size != 8796093022207<<20 {
		t.Errorf("%+v, memory %d, cpus %g", c, *c.Memory, *c.CPUs)
	}
}

// TestUnreadable: what is at the file's place, and what the error says.
func TestUnreadable(t *testing.T) {
	for name, test := range map[string]struct {
		make func(path string) error
		want string
	}{
		"missing":   {func(string) error { return nil }, "no such file or directory; start in a directory that holds"},
		"directory": {func(path string) error { return os.Mkdir(path, 0o755) }, "is not a regular file"},
		"fifo":      {func(path string) error { return syscall.Mkfifo(path, 0o644) }, "is not a regular file"},
		"dangling":  {func(path string) error { return os.Symlink("nowhere", path) }, "no such file or directory"},
		"loop":      {func(path string) error { return os.Symlink("agent.json", path) }, "too many levels of symbolic links"},
		"huge": {func(path string) error {
			if err := os.WriteFile(path, []byte("{}"), 0o644); err != nil {
				return err
			}
			return os.Truncate(path, 100<<20)
		}, "has more than 4 MiB (it has 104857600 bytes)"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := test.make(filepath.Join(dir, "agent.json")); err != nil {
				t.Fatal(err)
			}
			c, err := Load(dir, hard)
			if err == nil || c != nil || !strings.HasPrefix(err.Error(), "cannot read agent.json: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, %v; want %q", c, err, test.want)
			}
		})
	}
}
