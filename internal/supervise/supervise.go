// Package supervise runs one container from agent.json and rootfs with a
// control socket: the program that harpoon's agents know as harpoon-supervisor.
// It puts together what the rooms below it do; docs/control-protocol.md says
// what a client sees.
package supervise

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/lanyard-dev/lanyard/internal/agent"
	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/control"
	"github.com/lanyard-dev/lanyard/internal/group"
	"github.com/lanyard-dev/lanyard/internal/lifecycle"
	"github.com/lanyard-dev/lanyard/internal/metrics"
	"github.com/lanyard-dev/lanyard/internal/output"
	"github.com/lanyard-dev/lanyard/internal/supervisor"
	"github.com/lanyard-dev/lanyard/internal/systemd"
)

// Exit codes of a supervisor, the original's.
const (
	ExitDone    = 0 // ended as it was asked to, whatever became of the container
	ExitRefused = 1 // it can't serve this container here: the message says why
	ExitUsage   = 2
)

// RestartDelay is the time between an exit and the restart that follows.
const RestartDelay = time.Second

// Options say what to supervise. The directory is the working directory.
type Options struct {
	ID, Hostname string
	Args         []string      // the command
	Metrics      string        // HOST:PORT or unix:PATH to serve figures on; "" for nowhere
	Delay        time.Duration // between an exit and the restart
	Manager      systemd.Manager
}

// Run supervises a container until it is asked to end, and returns the exit
// code. It reports on stderr. Nothing of the container is left afterwards but
// container.json.
func Run(o Options) int {
	mux := output.New(output.Options{Stdout: os.Stdout, Stderr: os.Stderr, Notify: func(string) {}})
	s := &service{
		options: o, say: mux.Message, run: container.NewRun(),
		requests: make(chan supervisor.Request), over: make(chan struct{}),
	}
	code := ExitDone
	passed, err := o.Manager.Listener() // before anything of ours could be taken for it
	if err == nil {
		s.passed = passed
		s.begin()
		err = s.serve(catching())
		s.init.Close()
	}
	if err != nil {
		s.say(err.Error())
		code = ExitRefused
	}
	if err := s.run.Close(); err != nil {
		s.say(fmt.Sprintf("cannot remove everything of this run; the next start tries again: %v", err))
	}
	mux.Flush(flushTime)
	return code
}

// socketName is the control socket's file in the supervisor's directory.
const socketName = "control"

// flushTime bounds how long the last messages wait for a slow reader.
const flushTime = 2 * time.Second

// service is one supervised container.
type service struct {
	options  Options
	say      func(string)
	run      *container.Run
	init     *container.Init   // the first one's, cloned while its description is read
	dir      string            // the working directory, absolute
	config   *agent.Config     // nil if agent.json is bad
	scope    string            // name of the scope of systemd's for the group; "" for none
	group    *cgroup.Group     // nil where there is none to be had, and before the scope is there
	noSwap   bool              // the kernel counts none, so that memory alone is limited
	passed   *net.UnixListener // control, if the service manager made it
	socket   *control.Server
	requests chan supervisor.Request
	once     sync.Once
	over     chan struct{} // closed when the loop takes no request any more
}

// serve does everything. An error means that nothing was supervised.
func (s *service) serve(caught func() <-chan os.Signal) error {
	if err := errors.Join(agent.CheckHostname(s.options.Hostname), agent.CheckID(s.options.ID)); err != nil {
		return err
	}
	var err error
	if s.dir, err = workingDir(); err != nil {
		return fmt.Errorf("cannot find the working directory, which holds agent.json and rootfs: %w", err)
	}
	config, bad := agent.Load(".", ownFileLimit())
	s.config = config
	if bad == nil {
		bad = s.planGroup()
	}
	var spec *container.Spec
	var wrong error
	if bad == nil {
		spec, wrong = s.describe()
	}
	if err := s.claim(); err != nil {
		return err
	}
	signals := caught() // before anybody could know that we are there
	if s.socket, err = s.listen(); err != nil {
		return err
	}
	defer s.socket.Close()
	defer s.deaf() // before that: Close waits for whoever hands us a command
	s.socket.Serve(s.do)
	listener, err := s.listenMetrics()
	if err != nil {
		return err
	}
	e := &starter{containers: container.NewEngine(s.run), say: s.say, err: bad}
	if bad == nil {
		refused, err := s.takeOver()
		if refused != nil {
			return refused
		}
		if err == nil {
			err = wrong
		}
		if e.err = err; err == nil {
			e.spec, e.err = spec, s.prepare(spec)
			defer s.removeGroup()
		}
	}
	if e.err != nil {
		s.init.Close()
	}
	return s.loop(e, listener, signals)
}

