package cli

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/output"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/run"
)

// started is one call of lanyard whose processes are not started.
type started struct {
	code        int
	out, err    string
	options     *run.Options // nil: nothing would have been started
	childOfRoot *plan.Process
	make        *run.MakeOptions // nil: nothing would have been made
}

// made are the names of the containers that would have been made.
func (s started) made() string {
	var names []string
	if s.make != nil {
		for _, c := range s.make.Containers {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, " ")
}

// call runs lanyard in a project with the file of TestComplete.
func call(t *testing.T, format output.Format, args ...string) started {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "lanyard.yaml"), []byte(completeFile), 0o644); err != nil {
		t.Fatal(err)
	}
	var result started
	var out, errors bytes.Buffer
	a := &app{
		out: bufio.NewWriter(&out), err: &errors, dir: dir, format: format,
		lookup: func(name string) (string, bool) {
			if name == "SET" {
				return "here", true
			}
			return "", false
		},
		names: func() []string { return nil },
		run: func(o run.Options) int {
			result.options, result.childOfRoot = &o, o.Command.Children[0]
			return 42
		},
		make: func(o run.MakeOptions) int {
			result.make = &o
			for i, c := range o.Containers {
				o.Tell(c, i%2 == 0)
			}
			return 43
		},
	}
	result.code = a.main(args)
	if err := a.out.Flush(); err != nil {
		t.Fatal(err)
	}
	result.out, result.err = out.String(), errors.String()
	return result
}

func TestAGroupIsStartedAsAsked(t *testing.T) {
	got := call(t, output.Prefix, "-e", "SET", "--output", "raw", "-E", "A=1", "app", "--only", "web", "back", "--timestamps", "-e", "UNSET")
	if got.code != 42 || got.options == nil {
		t.Fatalf("exit code %d, stderr %s", got.code, got.err)
	}
	o := got.options
	if o.Command.Name != "app" || o.Format != output.Raw || !o.Timestamps || o.Args != nil || o.Dir == "" {
		t.Errorf("options %+v", o)
	}
	if want := []string{"web", "back"}; !reflect.DeepEqual(o.Only, want) {
		t.Errorf("only %q, want %q", o.Only, want)
	}
	// Of a name the last counts: -E wins.
	want := []plan.EnvVar{{Name: "SET", Value: "here"}, {Name: "UNSET"}, {Name: "A", Value: "1"}}
	if !reflect.DeepEqual(o.Environ, want) {
		t.Errorf("environ %+v, want %+v", o.Environ, want)
	}
}

func TestTheNameDecidesTheFormat(t *testing.T) {
	if got := call(t, output.Raw, "app"); got.options.Format != output.Raw {
		t.Errorf("format %q", got.options.Format)
	}
	if got := call(t, output.Raw, "--output=json", "app"); got.options.Format != output.JSON {
		t.Errorf("format %q", got.options.Format)
	}
}

func TestWordsOfACommandAreItsOwn(t *testing.T) {
	words := []string{"--help", "-f", "--", "--only", "x", "-E"}
	got := call(t, output.Prefix, append([]string{"sh"}, words...)...)
	if got.options == nil || !reflect.DeepEqual(got.options.Args, words) || got.options.Only != nil {
		t.Fatalf("got %+v, stderr %s", got.options, got.err)
	}
}

func TestRunInAContainer(t *testing.T) {
	got := call(t, output.Prefix, "_run", "--writable", "--work-dir", "sub", "-E", "A=1", "python", "pip", "-h", "--writable")
	if got.options == nil {
		t.Fatal(got.err)
	}
	p := got.childOfRoot
	if p.Container != "python" || p.WriteMode != plan.Transient || p.WorkDir != "sub" || p.Shell || len(got.options.Environ) != 1 {
		t.Errorf("process %+v, environ %+v", p, got.options.Environ)
	}
	if want := []string{"pip", "-h", "--writable"}; !reflect.DeepEqual(p.Run, want) {
		t.Errorf("run %q, want %q", p.Run, want)
	}
	if got.options.Command.Supervise {
		t.Error("it is a group")
	}
}

func TestNothingStartsAfterAMistake(t *testing.T) {
	tests := []struct {
		args string
		code int
	}{
		{"", 0},
		{"app x", run.ExitUsage},
		{"fixed x", run.ExitUsage},
		{"--only=web fixed", run.ExitUsage},
		{"_run python", run.ExitUsage},
		{"_run nowhere sh", run.ExitNotStarted},
		{"fixde", run.ExitNotStarted},
		{"-f gone.yaml app", run.ExitProject},
		{"ctl", run.ExitUsage},
		{"--help app", 0},
		{"app -h", 0},
		{"--version app", 0},
		{"__complete app --only ", 0},
		{"__complete", 0},
	}
	for _, test := range tests {
		got := call(t, output.Prefix, strings.Fields(test.args)...)
		if got.code != test.code || got.options != nil {
			t.Errorf("%q: exit code %d, want %d; started: %v; stderr %s", test.args, got.code, test.code, got.options != nil, got.err)
		}
	}
}
