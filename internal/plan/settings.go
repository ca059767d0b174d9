package plan

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Settings are what a user, not a project, decides.
type Settings struct {
	// ExternalVolumes maps NAME of /volumes/NAME to an absolute, clean path of
	// this machine. Whether it exists is not looked at.
	ExternalVolumes map[string]string
	// Store is the folder that images and builds are kept in, absolute and
	// clean; "" when not written: $XDG_DATA_HOME/lanyard.
	Store string
	// Registries say how registries are spoken to, by HOST[:PORT] as written.
	Registries  map[string]Registry
	LayerLimits LayerLimits
	// Platform is what images are fetched for, linux/ARCH or linux/ARCH/VARIANT;
	// "" when not written: this machine's.
	Platform string
}

// Registry is how one registry is spoken to.
type Registry struct {
	Mirrors   []string // HOST[:PORT], tried first, in this order
	PlainHTTP bool     // http:// instead of https://; loopback needs no permission
}

// LayerLimits bound what one layer of an image may unpack to: a small download
// can be made to fill any disk. Neither field is ever 0 in loaded settings.
type LayerLimits struct {
	Size  int64 // bytes of all files together; layer-limits: size
	Files int64 // files, folders and links; layer-limits: files
}

// DefaultLayerLimits are those of settings that name none. The largest layers
// in use, of machine learning, unpack to some 10 GB.
var DefaultLayerLimits = LayerLimits{Size: 20 << 30, Files: 2_000_000}

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
	normal := Settings{LayerLimits: DefaultLayerLimits}
	if path == "" {
		return normal, nil
	}
	data, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return normal, nil
	}
	if err != nil {
		return Settings{}, fmt.Errorf("cannot read settings: %w", err)
	}
	l := newLoader(path, data)
	out := normal
	if root := l.document(data); root != nil {
		f, _ := l.fields(l.mapping(root, "the settings", dashed), "the settings", settingsWords)
		l.settings(&out, f)
	}
	if err := l.err(); err != nil {
		return Settings{}, err
	}
	return out, nil
}

func (l *loader) settings(out *Settings, f fields) {
	if n := f.get("external-volumes"); n != nil {
		out.ExternalVolumes = l.externalVolumes(l.mapping(n, "external-volumes", same))
	}
	if n := f.get("store"); n != nil {
		out.Store, _ = l.hostPath(n, "store")
	}
	if n := f.get("registries"); n != nil {
		out.Registries = l.registries(l.mapping(n, "registries", same))
	}
	if n := f.get("layer-limits"); n != nil {
		l.layerLimits(&out.LayerLimits, n)
	}
	if n := f.get("platform"); n != nil {
		out.Platform = l.platform(n)
	}
}

func (l *loader) externalVolumes(entries []entry) map[string]string {
	out := map[string]string{}
	for _, e := range entries {
		l.volumeName(l.at(e.keyNode), e.key)
		if path, ok := l.hostPath(e.value, "external volume "+quote(e.key)); ok {
			out[e.key] = path
		}
	}
	return out
}

// hostPath reads an absolute path of this machine; ~/ is the user's home.
func (l *loader) hostPath(n *yaml.Node, what string) (string, bool) {
	path, ok := l.filled(n, what)
	if !ok {
		return "", false
	}
	if rest, found := strings.CutPrefix(path, "~/"); found {
		home, err := os.UserHomeDir()
		if err != nil {
			l.problem(l.at(n), "%s: ~ has no meaning because %v", what, err)
			return "", false
		}
		path = filepath.Join(home, rest)
	}
	if !filepath.IsAbs(path) {
		l.problem(l.at(n), "%s: %s is not absolute; begin with a slash or ~/", what, quote(path))
		return "", false
	}
	return filepath.Clean(path), true
}

func (l *loader) registries(entries []entry) map[string]Registry {
	out := map[string]Registry{}
	for _, e := range entries {
		l.registryHost(l.at(e.keyNode), "registries", e.key)
		what := "registry " + quote(e.key)
		f, _ := l.fields(l.mapping(e.value, what, dashed), what, registryWords)
		var r Registry
		if n := f.get("mirrors"); n != nil {
			for _, item := range l.list(n, "mirrors") {
				if text, ok := l.text(item, "an item of mirrors"); ok {
					l.registryHost(l.at(item), "mirrors", text)
					r.Mirrors = append(r.Mirrors, text)
				}
			}
		}
		if n := f.get("plain-http"); n != nil {
			r.PlainHTTP, _ = l.boolean(n, "plain-http")
		}
		out[e.key] = r
	}
	return out
}

// registryHost reports what can't be the HOST[:PORT] of a registry.
func (l *loader) registryHost(pos Pos, what, text string) {
	host, port, hasPort := strings.Cut(text, ":")
	if strings.HasPrefix(text, "[") { // an IPv6 address
		host, port, hasPort = strings.Cut(text, "]:")
		if !hasPort {
			host, port, _ = strings.Cut(text, "]")
			hasPort = port != "" || !strings.HasSuffix(text, "]")
		}
		host = strings.ReplaceAll(host[1:], ":", "")
	}
	good := host != "" && !strings.ContainsFunc(host, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-')
	})
	if number, err := strconv.ParseUint(port, 10, 16); hasPort && (err != nil || number == 0) {
		good = false
	}
	if !good {
		l.problem(pos, "%s: %s is not a registry; write HOST or HOST:PORT, such as docker.io or localhost:5000, without http:// and without a path", what, quote(text))
	}
}

func (l *loader) layerLimits(out *LayerLimits, n *yaml.Node) {
	f, _ := l.fields(l.mapping(n, "layer-limits", dashed), "layer-limits", layerLimitWords)
	if v := f.get("size"); v != nil {
		if size, ok := l.size(v, "size", 1<<20); ok {
			out.Size = size
		}
	}
	if v := f.get("files"); v != nil {
		if number, ok := l.whole(v, "files", 1, 1e12); ok {
			out.Files = int64(number)
		}
	}
}

// platform reads OS/ARCH[/VARIANT], as images name it.
func (l *loader) platform(n *yaml.Node) string {
	text, ok := l.filled(n, "platform")
	if !ok {
		return ""
	}
	arch, found := strings.CutPrefix(text, "linux/")
	parts := strings.Split(arch, "/")
	bad := func(part string) bool {
		return part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789") != ""
	}
	if !found || len(parts) > 2 || slices.ContainsFunc(parts, bad) {
		l.problem(l.at(n), "platform: %s is not a platform of Linux; write linux/ARCH, such as linux/amd64, linux/arm64 or linux/arm/v7", quote(text))
		return ""
	}
	return text
}
