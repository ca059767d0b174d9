package plan

import (
	"errors"
	"strings"
	"testing"
)

// problemCase is a file and everything that is wrong with it, each line
// without the name of the file.
type problemCase struct {
	name string
	file string
	want []string
}

func runProblemCases(t *testing.T, cases []problemCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := problemLines(t, c.file)
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("file:\n%s\ngot:\n  %s\nwant:\n  %s", c.file, strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
		})
	}
}

// problemLines parses file and returns its problems as L:C: message.
func problemLines(t *testing.T, file string) []string {
	t.Helper()
	_, err := Parse("/p/f", []byte(file))
	if err == nil {
		return nil
	}
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("the error is a %T, not Problems: %v", err, err)
	}
	var out []string
	for _, p := range problems {
		if p.Pos.File != "/p/f" {
			t.Errorf("problem in file %q: %v", p.Pos.File, p)
		}
		out = append(out, strings.TrimPrefix(p.String(), "/p/f:"))
	}
	return out
}

// inCommand is a good file but for the lines of body, which begin on line 4 in
// column 5.
func inCommand(body string) string {
	return "containers: {c: {host: true, limits: {pids: 9}}}\ncommands:\n  x: !Command\n    " +
		strings.ReplaceAll(body, "\n", "\n    ") + "\n"
}

// inContainer is the same for a container, on line 3.
func inContainer(body string) string {
	return "containers:\n  c:\n    " + strings.ReplaceAll(body, "\n", "\n    ") + "\n"
}

// inVolumes is the same for volumes of a container, on line 5 in column 7.
func inVolumes(body string) string {
	return inContainer("host: true\nvolumes:\n  " + strings.ReplaceAll(body, "\n", "\n  "))
}

const okRun = "container: c\nrun: a\n"

func TestYAMLProblems(t *testing.T) {
	long := strings.Repeat("# a comment that makes the file long\n", maxFile/37+1)
	runProblemCases(t, []problemCase{
		{"unclosed list", "containers:\n  c: [1, 2\n", []string{"3:1: YAML: did not find expected ',' or ']' (while parsing a flow sequence that begins on line 2, column 6)"}},
		{"unclosed quote", "x-a: 'b", []string{"1:8: YAML: found unexpected end of stream (while scanning a quoted scalar that begins on line 1, column 6)"}},
		{"colon in text", "x-a: b: c\n", []string{"1:7: YAML: mapping values are not allowed in this context"}},
		{"tab indents", "commands:\n\tx: 1\n", []string{"2:1: YAML: a tab cannot indent; use spaces"}},
		{"no such anchor", "x-a: *b\n", []string{"1:6: YAML: unknown anchor 'b' referenced"}},
		{"two documents", "x-a: 1\n---\nx-b: 2\n", []string{"2:1: a second YAML document begins here; put everything into one"}},
		{"second document broken", "x-a: 1\n---\nx-b: [\n", []string{"4:1: YAML: did not find expected node content"}},
		{"not UTF-8", "x-a: b\nx-é: \xe9\n", []string{"2:6: the byte 0xe9 is not UTF-8; save the file as UTF-8"}},
		{"UTF-16", "\xff\xfea\x00", []string{"1:1: the byte 0xff is not UTF-8; save the file as UTF-8"}},
		{"control character", "x-a: 1\r\nx-b: \x1b[0m\n", []string{"2:6: the control character U+001B cannot stand in YAML; remove it"}},
		{"line ends of some", "x-a: 1\nx-b: a\u2028b\n", []string{`2:7: the invisible character U+2028 ends a line for some readers of YAML and for others not; remove it, or write it as "\u2028"`}},
		{"large file", long, []string{"1:1: the file is larger than 1048576 bytes; is it the right one?"}},
		{"a list", "- a\n", []string{`1:1: the file: expected a mapping, got a list`}},
		{"a text", "hello\n", []string{`1:1: the file: expected a mapping, got "hello"`}},
		{"a tag on top", "!Foo\nx-a: 1\n", []string{`1:1: the tag "!Foo" has no meaning here; remove it`}},
		{"an include", "commands: !*Include other.yaml\n", []string{
			`1:11: "!*Include" of vagga is not supported; put the text into this file`,
			`1:11: commands: expected a mapping, got "other.yaml"`}},
		{"complex key", "? [a]\n: b\n", []string{"1:3: expected a name before the colon, got a list"}},
		{"unknown key", "comands: {}\n", []string{`1:1: unknown key "comands" in the file (did you mean "commands"?)`}},
		{"unknown and far", "qqqqqq: {}\n", []string{`1:1: unknown key "qqqqqq" in the file`}},
		{"duplicate", "commands: {}\ncontainers: {}\ncommands: {}\n", []string{`3:1: "commands" is here a second time; the first is on line 1, column 1`}},
		{"duplicate in two spellings", inCommand(okRun + "work-dir: a\nwork_dir: b"), []string{`7:5: "work-dir" is here a second time; the first is on line 6, column 5`}},
		{"sorted and once", "x-a: &a {host: true, bad: 1}\ncontainers: {b: *a, a: *a}\nfoo: 1\n", []string{
			`1:22: unknown key "bad" in container "a"`,
			`1:22: unknown key "bad" in container "b"`,
			`3:1: unknown key "foo" in the file`}},
	})
}

