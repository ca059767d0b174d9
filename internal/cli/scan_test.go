package cli

import (
	"reflect"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/plan"
)

func TestScan(t *testing.T) {
	tests := []struct {
		name  string
		args  string
		given string // LONG=VALUE,VALUE of each option
		rest  string
		ended bool
		open  string
	}{
		{name: "nothing"},
		{name: "a word", args: "run x --only y", rest: "run x --only y"},
		{name: "separate values", args: "-f a.yaml -e HOME --output raw run", given: "file=a.yaml use-env=HOME output=raw", rest: "run"},
		{name: "attached values", args: "-fa.yaml -f=b.yaml --file=c.yaml run", given: "file=a.yaml file=b.yaml file=c.yaml", rest: "run"},
		{name: "a value that looks like an option", args: "-E --x=1 run", given: "environ=--x=1", rest: "run"},
		{name: "-- as a value", args: "-f -- run", given: "file=--", rest: "run"},
		{name: "a list takes all words", args: "--only a b c", given: "only=a,b,c", open: "only"},
		{name: "a list ends at an option", args: "--only a b --timestamps run", given: "only=a,b timestamps", rest: "run"},
		{name: "a list ends at --", args: "--only a -- run", given: "only=a", rest: "run", ended: true},
		{name: "an attached list takes one word", args: "--only=a,b run", given: "only=a,b", rest: "run"},
		{name: "repeated lists", args: "--only a --exclude b --only c", given: "only=a exclude=b only=c", open: "only"},
		{name: "a lone dash is a word", args: "--timestamps - x", given: "timestamps", rest: "- x"},
		{name: "-- first", args: "-- --only x", rest: "--only x", ended: true},
		{name: "a missing value", args: "--output", given: "output", open: "output"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := scan(mainOptions, strings.Fields(test.args))
			if err != nil {
				t.Fatal(err)
			}
			open := ""
			if s.open != nil {
				open = s.open.long
			}
			if got := spell(s.given); got != test.given || strings.Join(s.rest, " ") != test.rest || s.ended != test.ended || open != test.open {
				t.Errorf("given %q, rest %q, ended %v, open %q; want %+v", got, s.rest, s.ended, open, test)
			}
		})
	}
}

func spell(options []given) string {
	var parts []string
	for _, g := range options {
		text := g.option.long
		if len(g.values) > 0 {
			text += "=" + strings.Join(g.values, ",")
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}

func TestWrongOptions(t *testing.T) {
	tests := []struct {
		known []*option
		args  string
		want  string
	}{
		{mainOptions, "--onyl web", "unknown option --onyl (did you mean --only?)"},
		{mainOptions, "-x", "unknown option -x"},
		{mainOptions, "--zzzzzz", "unknown option --zzzzzz"},
		{mainOptions, "--version=1", `--version takes no value, but "--version=1" gives one`},
		{mainOptions, "-hx", `-h takes no value, but "-hx" gives one`},
		{mainOptions, "--only --exclude a", "--only needs at least one name or tag"},
		{mainOptions, "-f", "--file needs a value: FILE"},
		{groupOptions, "-f x", "-f has to stand before the command"},
		{commandOptions, "--only x", "--only is for groups of commands"},
	}
	for _, test := range tests {
		_, _, err := scanAll(test.known, strings.Fields(test.args))
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: got %v, want %s", test.args, err, test.want)
		}
	}
}

func TestScanAll(t *testing.T) {
	options, words, err := scanAll(groupOptions, strings.Fields("x --only a b --timestamps y -- --only z"))
	if err != nil {
		t.Fatal(err)
	}
	if got := spell(options); got != "only=a,b timestamps" {
		t.Errorf("options %q", got)
	}
	if want := strings.Fields("x y --only z"); !reflect.DeepEqual(words, want) {
		t.Errorf("words %q, want %q", words, want)
	}
}

func TestSettings(t *testing.T) {
	lookup := func(name string) (string, bool) {
		if name == "HERE" {
			return "a b", true
		}
		return "", false
	}
	options, _, err := scanAll(mainOptions, strings.Fields("-e HERE -E X=1=2 -e GONE -E Y= --output raw --output json --only a,b --only c"))
	if err != nil {
		t.Fatal(err)
	}
	var s settings
	if err := s.apply(options, lookup); err != nil {
		t.Fatal(err)
	}
	passed := []plan.EnvVar{{Name: "HERE", Value: "a b"}, {Name: "GONE"}}
	set := []plan.EnvVar{{Name: "X", Value: "1=2"}, {Name: "Y"}}
	if !reflect.DeepEqual(s.passed, passed) || !reflect.DeepEqual(s.environ, set) {
		t.Errorf("passed %+v, environ %+v; want %+v, %+v", s.passed, s.environ, passed, set)
	}
	if s.format != "json" || !reflect.DeepEqual(s.only, []string{"a,b", "c"}) {
		t.Errorf("format %q, only %q", s.format, s.only)
	}
}

func TestWrongValues(t *testing.T) {
	for args, want := range map[string]string{
		"-E X":        "is not NAME=VALUE",
		"-E =x":       "is not NAME=VALUE",
		"-e X=1":      "-E NAME=VALUE",
		"--output no": "unknown output format",
		"--file=":     "name a project file",
	} {
		options, _, err := scanAll(mainOptions, strings.Fields(args))
		if err == nil {
			err = (&settings{}).apply(options, func(string) (string, bool) { return "", false })
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", args, err, want)
		}
	}
}
