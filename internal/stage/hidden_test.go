package stage_test

import (
	"os"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestHidden looks at PID 1 from inside, as the container's root and as one of
// its users: it tells and allows nothing, at once and when the keeper is there.
func TestHidden(t *testing.T) {
	const script = `
for f in environ maps mem auxv stack; do
  if head -c 1 /proc/1/$f 2>/dev/null | grep -q .; then echo "READ $f"; fi
  if sh -c ": >>/proc/1/$f" 2>/dev/null && [ $f = mem ]; then echo "WRITE $f"; fi
done
for l in exe cwd root fd/0 fd/1 fd/2 fd/3 ns/mnt; do
  if readlink /proc/1/$l; then echo "LINK $l"; fi
  if cat /proc/1/$l </dev/null 2>/dev/null | grep -q .; then echo "OPEN $l"; fi
done
ls /proc/1/root/ 2>/dev/null && echo "ROOT"
(cd /proc/1/cwd) 2>/dev/null && echo "CWD"
echo x 2>/dev/null >/proc/1/fd/3 && echo "WRITE fd/3"
for s in TERM INT HUP QUIT USR1 USR2 PIPE ALRM CHLD STOP TSTP URG PROF ABRT TRAP BUS FPE ILL SEGV KILL 34; do kill -$s 1 2>/dev/null; done
` + testkit.InitArguments + `
grep -c . /proc/1/status >/dev/null && echo alive
`
	p := testkit.NewProject(t, `
containers:
  c: {rootfs: ROOT}
commands:
  root: !Command {container: c, run: "`+yaml(script)+`"}
  root-later: !Command {container: c, run: "sleep 1;`+yaml(script)+`"}
  user: !Command {container: c, user-id: 1000, group-id: 1000, run: "`+yaml(script)+`"}
  user-later: !Command {container: c, user-id: 1000, group-id: 1000, run: "sleep 1;`+yaml(script)+`"}
`)
	p.Env = append(p.Env, "SECRET=of-the-caller")
	for _, command := range []string{"root", "user", "root-later", "user-later"} {
		if got, want := p.OK(command), "lanyard-init\nalive\n"; got != want {
			t.Errorf("as %s: PID 1 tells or allows\n%q, want only\n%q", command, got, want)
		}
	}
}

func yaml(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s)
}

// TestDescriptors: the stage has none but its own, whatever its caller left
// open, and neither has the command.
func TestDescriptors(t *testing.T) {
	// The stage lets go of the last ones when the command runs already.
	const script = `i=0
until list=$(ls /proc/1/fd); [ "$(echo "$list" | wc -l)" = 4 ] || [ $i = 300 ]; do i=$((i+1)); done
echo "$list"; ls /proc/self/fd`
	p := testkit.NewProject(t, `
containers:
  c:
    rootfs: ROOT
    volumes:
      /data: !Tmpfs
      /data/in: !Tmpfs
      /bind: !BindRO /work
      /copy: !Snapshot
  h: {host: true}
commands:
  c: !Command {container: c, run: "`+yaml(script)+`"}
  h: !Command {container: h, run: "`+yaml(script)+`"}
`)
	leak, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer leak.Close()
	for _, command := range []string{"c", "h"} {
		cmd := p.Command(t.Context(), command)
		cmd.ExtraFiles = []*os.File{leak, nil, leak}
		out, err := cmd.CombinedOutput()
		if got, want := string(out), "0\n1\n2\n3\n0\n1\n2\n3\n"; err != nil || got != want {
			t.Errorf("%s: %v: descriptors\n%swant\n%s", command, err, got, want)
		}
	}
}
