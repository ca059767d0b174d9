package arch_test

import (
	"slices"
	"strings"
	"testing"
)

// below says which rooms a room may import. Everything points down: a room can
// be read, tested and replaced with only those listed after it in mind. Tests
// may import what they like.
var below = map[string][]string{
	"cmd/lanyard":                {"internal/cli", "internal/janitor", "internal/stage"},
	"internal/cli/mangen":        {"internal/cli"},
	"internal/cli":               {"client", "internal/early", "internal/run", "internal/supervise", "internal/systemd", "internal/provide", "internal/recipe", "internal/store", "internal/host", "internal/plan", "internal/output", "internal/progress", "internal/linux"},
	"internal/run":               {"internal/plan", "internal/provide", "internal/store", "internal/progress", "internal/systemd", "internal/supervisor", "internal/engine", "internal/group", "internal/lifecycle", "internal/container", "internal/host", "internal/output", "internal/ids", "internal/image", "internal/rootfs", "internal/cgroup", "internal/stage", "internal/janitor", "internal/seccomp"},
	"internal/supervise":         {"client", "internal/agent", "internal/cgroup", "internal/container", "internal/control", "internal/early", "internal/engine", "internal/group", "internal/image", "internal/janitor", "internal/lifecycle", "internal/linux", "internal/metrics", "internal/output", "internal/rootfs", "internal/stage", "internal/supervisor", "internal/systemd", "internal/seccomp"},
	"internal/engine":            {"internal/supervisor", "internal/lifecycle", "internal/container", "internal/stage"},
	"internal/metrics":           {"client"},
	"internal/systemd":           {"internal/supervisor"},
	"internal/provide":           {"internal/seccomp", "internal/recipe", "internal/registry", "internal/worker", "internal/store", "internal/progress", "internal/container", "internal/image", "internal/ids", "internal/rootfs", "internal/linux", "internal/plan"},
	"internal/worker":            {"internal/container", "internal/unpack", "internal/recipe", "internal/rootfs", "internal/linux", "internal/plan"},
	"internal/supervisor":        {"internal/group", "internal/lifecycle"},
	"internal/group":             {"internal/plan", "internal/lifecycle"},
	"internal/container":         {"internal/early", "internal/host", "internal/ids", "internal/stage", "internal/rootfs", "internal/cgroup", "internal/linux", "internal/janitor"},
	"internal/host":              {"internal/cgroup", "internal/ids", "internal/rootfs", "internal/linux"},
	"internal/image":             {"internal/rootfs", "internal/linux"},
	"internal/cgroup":            {"internal/janitor", "internal/linux"},
	"internal/stage":             {"internal/rootfs", "internal/linux"},
	"internal/unpack":            {"internal/linux"},
	"internal/early":             {"internal/stage", "internal/linux"},
	"internal/janitor":           {"internal/linux"},
	"internal/rootfs":            {"internal/linux"},
	"internal/linux":             nil,
	"internal/ids":               {"internal/linux"},
	"internal/agent":             nil,
	"internal/plan":              nil,
	"internal/recipe":            {"internal/plan"},
	"internal/store":             nil,
	"internal/lifecycle":         nil,
	"internal/output":            nil,
	"internal/registry":          nil,
	"internal/progress":          nil,
	"internal/sse":               nil,
	"internal/control":           {"client", "internal/sse"},
	"client":                     {"internal/sse"},
	"internal/testkit":           {"internal/cgroup", "internal/ids"},
	"internal/testkit/fake":      {"internal/supervisor", "internal/lifecycle"},
	"test/bench":                 {"client", "test/trend"},
	"test/bench/bare":            nil,
	"test/bench/probe":           nil,
	"test/bench/engine":          {"internal/container", "internal/cgroup", "internal/ids", "internal/rootfs", "internal/stage", "internal/seccomp"},
	"test/skips":                 {"internal/testkit"},
	"test/trend":                 nil,
	"test/soak":                  {"client", "internal/cli", "internal/testkit", "test/trend"},
	"test/torture":               {"client", "internal/testkit"},
	"internal/seccomp":           nil,
	"internal/seccomp/mknumbers": nil,
}

// why says what an import that is not allowed would break, where there is more
// to say than that it does not point down.
var why = map[string]string{
	"internal/linux":      "linux is system calls without policy, at the bottom: it knows nobody",
	"internal/plan":       "plan is what a file says; it must be readable without a kernel, a group or a terminal",
	"internal/lifecycle":  "lifecycle is pure rules of one container: it knows nobody",
	"internal/group":      "group is pure rules: what it knows about the world comes in as events",
	"internal/supervisor": "the loop sees containers through its own Container interface only, so that tests run it without any",
	"internal/output":     "output carries bytes; what they mean is decided above it",
	"internal/registry":   "registry fetches and verifies; who shows how far it is gives it a function to call",
	"internal/progress":   "progress shows numbers; what they count is known above it",
	"internal/store":      "store keeps folders and says who uses them; what is in them, and how it gets there, is known above it",
	"internal/sse":        "sse is a text format: it knows no event by name, no socket and no container",
	"client":              "client is linked into other people's programs: it must stay as small as the protocol",
	"internal/stage":      "every start pays for what the stage imports, and its initialiser has to run before all others (docs/adr/0002, 0018)",
	"internal/rootfs":     "the stage imports rootfs, see stage",
	"internal/unpack":     "unpack is file work beneath an open folder: whose layer it is, and where it is kept, is decided above it",
	"internal/janitor":    "the janitor runs from an initialiser as the stage does, and outlives everything else",
	"test/bench/bare":     "bare is the floor that lanyard is measured against: it must not share code with it",
	"test/bench/probe":    "the probe is the command that costs nothing",
}

