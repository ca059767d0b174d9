package supervise_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/client"
)

// fields gives the lines NAME: VALUE of a status file (proc_pid_status(5)).
func fields(text string) map[string]string {
	list := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		list[name] = strings.Join(strings.Fields(value), " ")
	}
	return list
}

func TestContractIDsAndCapabilities(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	r := p.launch(func(cmd *exec.Cmd) {
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Groups: []uint32{4, 27, 1000}}}
		}
	}, p.words("/bin/cat", "/proc/self/status")...)
	r.dial().finished()
	r.end()
	status := fields(r.output())
	const none = "0000000000000000"
	for name, want := range map[string]string{
		"Uid": "1 1 1 1", "Gid": "1 1 1 1", "Groups": keptGroups(t), "Umask": "0022",
		"CapEff": none, "CapPrm": none, "CapInh": none, "CapAmb": none, "SigBlk": none, "SigIgn": none,
	} {
		if got, there := status[name]; !there || got != want {
			t.Errorf("%s: %q, want %q\n%s", name, got, want, r.log())
		}
	}
}

// keptGroups are the supplementary groups of a command, as its status shows
// them: none as root. An ordinary user who maps one group may not drop any
// (user_namespaces(7)): the own is seen as the command's, others as the overflow id.
func keptGroups(t *testing.T) string {
	t.Helper()
	if os.Geteuid() == 0 {
		return ""
	}
	groups, err := syscall.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	var seen []int
	for _, g := range groups {
		id := 65534
		if g == os.Getegid() {
			id = 1
		}
		seen = append(seen, id)
	}
	slices.Sort(seen)
	return strings.Trim(fmt.Sprint(seen), "[]")
}

func init() { roles["careless"] = careless }

// careless executes a supervisor as a parent does that minds nothing: with a
// strange umask, signals ignored, and descriptors open.
func careless(args []string) int {
	syscall.Umask(0o077)
	signal.Ignore(syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGPIPE, syscall.SIGCHLD, syscall.SIGALRM)
	_, err := syscall.Open("/", syscall.O_RDONLY, 0)
	if err == nil {
		err = syscall.Exec("/proc/self/exe", append([]string{supervisorName}, args...), os.Environ())
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// What the supervisor's parent left is not the command's.
func TestContractNothingIsInherited(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	r := p.launch(func(cmd *exec.Cmd) {
		cmd.Args = append([]string{helperName, "careless"}, cmd.Args[1:]...)
	}, p.words("/bin/sh", "-c", "echo /proc/self/fd/*; umask; grep -e SigIgn -e SigBlk /proc/self/status; cat /proc/self/environ")...)
	r.dial().finished()
	r.end()
	lines := strings.SplitN(r.output(), "\n", 5)
	want := []string{"0022", "SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"}
	if len(lines) != 5 || !slices.Equal(lines[1:4], want) || strings.Contains(lines[4], "SECRET") {
		t.Fatalf("%s", r.output())
	}
	// The shell itself holds one more while it reads the folder.
	if got := len(strings.Fields(lines[0])); got > 4 {
		t.Errorf("the command has the descriptors %s", lines[0])
	}
}

func TestContractLimitOfFiles(t *testing.T) {
	t.Parallel()
	var own syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &own); err != nil {
		t.Fatal(err)
	}
	for agent, want := range map[string]uint64{
		`{}`:                        4069,
		`{"resources": {"fd": 0}}`:  4069,
		`{"resources": {"fd": 20}}`: 20,
		fmt.Sprintf(`{"resources": {"fd": %d}}`, own.Max): own.Max,
	} {
		p := newPlace(t, agent)
		if got, want := p.outputs("ulimit -Sn; ulimit -Hn"), fmt.Sprintf("%d\n%d\n", want, want); got != want {
			t.Errorf("%s: soft and hard limit are %q, want %q", agent, got, want)
		}
	}
}

func TestContractEnvironment(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string][]string{
		`{}`:                                 {"HOME=/"},
		`{"env": {"A": "b c", "EMPTY": ""}}`: {"A=b c", "EMPTY=", "HOME=/"},
		`{"env": {"HOME": "/srv"}}`:          {"HOME=/srv"},
		`{"env": {"PATH": "/bin", "QUOTE": "\"'\\$(x)\n\tä"}}`: {"HOME=/", "PATH=/bin", "QUOTE=\"'\\$(x)\n\tä"},
	} {
		p := newPlace(t, agent)
		r := p.start("/bin/cat", "/proc/self/environ")
		r.dial().finished()
		r.end()
		got := strings.Split(strings.TrimSuffix(r.output(), "\x00"), "\x00")
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", agent, got, want)
		}
	}
}