func TestMergeProblems(t *testing.T) {
	deep := "x-0: &a0 {host: true}\n"
	for i := range 120 {
		deep += "x-" + short(float64(i+1)) + ": &a" + short(float64(i+1)) + " {<<: *a" + short(float64(i)) + "}\n"
	}
	deep += "containers: {c: *a120}\n"
	runProblemCases(t, []problemCase{
		{"in itself", "containers: &a\n  <<: *a\n", []string{"2:7: this merge contains itself; remove it"}},
		{"in a circle", "containers: &a\n  c: &b {host: true}\n  <<: {<<: *a}\n", []string{"3:12: this merge contains itself; remove it"}},
		{"of a text", "containers:\n  <<: hello\n", []string{`2:7: <<: expected a mapping, or a list of mappings, to merge, got "hello"`}},
		{"of a list of texts", "containers:\n  <<: [hello]\n", []string{`2:8: <<: expected a mapping, or a list of mappings, to merge, got "hello"`}},
		{"twice", "containers:\n  <<: {}\n  <<: {}\n", []string{"3:3: a second merge key; write one: <<: [*a, *b]"}},
		{"too deep", deep, []string{"21:17: merges nest more than 100 deep; merge less", `122:14: container "c" has no source; write image: REF, setup: [STEPS], rootfs: FOLDER or host: true`}},
		{"list in itself", inCommand("container: c\nrun: &r [a, *r]"), []string{`5:10: an item of run: expected text, got a list`}},
		{"mapping in itself", "containers: &a {c: *a}\n", []string{
			`1:17: container "c" has no source; write image: REF, setup: [STEPS], rootfs: FOLDER or host: true`,
			`1:17: unknown key "c" in container "c"`}},
	})
}

func TestAliasBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString("x-v: &v {A: a")
	for range 300 {
		b.WriteString(", B" + short(float64(b.Len())) + ": b")
	}
	b.WriteString("}\nx-c: &c {host: true, environ: *v}\ncontainers:\n")
	for i := range 2000 {
		b.WriteString("  n" + short(float64(i)) + ": *c\n")
	}
	got := problemLines(t, b.String())
	if len(got) != 1 || !strings.HasSuffix(got[0], "aliases and merges blow this file up to more than 100000 values; repeat less") {
		t.Errorf("got %q", got)
	}

	doubling := "x-0: &a0 {<<: {}}\n"
	for i := range 60 {
		n, m := short(float64(i)), short(float64(i+1))
		doubling += "x-" + m + ": &a" + m + " {<<: [*a" + n + ", *a" + n + "]}\n"
	}
	got = problemLines(t, doubling+"containers: *a60\n")
	if len(got) != 1 || !strings.HasSuffix(got[0], "repeat less") {
		t.Errorf("got %q", got)
	}
}

func TestManyProblems(t *testing.T) {
	var b strings.Builder
	for i := range 5000 {
		b.WriteString("k" + short(float64(i)) + ": 1\n")
	}
	if got := problemLines(t, b.String()); len(got) != maxProblems {
		t.Errorf("%d problems, want %d", len(got), maxProblems)
	}
}

func TestProblemText(t *testing.T) {
	ps := Problems{
		{Pos{"a.yaml", 1, 2}, "bad", ""},
		{Pos{"a.yaml", 3, 4}, "worse", "better"},
	}
	if got, want := ps.Error(), "a.yaml:1:2: bad\na.yaml:3:4: worse (did you mean \"better\"?)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	w := Word{Pos{"a.yaml", 5, 6}, "setup", "write rootfs"}
	if got, want := w.String(), `a.yaml:5:6: "setup" is not supported in this version; write rootfs`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := quote(strings.Repeat("é", 70)); got != `"`+strings.Repeat("é", 60)+`…"` {
		t.Errorf("quote cuts to %s", got)
	}
}
