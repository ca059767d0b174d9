package supervise_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/client"
)

func TestContractSpellingsOfOptions(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	for _, words := range []string{
		"--hostname box --ID ME -- echo -n hello",
		"-hostname box -ID ME -- echo -n hello",
		"--hostname=box --ID=ME -- echo -n hello",
		"-hostname=box -ID=ME -- echo -n hello",
		"--hostname box --id ME -- echo -n hello",
		"-hostname box -id ME -- echo -n hello",
		"--id=ME --hostname=box -- echo -n hello",
		"-id=ME -hostname=box -- echo -n hello",
		"--hostname box --ID ME echo -n hello",
		"--ID=ME -hostname=box echo -n hello",
	} {
		r := p.launch(nil, strings.Fields(strings.ReplaceAll(words, "ME", p.id))...)
		r.dial().finished()
		r.end()
		if got := r.output(); got != "hello" {
			t.Errorf("%s: output %q, want hello: what follows the command is its own", words, got)
		}
		if spec := p.containerJSON(); spec.Hostname != "box" || !p.isCgroup(spec.Linux.CgroupsPath) {
			t.Errorf("%s: hostname %q, cgroup %q", words, spec.Hostname, spec.Linux.CgroupsPath)
		}
	}
}

// Words that are wrong, or ask for something else than a container.
func TestContractWordsAndExitCodes(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	const usage = "usage: lanyard supervise --hostname NAME --ID ID [OPTION...] [--] COMMAND [ARGUMENT...]"
	for _, c := range []struct {
		words  string
		code   int
		stdout string   // its beginning
		stderr []string // its lines' beginnings
	}{
		{"", 1, "", []string{"lanyard: --hostname is missing"}},
		{"--ID ME -- true", 1, "", []string{"lanyard: --hostname is missing"}},
		{"--hostname= --ID ME -- true", 1, "", []string{"lanyard: --hostname is missing"}},
		{"--hostname box -- true", 1, "", []string{"lanyard: --ID is missing"}},
		{"--hostname box --ID= -- true", 1, "", []string{"lanyard: --ID is missing"}},
		{"--hostname box --ID ME --unknown -- true", 2, "", []string{"lanyard: flag provided but not defined: -unknown", usage}},
		{"-x", 2, "", []string{"lanyard: flag provided but not defined: -x", usage}},
		{"--hostname", 2, "", []string{"lanyard: flag needs an argument: -hostname", usage}},
		{"--hostname box --ID ME --Hostname other -- true", 2, "", []string{"lanyard: flag provided but not defined: -Hostname", usage}},
		{"--version", 0, "lanyard ", nil},
		{"-version", 0, "lanyard ", nil},
		{"--help", 0, "", nil},
		{"-h", 0, "", nil},
	} {
		r := p.launch(nil, strings.Fields(strings.ReplaceAll(c.words, "ME", p.id))...)
		if code := r.wait(); code != c.code {
			t.Errorf("%q: exit code %d, want %d\n%s", c.words, code, c.code, r.log())
		}
		lines := strings.Split(strings.TrimSuffix(r.errors(), "\n"), "\n")
		if len(c.stderr) == 0 && r.errors() != "" || len(c.stderr) > 0 && len(lines) != len(c.stderr) {
			t.Errorf("%q: stderr is %q, want the lines %q", c.words, r.errors(), c.stderr)
			continue
		}
		for i, want := range c.stderr {
			if !strings.HasPrefix(lines[i], want) {
				t.Errorf("%q: line %d of stderr is %q, want %q", c.words, i+1, lines[i], want)
			}
		}
		if got := r.output(); !strings.HasPrefix(got, c.stdout) || (c.code == 0) != (got != "") {
			t.Errorf("%q: stdout is %q, want %q", c.words, got, c.stdout)
		}
		if strings.HasSuffix(c.words, "version") && strings.Count(r.output(), "\n") != 1 {
			t.Errorf("%q: %q is not one line", c.words, r.output())
		}
	}
	p.onlyFiles("agent.json", "rootfs")
}

// The same under the verb's own name.
func TestContractSuperviseVerb(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	r := p.launch(func(cmd *exec.Cmd) { cmd.Args[0] = "lanyard" }, append([]string{"supervise"}, p.words("echo", "hello")...)...)
	r.dial().finished()
	r.end()
	if got := r.output(); got != "hello\n" {
		t.Errorf("output %q", got)
	}
	r = p.launch(func(cmd *exec.Cmd) { cmd.Args[0] = "lanyard" }, "supervise", "--help")
	r.want(0)
	for _, text := range []string{"agent.json", "rootfs", "control", "container.json", "--hostname", "--ID"} {
		if !strings.Contains(r.output(), text) {
			t.Errorf("the help does not speak of %s:\n%s", text, r.output())
		}
	}
}

