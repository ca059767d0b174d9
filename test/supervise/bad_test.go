package supervise_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// cannotStart wants of a supervisor that it serves a state that says, in one
// line, why the container can't be started, and that it ends when it is told to.
func (r *running) cannotStart(texts ...string) {
	r.t.Helper()
	c := r.dial()
	s := c.until("any", func(client.State) bool { return true })
	why := s.Err
	if s.Err, s.Metrics = "", (client.Metrics{}); s != (client.State{}) || why == "" {
		r.t.Errorf("%+v with the error %q; want an error and nothing else", s, why)
	}
	if strings.Contains(why, "\n") {
		r.t.Errorf("more than one line: %q", why)
	}
	for _, text := range texts {
		if !strings.Contains(why, text) {
			r.t.Errorf("the error does not say %q: %s", text, why)
		}
	}
	r.must(c.Exit())
	r.want(0)
	r.says("could not be started: " + why)
	if r.output() != "" {
		r.t.Errorf("stdout: %q", r.output())
	}
}

func TestBadAgentJSON(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "")
	for _, c := range []struct{ text, says string }{
		{"", "agent.json:1:1: the file is empty"},
		{"{\n  \"env\": {\n", "agent.json:2:11: this is not JSON"},
		{"{\n  \"restart\": always\n}", "agent.json:2:14: this is not JSON"},
		{"{} trailing", "agent.json:1:4: this is not JSON"},
		{"[]", "agent.json:1:1: the file holds a list"},
		{"{\"product\": \"\xff\"}", "agent.json:1:14: this byte (0xff) is not UTF-8"},
		{`{"restart": "sometimes"}`, `agent.json:1:13: restart is "sometimes"`},
		{`{"restart": 1}`, "agent.json:1:13: restart is a number"},
		{`{"resources": {"mem": -1}}`, "agent.json:1:23: resources.mem is -1"},
		{`{"resources": {"mem": 1e30}}`, "agent.json:1:23: resources.mem is 1e30"},
		{`{"resources": {"mem": 9223372036854775807}}`, "agent.json:1:23: resources.mem is 9223372036854775807"},
		{`{"resources": {"mem": "64"}}`, "agent.json:1:23: resources.mem is a string"},
		{`{"resources": {"cpu": -0.5}}`, "agent.json:1:23: resources.cpu is -0.5"},
		{`{"resources": {"cpu": 1e99}}`, "agent.json:1:23: resources.cpu is 1e99"},
		{`{"resources": {"fd": -1}}`, "agent.json:1:22: resources.fd is -1"},
		{`{"storage": {"tmp": {"/tmp": 0}}}`, `agent.json:1:30: storage.tmp["/tmp"] is 0`},
		{`{"storage": {"tmp": {"/tmp": -2}}}`, `agent.json:1:30: storage.tmp["/tmp"] is -2`},
		{`{"storage": {"tmp": {"tmp": 1}}}`, "agent.json:1:22: storage.tmp.tmp"},
		{`{"storage": {"tmp": {"/../tmp": 1}}}`, "agent.json:1:22: storage.tmp"},
		{`{"storage": {"volumes": {"/data": "/no/such/folder"}}}`, `agent.json:1:35: storage.volumes["/data"]: the host's path "/no/such/folder"`},
		{`{"storage": {"volumes": {"/data": "relative"}}}`, "agent.json:1:35"},
		{`{"storage": {"volumes": {"/": "/tmp"}}}`, "agent.json:1:26"},
		{`{"storage": {"volumes": {"/data": ""}}}`, "agent.json:1:35"},
		{`{"grace": {"shutdown": "soon"}}`, "agent.json:1:24: grace.shutdown"},
		{`{"env": {"A=B": "c"}}`, "agent.json:1:10: env"},
		{`{"ports": {"http": 65536}}`, "agent.json:1:20: ports.http is 65536"},
	} {
		p.write("agent.json", c.text)
		p.start("/bin/true").cannotStart(c.says)
	}
	p.onlyFiles("agent.json", "rootfs")
}

func TestBadAgentJSONFiles(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "")
	file := p.path("agent.json")
	for name, make := range map[string]func() error{
		"no such file or directory":          func() error { return nil },
		"agent.json is not a regular file":   func() error { return os.Mkdir(file, 0o755) },
		"agent.json is not a regular file; ": func() error { return syscall.Mkfifo(file, 0o644) },
		"too many levels of symbolic links":  func() error { return os.Symlink("agent.json", file) },
		"has more than 4 MiB":                func() error { return os.WriteFile(file, []byte(strings.Repeat(" ", 5<<20)), 0o644) },
	} {
		p.must(os.RemoveAll(file))
		p.must(make())
		p.start("/bin/true").cannotStart("cannot read agent.json: ", name)
	}
	if os.Geteuid() != 0 {
		p.must(os.RemoveAll(file))
		p.must(os.WriteFile(file, []byte("{}"), 0))
		p.start("/bin/true").cannotStart("cannot read agent.json: ", "permission denied")
	}
	if exists(p.path("container.json")) {
		t.Error("container.json is there, and nothing was resolved")
	}
}

