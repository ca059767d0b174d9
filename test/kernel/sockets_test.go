package kernel_test

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// TestSocketsWithAPath: a command reaches the sockets that lie in its mounts: of the
// project, and with the machine's own system those in the machine's folders, but
// none of its /tmp.
func TestSocketsWithAPath(t *testing.T) {
	t.Parallel()
	p := newProject(t, "")
	places := map[string]string{"project": p.path("s")}
	for name, dir := range map[string]string{"tmp": "/tmp", "var": "/var/tmp"} {
		folder, err := os.MkdirTemp(dir, "lanyard-test-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(folder) })
		places[name] = folder + "/s"
	}
	commands := ""
	for name, path := range places {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		commands += "  " + name + ": !Command {container: h, run: [./helper, reach, " + strings.Replace(path, p.dir, "/work", 1) + "]}\n"
	}
	p.write("lanyard.yaml", "containers:\n  h: {host: true}\ncommands:\n"+commands)
	for command, want := range map[string]string{"project": "reached", "var": "reached", "tmp": absent} {
		r := p.start(nil, command)
		r.wait(20 * time.Second)
		if got := r.output(); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q\n%s", command, got, want, r.errors())
		}
	}
}
