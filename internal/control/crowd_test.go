package control

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/client"
	"golang.org/x/sys/unix"
)

// final is a state that nothing else here is equal to.
var final = client.State{ExitStatus: client.ExitStatus{Exited: true, ExitStatus: 3}, Restarts: 7}

// lastOf reads to the end of a stream, which is the error.
func lastOf(v *visitor) (last client.State, err error) {
	for {
		state, err := v.event()
		if err != nil {
			return last, err
		}
		last = state
	}
}

func TestThousandClients(t *testing.T) {
	const all, stuck = 1000, 10
	s, _ := serve(t, at(1))
	for range stuck {
		visit(t)
	}
	eventually(t, "the stuck are served", func() bool { return s.clients() == stuck })
	jam(t, s, 1)
	s.Publish(2, up)
	var live []*visitor
	for range all - stuck {
		v := visit(t)
		v.gets(up)
		live = append(live, v)
	}
	var have sync.WaitGroup
	for _, v := range live {
		have.Go(func() {
			if state, err := v.event(); err != nil || state != final {
				t.Errorf("a client got %+v, %v; want %+v", state, err, final)
			}
		})
	}
	began := time.Now()
	s.Publish(3, final)
	published := time.Since(began)
	have.Wait()
	t.Logf("published in %v, the last of %d has it after %v", published, len(live), time.Since(began))
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the last has it after %v", took)
	}
}

// All of a thousand subscribers take at most 16 MB.
func TestMemoryOfSubscribers(t *testing.T) {
	const all, most = 1000, 16 << 20
	s, _ := serve(t, at(1))
	s.Publish(1, up)
	used := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	before := used()
	for range all {
		// A descriptor alone: what a client of Go's needs is not to be counted.
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		must(t, err)
		defer unix.Close(fd)
		must(t, unix.Connect(fd, &unix.SockaddrUnix{Name: file}))
		if _, err := unix.Write(fd, []byte("event: nothing\n\nevent: st")); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all are served", func() bool { return s.clients() == all })
	for version := range uint64(5) {
		s.Publish(version+2, stopping)
	}
	after := used()
	t.Logf("%d subscribers take %d KiB", all, (after-before)>>10)
	if after > before+most {
		t.Errorf("%d subscribers take %d bytes, want at most %d", all, after-before, most)
	}
}

func TestOneClientTooMany(t *testing.T) {
	inFolder(t)
	s := listen(t)
	s.most = 3
	s.Serve(func(Command) <-chan uint64 { return at(1) })
	s.Publish(1, up)
	var let []*visitor
	for range 3 {
		v := visit(t)
		v.gets(up)
		let = append(let, v)
	}
	visit(t).ends()
	must(t, let[0].Close())
	eventually(t, "there is room", func() bool { return s.clients() == 2 })
	visit(t).gets(up)
}

func TestClientsLeaveDescriptors(t *testing.T) {
	var limit unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	for cur, want := range map[uint64]int{30: 7, 100: 25, 1024: 768, min(4096, limit.Max): int(min(4096, limit.Max)) - 256} {
		must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: cur, Max: limit.Max}))
		if got := mostClients(); got != want {
			t.Errorf("%d clients with %d descriptors, want %d", got, cur, want)
		}
	}
}

// While there is no descriptor to be had clients wait, and so does not Close.
func TestNoDescriptors(t *testing.T) {
	inFolder(t)
	s := listen(t)
	s.Publish(1, up)
	v := visit(t)
	var limit unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	none := unix.Rlimit{Cur: 0, Max: limit.Max}
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &none))
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	s.Serve(func(Command) <-chan uint64 { return at(1) })
	must(t, v.SetReadDeadline(time.Now().Add(5*pause)))
	if _, err := v.event(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a client that can't be accepted: %v", err)
	}
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	must(t, v.SetReadDeadline(time.Now().Add(bound)))
	v.gets(up)

	second := visit(t)
	second.gets(up)
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &none))
	s.Close()
	v.ends()
	second.ends()
}

// A client that goes away in the middle of a state costs the others nothing.
func TestVanishingClient(t *testing.T) {
	s, _ := serve(t, at(1))
	vanishing, live := visit(t), visit(t)
	eventually(t, "both are served", func() bool { return s.clients() == 2 })
	jam(t, s, 1)
	if _, err := vanishing.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	must(t, vanishing.Close())
	eventually(t, "it is gone", func() bool { return s.clients() == 1 })
	s.Publish(2, down)
	if _, err := live.event(); err != nil {
		t.Error(err)
	}
	live.gets(down)
}
