package output

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Mux carries the output of all children. Its methods may be called from any
// goroutine and never wait for a reader of ours; only Flush waits, for as long
// as it is told to.
type Mux struct {
	options  Options
	sinks    [2]*sink
	messages messages

	mu       sync.Mutex
	children [][]*process // by child: those not drained yet, and the newest
	given    uint64       // bytes left unread in abandoned pipes
	givenWhy error        // the first such case
}

// process is one run of a child.
type process struct {
	files     [2]*os.File // the read ends, in use until drained is closed
	open      atomic.Int32
	drained   chan struct{}
	abandoned chan struct{}
	once      sync.Once
	tail      tail
}

// New makes a Mux. It starts no goroutine: those come with Pipes and Message
// and end by themselves, so there is nothing to close.
func New(o Options) *Mux {
	if o.Now == nil {
		o.Now = time.Now
	}
	m := &Mux{options: o, sinks: newSinks(o.Stdout, o.Stderr)}
	m.children = make([][]*process, len(o.Names))
	m.messages.sink = m.sinks[1]
	m.messages.notify = m.notify
	return m
}

// Pipes makes the pipes for a new run of child, an index of Options.Names, and
// starts to read them. It returns the write ends, which are close-on-exec and
// blocking; the caller closes both as soon as the child has them, or has failed
// to start. Earlier runs of the same child that are not drained go on.
func (m *Mux) Pipes(child int) (stdout, stderr *os.File, err error) {
	if child < 0 || child >= len(m.children) {
		return nil, nil, fmt.Errorf("internal error: output of child %d, but there are %d children", child, len(m.children))
	}
	p := &process{drained: make(chan struct{}), abandoned: make(chan struct{})}
	p.open.Store(2)
	var streams [2]*stream
	var writers [2]*os.File
	for i, sink := range m.sinks {
		s := &stream{mux: m, proc: p, index: i, child: m.options.Names[child], sink: sink}
		s.file, writers[i], err = pipe(s.child + " " + sink.name)
		if err == nil {
			p.files[i] = s.file
			s.conn, err = s.file.SyscallConn()
		}
		if err != nil {
			closeAll(p.files[:])
			closeAll(writers[:])
			return nil, nil, fmt.Errorf("cannot make the %s pipe of %s: %w", sink.name, s.child, err)
		}
		s.layout = newLayout(&m.options, child, sink.name)
		s.split.max = MaxLine
		streams[i] = s
	}
	m.register(child, p)
	for _, s := range streams {
		go s.run()
	}
	return writers[0], writers[1], nil
}

// register makes p the newest run of child and forgets the drained ones.
func (m *Mux) register(child int, p *process) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var live []*process
	for _, old := range m.children[child] {
		if old.open.Load() > 0 {
			live = append(live, old)
		}
	}
	m.children[child] = append(live, p)
}

// pipe makes a pipe with a read end for the runtime's poller and an ordinary
// write end. os.Pipe makes both non-blocking, which a child must not inherit.
// The pipe keeps its usual 64 KiB: measured with BenchmarkProcesses, pipes of
// 256 KiB and 1 MiB carry no more, and they would use up what a user's pipes may
// take together (pipe-user-pages-soft, pipe(7)).
func pipe(name string) (r, w *os.File, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, err
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		_ = unix.Close(fds[0])
		_ = unix.Close(fds[1])
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), name), os.NewFile(uintptr(fds[1]), name), nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}

// Drained is closed when both pipes of the newest run of child have ended and
// every byte has been written, or dropped because that was impossible. A child
// that never had pipes is drained.
func (m *Mux) Drained(child int) <-chan struct{} {
	if p := m.newest(child); p != nil {
		return p.drained
	}
	none := make(chan struct{})
	close(none)
	return none
}

// Abandon stops the reading of all pipes of child, because a process that is
// not ours may hold their other end for ever. What was read is still written;
// what is left in the pipes is counted as lost.
func (m *Mux) Abandon(child int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if child < 0 || child >= len(m.children) {
		return
	}
	for _, p := range m.children[child] {
		p.once.Do(func() {
			close(p.abandoned)
			for _, f := range p.files {
				_ = f.SetReadDeadline(time.Unix(1, 0)) // fails only if it has been closed
			}
		})
	}
}

// Tail returns the last n lines (without newlines) that the newest run of child
// wrote to both streams, in the order they were read. Of long output the last
// 8 KiB are kept; a last line without newline counts.
func (m *Mux) Tail(child int, n int) []string {
	if p := m.newest(child); p != nil {
		return p.tail.lines(n)
	}
	return nil
}

// newest is the newest run of child, or nil.
func (m *Mux) newest(child int) *process {
	m.mu.Lock()
	defer m.mu.Unlock()
	if child < 0 || child >= len(m.children) || len(m.children[child]) == 0 {
		return nil
	}
	runs := m.children[child]
	return runs[len(runs)-1]
}

// Progress is how many bytes of child output our stdout and stderr have
// accepted, messages not counted. As long as it grows, somebody reads.
func (m *Mux) Progress() uint64 {
	return m.sinks[0].moved.Load() + m.sinks[1].moved.Load()
}

// Lost says how many bytes of child output were dropped, and the first reason:
// a write that failed (the errno can be asked for with errors.Is) or a pipe that
// was abandoned. Prefixes of lines that could not be written are counted too.
func (m *Mux) Lost() (bytes uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	bytes = m.given
	for _, s := range m.sinks {
		bytes += s.lost.Load()
		if err == nil {
			err = s.failure()
		}
	}
	if err == nil {
		err = m.givenWhy
	}
	return bytes, err
}

// giveUp counts what was left unread in an abandoned pipe.
func (m *Mux) giveUp(left uint64, why error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.given += left
	if m.givenWhy == nil {
		m.givenWhy = why
	}
}

func (m *Mux) now() time.Time { return m.options.Now() }

func (m *Mux) notify(msg string) {
	if m.options.Notify != nil {
		m.options.Notify(msg)
	}
}
