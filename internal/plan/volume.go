package plan

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

const (
	defaultTmpfsSize = 100 << 20
	defaultTmpfsMode = 0o1777
	defaultDirMode   = 0o755
	maxMode          = 0o7777
)

// volumeTags is what a volume may be; the last is vagga's only.
var volumeTags = []string{
	"!Tmpfs", "!BindRW", "!BindRO", "!Empty", "!Persistent", "!Snapshot", "!Container", "!CacheDir",
	"!VaggaBin",
}

// volumes reads the volumes of f, sorted by target. Those of vagga that don't
// work here are returned as Words.
func (l *loader) volumes(f fields) ([]Volume, []Word) {
	n := f.get("volumes")
	if n == nil {
		return nil, nil
	}
	var out []Volume
	var words []Word
	first := map[string]Pos{}
	for _, e := range l.mapping(n, "volumes", same) {
		v := Volume{Pos: l.at(e.keyNode), Kind: VolumeKind(strings.TrimPrefix(tag(e.value), "!"))}
		var ok bool
		if v.Target, ok = l.target(v.Pos, e.key); !ok {
			continue
		}
		if pos, again := first[v.Target]; again {
			l.problem(v.Pos, "volume %s is here a second time; the first is on line %d, column %d", quote(v.Target), pos.Line, pos.Column)
			continue
		}
		first[v.Target] = v.Pos
		switch v.Kind {
		case "VaggaBin":
			words = append(words, Word{v.Pos, "!VaggaBin", ""})
		default:
			l.volume(&v, e.value)
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b Volume) int { return strings.Compare(a.Target, b.Target) })
	return out, words
}

// target checks where a volume is mounted and returns it without slashes at
// the end.
func (l *loader) target(pos Pos, written string) (string, bool) {
	target := path.Clean(written)
	below := func(dir string) bool { return target == dir || strings.HasPrefix(target, dir+"/") }
	switch {
	case !strings.HasPrefix(written, "/"):
		l.problem(pos, "volume %s: the path has to begin with a slash", quote(written))
	case strings.ContainsRune(written, 0):
		l.problem(pos, "volume %s contains a NUL byte; remove it", quote(written))
	case target == "/" || target == "/work":
		l.problem(pos, "volume %s: nothing can be mounted over %s; name a folder below it", quote(written), target)
	case target != strings.TrimRight(written, "/"):
		l.problem(pos, "volume %s is not a clean path; write %s", quote(written), quote(target))
	case below("/proc") || below("/sys"), below("/dev") && !below("/dev/shm"):
		l.problem(pos, "volume %s: every container has a /proc, /sys and /dev of its own; only /dev/shm can be replaced", quote(written))
	default:
		return target, true
	}
	return "", false
}

// volume fills in v from its value.
func (l *loader) volume(v *Volume, n *yaml.Node) {
	switch v.Kind {
	case Tmpfs:
		l.tmpfs(v, n)
	case BindRW, BindRO:
		v.Source = l.bindSource(n, "!"+string(v.Kind))
	case Empty:
		if !isNull(n) && (n.Kind != yaml.MappingNode || len(n.Content) > 0) {
			l.problem(l.at(n), "!Empty takes no value, got %s", kind(n))
		}
	case Persistent:
		l.persistent(v, n)
	case Snapshot:
		l.snapshot(v, n)
	case ContainerFS:
		if v.From = l.tagName(n, "!Container"); v.From != "" {
			l.want(aContainer, l.at(n), v.From)
		}
	case CacheDir:
		if v.Name = l.tagName(n, "!CacheDir"); v.Name != "" {
			l.volumeName(l.at(n), v.Name)
		}
	case "":
		l.problem(l.at(n), "volume %s has no tag; write one of %s before the value", quote(v.Target), strings.Join(volumeTags[:8], " "))
	default:
		l.unknown(l.at(n), tag(n), volumeTags, "unknown volume %s", quote(tag(n)))
	}
}

// tagFields are the options that a tag takes.
func (l *loader) tagFields(n *yaml.Node, what string, words []word) fields {
	entries, _ := l.tagged(n, what, dashed)
	f, _ := l.fields(entries, what, words)
	return f
}

// tagName is the value of a tag that takes one name.
func (l *loader) tagName(n *yaml.Node, what string) string {
	text, ok := l.taggedText(n, what)
	if ok && text == "" {
		l.problem(l.at(n), "%s needs a name after it", what)
	}
	return text
}

// bindSource checks what a bind shows.
func (l *loader) bindSource(n *yaml.Node, what string) string {
	written, ok := l.taggedText(n, what)
	if !ok {
		return ""
	}
	source := path.Clean(written)
	name, isVolume := strings.CutPrefix(source, "/volumes/")
	switch {
	case source != "/work" && !strings.HasPrefix(source, "/work/") && !isVolume:
		l.problem(l.at(n), "%s: the source %s is neither in /work (the project) nor /volumes/NAME (external-volumes of your settings); nothing else can be bound", what, quote(written))
	case source != strings.TrimRight(written, "/"):
		l.problem(l.at(n), "%s: the source %s is not a clean path; write %s", what, quote(written), quote(source))
	case isVolume && !l.volumeName(l.at(n), strings.SplitN(name, "/", 2)[0]):
	default:
		return source
	}
	return ""
}

// volumeName checks the name of an external or persistent volume, or of a cache. It stands
// beside hidden files in a folder, so it can't begin with a dot.
func (l *loader) volumeName(pos Pos, name string) bool {
	if strings.HasPrefix(name, ".") {
		l.problem(pos, "volume name: %s begins with a dot; take another", quote(name))
		return false
	}
	return l.validName(pos, name, "volume name")
}