// The error has both numbers: what is wanted and what there is.
func TestBadLimitOfFiles(t *testing.T) {
	t.Parallel()
	var own syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &own); err != nil {
		t.Fatal(err)
	}
	p := newPlace(t, fmt.Sprintf(`{"resources": {"fd": %d}}`, own.Max+1))
	p.start("/bin/true").cannotStart(fmt.Sprintf("resources.fd is %d;", own.Max+1), fmt.Sprintf("from 0 to %d", own.Max))
	// Where the default does not fit either.
	p.write("agent.json", "{}")
	r := p.launch(func(cmd *exec.Cmd) {
		cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", `ulimit -Sn 1000; ulimit -Hn 1000; exec "$0" "$@"`, p.self()}, cmd.Args[1:]...)
	}, p.words("/bin/true")...)
	r.cannotStart("4069", "1000")
}

// self is a file of this program under the supervisor's name.
func (p *place) self() string {
	p.t.Helper()
	folder := filepath.Join(p.base, "bin")
	p.must(os.MkdirAll(folder, 0o755))
	path := filepath.Join(folder, supervisorName)
	copyOfUs(p, path)
	return path
}

func TestBadRootfs(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "{}")
	root := p.path("rootfs")
	for _, c := range []struct {
		says string
		make func() error
	}{
		{"does not exist", func() error { return nil }},
		{"does not exist", func() error { return os.Symlink("nowhere", root) }},
		{"is not a directory", func() error { return os.WriteFile(root, nil, 0o644) }},
		{"is not a directory", func() error { return os.Symlink("agent.json", root) }},
		{"too many levels of symbolic links", func() error { return os.Symlink("rootfs", root) }},
		{"is empty", func() error { return os.Mkdir(root, 0o755) }},
	} {
		p.must(os.RemoveAll(root))
		p.must(c.make())
		p.start("/bin/true").cannotStart(root, c.says)
	}
	if os.Geteuid() != 0 {
		p.must(os.RemoveAll(root))
		p.must(os.Mkdir(root, 0))
		p.start("/bin/true").cannotStart(root, "permission denied")
	}
	if exists(p.path("container.json")) {
		t.Error("container.json is there, and nothing was resolved")
	}
}

// The container was resolved then, and container.json says what was tried.
func TestBadCommand(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{"env": {"PATH": "/bin:/opt"}}`)
	for path, mode := range map[string]os.FileMode{"bin/plain": 0o644, "bin/lost": 0o755, "bin/empty": 0o755} {
		p.must(os.WriteFile(filepath.Join(p.root, path), []byte("#!/no/such/interpreter\n"), mode))
	}
	p.must(os.WriteFile(filepath.Join(p.root, "bin/binary"), []byte("\x7fELF nonsense"), 0o755))
	for _, c := range []struct {
		command string
		says    []string
	}{
		{"/bin/missing", []string{"/bin/missing", "no such file", "no such program in the container"}},
		{"missing", []string{"missing", "PATH /bin:/opt"}},
		{"/bin/plain", []string{"/bin/plain", "permission denied"}},
		{"/bin", []string{"/bin", "permission denied"}},
		{"/bin/lost", []string{"/bin/lost", "/no/such/interpreter"}},
		{"/bin/binary", []string{"/bin/binary", "exec format error"}},
	} {
		p.start(c.command).cannotStart(c.says...)
		if got := p.containerJSON().Process.Args; len(got) != 1 || got[0] != c.command {
			t.Errorf("%s: container.json has the command %q", c.command, got)
		}
	}
	p.start().cannotStart("no command")
	p.start("").cannotStart("no command")
	p.write("agent.json", `{"command": {"working_dir": "/no/where"}}`)
	p.start("/bin/true").cannotStart("/no/where", "working")
}

// For a user without a cgroup limits can't be; without limits that is only a warning.
func TestBadLimitsOfAnOrdinaryUser(t *testing.T) {
	t.Parallel()
	testkit.Require(t, testkit.User, testkit.NoCgroup)
	p := newPlace(t, `{"resources": {"mem": 64}}`)
	p.start("/bin/true").cannotStart("cannot limit memory", "resources.mem", "run as root")
	p.write("agent.json", `{"resources": {"cpu": 0.5}}`)
	p.start("/bin/true").cannotStart("cannot limit", "cpu", "run as root")
	p.write("agent.json", `{}`)
	r := p.start("/bin/id")
	if s := r.dial().finished(); s.Err != "" || s.Metrics != (client.Metrics{CPUTime: s.Metrics.CPUTime, MemoryLimit: 9223372036854771712}) || s.Metrics.CPUTime == 0 {
		t.Errorf("%+v", s)
	}
	r.end()
	r.says("warning: figures from /proc instead of a cgroup (shared memory counts for each process, kills for want of memory are not counted): uid " + itoa(os.Geteuid()))
	if !strings.HasPrefix(r.output(), "uid=1 gid=1") {
		t.Errorf("output %q", r.output())
	}
}
