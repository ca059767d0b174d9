package plan

import "testing"

func TestContainerProblems(t *testing.T) {
	runProblemCases(t, []problemCase{
		{"not a mapping", "containers:\n  c: [a]\n", []string{`2:6: container "c": expected a mapping, got a list`}},
		{"containers is text", "containers: abc\n", []string{`1:13: containers: expected a mapping, got "abc"`}},
		{"empty", "containers:\n  c:\n", []string{`2:3: container "c" has no source; write image: REF, setup: [STEPS], rootfs: FOLDER or host: true`}},
		{"tagged", "containers:\n  c: !Box {host: true}\n", []string{`2:6: the tag "!Box" has no meaning here; remove it`}},
		{"host off", inContainer("host: no"), []string{`3:11: container "c" has no source; write image: REF, setup: [STEPS], rootfs: FOLDER or host: true`}},
		{"two sources", inContainer("rootfs: a\nhost: true"), []string{`4:5: container "c" has two sources, rootfs and host; keep one`}},
		{"rootfs and setup", inContainer("setup: [!Image a]\nrootfs: a"), []string{`4:5: container "c" has two sources, setup and rootfs; keep one`}},
		{"three sources", inContainer("image: a\nrootfs: a\nhost: true"), []string{
			`4:5: container "c" has two sources, image and rootfs; keep one`,
			`5:5: container "c" has two sources, image and host; keep one`}},
		{"empty rootfs", inContainer(`rootfs: ""`), []string{`3:13: rootfs is empty; write a value or remove the key`}},
		{"null rootfs", inContainer("rootfs:"), []string{`3:12: rootfs is empty; write a value or remove the key`}},
		{"rootfs is a list", inContainer("rootfs: [a]"), []string{`3:13: rootfs: expected text, got a list`}},
		{"rootfs with NUL", inContainer(`rootfs: "a\0"`), []string{`3:13: rootfs contains a NUL byte, which no program can be given; remove it`}},
		{"host is a word", inContainer("host: maybe"), []string{
			`3:11: host: expected true or false, got "maybe"`}},
		{"unknown key", inContainer("host: true\nenvrion: {}"), []string{`4:5: unknown key "envrion" in container "c" (did you mean "environ"?)`}},
		{"key of a command", inContainer("host: true\nrun: a"), []string{`4:5: "run" has no place in container "c"; it belongs on a command`}},
		{"key of vagga 0.1", inContainer("host: true\nensure-dirs: [/a]"), []string{`4:5: "ensure-dirs" has no place in container "c"; mount points are made where they are missing`}},
		{"bad name", "containers:\n  -a: {host: true}\n  'b c': {host: true}\n  '': {host: true}\n  ..: {host: true}\n", []string{
			`2:3: container: "-a" is not a name; use up to 100 letters, digits, '.', '_' and '-', not '-' first`,
			`3:3: container: "b c" is not a name; use up to 100 letters, digits, '.', '_' and '-', not '-' first`,
			`4:3: container: "" is not a name; use up to 100 letters, digits, '.', '_' and '-', not '-' first`,
			`5:3: container: ".." is not a name; use up to 100 letters, digits, '.', '_' and '-', not '-' first`}},
		{"duplicate", "containers:\n  c: {host: true}\n  c: {host: true}\n", []string{`3:3: "c" is here a second time; the first is on line 2, column 3`}},
		{"shell with spaces", inContainer("host: true\ndefault-shell: /bin/bash -e"), []string{`4:20: default-shell: "/bin/bash -e" has spaces; write a list: [/bin/bash, -e, -c]`}},
		{"empty shell", inContainer("host: true\ndefault-shell: []"), []string{`4:20: default-shell is empty; write [/bin/sh, -c] or remove the key`}},
		{"shell is a mapping", inContainer("host: true\ndefault-shell: {a: b}"), []string{`4:20: default-shell: expected a list, got a mapping`}},
		{"relative environ-file", inContainer("host: true\nenviron-file: etc/env"), []string{`4:19: environ-file: "etc/env" is a path inside the container and has to begin with a slash`}},
		{"environ is a list", inContainer("host: true\nenviron: [A=b]"), []string{`4:14: environ: expected a mapping, got a list`}},
		{"environ names", inContainer("host: true\nenviron: {'A=b': c, '': d, \"e\\0\": f, G: [h]}"), []string{
			`4:15: environ: "A=b" is not a name of a variable; it must not be empty nor contain '=' or NUL`,
			`4:25: environ: "" is not a name of a variable; it must not be empty nor contain '=' or NUL`,
			`4:32: environ: "e\x00" is not a name of a variable; it must not be empty nor contain '=' or NUL`,
			`4:45: environ "G": expected text, got a list`}},
		{"write-mode", inContainer("host: true\nwrite-mode: read-write"), []string{`4:17: write-mode: expected read-only or transient, got "read-write"`}},
		{"limits-mode", inContainer("host: true\nlimits-mode: best-efort"), []string{`4:18: limits-mode: expected strict or best-effort, got "best-efort" (did you mean "best-effort"?)`}},
		{"security", inContainer("host: true\nsecurity: {seccomp: ../p.json, nesting: 1, privileged: true}"), []string{
			`4:25: seccomp: "../p.json" leads out of the project; write default, unconfined, or the path of a profile in the project`,
			`4:45: nesting: expected true or false, got "1"`,
			`4:48: unknown key "privileged" in security`}},
		{"security is a word", inContainer("host: true\nsecurity: unconfined"), []string{`4:15: security: expected a mapping, got "unconfined"`}},
		{"empty seccomp", inContainer("host: true\nsecurity: {seccomp: ''}"), []string{`4:25: seccomp is empty; write a value or remove the key`}},
	})
}

