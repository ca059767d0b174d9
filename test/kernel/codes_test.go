package kernel_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// exitCodes are groups that end by themselves.
var exitCodes = []struct {
	name     string
	mode     string
	children string
	code     int
	says     []string
}{
	{"first", "", `
      a: !Command {container: h, run: "exit 3"}
      b: !Command {container: h, run: [sleep, 1000]}
      c: !Command {container: h, run: [sleep, 1000]}`, 3,
		[]string{"a exited with status 3", "stopping b, c", "exit status 3"}},
	{"first with 0", "", `
      a: !Command {container: h, run: "exit 0"}
      b: !Command {container: h, run: [sleep, 1000]}`, 0,
		[]string{"a exited with status 0"}},
	{"segv", "", `
      a: !Command {container: h, run: "ulimit -c 0; kill -SEGV $$"}
      b: !Command {container: h, run: [sleep, 1000]}`, 139,
		[]string{"a was killed by signal 11 (SIGSEGV)"}},
	{"abort", "", `
      a: !Command {container: h, run: "ulimit -c 0; kill -ABRT $$"}`, 134,
		[]string{"a was killed by signal 6 (SIGABRT)"}},
	{"killed", "", `
      a: !Command {container: h, run: "kill -KILL $$"}`, 137,
		[]string{"a was killed by signal 9 (SIGKILL, perhaps out of memory)"}},
	{"own 137", "", `
      a: !Command {container: h, run: "exit 137"}`, 137,
		[]string{"a exited with status 137"}},
	{"own 127", "", `
      a: !Command {container: h, run: "exit 127"}`, 127,
		[]string{"a exited with status 127"}},
	{"own 126", "", `
      a: !Command {container: h, run: "exit 126"}`, 126,
		[]string{"a exited with status 126"}},
	{"own 125", "", `
      a: !Command {container: h, run: "exit 125"}`, 125,
		[]string{"a exited with status 125"}},
	{"all with 0", "wait-all-successful", `
      a: !Command {container: h, run: "exit 0"}
      b: !Command {container: h, run: "sleep 0.05"}
      c: !Command {container: h, run: "exit 0"}`, 0,
		[]string{"a exited with status 0", "b exited with status 0", "c exited with status 0", "exit status 0"}},
	{"0 then 5", "wait-all-successful", `
      a: !Command {container: h, run: "touch a; exit 0"}
      b: !Command {container: h, run: "while ! test -e go; do sleep 0.01; done; exit 5"}
      c: !Command {container: h, run: "touch c; exec sleep 1000"}`, 5,
		[]string{"b exited with status 5", "stopping c"}},
	{"no program", "", `
      a: !Command {container: h, run: [/no/such/program]}
      b: !Command {container: h, run: [sleep, 1000]}`, 127,
		[]string{"a could not be started: ", "/no/such/program", "no such program"}},
	{"no program in PATH", "wait-all-successful", `
      a: !Command {container: h, run: [no-such-program]}
      b: !Command {container: h, run: [sleep, 1000]}`, 127,
		[]string{"a could not be started: ", "no such program in the container's PATH /usr/local/sbin:"}},
	{"no execute permission", "", `
      a: !Command {container: h, run: [./lanyard.yaml]}
      b: !Command {container: h, run: [sleep, 1000]}`, 127,
		[]string{"a could not be started: ", "execute", "lanyard.yaml"}},
	{"no working directory", "", `
      a: !Command {container: h, work-dir: /no/such/folder, run: [sleep, 1000]}
      b: !Command {container: h, run: [sleep, 1000]}`, 127,
		[]string{"a could not be started: ", "working directory", "/no/such/folder"}},
}

// TestExitCodes: who decides the result, and what is said about it.
func TestExitCodes(t *testing.T) {
	for _, test := range exitCodes {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			mode := ""
			if test.mode != "" {
				mode = "\n    mode: " + test.mode
			}
			r := newProject(t, "  app: !Supervise"+mode+"\n    children:"+test.children+"\n").start(nil, "app")
			if strings.Contains(test.children, "test -e go") {
				r.appear("a", "c")
				until(t, 10*time.Second, "the end of a", func() bool { return len(r.named("lanyard-init")) == 2 && testkit.Reaped(r.cmd.Process.Pid) })
				r.write("go", "")
			}
			r.want(test.code, 20*time.Second)
			r.says(test.says...)
			if started := !strings.Contains(strings.Join(test.says, ""), "could not be started"); started {
				if strings.Contains(r.errors(), "could not be started") {
					t.Errorf("a child that ran is said not to have started:\n%s", r.errors())
				}
			}
		})
	}
}