func (l *loader) persistent(v *Volume, n *yaml.Node) {
	pos := l.at(n)
	if n.Kind == yaml.ScalarNode {
		v.Name = l.tagName(n, "!Persistent")
	} else {
		f := l.tagFields(n, "!Persistent", persistentWords)
		name := f.get("name")
		if name == nil && n.Kind == yaml.MappingNode {
			l.problem(pos, "!Persistent needs a name; write name: NAME")
		}
		if name != nil {
			pos = l.at(name)
			v.Name, _ = l.filled(name, "name")
		}
		if init := f.get("init-command"); init != nil {
			var ok bool
			if v.InitCommand, ok = l.filled(init, "init-command"); ok {
				l.want(aCommand, l.at(init), v.InitCommand)
			}
		}
		v.OwnerUID, v.OwnerGID = l.id(f, "owner-uid"), l.id(f, "owner-gid")
	}
	if v.Name != "" {
		l.volumeName(pos, v.Name)
	}
}

func (l *loader) snapshot(v *Volume, n *yaml.Node) {
	f := l.tagFields(n, "!Snapshot", snapshotWords)
	v.Size = l.tmpfsSize(f)
	if from := f.get("container"); from != nil {
		var ok bool
		if v.From, ok = l.filled(from, "container"); ok {
			l.want(aContainer, l.at(from), v.From)
		}
	}
	v.OwnerUID, v.OwnerGID = l.id(f, "owner-uid"), l.id(f, "owner-gid")
}

// tmpfsSize reads size; the kernel takes 0 for "no limit", so it is refused.
func (l *loader) tmpfsSize(f fields) int64 {
	if n := f.get("size"); n != nil {
		if size, ok := l.size(n, "size", 1); ok {
			return size
		}
	}
	return defaultTmpfsSize
}

func (l *loader) tmpfs(v *Volume, n *yaml.Node) {
	f := l.tagFields(n, "!Tmpfs", tmpfsWords)
	v.Size = l.tmpfsSize(f)
	v.Mode = l.octal(f, "mode", defaultTmpfsMode, maxMode)
	if dirs := f.get("subdirs"); dirs != nil {
		v.Dirs = l.tmpfsDirs(dirs)
	}
	if files := f.get("files"); files != nil {
		v.Files = l.tmpfsFiles(files, v.Dirs)
	}
}

// octal reads permission bits, whose digits are always octal: people write 0755
// and 0o755 for the same, and nobody means 755 in decimal.
func (l *loader) octal(f fields, key string, normal, high uint32) uint32 {
	n := f.get(key)
	if n == nil {
		return normal
	}
	text, ok := l.text(n, key)
	if !ok {
		return normal
	}
	bits, err := strconv.ParseUint(strings.TrimPrefix(text, "0o"), 8, 32)
	if err != nil || bits > uint64(high) {
		l.problem(l.at(n), "%s: expected octal permission bits, 0 to 0o%o, got %s", key, high, kind(n))
		return normal
	}
	return uint32(bits)
}

func (l *loader) tmpfsDirs(n *yaml.Node) []TmpfsDir {
	entries := l.mapping(n, "subdirs", same)
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	var out []TmpfsDir
	for _, e := range entries {
		f, _ := l.fields(l.mapping(e.value, "subdirs "+quote(e.key), dashed), "subdirs", dirWords)
		mode := l.octal(f, "mode", defaultDirMode, maxMode)
		if l.inTmpfs(l.at(e.keyNode), "subdirs", e.key, out) {
			out = append(out, TmpfsDir{Path: e.key, Mode: mode})
		}
	}
	return out
}

func (l *loader) tmpfsFiles(n *yaml.Node, dirs []TmpfsDir) []TmpfsFile {
	var out []TmpfsFile
	for _, e := range l.mapping(n, "files", same) {
		content, ok := l.fileText(e.value, "files "+quote(e.key))
		if !ok || !l.inTmpfs(l.at(e.keyNode), "files", e.key, dirs) {
			continue
		}
		if hasDir(dirs, e.key) {
			l.problem(l.at(e.keyNode), "files: %s is one of subdirs already; remove one", quote(e.key))
			continue
		}
		out = append(out, TmpfsFile{Path: e.key, Content: content})
	}
	return out
}

// fileText is text for the contents of a file, which may hold NUL bytes.
func (l *loader) fileText(n *yaml.Node, what string) (string, bool) {
	if n.Kind == yaml.ScalarNode && strings.ContainsRune(n.Value, 0) {
		l.untagged(n)
		return n.Value, true
	}
	return l.text(n, what)
}

// inTmpfs checks a path inside a !Tmpfs whose parent has to be among dirs.
func (l *loader) inTmpfs(pos Pos, what, name string, dirs []TmpfsDir) bool {
	parent := path.Dir(name)
	switch {
	case name == "" || name[0] == '/' || path.Clean(name) != name || name == "." ||
		name == ".." || strings.HasPrefix(name, "../") || strings.ContainsRune(name, 0):
		l.problem(pos, "%s: %s is not a clean path inside the volume, such as lib or lib/cache", what, quote(name))
	case parent != "." && !hasDir(dirs, parent):
		l.problem(pos, "%s: the folder of %s is missing; add %s to subdirs", what, quote(name), quote(parent))
	default:
		return true
	}
	return false
}

// hasDir looks in dirs, which are sorted by path.
func hasDir(dirs []TmpfsDir, name string) bool {
	_, found := slices.BinarySearchFunc(dirs, name, func(d TmpfsDir, name string) int {
		return strings.Compare(d.Path, name)
	})
	return found
}
