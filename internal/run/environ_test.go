package run_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

const environs = `
containers:
  plain: {rootfs: ROOT}
  file: {rootfs: ROOT, environ-file: /work/env}
  full: {rootfs: ROOT, environ-file: /work/env, environ: {V: container, HOME: /c}}
commands:
  plain: !Command {container: plain, run: [env]}
  user: !Command {container: plain, user-id: 1000, run: [env]}
  nobody: !Command {container: plain, user-id: 4711, run: [env]}
  file: !Command {container: file, run: [env]}
  container: !Command {container: full, run: [env]}
  command: !Command {container: full, environ: {V: command}, run: [env]}
  path: !Command {container: plain, environ: {PATH: /work/bin:/bin}, run: [mine]}
`

func TestEnvironment(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, environs)
	p.Write("env", "# a comment\n\n  # another\nV=file\nSPACE= a b = c \nEMPTY=\nTERM=of-the-file\r\n")
	caller := []string{"TERM=xterm-test", "LANG=xx", "USER=me", "SHELL=/x", "http_proxy=http://p", "no_proxy=a,b", "V=caller"}
	for _, c := range []struct {
		args []string
		env  []string
		want string
	}{
		{[]string{"plain"}, nil, "HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=xterm-test http_proxy=http://p no_proxy=a,b"},
		{[]string{"plain"}, []string{"TERM="}, "TERM=dumb"},
		{[]string{"user"}, nil, "HOME=/home/user"},
		{[]string{"nobody"}, nil, "HOME=/"},
		{[]string{"file"}, nil, "V=file TERM=of-the-file EMPTY="},
		{[]string{"container"}, nil, "V=container HOME=/c"},
		{[]string{"command"}, nil, "V=command"},
		{[]string{"command"}, []string{"VAGGAENV_V=vaggaenv"}, "V=vaggaenv"},
		{[]string{"command"}, []string{"LANYARDENV_V=ours", "VAGGAENV_V=theirs"}, "V=ours"},
		{[]string{"-e", "V", "command"}, []string{"LANYARDENV_V=ours"}, "V=caller"},
		{[]string{"-e", "UNSET", "command"}, nil, "UNSET="},
		{[]string{"-E", "V=option", "command"}, []string{"LANYARDENV_V=ours"}, "V=option"},
		{[]string{"-e", "V", "-E", "V=last=x", "command"}, nil, "V=last=x"},
	} {
		p.Env = append(slices.Clone(caller), c.env...)
		got := strings.Split(strings.TrimSuffix(p.OK(c.args...), "\n"), "\n")
		got = slices.DeleteFunc(got, func(e string) bool { return strings.HasPrefix(e, "BOX_MARK=") })
		for _, want := range strings.Fields(c.want) {
			if !slices.Contains(got, want) {
				t.Errorf("%v with %v: no %s in %q", c.args, c.env, want, got)
			}
		}
		if len(strings.Fields(c.want)) > 4 { // that is all
			slices.Sort(got)
			if strings.Join(got, " ") != c.want {
				t.Errorf("%v: the environment is %q, want %q", c.args, got, c.want)
			}
		}
		for _, e := range got {
			if strings.HasPrefix(e, "LANG=") || strings.HasPrefix(e, "USER=") || strings.HasPrefix(e, "SHELL=") {
				t.Errorf("%v: the caller's %s came in", c.args, e)
			}
		}
	}
	p.Write("bin/mine", "#!/bin/sh\necho found\n")
	if err := os.Chmod(p.Path("bin/mine"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := p.OK("path"); got != "found\n" {
		t.Errorf("a program of the command's own PATH gives %q", got)
	}
}

func TestEnvironFileErrors(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, environs)
	p.Fails(127, []string{"cannot start file: environ-file of container file: open /work/env: no such file or directory; make that file, or remove environ-file"}, "file")
	for text, want := range map[string]string{
		"A=1\nnonsense\n": `/work/env:2: not NAME=VALUE: "nonsense"`,
		"=x\n":            `/work/env:1: not NAME=VALUE: "=x"`,
		"A=b\x00c\n":      `/work/env:1: not NAME=VALUE: "A=b\x00c"`,
	} {
		p.Write("env", text)
		p.Fails(127, []string{"environ-file of container file: " + want}, "file")
	}
}

func TestTooLargeEnvironment(t *testing.T) {
	t.Parallel()
	p := testkit.NewProject(t, environs)
	var text strings.Builder
	line := strings.Repeat("x", 100_000)
	for i := range 30 {
		text.WriteString("V" + string(rune('A'+i)) + "=" + line + "\n")
	}
	p.Write("env", text.String())
	p.Fails(127, []string{"file could not be started: execute ", "argument list too long", "an environment of 3000", "bytes are too large together"}, "file")
	p.Write("env", "V="+line+line+"\n")
	p.Fails(127, []string{"an environment of 200", "one string is over 131072 bytes"}, "file")
}
