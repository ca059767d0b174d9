package plan

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func mustLoad(t *testing.T, path string) *Plan {
	t.Helper()
	p, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ptr[T any](v T) *T { return &v }

// TestEverything checks each key of a file that has them all. Positions are
// compared in TestPositions.
func TestEverything(t *testing.T) {
	p := mustLoad(t, "testdata/everything.yaml")
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "testdata"); p.Root != want || p.File != filepath.Join(want, "everything.yaml") {
		t.Errorf("file %s, root %s", p.File, p.Root)
	}
	if words := p.AllUnsupported(); len(words) != 0 {
		t.Errorf("unsupported: %v", words)
	}

	python := *p.Containers["python"]
	if len(python.Volumes) != 8 || python.Volumes[0].Target != "/cache" || python.Volumes[7].Target != "/var/lib" {
		t.Errorf("volumes: %+v", python.Volumes)
	}
	python.Volumes, python.Pos, python.Limits.Pos = nil, Pos{}, Pos{}
	wantPython := Container{
		Name: "python", RootFS: "./roots/python", DefaultShell: []string{"/bin/bash", "-c"},
		Environ: []EnvVar{{"PORT", "8000"}, {"EMPTY", ""}, {"NULL_", ""}, {"QUOTED", "~"},
			{"LANG", "C.UTF-8"}, {"DEBUG", "yes"}},
		EnvironFile: "/etc/environment", WriteMode: Transient, LimitsMode: BestEffort,
		Limits: Limits{Memory: ptr[int64](512 << 20), Swap: ptr[int64](0), CPUs: ptr(1.5), Pids: ptr[int64](200), NoFile: ptr[uint64](4096), IOWeight: ptr[uint64](250)},
	}
	if !reflect.DeepEqual(python, wantPython) {
		t.Errorf("python is %+v", python)
	}

	var names []string
	for _, c := range p.Commands {
		names = append(names, c.Name)
	}
	if got := strings.Join(names, " "); got != "_init shell run_full_app group single" {
		t.Errorf("commands in the order %s", got)
	}
}

func TestSingleCommand(t *testing.T) {
	p := mustLoad(t, "testdata/everything.yaml")
	c, ok := p.Command("bash")
	if !ok || c.Name != "shell" {
		t.Fatalf("alias bash leads to %+v", c)
	}
	got := *c
	got.Children, got.Pos = nil, Pos{}
	if want := (Command{Name: "shell", Description: "A shell", Banner: "Welcome", BannerDelay: 1500 * time.Millisecond,
		Epilog: "Bye", Aliases: []string{"sh", "bash"}, Group: "Tools"}); !reflect.DeepEqual(got, want) {
		t.Errorf("shell is %+v", got)
	}
	process := *c.Children[0]
	process.Pos, process.ContainerPos, process.RunPos, process.Limits.Pos, process.Volumes[0].Pos = Pos{}, Pos{}, Pos{}, Pos{}, Pos{}
	want := Process{
		Name: "shell", Tags: []string{"interactive"}, Container: "tools", Run: []string{"bash", "-l"},
		WorkDir: "src", Environ: []EnvVar{{"A", "b"}, {"C", "d"}},
		Volumes:   []Volume{{Target: "/tmp", Kind: Tmpfs, Size: 100 << 20, Mode: 0o1777}},
		WriteMode: Transient, UserID: ptr[uint32](1000), GroupID: ptr[uint32](4294967294), SupplementaryGIDs: []uint32{10, 20},
		Limits: Limits{Memory: ptr[int64](1e9)}, LimitsMode: Strict,
	}
	if !reflect.DeepEqual(process, want) {
		t.Errorf("the process is %+v", process)
	}
	if _, ok := p.Command("nothing"); ok {
		t.Error("found a command that does not exist")
	}
}

func TestGroup(t *testing.T) {
	p := mustLoad(t, "testdata/everything.yaml")
	c, _ := p.Command("run_full_app")
	if !c.Supervise || c.Mode != WaitAllSuccessful || c.KillAfter != 250*time.Millisecond || len(c.Children) != 2 {
		t.Fatalf("the group is %+v", c)
	}
	web, celery := *c.Children[0], *c.Children[1]
	if web.Name != "web" || web.Description != "Serves" || !web.Shell || !web.AcceptsArguments ||
		!reflect.DeepEqual(web.Run, []string{"python manage.py runserver"}) || *web.Limits.Swap != 1e6 {
		t.Errorf("web is %+v", web)
	}
	if celery.Name != "celery" || celery.Shell || !celery.AcceptsArguments || len(celery.Run) != 4 ||
		celery.WorkDir != "/srv" || !reflect.DeepEqual(celery.Tags, []string{"worker"}) {
		t.Errorf("celery is %+v", celery)
	}

	group, _ := p.Command("group")
	if !group.Supervise || group.Mode != StopOnFailure || group.KillAfter != 2*time.Second {
		t.Errorf("a mapping with children and no tag is %+v", group)
	}
	single, _ := p.Command("single")
	if single.Supervise || single.Children[0].AcceptsArguments || single.Children[0].Name != "single" {
		t.Errorf("a mapping without children and tag is %+v", single)
	}
}

