package plan

import (
	"reflect"
	"testing"
)

func TestVolumeProblems(t *testing.T) {
	runProblemCases(t, []problemCase{
		{"volumes is a list", inContainer("host: true\nvolumes: [a]"), []string{`4:14: volumes: expected a mapping, got a list`}},
		{"no tag", inVolumes("/a: /work/b"), []string{`5:11: volume "/a" has no tag; write one of !Tmpfs !BindRW !BindRO !Empty !Persistent !Snapshot !Container !CacheDir before the value`}},
		{"unknown tag", inVolumes("/a: !Tmpf"), []string{`5:11: unknown volume "!Tmpf" (did you mean "!Tmpfs"?)`}},
		{"relative", inVolumes("a: !Empty"), []string{`5:7: volume "a": the path has to begin with a slash`}},
		{"not clean", inVolumes("/a/../b: !Empty"), []string{`5:7: volume "/a/../b" is not a clean path; write "/b"`}},
		{"the root", inVolumes("/: !Empty"), []string{`5:7: volume "/": nothing can be mounted over /; name a folder below it`}},
		{"the project", inVolumes("/work: !Empty"), []string{`5:7: volume "/work": nothing can be mounted over /work; name a folder below it`}},
		{"proc", inVolumes("/proc/sys: !Empty"), []string{`5:7: volume "/proc/sys": every container has a /proc, /sys and /dev of its own; only /dev/shm can be replaced`}},
		{"sys", inVolumes("/sys: !Empty"), []string{`5:7: volume "/sys": every container has a /proc, /sys and /dev of its own; only /dev/shm can be replaced`}},
		{"dev", inVolumes("/dev/pts: !Empty"), []string{`5:7: volume "/dev/pts": every container has a /proc, /sys and /dev of its own; only /dev/shm can be replaced`}},
		{"NUL", inVolumes(`"/a\0": !Empty`), []string{`5:7: volume "/a\x00" contains a NUL byte; remove it`}},
		{"twice", inVolumes("/a: !Empty\n/a/: !Empty"), []string{`6:7: volume "/a" is here a second time; the first is on line 5, column 7`}},
		{"Empty with a value", inVolumes("/a: !Empty b"), []string{`5:11: !Empty takes no value, got "b"`}},
		{"bind elsewhere", inVolumes("/a: !BindRW /home/b"), []string{`5:11: !BindRW: the source "/home/b" is neither in /work (the project) nor /volumes/NAME (external-volumes of your settings); nothing else can be bound`}},
		{"bind out of work", inVolumes("/a: !BindRO /work/../etc"), []string{`5:11: !BindRO: the source "/work/../etc" is neither in /work (the project) nor /volumes/NAME (external-volumes of your settings); nothing else can be bound`}},
		{"bind relative", inVolumes("/a: !BindRO ./b"), []string{`5:11: !BindRO: the source "./b" is neither in /work (the project) nor /volumes/NAME (external-volumes of your settings); nothing else can be bound`}},
		{"bind of nothing", inVolumes("/a: !BindRO"), []string{`5:11: !BindRO: the source "" is neither in /work (the project) nor /volumes/NAME (external-volumes of your settings); nothing else can be bound`}},
		{"bind not clean", inVolumes("/a: !BindRO /work//b"), []string{`5:11: !BindRO: the source "/work//b" is not a clean path; write "/work/b"`}},
		{"bind of a hidden volume", inVolumes("/a: !BindRO /volumes/.b/c"), []string{`5:11: volume name: ".b" begins with a dot; take another`}},
		{"bind of a mapping", inVolumes("/a: !BindRO {}"), []string{`5:11: !BindRO: expected text, got a mapping`}},
		{"CacheDir without name", inVolumes("/a: !CacheDir"), []string{`5:11: !CacheDir needs a name after it`}},
		{"CacheDir with a slash", inVolumes("/a: !CacheDir pip/http"), []string{`5:11: volume name: "pip/http" is not a name; use up to 100 letters, digits, '.', '_' and '-', not '-' first`}},
		{"Persistent without name", inVolumes("/a: !Persistent"), []string{`5:11: !Persistent needs a name after it`}},
		{"Persistent without name:", inVolumes("/a: !Persistent {}"), []string{`5:11: !Persistent needs a name; write name: NAME`}},
		{"Persistent out of its folder", inVolumes("/a: !Persistent ../b"), []string{`5:11: volume name: "../b" begins with a dot; take another`}},
		{"Persistent with a slash", inVolumes("/a: !Persistent {name: b/c}"), []string{`5:30: volume name: "b/c" is not a name; use up to 100 letters, digits, '.', '_' and '-', not '-' first`}},
		{"Persistent, unknown key", inVolumes("/a: !Persistent {name: b, owner: 1}"), []string{`5:33: unknown key "owner" in !Persistent`}},
		{"Persistent, unknown command", inVolumes("/a: !Persistent {name: b, init-command: i}"), []string{`5:47: init-command: unknown command "i"`}},
		{"Persistent, a group", inVolumes("/a: !Persistent {name: b, init-command: g}") + "commands: {g: {children: {a: {container: c, run: a}}}}\n", []string{
			`5:47: init-command: "g" is a !Supervise; only a !Command can fill a volume`}},
		{"Persistent, owner", inVolumes("/a: !Persistent {name: b, owner-uid: me}"), []string{`5:44: owner-uid: expected a whole number, got "me"`}},
		{"Snapshot, unknown container", inVolumes("/a: !Snapshot {container: d}"), []string{`5:33: unknown container "d" (did you mean "c"?)`}},
		{"Snapshot of text", inVolumes("/a: !Snapshot b"), []string{`5:11: !Snapshot: expected a mapping, got "b"`}},
		{"Container without name", inVolumes("/a: !Container"), []string{`5:11: !Container needs a name after it`}},
		{"Container unknown", inVolumes("/a: !Container cc"), []string{`5:11: unknown container "cc" (did you mean "c"?)`}},
		{"Tmpfs, no size", inVolumes("/a: !Tmpfs {size: 0}"), []string{`5:25: size: "0" is too small; the least is 1 bytes`}},
		{"Tmpfs, mode", inVolumes("/a: !Tmpfs {mode: 0o1778}"), []string{`5:25: mode: expected octal permission bits, 0 to 0o7777, got "0o1778"`}},
		{"Tmpfs, mode too large", inVolumes("/a: !Tmpfs {mode: 10000}"), []string{`5:25: mode: expected octal permission bits, 0 to 0o7777, got "10000"`}},
		{"Tmpfs, subdirs", inVolumes("/a: !Tmpfs {subdirs: {/b: , c/../d: , ../e: , f/g: , '': }}"), []string{
			`5:29: subdirs: "/b" is not a clean path inside the volume, such as lib or lib/cache`,
			`5:35: subdirs: "c/../d" is not a clean path inside the volume, such as lib or lib/cache`,
			`5:45: subdirs: "../e" is not a clean path inside the volume, such as lib or lib/cache`,
			`5:53: subdirs: the folder of "f/g" is missing; add "f" to subdirs`,
			`5:60: subdirs: "" is not a clean path inside the volume, such as lib or lib/cache`}},
		{"Tmpfs, subdirs options", inVolumes("/a: !Tmpfs {subdirs: {b: {mod: 1}}}"), []string{`5:33: unknown key "mod" in subdirs (did you mean "mode"?)`}},
		{"Tmpfs, files", inVolumes("/a: !Tmpfs {subdirs: {b: }, files: {b: x, c/d: y, e: [z]}}"), []string{
			`5:43: files: "b" is one of subdirs already; remove one`,
			`5:49: files: the folder of "c/d" is missing; add "c" to subdirs`,
			`5:60: files "e": expected text, got a list`}},
	})
}