func TestCommandProblems(t *testing.T) {
	runProblemCases(t, []problemCase{
		{"not a mapping", "commands:\n  x: echo\n", []string{`2:6: command "x": expected a mapping, got "echo"`}},
		{"a list of commands", "commands: [a]\n", []string{`1:11: commands: expected a mapping, got a list`}},
		{"empty", "commands:\n  x: !Command\n", []string{
			`2:3: command "x" has no container; write container: NAME`,
			`2:3: command "x" has no run; write what it executes`}},
		{"unknown tag", "containers: {c: {host: true}}\ncommands: {x: !Comand {container: c, run: a}}\n", []string{
			`2:15: unknown kind of command "!Comand" (did you mean "!Command"?)`}},
		{"unknown container", inCommand("container: d\nrun: a"), []string{`4:16: unknown container "d" (did you mean "c"?)`}},
		{"empty run", inCommand("container: c\nrun: ' '"), []string{`5:10: run is empty; write a value or remove the key`}},
		{"empty list to run", inCommand("container: c\nrun: []"), []string{`5:10: run is empty; write the program first`}},
		{"empty program", inCommand("container: c\nrun: ['', a]"), []string{`5:10: run is empty; write the program first`}},
		{"run is a mapping", inCommand("container: c\nrun: {a: b}"), []string{`5:10: run: expected a list, got a mapping`}},
		{"NUL in run", inCommand(`container: c` + "\n" + `run: [a, "b\0"]`), []string{`5:14: an item of run contains a NUL byte, which no program can be given; remove it`}},
		{"tag in run", inCommand("container: c\nrun: !Shell a"), []string{`5:10: the tag "!Shell" has no meaning here; remove it`}},
		{"unknown key", inCommand(okRun + "workdir: a"), []string{`6:5: unknown key "workdir" in command "x" (did you mean "work-dir"?)`}},
		{"key of a group", inCommand(okRun + "mode: stop-on-failure"), []string{`6:5: "mode" has no place in command "x"; it belongs on a !Supervise`}},
		{"children", inCommand(okRun + "children: {}"), []string{`6:5: "children" has no place in command "x"; it belongs on a !Supervise`}},
		{"accepts-arguments", inCommand(okRun + "accepts-arguments: 2"), []string{`6:24: accepts-arguments: expected true or false, got "2"`}},
		{"work-dir", inCommand(okRun + "work-dir: a/../.."), []string{`6:15: work-dir: "a/../.." leads out of the project; a path inside the container begins with a slash`}},
		{"empty work-dir", inCommand(okRun + "work-dir: ''"), []string{`6:15: work-dir is empty; write a value or remove the key`}},
		{"description is a list", inCommand(okRun + "description: [a]"), []string{`6:18: description: expected text, got a list`}},
		{"tags are text", inCommand(okRun + "tags: a"), []string{`6:11: tags: expected a list, got "a"`}},
		{"tags", inCommand(okRun + "tags: [a, a, 'b c']"), []string{
			`6:15: tags: "a" is here a second time; remove it`,
			`6:18: tags: "b c" is not a name; use up to 100 letters, digits, '.', '_' and '-', not '-' first`}},
		{"banner-delay", inCommand(okRun + "banner-delay: soon"), []string{`6:19: banner-delay: expected a number, got "soon"`}},
		{"pid1mode", inCommand(okRun + "pid1mode: exce"), []string{`6:15: pid1mode: expected wait or wait-all-children or exec, got "exce" (did you mean "exec"?)`}},
		{"bad name", "containers: {c: {host: true}}\ncommands: {a/b: {container: c, run: a}}\n", []string{
			`2:12: command: "a/b" is not a name; use up to 100 letters, digits, '.', '_' and '-', not '-' first`}},
		{"own verb", "containers: {c: {host: true}}\ncommands: {help: {container: c, run: a}}\n", []string{
			`2:12: command "help" has the name of one of lanyard's own verbs; take another`}},
		{"own verb as alias", inCommand(okRun + "aliases: [ctl]"), []string{
			`6:15: alias "ctl" has the name of one of lanyard's own verbs; take another`}},
		{"alias is its command", inCommand(okRun + "aliases: [y, x]"), []string{`6:18: alias "x" is already a name, on line 3, column 3`}},
		{"alias of two", "containers: {c: {host: true}}\ncommands:\n  x: {container: c, run: a, aliases: [z]}\n  y: {container: c, run: a, aliases: [z]}\n", []string{
			`4:39: alias "z" is already a name, on line 3, column 39`}},
		{"duplicate", "containers: {c: {host: true}}\ncommands:\n  x: {container: c, run: a}\n  x: {container: c, run: a}\n", []string{
			`4:3: "x" is here a second time; the first is on line 3, column 3`}},
	})
}