func TestImportsPointDown(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		allowed, known := below[s.room()]
		if !known {
			t.Errorf("%s: the room %s is new; say in the table of test/arch which rooms it may import, and in docs/HACKING.md what it holds", s.file, s.room())
			continue
		}
		seen[s.room()] = true
		for _, name := range s.imports(t) {
			if ours(name) && !slices.Contains(allowed, name) {
				reason := why[s.room()]
				if reason == "" {
					reason = "imports go down only (docs/HACKING.md)"
				}
				t.Errorf("%s imports %s: %s", s.file, name, reason)
			}
		}
	}
	for room := range below {
		if !seen[room] {
			t.Errorf("the table of test/arch names %s, which is gone", room)
		}
	}
}

func ours(name string) bool {
	return strings.HasPrefix(name, "internal/") || strings.HasPrefix(name, "test/") || strings.HasPrefix(name, "cmd/") || name == "client"
}

// light are the only packages from outside that the stage's path may import.
// Neither os nor fmt is among them: with one of them linked in front of the
// stage's initialiser, Go would run their initialisers, and those of much
// else, in every container's init first (docs/adr/0002). Nor are encoding/binary
// and golang.org/x/sys/unix: they wait for reflect and sort, and until those are
// ready Go initialises whatever library's path is sorted before theirs
// (docs/adr/0018). Package linux has the calls and constants of its own.
var light = []string{"errors", "runtime", "strconv", "sync", "syscall", "time", "unsafe"}

func TestStageStaysLight(t *testing.T) {
	path := []string{"internal/stage", "internal/rootfs", "internal/linux", "internal/janitor", "internal/early"}
	for _, s := range sources(t) {
		if s.isTest() || !slices.Contains(path, s.room()) {
			continue
		}
		for _, name := range s.imports(t) {
			if !ours(name) && !slices.Contains(light, name) {
				t.Errorf("%s imports %s: every container's init would pay for it before it can run, twice per start; do without, or show its cost (GODEBUG=inittrace=1) and add it to the list", s.file, name)
			}
		}
	}
}

// owners say which room a library belongs to.
var owners = []struct {
	library string
	rooms   []string
	reason  string
}{
	{"go.yaml.in/yaml", []string{"internal/plan"}, "positions and messages of a project file come from one place"},
	{"github.com/spf13/", []string{"internal/cli", "internal/cli/mangen"}, "only the command line knows how it is parsed"},
	{"github.com/opencontainers/cgroups", []string{"internal/cgroup", "internal/testkit"}, "v1 and v2 must look the same to everybody else"},
	{"github.com/opencontainers/runtime-spec", []string{"internal/seccomp"}, "Docker's profile is written in its types; internal/agent has the few types of container.json, and its tests read them with this package"},
	{"github.com/moby/profiles", []string{"internal/seccomp"}, "a filter is made in one place"},
	{"github.com/coreos/go-systemd", []string{"internal/cgroup"}, "a scope is asked for in one place"},
	{"github.com/godbus/", []string{"internal/cgroup"}, "see github.com/coreos/go-systemd"},
	{"github.com/rogpeppe/", nil, "it belongs to tests"},
	{"github.com/klauspost/compress", []string{"internal/unpack", "internal/worker"}, "what a layer may be compressed with, and what an archive of a recipe, is decided in one place each"},
	{"github.com/sirupsen/", nil, "messages for users go through package run, and nothing else is logged"},
	{"github.com/google/go-containerregistry", []string{"internal/registry", "test/bench"}, "what a registry says is believed after one set of checks only"},
	{"github.com/docker/", nil, "what internal/registry needs of Docker's files it reads itself: that library logs"},
	{"github.com/mattn/go-runewidth", nil, "38 ms of tables in every start, of lanyard and of each container's init"},
	{"net/http", []string{"internal/registry"}, "a megabyte, and initialisers that every container's init would pay for (docs/adr/0002)"},
	{"C", nil, "one static binary, without a C compiler"},
}

// owns says whether name is the library or a package of it.
func owns(library, name string) bool {
	return name == library || strings.HasPrefix(name, strings.TrimSuffix(library, "/")+"/")
}

func TestLibrariesHaveOwners(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		for _, name := range s.imports(t) {
			for _, o := range owners {
				if owns(o.library, name) && !slices.Contains(o.rooms, s.room()) {
					t.Errorf("%s imports %s, which belongs to %v: %s", s.file, name, o.rooms, o.reason)
				}
			}
		}
	}
}
