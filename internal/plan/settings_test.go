package plan

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestSettingsPath(t *testing.T) {
	for _, c := range []struct{ xdg, home, want string }{
		{"/x", "/h", "/x/lanyard/settings.yaml"},
		{"", "/h", "/h/.config/lanyard/settings.yaml"},
		{"relative", "/h", "/h/.config/lanyard/settings.yaml"},
		{"", "", ""},
	} {
		got := SettingsPath(func(name string) string {
			return map[string]string{"XDG_CONFIG_HOME": c.xdg, "HOME": c.home}[name]
		})
		if got != c.want {
			t.Errorf("%q and %q give %q, want %q", c.xdg, c.home, got, c.want)
		}
	}
}

func TestLoadSettings(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	path := filepath.Join(t.TempDir(), "settings.yaml")
	for _, c := range []struct {
		name, file string
		want       map[string]string
		err        string
	}{
		{"empty", "", nil, ""},
		{"volumes", "external-volumes: {a: /b/../c, d.sock: ~/e}\n", map[string]string{"a": "/c", "d.sock": "/home/me/e"}, ""},
		{"relative", "external_volumes:\n  a: b\n", nil, `:2:6: external volume "a": "b" is not absolute; begin with a slash or ~/`},
		{"empty path", "external-volumes: {a: }\n", nil, `:1:23: external volume "a" is empty; write a value or remove the key`},
		{"bad name", "external-volumes: {.a: /b}\n", nil, `:1:20: volume name: ".a" begins with a dot; take another`},
		{"unknown key", "external-volume: {}\n", nil, `:1:1: unknown key "external-volume" in the settings (did you mean "external-volumes"?)`},
		{"a list", "[a]\n", nil, `:1:1: the settings: expected a mapping, got a list`},
		{"broken", "a: [\n", nil, `:2:1: YAML: did not find expected node content`},
	} {
		if err := os.WriteFile(path, []byte(c.file), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := LoadSettings(path)
		if !reflect.DeepEqual(got.ExternalVolumes, c.want) {
			t.Errorf("%s: got %v", c.name, got)
		}
		if (err == nil) != (c.err == "") || err != nil && err.Error() != path+c.err {
			t.Errorf("%s: error %v, want %s", c.name, err, c.err)
		}
	}
}

// loadSettings reads settings of this text, and gives the error without the
// name of the file.
func loadSettings(t *testing.T, text string) (Settings, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := LoadSettings(path)
	if err != nil {
		return got, strings.ReplaceAll(err.Error(), path+":", "")
	}
	return got, ""
}

func TestSettingsOfImages(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	got, err := loadSettings(t, `
store: ~/images/
registries:
  docker.io: {mirrors: [mirror.example.org, "127.0.0.1:5000"]}
  registry.lan:5000:
    plain_http: yes
  "[::1]:5000": {}
layer-limits: {files: 10}
platform: linux/arm/v7
`)
	want := Settings{
		Store: "/home/me/images",
		Registries: map[string]Registry{
			"docker.io":         {Mirrors: []string{"mirror.example.org", "127.0.0.1:5000"}},
			"registry.lan:5000": {PlainHTTP: true},
			"[::1]:5000":        {},
		},
		LayerLimits: LayerLimits{Size: 20 << 30, Files: 10},
		Platform:    "linux/arm/v7",
	}
	if err != "" || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %s", got, err)
	}
	const notHost = " is not a registry; write HOST or HOST:PORT, such as docker.io or localhost:5000, without http:// and without a path"
	const notPlatform = " is not a platform of Linux; write linux/ARCH, such as linux/amd64, linux/arm64 or linux/arm/v7"
	for _, c := range []struct {
		text string
		want []string
	}{
		{"store: images", []string{`1:8: store: "images" is not absolute; begin with a slash or ~/`}},
		{"store: ''", []string{`1:8: store is empty; write a value or remove the key`}},
		{"registries: [a]", []string{`1:13: registries: expected a mapping, got a list`}},
		{"registries: {'https://a': {}, a/b: {}, 'a:0': {}, 'a:70000': {}, '': {}, '[::1': {}}", []string{
			`1:14: registries: "https://a"` + notHost, `1:31: registries: "a/b"` + notHost, `1:40: registries: "a:0"` + notHost,
			`1:51: registries: "a:70000"` + notHost, `1:66: registries: ""` + notHost, `1:74: registries: "[::1"` + notHost}},
		{"registries: {a: {mirrors: [b/c, [d]], plain-http: 2, mirror: e}}", []string{
			`1:28: mirrors: "b/c"` + notHost,
			`1:33: an item of mirrors: expected text, got a list`,
			`1:51: plain-http: expected true or false, got "2"`,
			`1:54: unknown key "mirror" in registry "a" (did you mean "mirrors"?)`}},
		{"registries: {a: {mirrors: b}}", []string{`1:27: mirrors: expected a list, got "b"`}},
		{"layer-limits: {size: 1k, files: 0, bytes: 1}", []string{
			`1:22: size: "1k" is too small; the least is 1048576 bytes`,
			`1:33: files: "0" is out of range (1 to 1000000000000)`,
			`1:36: unknown key "bytes" in layer-limits`}},
		{"platform: windows/amd64", []string{`1:11: platform: "windows/amd64"` + notPlatform}},
		{"platform: linux/", []string{`1:11: platform: "linux/"` + notPlatform}},
		{"platform: linux/arm/v7/x", []string{`1:11: platform: "linux/arm/v7/x"` + notPlatform}},
		{"stor: /a", []string{`1:1: unknown key "stor" in the settings (did you mean "store"?)`}},
	} {
		if _, err := loadSettings(t, c.text+"\n"); err != strings.Join(c.want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", c.text, err, strings.Join(c.want, "\n"))
		}
	}
}

func TestLoadSettingsWithoutFile(t *testing.T) {
	for _, path := range []string{"", filepath.Join(t.TempDir(), "gone.yaml")} {
		if got, err := LoadSettings(path); err != nil || !reflect.DeepEqual(got, Settings{LayerLimits: DefaultLayerLimits}) {
			t.Errorf("%q: %v, %v", path, got, err)
		}
	}
	if _, err := LoadSettings(t.TempDir()); err == nil {
		t.Error("a folder was read as settings")
	}
}