func TestContractExecOfAgentJSONIsIgnored(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{"command": {"exec": ["/bin/echo", "wrong"]}}`)
	if got := p.outputs("echo right"); got != "right\n" {
		t.Errorf("output %q", got)
	}
}

func TestContractUnknownKeysAreAccepted(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{
		"product": "shop", "environment": "live", "job": "web", "health_checks": null,
		"artifact_url": "https://example.com/web.tar.gz", "ports": {"http": 65535}, "env": {"A": "b"},
		"command": {"working_dir": "/bin", "exec": ["/bin/false"], "user": "new"},
		"resources": {"mem": 0, "cpu": 0, "fd": 0, "gpu": 1},
		"storage": {"tmp": {}, "volumes": {}, "disks": []},
		"grace": {"startup": "30s", "shutdown": "1m30s"}, "restart": "no", "future": [{"key": null}]}`)
	if got := p.outputs("pwd"); got != "/bin\n" {
		t.Errorf("output %q", got)
	}
}

// Both streams of the container go to the supervisor's stdout, and nothing else
// does; what the supervisor has to say goes to stderr.
func TestContractOutput(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	r := p.shell("echo out; echo err >&2; echo -n last; exit 3")
	if s := r.dial().finished(); s.ExitStatus != (client.ExitStatus{Exited: true, ExitStatus: 3}) {
		t.Errorf("%+v", s)
	}
	r.end()
	if got := r.output(); got != "out\nerr\nlast" {
		t.Errorf("stdout of the supervisor: %q; want both streams of the container", got)
	}
	r.says(r.id + " exited with status 3")
}

func TestContractStdinIsPassedThrough(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	text := strings.Repeat("a line of the agent's\n", 10_000)
	p.write("input", text)
	input, err := os.Open(p.path("input"))
	p.must(err)
	defer input.Close()
	r := p.launch(func(cmd *exec.Cmd) { cmd.Stdin = input }, p.words("/bin/cat")...)
	r.dial().finished()
	r.end()
	if r.output() != text {
		t.Errorf("%d bytes came through, want %d", len(r.output()), len(text))
	}
	if got := p.outputs("cat; readlink /proc/self/fd/0"); got != "/dev/null\n" {
		t.Errorf("with /dev/null as stdin: %q", got)
	}
}

// Whoever reads the supervisor's stdout sees its end when the container has
// ended and the supervisor is gone, however it went.
func TestContractStdoutIsHeldByNothingAfterwards(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(r *running){
		"exit":    func(r *running) { r.end() },
		"TERM":    func(r *running) { r.signal(syscall.SIGTERM); r.want(0) },
		"kill -9": func(r *running) { r.signal(syscall.SIGKILL); r.want(137) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, `{}`)
			read, write, err := os.Pipe()
			p.must(err)
			defer read.Close()
			r := p.launch(func(cmd *exec.Cmd) { cmd.Stdout = write },
				p.words("/bin/sh", "-c", "(trap '' TERM HUP; exec sleep 1000) & sleep 1000 & echo started; wait")...)
			p.must(write.Close())
			r.dial().up()
			p.must(read.SetReadDeadline(deadline()))
			buf := make([]byte, 100)
			if n, err := read.Read(buf); err != nil || string(buf[:n]) != "started\n" {
				t.Fatalf("%q, %v", buf[:n], err)
			}
			r.onlyContainerHolds(read)
			end(r)
			if rest, err := io.ReadAll(read); err != nil || len(rest) > 0 {
				t.Errorf("at the end: %q, %v", rest, err)
			}
		})
	}
}

// onlyContainerHolds looks at the descriptors of the janitor, which outlives
// the supervisor.
func (r *running) onlyContainerHolds(pipe *os.File) {
	r.t.Helper()
	info, err := pipe.Stat()
	r.must(err)
	janitors := r.named("lanyard-janitor")
	if len(janitors) != 1 {
		r.t.Fatalf("janitors: %+v", janitors)
	}
	if os.Geteuid() != 0 {
		return // it can't be looked into; the end of the pipe tells
	}
	for _, fd := range r.descriptors(janitors[0].PID) {
		if other, err := os.Stat(fd); err == nil && os.SameFile(info, other) {
			r.t.Errorf("the janitor holds the pipe of stdout as %s", fd)
		}
	}
}

func (r *running) descriptors(pid int) []string {
	r.t.Helper()
	list, err := filepath.Glob(filepath.Join("/proc", itoa(pid), "fd", "*"))
	r.must(err)
	if len(list) < 3 {
		r.t.Fatalf("process %d has the descriptors %q", pid, list)
	}
	return list
}
