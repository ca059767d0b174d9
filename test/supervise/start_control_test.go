package supervise_test

import (
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// Clients in the field look for the file every 50 ms and give up on it after
// 150 ms of refusals.
func TestContractControlIsThereAtOnce(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	var seen []time.Duration
	for range 10 {
		begun := time.Now()
		r := p.start("/bin/sleep", "1000")
		until(t, "there is a file control", func() bool { return exists(p.path("control")) })
		found := time.Now()
		seen = append(seen, found.Sub(begun))
		conn, err := net.Dial("unix", p.shortPath("control"))
		for err != nil && time.Since(found) < testkit.Slow(150*time.Millisecond) {
			time.Sleep(50 * time.Millisecond)
			conn, err = net.Dial("unix", p.shortPath("control"))
		}
		if err != nil {
			t.Fatalf("refused for 150 ms: %v\n%s", err, r.log())
		}
		p.must(conn.Close())
		r.end()
	}
	slices.Sort(seen)
	t.Logf("from the spawn to the file: median %v, longest %v", seen[len(seen)/2], seen[len(seen)-1])
	if median := seen[len(seen)/2]; median > testkit.Slow(150*time.Millisecond) {
		t.Errorf("the file control appears %v after the spawn", median)
	}
}

// shortPath is the path of something in the directory that fits into a socket's
// address.
func (p *place) shortPath(name string) string {
	p.t.Helper()
	link, err := os.MkdirTemp("", "")
	p.must(err)
	p.t.Cleanup(func() { os.RemoveAll(link) })
	p.must(os.Symlink(p.dir, link+"/d"))
	return link + "/d/" + name
}

// control is only there while the supervisor runs; container.json stays.
func TestContractFilesOfTheDirectory(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	r := p.start("/bin/sleep", "1000")
	c := r.dial()
	c.up()
	p.onlyFiles("agent.json", "container.json", "control", "rootfs")
	info, err := os.Lstat(p.path("container.json"))
	p.must(err)
	if info.Mode() != 0o644 {
		t.Errorf("container.json has mode %v, want 0644", info.Mode())
	}
	r.end()
	p.onlyFiles("agent.json", "container.json", "rootfs")
	// It is written anew by the next one.
	p.write("container.json", "old")
	r = p.start("/bin/true")
	r.dial().finished()
	if p.containerJSON().Process.Args[0] != "/bin/true" {
		t.Errorf("container.json is not of this container:\n%s", p.read(p.path("container.json")))
	}
	r.end()
}

// container.json tells agents of a container that has been started: it is
// there before a state is.
func TestContractContainerJSONComesBeforeTheFirstState(t *testing.T) {
	t.Parallel()
	p := newPlace(t, `{}`)
	for range 5 {
		r := p.start("/bin/sleep", "1000")
		s := r.dial().until("any", func(client.State) bool { return true })
		if !s.Up || !exists(p.path("container.json")) {
			t.Errorf("the first state is %+v, container.json is there: %v", s, exists(p.path("container.json")))
		}
		r.end()
		p.must(os.Remove(p.path("container.json")))
	}
}
