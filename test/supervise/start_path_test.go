package supervise_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/client"
)

// A caller finds the program through PATH and gives its bare name as argv[0].
// The supervisor needs neither the name nor the file again: it may be gone when
// a container is started anew.
func TestContractBareNameThroughPath(t *testing.T) {
	t.Parallel()
	for name, install := range map[string]func(p *place, path string){
		"a copy": copyOfUs,
		"a link": func(p *place, path string) {
			target := filepath.Join(p.base, "lanyard-binary")
			copyOfUs(p, target)
			p.must(os.Symlink("../lanyard-binary", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, `{"restart": "always"}`)
			folder := filepath.Join(p.base, "path")
			p.must(os.Mkdir(folder, 0o755))
			install(p, filepath.Join(folder, supervisorName))
			// The shell looks it up; "." first, where there is none.
			script := "PATH=.:" + folder + ":$PATH; exec " + supervisorName + ` "$@"`
			r := p.launch(func(cmd *exec.Cmd) {
				cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", script, "sh"}, cmd.Args[1:]...)
			}, p.words("/bin/sh", "-c", "echo run; sleep 0.01")...)
			c := r.dial()
			c.up()
			p.must(os.RemoveAll(folder))
			p.must(os.RemoveAll(filepath.Join(p.base, "lanyard-binary")))
			c.until("restarted", func(s client.State) bool { return s.Restarts > 0 })
			until(t, "it has run twice", func() bool { return strings.HasPrefix(r.output(), "run\nrun\n") })
			r.end()
		})
	}
}

// copyOfUs puts this program at path.
func copyOfUs(p *place, path string) {
	p.t.Helper()
	self, err := os.Open("/proc/self/exe")
	p.must(err)
	defer self.Close()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	p.must(err)
	_, err = io.Copy(file, self)
	p.must(err)
	p.must(file.Close())
}