// The command is looked for in the PATH of agent.json, inside the rootfs.
func TestContractPathLookup(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{"env": {"PATH": "/nowhere:/opt/tools:/bin"}}`)
	tools := filepath.Join(p.root, "opt", "tools")
	p.must(os.MkdirAll(tools, 0o755))
	p.must(os.WriteFile(tools+"/tool", []byte("#!/bin/sh\necho tool $0 $1\n"), 0o755))
	r := p.start("tool", "word")
	r.dial().finished()
	r.end()
	if got := r.output(); got != "tool /opt/tools/tool word\n" {
		t.Errorf("output %q", got)
	}
	// What only the host's PATH has is not found.
	hosts := filepath.Join(p.base, "hosts")
	p.must(os.Mkdir(hosts, 0o755))
	p.must(os.WriteFile(hosts+"/only-here", []byte("#!/bin/sh\n"), 0o755))
	r = p.launch(func(cmd *exec.Cmd) { cmd.Env[0] += ":" + hosts }, p.words("only-here")...)
	if s := r.dial().finished(); !strings.Contains(s.Err, "only-here") {
		t.Errorf("%+v", s)
	}
	r.end()
}

func TestContractNamespaces(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	kinds := []string{"mnt", "uts", "ipc", "pid", "cgroup", "net", "user"}
	got := strings.Fields(p.outputs("cd /proc/self/ns; for n in " + strings.Join(kinds, " ") + "; do readlink $n; done"))
	for i, kind := range kinds {
		host, err := os.Readlink("/proc/self/ns/" + kind)
		p.must(err)
		shared := kind == "net" || kind == "user" && os.Geteuid() == 0
		if len(got) != len(kinds) || (got[i] == host) != shared {
			t.Errorf("namespaces %q, the host's %s; shared has to be %v", got, host, shared)
		}
	}
}

func TestContractHostname(t *testing.T) {
	t.Parallel()
	before, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	p := newPlace(t, `{}`)
	name := strings.Repeat("long-name.", 6) + "1234"
	r := p.launch(nil, "--hostname", name, "--ID", p.id, "--", "/bin/cat", "/proc/sys/kernel/hostname")
	r.dial().finished()
	r.end()
	after, err := os.Hostname()
	p.must(err)
	if got := r.output(); got != name+"\n" || after != before {
		t.Errorf("the container's name is %q, want %q; the host's was %q and is %q", got, name, before, after)
	}
}

// A session of its own: a terminal of the supervisor's has no hold on it. The
// session's id is 0 where its leader is not in the namespace.
func TestContractSession(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	stat := strings.Fields(p.outputs("cat /proc/self/stat"))
	if session, terminal := stat[5], stat[6]; session == "0" || terminal != "0" {
		t.Errorf("session %s, terminal %s; want a session in the container and no terminal", session, terminal)
	}
}

func TestContractWorkingDir(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		`{}`: "/\n", `{"command": {"working_dir": "/etc"}}`: "/etc\n",
		`{"command": {"working_dir": ""}}`: "/\n", `{"command": {"working_dir": "/a/b"}, "storage": {"tmp": {"/a/b": 1}}}`: "/a/b\n",
	} {
		if got := newPlace(t, agent).outputs("pwd"); got != want {
			t.Errorf("%s: %q, want %q", agent, got, want)
		}
	}
}

// TestContractSeccomp: the container has the default filter, unless the
// supervisor's environment takes it away; a mistake there is a state with an error.
func TestContractSeccomp(t *testing.T) {
	t.Parallel()
	launch := func(word string) *running {
		return newPlace(t, `{}`).launch(func(cmd *exec.Cmd) { cmd.Env = append(cmd.Environ(), "LANYARD_SECCOMP="+word) },
			"--hostname", "box", "--ID", "seccomp-"+word+"x", "--", "/bin/cat", "/proc/self/status")
	}
	for word, warned := range map[string]bool{"": false, "default": false, "unconfined": true} {
		r := launch(word)
		r.dial().finished()
		r.end()
		if got := fields(r.output())["Seccomp"]; got != "2" {
			t.Errorf("LANYARD_SECCOMP=%s: Seccomp is %q\n%s", word, got, r.log())
		}
		if got := strings.Contains(r.errors(), "LANYARD_SECCOMP is unconfined"); got != warned {
			t.Errorf("LANYARD_SECCOMP=%s: warned: %v\n%s", word, got, r.log())
		}
	}
	r := launch("off")
	state := r.dial().until("an error", func(s client.State) bool { return s.Err != "" })
	if want := `LANYARD_SECCOMP is "off"`; !strings.Contains(state.Err, want) {
		t.Errorf("no %q in %q", want, state.Err)
	}
	r.end()
}
