package kernel_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// stopped says for each attempt what stops it: as root, and as an ordinary user
// where that is something else. "EPERM" and the like are what the kernel says.
var stopped = map[string][2]string{}

// TestEscape tries to break out of a container, in every way that is known to have
// worked somewhere.
func TestEscape(t *testing.T) {
	t.Parallel()
	for name, security := range map[string]string{"default": "{}", "unconfined": "{seccomp: unconfined}", "nesting": "{nesting: true}"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newProject(t, `
  out: !Command {container: h, security: `+security+`, run: "until test -s pid; do sleep 0.01; done; exec ./helper escape $(cat pid)"}
`).start(nil, "out")
			r.write("pid", strconv.Itoa(r.cmd.Process.Pid))
			r.want(0, 20*time.Second)
			os.Stdout.WriteString(name + "\n" + r.output() + r.errors())
			_ = strings.Fields
		})
	}
}