func TestVolumes(t *testing.T) {
	p, err := Parse("/p/f", []byte(inVolumes(`/z: !Tmpfs
/y: !Tmpfs
  size: 10Mi
  mode: 0750
  subdirs: {lib: , lib/x: {mode: 0o1777}, lib-y: {mode: 700}}
  files: {lib/b: "1\0", a: }
/x/deep: !Empty
/x: !BindRW /work/tmp/
/x-1: !BindRO /volumes/docker.sock
/w: !Persistent pg
/v: !Persistent {name: pg, init_command: init, owner-uid: 1, owner-gid: 2}
/u: !Snapshot
/t: !Snapshot {container: c, size: 1G, owner_uid: 3}
/s: !Container c
/dev/shm: !Tmpfs {size: 1}
/work/src: !Empty {}`)+"commands: {init: {container: c, run: a}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	one, two, three := uint32(1), uint32(2), uint32(3)
	const normal = 100 << 20
	want := []Volume{
		{Target: "/dev/shm", Kind: Tmpfs, Size: 1, Mode: 0o1777},
		{Target: "/s", Kind: ContainerFS, From: "c"},
		{Target: "/t", Kind: Snapshot, Size: 1e9, From: "c", OwnerUID: &three},
		{Target: "/u", Kind: Snapshot, Size: normal},
		{Target: "/v", Kind: Persistent, Name: "pg", InitCommand: "init", OwnerUID: &one, OwnerGID: &two},
		{Target: "/w", Kind: Persistent, Name: "pg"},
		{Target: "/work/src", Kind: Empty},
		{Target: "/x", Kind: BindRW, Source: "/work/tmp"},
		{Target: "/x-1", Kind: BindRO, Source: "/volumes/docker.sock"},
		{Target: "/x/deep", Kind: Empty},
		{Target: "/y", Kind: Tmpfs, Size: 10 << 20, Mode: 0o750,
			Dirs:  []TmpfsDir{{"lib", 0o755}, {"lib-y", 0o700}, {"lib/x", 0o1777}},
			Files: []TmpfsFile{{"lib/b", "1\x00"}, {"a", ""}}},
		{Target: "/z", Kind: Tmpfs, Size: normal, Mode: 0o1777},
	}
	got := p.Containers["c"].Volumes
	for i := range got {
		if got[i].Pos.Line < 5 || got[i].Pos.Column != 7 {
			t.Errorf("volume %s stands at %v", got[i].Target, got[i].Pos)
		}
		got[i].Pos = Pos{}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
