package plan

import "go.yaml.in/yaml/v4"

// role says what becomes of a key.
type role int

const (
	works       role = iota
	ignored          // accepted without effect
	unsupported      // known, does not work yet: recorded as a Word
	misplaced        // a mistake; the hint says where it belongs or what replaces it
)

// word is a key that a mapping may have. The tables below are plain data which
// the compiler lays out, so that they cost nothing when the program starts.
// The words of vagga are those of its sources up to 0.8.
type word struct {
	name string
	role role
	hint string
}

var topWords = []word{
	{name: "containers"},
	{name: "commands"},
	{name: "minimum-vagga", role: ignored},
	{"mixins", unsupported, "put the containers and commands of those files into this one"},
	{"variants", misplaced, "vagga dropped it after 0.1; write the value where it is used"},
}

var containerWords = []word{
	{name: "rootfs"},
	{name: "host"},
	{name: "image"},
	{name: "environ"},
	{name: "environ-file"},
	{name: "volumes"},
	{name: "write-mode"},
	{name: "default-shell"},
	{name: "limits"},
	{name: "limits-mode"},
	{name: "security"},
	{name: "setup"},
	{name: "uids"},
	{name: "gids"},
	{"auto-clean", unsupported, ""},
	{"image-cache-url", unsupported, ""},
	{"resolv-conf-path", unsupported, "remove it: /etc/resolv.conf is provided in every container"},
	{"hosts-file-path", unsupported, "remove it: /etc/hosts is provided in every container"},
	{"data-dirs", unsupported, ""},
	{"builder", misplaced, "vagga dropped it after 0.1; write setup"},
	{"parameters", misplaced, "vagga dropped it after 0.1; write setup"},
	{"provision", misplaced, "vagga dropped it after 0.1; write setup"},
	{"default-command", misplaced, "vagga dropped it after 0.1; write a command"},
	{"command-wrapper", misplaced, "vagga dropped it after 0.1; write it into run"},
	{"shell", misplaced, "write default-shell"},
	{"tmpfs-volumes", misplaced, "write volumes with !Tmpfs"},
	{"ensure-dirs", misplaced, "mount points are made where they are missing"},
	{"mutable-dirs", misplaced, "write volumes with !Persistent"},
	{"run", misplaced, "it belongs on a command"},
	{"container", misplaced, "it belongs on a command"},
	{"work-dir", misplaced, "it belongs on a command"},
}

var commandWords = []word{
	{name: "description"},
	{name: "banner"},
	{name: "banner-delay"},
	{name: "epilog"},
	{name: "aliases"},
	{name: "group"},
	{name: "container"},
	{name: "run"},
	{name: "work-dir"},
	{name: "environ"},
	{name: "tags"},
	{name: "user-id"},
	{name: "group-id"},
	{name: "supplementary-gids"},
	{name: "volumes"},
	{name: "write-mode"},
	{name: "accepts-arguments"},
	{name: "limits"},
	{name: "limits-mode"},
	{name: "security"},
	{name: "pid1mode"},
	{"prerequisites", unsupported, "run those commands first"},
	{"options", unsupported, "write accepts-arguments: true and let the command read its arguments"},
	{"expect-inotify-limit", unsupported, ""},
	{"pass-tcp-socket", unsupported, ""},
	{"symlink-name", unsupported, ""},
	{"link-as", unsupported, ""},
	{"linked-path-translation", unsupported, ""},
	{"isolate-network", unsupported, "the host's network is used"},
	{name: "external-user-id"},
	{"network", unsupported, "the host's network is used"},
	{"public-ports", unsupported, "the host's network is used"},
	{"mode", misplaced, "it belongs on a !Supervise"},
	{"children", misplaced, "it belongs on a !Supervise"},
	{"kill-unresponsive-after", misplaced, "it belongs on a !Supervise"},
	{"command", misplaced, "vagga dropped it after 0.1; write run with a list"},
	{"inherit-environ", misplaced, "vagga dropped it after 0.1; start with -e NAME"},
	{"supervise", misplaced, "vagga dropped it after 0.1; write !Supervise with children"},
	{"supervise-mode", misplaced, "vagga dropped it after 0.1; write !Supervise with mode"},
}

// childWords are the keys that differ on a child from those on a command.
var childWords = []word{
	{name: "banner", role: ignored},
	{name: "banner-delay", role: ignored},
	{name: "epilog", role: ignored},
	{"aliases", misplaced, "it belongs on the command whose child this is"},
	{"group", misplaced, "it belongs on the command whose child this is"},
	{"options", misplaced, "it belongs on the command whose child this is"},
	{"mode", misplaced, "it belongs on the command whose child this is"},
	{"kill-unresponsive-after", misplaced, "it belongs on the command whose child this is"},
	{"children", misplaced, "a child cannot have children"},
}

