package plan

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Settings are what a user, not a project, decides.
type Settings struct {
	// ExternalVolumes maps NAME of /volumes/NAME to an absolute, clean path of
	// this machine. Whether it exists is not looked at.
	ExternalVolumes map[string]string
}

var settingsWords = []word{{name: "external-volumes"}}

// SettingsPath is $XDG_CONFIG_HOME/lanyard/settings.yaml, else
// $HOME/.config/lanyard/settings.yaml; "" when neither is set. A relative
// XDG_CONFIG_HOME is ignored, as its specification demands.
func SettingsPath(getenv func(string) string) string {
	dir := getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) {
		home := getenv("HOME")
		if home == "" {
			return ""
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "lanyard", "settings.yaml")
}

// LoadSettings reads the user's settings; a missing file, or the path "", is
// the same as an empty one. The error is a Problems, or an I/O error that
// names the file.
func LoadSettings(path string) (Settings, error) {
	if path == "" {
		return Settings{}, nil
	}
	data, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Settings{}, nil
	}
	if err != nil {
		return Settings{}, fmt.Errorf("cannot read settings: %w", err)
	}
	l := newLoader(path, data)
	var out Settings
	if root := l.document(data); root != nil {
		f, _ := l.fields(l.mapping(root, "the settings", dashed), "the settings", settingsWords)
		if n := f.get("external-volumes"); n != nil {
			out.ExternalVolumes = l.externalVolumes(l.mapping(n, "external-volumes", same))
		}
	}
	if err := l.err(); err != nil {
		return Settings{}, err
	}
	return out, nil
}

func (l *loader) externalVolumes(entries []entry) map[string]string {
	out := map[string]string{}
	for _, e := range entries {
		l.volumeName(l.at(e.keyNode), e.key)
		path, ok := l.filled(e.value, "external volume "+quote(e.key))
		if !ok {
			continue
		}
		if rest, found := strings.CutPrefix(path, "~/"); found {
			home, err := os.UserHomeDir()
			if err != nil {
				l.problem(l.at(e.value), "external volume %s: ~ has no meaning because %v", quote(e.key), err)
				continue
			}
			path = filepath.Join(home, rest)
		}
		if !filepath.IsAbs(path) {
			l.problem(l.at(e.value), "external volume %s: %s is not absolute; begin with a slash or ~/", quote(e.key), quote(path))
			continue
		}
		out[e.key] = filepath.Clean(path)
	}
	return out
}
