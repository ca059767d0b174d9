package plan

import (
	"slices"
	"testing"
)

// imagedFile has containers that come from an image, over others too, and some
// that don't.
const imagedFile = `containers:
  image: {image: postgres:17}
  step: {setup: [!Image a, !Sh b]}
  over: {setup: [!Container step]}
  above: {setup: [!Container over, !Sh b]}
  debian: {setup: [!Debian stable]}
  on-debian: {setup: [!Container debian]}
  tar: {setup: [!Tar {path: ./a.tar}]}
  folder: {rootfs: ./a}
  host: {host: true}
`

func TestImaged(t *testing.T) {
	p, err := Parse("/p/f", []byte(imagedFile))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"image": "image", "step": "step", "over": "step", "above": "step",
		"debian": "", "on-debian": "", "tar": "", "folder": "", "host": "", "missing": "",
	} {
		got := ""
		if c := p.Imaged(name); c != nil {
			got = c.Name
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// TestRunOfTheImage: run may be left out where an image says what it runs.
func TestRunOfTheImage(t *testing.T) {
	for _, box := range []string{"image", "step", "over", "above"} {
		p, err := Parse("/p/f", []byte(imagedFile+"commands:\n  x: !Command {container: "+box+"}\n  y: !Command {container: "+box+", accepts-arguments: no}\n  g: !Supervise\n    children: {z: {container: "+box+"}}\n"))
		if err != nil {
			t.Errorf("%s: %v", box, err)
			continue
		}
		for i, accepts := range []bool{true, false, true} {
			c := p.Commands[i].Children[0]
			if len(c.Run) != 0 || c.Shell || c.AcceptsArguments != accepts || c.RunPos != c.Pos {
				t.Errorf("%s: %+v", box, c)
			}
		}
	}
	var problems []problemCase
	for _, box := range []string{"debian", "on-debian", "tar", "folder", "host"} {
		problems = append(problems, problemCase{box, imagedFile + "commands:\n  x: !Command {container: " + box + "}\n", []string{
			`12:3: command "x" has no run; write what it executes`}})
	}
	runProblemCases(t, append(problems,
		problemCase{"empty run of an image", imagedFile + "commands:\n  x: !Command {container: image, run: []}\n", []string{
			`12:39: run is empty; write the program first`}},
		problemCase{"null run of an image", imagedFile + "commands:\n  x: !Command {container: image, run: }\n", []string{
			`12:39: run is empty; write a value or remove the key`}},
		problemCase{"a circle", "containers: {a: {setup: [!Container b]}, b: {setup: [!Container a]}}\ncommands: {x: {container: a}}\n", []string{
			`1:26: container a is built from itself: a -> b -> a`,
			`2:12: command "x" has no run; write what it executes`}},
	))
}

func TestUnsupportedIn(t *testing.T) {
	p, err := Parse("/p/f", []byte("containers:\n  a: {setup: [!Ubuntu xenial]}\n  b: {setup: [!Container a, !Py3Install [x]]}\n  c: {image: a}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{"a": {"!Ubuntu"}, "b": {"!Ubuntu", "!Py3Install"}, "c": nil} {
		var got []string
		for _, w := range p.UnsupportedIn(name) {
			got = append(got, w.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