// TestTwoFailAtOnce: the one that is named first decides.
func TestTwoFailAtOnce(t *testing.T) {
	t.Parallel()
	first := regexp.MustCompile(`^lanyard: (\S+) exited with status (\d+)`)
	for range testkit.Rounds(t, 6) {
		r := newProject(t, `
  app: !Supervise
    mode: wait-all-successful
    children:
      six: !Command {container: h, run: "while ! test -e go; do :; done; exit 6"}
      seven: !Command {container: h, run: "while ! test -e go; do :; done; exit 7"}
`).start(nil, "app")
		until(t, 10*time.Second, "both commands", func() bool { return len(r.named("sh")) == 2 })
		r.write("go", "")
		code := r.wait(10 * time.Second)
		r.nothingLeft()
		want := map[string]int{"six": 6, "seven": 7}
		found := first.FindStringSubmatch(r.errors())
		if found == nil || want[found[1]] != code {
			t.Errorf("exit code %d, and the first message is not about who has it:\n%s", code, r.errors())
		}
	}
}

// TestOutOfMemory is named where the child has a memory limit.
func TestOutOfMemory(t *testing.T) {
	testkit.Require(t, testkit.Limits)
	t.Parallel()
	r := newProject(t, `
  app: !Supervise
    children:
      hog: !Command {container: h, limits: {memory: 16MiB, swap: 0}, run: [tail, /dev/zero]}
      killed: !Command {container: h, run: [sleep, 1000]}
  suicide: !Supervise
    children:
      a: !Command {container: h, limits: {memory: 16MiB}, run: "kill -KILL $$"}
`).start(nil, "app")
	r.want(137, 30*time.Second)
	r.says("hog was killed by the kernel: out of memory (its limit is 16 MiB)")
	r = r.start(nil, "suicide")
	r.want(137, 30*time.Second)
	r.says("a was killed by signal 9 (SIGKILL)")
	if strings.Contains(r.errors(), "out of memory") {
		t.Errorf("a process that killed itself is taken for out of memory:\n%s", r.errors())
	}
}

const trio = `
  app: !Supervise
    children:
      web: !Command {container: h, tags: [front], run: "touch web; exec sleep 1000"}
      db: !Command {container: h, tags: [back], run: "touch db; exec sleep 1001"}
      queue: !Command {container: h, tags: [back], run: "touch queue; exec sleep 1002"}
`

// TestSelectionErrors: nothing is started.
func TestSelectionErrors(t *testing.T) {
	p := newProject(t, trio)
	for _, test := range []struct {
		args []string
		says []string
	}{
		{[]string{"app", "--only", "wep"}, []string{`no child and no tag is called "wep" (did you mean "web"?)`, "children: web, db, queue", "tags: back, front"}},
		{[]string{"app", "--exclude", "nobody"}, []string{`"nobody"`, "children: web, db, queue"}},
		{[]string{"app", "--exclude", "front", "back"}, []string{"leaves no child to run"}},
		{[]string{"nothing"}, []string{"nothing", "app"}},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			r := (&project{t, p.dir}).start(nil, test.args...)
			r.want(127, 10*time.Second)
			r.says(test.says...)
			if p.read("web")+p.read("db")+p.read("queue") != "" {
				t.Error("a child has been started")
			}
		})
	}
}

// TestBothFlags: --only wins, as in vagga.
func TestBothFlags(t *testing.T) {
	t.Parallel()
	r := newProject(t, trio).start(nil, "app", "--only", "web", "db", "--exclude", "db")
	r.appear("web", "db")
	if got := len(r.named("sleep")); got > 2 {
		t.Errorf("%d commands run, want 2", got)
	}
	r.signal(15)
	r.want(143, 10*time.Second)
	if strings.Contains(r.errors(), "queue") {
		t.Errorf("a child that was not chosen is mentioned:\n%s", r.errors())
	}
}

// TestTwoLanyards share a project: the end of one leaves the other alone.
func TestTwoLanyards(t *testing.T) {
	t.Parallel()
	p := newProject(t, trio)
	rest := p.start(nil, "app", "--exclude", "web")
	rest.appear("db", "queue")
	until(t, 10*time.Second, "both commands", func() bool { return len(rest.named("sleep")) == 2 })
	web := p.start(nil, "app", "--only", "web")
	web.appear("web")
	web.signal(15)
	web.want(143, 10*time.Second)
	if got := len(rest.named("sleep")); got != 2 {
		t.Errorf("%d commands of the other lanyard run, want 2\n%s", got, rest.log())
	}
	web = p.start(nil, "app", "--only", "front")
	until(t, 10*time.Second, "the command", func() bool { return len(web.named("sleep")) == 1 })
	rest.signal(9)
	rest.want(137, 5*time.Second)
	if got := len(web.named("sleep")); got != 1 {
		t.Errorf("%d commands of the other lanyard run, want 1\n%s", got, web.log())
	}
	web.signal(2)
	web.want(130, 10*time.Second)
}