// superviseWords are the keys that differ on a !Supervise.
var superviseWords = []word{
	{name: "mode"},
	{name: "children"},
	{name: "kill-unresponsive-after"},
	{name: "tags", role: ignored},
	{"container", misplaced, onChildren},
	{"run", misplaced, onChildren},
	{"work-dir", misplaced, onChildren},
	{"environ", misplaced, onChildren},
	{"user-id", misplaced, onChildren},
	{"group-id", misplaced, onChildren},
	{"supplementary-gids", misplaced, onChildren},
	{"volumes", misplaced, onChildren},
	{"write-mode", misplaced, onChildren},
	{"accepts-arguments", misplaced, onChildren},
	{"limits", misplaced, onChildren},
	{"limits-mode", misplaced, onChildren},
	{"security", misplaced, onChildren},
	{"pid1mode", misplaced, onChildren},
	{"external-user-id", misplaced, onChildren},
	{"network", misplaced, onChildren},
	{"public-ports", misplaced, onChildren},
}

const onChildren = "put it on the children of this !Supervise"

// capsuleWords are the keys that differ on a !CapsuleCommand, which has no
// container of its own.
var capsuleWords = []word{
	{"uids", unsupported, ""},
	{"gids", unsupported, ""},
	{"container", misplaced, "a !CapsuleCommand has none; write !Command"},
}

var limitWords = []word{
	{name: "memory"}, {name: "swap"}, {name: "cpus"}, {name: "pids"}, {name: "nofile"}, {name: "io-weight"},
}

var securityWords = []word{
	{name: "seccomp"}, {name: "nesting"}, {name: "no-new-privileges"}, {name: "abstract-sockets"},
}

var tmpfsWords = []word{
	{name: "size"}, {name: "mode"}, {name: "subdirs"}, {name: "files"},
}

var dirWords = []word{{name: "mode"}}

var persistentWords = []word{
	{name: "name"}, {name: "init-command"}, {name: "owner-uid"}, {name: "owner-gid"},
}

var snapshotWords = []word{
	{name: "size"}, {name: "container"}, {name: "owner-uid"}, {name: "owner-gid"},
}

var settingsWords = []word{
	{name: "external-volumes"}, {name: "store"}, {name: "registries"}, {name: "layer-limits"}, {name: "platform"},
}

var registryWords = []word{{name: "mirrors"}, {name: "plain-http"}}

var layerLimitWords = []word{{name: "size"}, {name: "files"}}

// fields are the keys of one mapping that have a meaning, by name.
type fields []entry

// get returns the value of a key, nil when it is not written.
func (f fields) get(name string) *yaml.Node {
	for _, e := range f {
		if e.key == name {
			return e.value
		}
	}
	return nil
}

// lookup finds a key; an earlier table overrides a later one.
func lookup(name string, tables [][]word) (word, bool) {
	for _, table := range tables {
		for _, w := range table {
			if w.name == name {
				return w, true
			}
		}
	}
	return word{}, false
}

// fields sorts the entries of what by what the tables say of them: those that
// work are returned, the known others as Words, the rest are problems.
func (l *loader) fields(entries []entry, what string, tables ...[]word) (fields, []Word) {
	var found fields
	var words []Word
	for _, e := range entries {
		pos := l.at(e.keyNode)
		w, ok := lookup(e.key, tables)
		switch {
		case !ok && l.full():
		case !ok:
			l.unknown(pos, e.key, names(tables), "unknown key %s in %s", quote(e.key), what)
		case w.role == misplaced:
			l.problem(pos, "%s has no place in %s; %s", quote(e.key), what, w.hint)
		case w.role == unsupported && e.value.Value == "false":
			// Switched off, it asks for nothing.
		case w.role == unsupported:
			words = append(words, Word{Pos: pos, Name: l.follow(e.keyNode).Value, Hint: w.hint})
			fallthrough
		case w.role != ignored:
			found = append(found, e)
		}
	}
	return found, words
}

// names lists what may be suggested: every key that is not a mistake.
func names(tables [][]word) []string {
	var out []string
	for _, table := range tables {
		for _, w := range table {
			if first, _ := lookup(w.name, tables); first.role != misplaced {
				out = append(out, w.name)
			}
		}
	}
	return out
}
