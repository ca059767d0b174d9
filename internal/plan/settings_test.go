package plan

import (
	"os"
	"path/filepath"
	"reflect"
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

func TestLoadSettingsWithoutFile(t *testing.T) {
	for _, path := range []string{"", filepath.Join(t.TempDir(), "gone.yaml")} {
		if got, err := LoadSettings(path); err != nil || got.ExternalVolumes != nil {
			t.Errorf("%q: %v, %v", path, got, err)
		}
	}
	if _, err := LoadSettings(t.TempDir()); err == nil {
		t.Error("a folder was read as settings")
	}
}