// listen makes the control socket, unless the service manager has: then it is
// the manager's, who also removes it.
func (s *service) listen() (*control.Server, error) {
	if s.passed != nil {
		return control.Adopt(s.passed), nil
	}
	return control.ListenAfter(func() error { return s.run.Note(s.file(socketName)) })
}

// loop supervises until the end.
func (s *service) loop(e *starter, listener net.Listener, signals <-chan os.Signal) error {
	go func() {
		if err := container.Sweep(); err != nil {
			s.say(fmt.Sprintf("cannot remove everything that an earlier run left: %v", err))
		}
	}()
	if s.group != nil && e.err == nil {
		stop, err := s.group.WatchOOM(e.outOfMemory)
		if err != nil {
			s.say(fmt.Sprintf("out of memory is noticed at exits only: %v", err))
		} else {
			defer stop()
		}
	}
	p := &publisher{socket: s.socket, stats: s.stats(e)}
	if listener != nil {
		server := metrics.Serve(listener, func() metrics.Figures { return s.figures(p) })
		defer server.Close()
	}
	mailbox := supervisor.NewMailbox(publications)
	var publishing sync.WaitGroup
	publishing.Go(func() { p.run(mailbox.C()) })
	policy := lifecycle.Never
	if s.config != nil {
		policy = lifecycle.Policy(s.config.Restart)
	}
	cfg := supervisor.Config{
		Group: group.Config{
			Names: []string{s.options.ID}, Service: true, Restart: policy, Delay: s.options.Delay,
		},
		Engine: e, Reporter: &reporter{say: s.say, policy: policy, delay: s.options.Delay},
		Signals: signals, Snapshots: []*supervisor.Mailbox{mailbox}, Requests: s.requests,
	}
	told := s.options.Manager.Follow(&cfg, s.say)
	supervisor.Run(cfg)
	s.deaf()
	publishing.Wait()
	s.socket.Close() // clients have the final state before anything else takes time
	told()
	return nil
}

// deaf has commands of clients dropped from now on.
func (s *service) deaf() { s.once.Do(func() { close(s.over) }) }

// publications is how many states wait for the publisher.
const publications = 64

// asks are the loop's words for what clients send.
var asks = map[control.Command]supervisor.Ask{
	control.Stop: supervisor.AskStop, control.Kill: supervisor.AskKill, control.Exit: supervisor.AskExit,
}

// do hands a client's command to the loop, see control.Server.Serve.
func (s *service) do(c control.Command) <-chan uint64 {
	done := make(chan uint64, 1)
	select {
	case s.requests <- supervisor.Request{Ask: asks[c], Done: done}:
	case <-s.over:
		close(done)
	}
	return done
}

// stats gives what reads the container's figures. It has a cgroup, if any, by now.
func (s *service) stats(e *starter) func() (cgroup.Stats, error) {
	if s.group != nil {
		return s.group.Stats
	}
	e.processes = new(cgroup.Processes)
	return func() (cgroup.Stats, error) { return e.processes.Stats(), nil }
}

// figures are what a scrape gets.
func (s *service) figures(p *publisher) metrics.Figures {
	f := metrics.Figures{Labels: s.labels(), State: p.now()}
	if s.group != nil {
		for _, pressure := range s.group.Pressure() {
			f.Pressure = append(f.Pressure, metrics.Pressure(pressure))
		}
	}
	return f
}

func (s *service) labels() metrics.Labels {
	l := metrics.Labels{ID: s.options.ID}
	if s.config != nil {
		l.Product, l.Environment, l.Job = s.config.Product, s.config.Environment, s.config.Job
	}
	return l
}

// listenMetrics opens what --metrics names; nil for nothing.
func (s *service) listenMetrics() (net.Listener, error) {
	address := s.options.Metrics
	if address == "" {
		return nil, nil
	}
	if path := s.metricsFile(); path != "" {
		// Before it is made, so that a kill in between leaves nothing; the
		// janitor removes no socket that another one serves.
		if err := s.run.Note(s.file(path)); err != nil {
			return nil, err
		}
	}
	return metrics.Listen(address)
}

// metricsFile is the socket that --metrics makes; "" for none. One whose name
// begins with @ is no file (unix(7), abstract sockets).
func (s *service) metricsFile() string {
	path, ok := metrics.UnixPath(s.options.Metrics)
	if !ok || strings.HasPrefix(path, "@") {
		return ""
	}
	return path
}