func TestNumberProblems(t *testing.T) {
	runProblemCases(t, []problemCase{
		{"uids is no list", inContainer("rootfs: a\nuids: 0-10"), []string{`4:11: uids: expected a list, got "0-10"`}},
		{"uids is empty", inContainer("rootfs: a\nuids: []"), []string{`4:11: uids is empty; write ranges as [0-65535], or remove the key`}},
		{"ranges that are none", inContainer("rootfs: a\ngids: [1-0, a, 0-4294967295, -1, 3]"), []string{
			`4:12: gids: "1-0" is no range of ids; write FIRST-LAST or one number, from 0 to 4294967294`,
			`4:17: gids: "a" is no range of ids; write FIRST-LAST or one number, from 0 to 4294967294`,
			`4:20: gids: "0-4294967295" is no range of ids; write FIRST-LAST or one number, from 0 to 4294967294`,
			`4:34: gids: "-1" is no range of ids; write FIRST-LAST or one number, from 0 to 4294967294`}},
		{"user-id is a name", inCommand(okRun + "user-id: abc"), []string{`6:14: user-id: expected a whole number, got "abc"`}},
		{"user-id is nothing", inCommand(okRun + "user-id:"), []string{`6:13: user-id: expected a whole number, got nothing`}},
		{"user-id is -1", inCommand(okRun + "user-id: -1"), []string{`6:14: user-id: "-1" is out of range (0 to 4294967294)`}},
		{"user-id is no id", inCommand(okRun + "user-id: 4294967295"), []string{`6:14: user-id: "4294967295" is out of range (0 to 4294967294)`}},
		{"user-id is huge", inCommand(okRun + "user-id: 99999999999999999999"), []string{`6:14: user-id: "99999999999999999999" is out of range (0 to 4294967294)`}},
		{"group-id has a point", inCommand(okRun + "group-id: 1.0"), []string{`6:15: group-id: expected a whole number, got "1.0"`}},
		{"group-id in octal?", inCommand(okRun + "group-id: 010"), []string{`6:15: group-id: "010" begins with 0, which some take for octal; write it without`}},
		{"gids", inCommand(okRun + "supplementary-gids: [1, x]"), []string{`6:29: supplementary-gids: expected a whole number, got "x"`}},
		{"limits is a list", inContainer("host: true\nlimits: [a]"), []string{`4:13: limits: expected a mapping, got a list`}},
		{"unknown limit", inContainer("host: true\nlimits: {mem: 1G}"), []string{`4:14: unknown key "mem" in limits`}},
		{"memory unit", inContainer("host: true\nlimits: {memory: 512m}"), []string{`4:22: memory: size "512m" has the unknown unit "m"; known are k, M, G, T, Ki, Mi, Gi, Ti, each with or without a B`}},
		{"memory too small", inContainer("host: true\nlimits: {memory: 1023Ki}"), []string{`4:22: memory: "1023Ki" is too small; the least is 1048576 bytes`}},
		{"memory too large", inContainer("host: true\nlimits: {memory: 9999999999Gi}"), []string{`4:22: memory: size "9999999999Gi" is too large`}},
		{"memory is a word", inContainer("host: true\nlimits: {memory: lots}"), []string{`4:22: memory: expected a size such as 512MiB, got "lots"`}},
		{"memory with fraction", inContainer("host: true\nlimits: {memory: 1.5G}"), []string{`4:22: memory: size "1.5G" has a fraction; write a whole number in a smaller unit`}},
		{"many points", inContainer("host: true\nlimits: {cpus: 1.1.1, memory: 1, swap: 1}"), []string{
			`4:20: cpus: expected a number, got "1.1.1"`,
			`4:35: memory: "1" is too small; the least is 1048576 bytes`}},
		{"swap alone", inContainer("host: true\nlimits: {swap: 0}"), []string{`4:13: limits: swap counts on top of memory; write memory too`}},
		{"swap alone on a command", inCommand(okRun + "limits: {swap: 0}"), []string{`6:13: limits: swap counts on top of memory; write memory too`}},
		{"cpus", inContainer("host: true\nlimits: {cpus: 0}"), []string{`4:20: cpus: "0" is out of range (0.01 to 100000)`}},
		{"cpus is a word", inContainer("host: true\nlimits: {cpus: 0x1p-2}"), []string{`4:20: cpus: expected a number, got "0x1p-2"`}},
		{"cpus is inf", inContainer("host: true\nlimits: {cpus: .inf}"), []string{`4:20: cpus: expected a number, got ".inf"`}},
		{"pids", inContainer("host: true\nlimits: {pids: 0}"), []string{`4:20: pids: "0" is out of range (1 to 4194304)`}},
		{"nofile", inContainer("host: true\nlimits: {nofile: 2}"), []string{`4:22: nofile: "2" is out of range (3 to 2147483584)`}},
		{"io-weight", inContainer("host: true\nlimits: {io-weight: 0}"), []string{`4:25: io-weight: "0" is out of range (1 to 10000)`}},
		{"io_weight too large", inContainer("host: true\nlimits: {io_weight: 10001}"), []string{`4:25: io-weight: "10001" is out of range (1 to 10000)`}},
		{"io-weight with fraction", inContainer("host: true\nlimits: {io-weight: 0.5}"), []string{`4:25: io-weight: expected a whole number, got "0.5"`}},
		{"io-weight misspelt", inContainer("host: true\nlimits: {ioweight: 5}"), []string{`4:14: unknown key "ioweight" in limits (did you mean "io-weight"?)`}},
	})
}