func TestPositions(t *testing.T) {
	p, err := Parse("/p/f", []byte(inCommand("container: c\nlimits: {pids: 1}\nrun: [a]")))
	if err != nil {
		t.Fatal(err)
	}
	process := p.Commands[0].Children[0]
	for _, c := range []struct {
		what string
		got  Pos
		line int
		col  int
	}{
		{"container", p.Containers["c"].Pos, 1, 14},
		{"limits of the container", p.Containers["c"].Limits.Pos, 1, 38},
		{"command", p.Commands[0].Pos, 3, 3},
		{"process", process.Pos, 3, 3},
		{"container of the process", process.ContainerPos, 4, 16},
		{"limits", process.Limits.Pos, 5, 13},
		{"run", process.RunPos, 6, 10},
	} {
		if c.got != (Pos{"/p/f", c.line, c.col}) {
			t.Errorf("%s stands at %v, want %d:%d", c.what, c.got, c.line, c.col)
		}
	}
}

func TestAcceptedForms(t *testing.T) {
	for _, c := range []struct{ name, file string }{
		{"nothing", ""},
		{"a comment", "# nothing yet\n"},
		{"an empty document", "---\n"},
		{"no commands", "containers: {c: {host: true}}\n"},
		{"empty sections", "containers:\ncommands:\n"},
		{"a byte order mark", "\ufeffcommands: {}\n"},
		{"Windows line ends", strings.ReplaceAll(inCommand(okRun), "\n", "\r\n")},
		{"a document end", "commands: {}\n...\n"},
		{"tabs after the indentation", "commands:\t{}\t# here\n"},
		{"commands before containers", "commands: {x: {container: c, run: a}}\ncontainers: {c: {host: true}}\n"},
		{"merged commands", "x-a: &a {container: c}\ncontainers: {c: {host: true}}\ncommands: {x: !Command {<<: *a, run: b}, y: {<<: [{run: c}, *a]}}\n"},
		{"aliased tag", "containers: {c: {host: true, volumes: {/a: &v !Tmpfs {size: 1M}, /b: *v}}}\n"},
		{"standard tags", "containers: {c: !!map {rootfs: !!str 5}}\n"},
		{"a hidden command of vagga's", "containers: {c: {host: true}}\ncommands: {_x: {container: c, run: a}}\n"},
		{"a key that was merged and repeated", "containers: {c: {<<: {host: no}, host: true}}\n"},
	} {
		if got := problemLines(t, c.file); got != nil {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

func TestUnsupportedWords(t *testing.T) {
	p := mustLoad(t, "testdata/vagga.yaml")
	names := func(words []Word) string {
		var out []string
		for _, w := range words {
			out = append(out, w.Name)
		}
		return strings.Join(out, ", ")
	}
	const ubuntu = "!Ubuntu, !Py3Install, auto-clean, image-cache-url, resolv-conf-path, hosts-file-path, data-dirs, !VaggaBin"
	for _, c := range []struct{ command, want string }{
		{"good", ""},
		{"push", ubuntu},
		{"old", "mode: wait_all"},
		{"net", "mode: restart, isolate-network, !BridgeCommand, !VaggaBin"},
		{"build", "!CapsuleCommand, uids"},
		{"postgres", ubuntu + ", prerequisites, options, expect-inotify-limit, pass-tcp-socket, symlink-name, link-as, linked-path-translation, network, public-ports, pid1mode: wait-all-children"},
	} {
		command, _ := p.Command(c.command)
		if got := names(p.UnsupportedFor(command, command.Children)); got != c.want {
			t.Errorf("%s needs %s\nwant %s", c.command, got, c.want)
		}
	}
	if got, want := len(p.AllUnsupported()), 1+8+10+2+4+1; got != want {
		t.Errorf("%d words in the file, want %d: %s", got, want, names(p.AllUnsupported()))
	}
	word := p.AllUnsupported()[1]
	if word.Pos.Line != 10 || word.Pos.Column != 7 || word.Hint != "write !Image ubuntu:16.04" {
		t.Errorf("!Ubuntu is %+v", word)
	}
}

// TestUnsupportedElsewhere: words that only others need don't matter.
func TestUnsupportedElsewhere(t *testing.T) {
	p, err := Parse("/p/f", []byte(`
mixins: [more.yaml]
containers: {here: {host: true}, built: {setup: [!Container deep]}, deep: {setup: [!Alpine v3.5, !Sh a]}}
commands:
  group: {children: {a: {container: here, run: a}, b: {container: built, run: b}, c: {container: there, run: c}}}
  shows: {container: here, run: a, volumes: {/mnt: !Container there}}
`))
	if err != nil {
		t.Fatal(err)
	}
	group, shows := p.Commands[0], p.Commands[1]
	for _, c := range []struct {
		command *Command
		chosen  []*Process
		want    []string
	}{
		{group, group.Children, []string{"mixins", "!Alpine"}},
		{group, group.Children[:1], nil},
		{group, group.Children[:2], []string{"!Alpine"}},
		{group, group.Children[2:], []string{"mixins"}},
		{shows, shows.Children, []string{"mixins"}},
	} {
		var got []string
		for _, w := range p.UnsupportedFor(c.command, c.chosen) {
			got = append(got, w.Name)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%d children of %s need %q, want %q", len(c.chosen), c.command.Name, got, c.want)
		}
	}
}