func TestSuperviseProblems(t *testing.T) {
	group := func(body string) string {
		return "containers: {c: {host: true}}\ncommands:\n  g: !Supervise\n" + body
	}
	child := func(body string) string {
		return group("    children:\n      a: !Command\n        container: c\n        run: a\n        " + body + "\n")
	}
	runProblemCases(t, []problemCase{
		{"no children", group("    mode: stop-on-failure\n"), []string{`3:3: command "g" has no children; write children with a !Command for each process`}},
		{"empty children", group("    children: {}\n"), []string{`4:15: children of command "g" is empty; write a !Command for each process`}},
		{"null children", group("    children:\n"), []string{`4:14: children of command "g" is empty; write a !Command for each process`}},
		{"children is a list", group("    children: [a]\n"), []string{`4:15: children: expected a mapping, got a list`}},
		{"child is text", group("    children: {a: b}\n"), []string{`4:19: child "a": expected a mapping, got "b"`}},
		{"child without run", group("    children: {a: {container: c}}\n"), []string{`4:16: child "a" has no run; write what it executes`}},
		{"group in a group", group("    children: {a: !Supervise {container: c, run: a}}\n"), []string{`4:19: child "a": groups don't nest; a child is a !Command`}},
		{"unknown kind", group("    children: {a: !Comand {container: c, run: a}}\n"), []string{`4:19: unknown kind of child "!Comand" (did you mean "!Command"?)`}},
		{"child twice", group("    children:\n      a: {container: c, run: a}\n      a: {container: c, run: a}\n"), []string{`6:7: "a" is here a second time; the first is on line 5, column 7`}},
		{"child name", group("    children: {'a b': {container: c, run: a}}\n"), []string{`4:16: child: "a b" is not a name; use up to 100 letters, digits, '.', '_' and '-', not '-' first`}},
		{"bad mode", group("    mode: stop-on-failur\n    children: {a: {container: c, run: a}}\n"), []string{
			`4:11: mode: expected stop-on-failure or wait-all-successful, got "stop-on-failur" (did you mean "stop-on-failure"?)`}},
		{"kill after", group("    kill-unresponsive-after: 86401\n    children: {a: {container: c, run: a}}\n"), []string{
			`4:30: kill-unresponsive-after: "86401" is out of range (0 to 86400)`}},
		{"limits on the group", group("    limits: {pids: 1}\n    environ: {}\n    volumes: {}\n    children: {a: {container: c, run: a}}\n"), []string{
			`4:5: "limits" has no place in command "g"; put it on the children of this !Supervise`,
			`5:5: "environ" has no place in command "g"; put it on the children of this !Supervise`,
			`6:5: "volumes" has no place in command "g"; put it on the children of this !Supervise`}},
		{"run beside children without a tag", "commands:\n  g:\n    run: a\n    children: {}\n", []string{
			`3:5: "run" has no place in command "g"; put it on the children of this !Supervise`,
			`4:15: children of command "g" is empty; write a !Command for each process`}},
		{"aliases on a child", child("aliases: [b]"), []string{`8:9: "aliases" has no place in child "a"; it belongs on the command whose child this is`}},
		{"group on a child", child("group: b"), []string{`8:9: "group" has no place in child "a"; it belongs on the command whose child this is`}},
		{"mode on a child", child("mode: b"), []string{`8:9: "mode" has no place in child "a"; it belongs on the command whose child this is`}},
		{"typo on a child", child("tag: [b]"), []string{`8:9: unknown key "tag" in child "a" (did you mean "tags"?)`}},
	})
}
