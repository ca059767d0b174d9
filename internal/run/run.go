package run

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/group"
	"github.com/lanyard-dev/lanyard/internal/ids"
	"github.com/lanyard-dev/lanyard/internal/output"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/provide"
	"github.com/lanyard-dev/lanyard/internal/supervisor"
)

// Run carries out a command and returns lanyard's exit code. It reports its own
// errors on stderr, and returns when nothing of the command is left.
func Run(o Options) int {
	signals := catchSignals()
	chosen, err := choose(&o)
	if err != nil {
		return complain(err, ExitNotStarted)
	}
	if words := o.Plan.UnsupportedFor(o.Command, chosen); len(words) > 0 {
		return complain(unsupported(o.Command, words), ExitProject)
	}
	if err := container.Sweep(); err != nil {
		complain(fmt.Errorf("cannot remove everything that an earlier run left: %w", err), 0)
	}
	warnOfOwner(o.Plan.Root)
	s := newSession(&o, signals)
	code := s.command(o.Command, chosen)
	s.close()
	if err := s.run.Close(); err != nil {
		complain(fmt.Errorf("cannot remove everything of this run; the next start tries again: %w", err), 0)
	}
	return code
}

func complain(err error, code int) int {
	fmt.Fprintf(os.Stderr, "lanyard: %v\n", err)
	return code
}

func unsupported(c *plan.Command, words []plan.Word) error {
	text := fmt.Sprintf("cannot run %s: it needs what this version can't do:", c.Name)
	for _, w := range words {
		text += fmt.Sprintf("\n  %s:%d:%d: %s", w.Pos.File, w.Pos.Line, w.Pos.Column, w.Name)
		if w.Hint != "" {
			text += ": " + w.Hint
		}
	}
	return errors.New(text)
}

// choose gives the processes to run.
func choose(o *Options) ([]*plan.Process, error) {
	if !o.Command.Supervise {
		return o.Command.Children, nil
	}
	var names []string
	var tags [][]string
	for _, p := range o.Command.Children {
		names, tags = append(names, p.Name), append(tags, p.Tags)
	}
	indexes, err := group.Select(names, tags, o.Only, o.Exclude)
	if err != nil {
		return nil, fmt.Errorf("cannot run %s: %w", o.Command.Name, err)
	}
	var chosen []*plan.Process
	for _, i := range indexes {
		chosen = append(chosen, o.Command.Children[i])
	}
	return chosen, nil
}

// warnOfOwner tells root that a project's files are another user's: what its
// commands write there will belong to root.
func warnOfOwner(root string) {
	var st syscall.Stat_t
	if container.Privileged() && syscall.Stat(root, &st) == nil && st.Uid != 0 {
		fmt.Fprintf(os.Stderr, "lanyard: warning: running as root in a project of uid %d: files that commands make there will belong to root\n", st.Uid)
	}
}

// session is one invocation: a command, and the commands that fill its volumes
// first.
type session struct {
	options *Options
	run     *container.Run
	signals chan os.Signal
	ids     func() ids.Host   // what ids the user may map, looked up once
	volumes map[string]string // persistent volumes that are being filled: name to folder in the project
	held    *os.File          // the folder of persistent volumes, locked; nil before one is used
	roots   *provide.Provider // nil before the first root is asked for

	// Whether something had to be fetched or built; read when nobody provides.
	reported bool
}

// close gives up roots and volumes.
func (s *session) close() {
	if s.held != nil {
		s.held.Close()
	}
	if s.roots != nil {
		s.roots.Close()
	}
}

// command runs one command to its end.
func (s *session) command(c *plan.Command, chosen []*plan.Process) int {
	if code, err := s.fillVolumes(chosen); code != 0 || err != nil {
		if err != nil {
			return complain(fmt.Errorf("cannot run %s: %w", c.Name, err), ExitNotStarted)
		}
		return code
	}
	o := s.options
	var names []string
	for _, p := range chosen {
		names = append(names, p.Name)
	}
	screen := newScreen(o, names)
	var specs []*container.Spec
	for _, p := range chosen {
		spec, err := s.prepare(c, p, screen)
		if code, ok := Interrupted(err); ok {
			return code
		}
		if err != nil {
			return complain(fmt.Errorf("cannot start %s: %w", p.Name, err), ExitNotStarted)
		}
		specs = append(specs, spec)
	}
	e := &children{containers: container.NewEngine(s.run), specs: specs, names: names, mux: screen.mux}
	cfg := supervisor.Config{
		Group:    group.Config{Names: names, Mode: c.Mode, Grace: c.KillAfter, Single: !c.Supervise},
		Engine:   e,
		Reporter: &reporter{screen: screen, specs: specs, single: !c.Supervise},
		Signals:  s.signals,
		Job:      selfStop{},
	}
	if !c.Supervise {
		e.single = true
		specs[0].Stage.Ignore = ignored()
		if t := openTerminal(specs[0], e); t != nil {
			e.terminal, cfg.Job, cfg.Hangup = t, t, t.hangup
			defer t.restore()
		}
	}
	told := func() {}
	if c == o.Command { // not one that fills a volume for it
		told = o.Manager.Follow(&cfg, screen.mux.Message)
	}
	stop := screen.banner(c.Banner, c.BannerDelay)
	code, _ := supervisor.Run(cfg)
	told()
	stop()
	screen.close()
	if code == 0 && c.Epilog != "" {
		show(c.Epilog)
	}
	return code
}

// screen is what the user sees of one command.
type screen struct {
	mux        *output.Mux
	sameOutput bool // stdout and stderr are one place, where all output can be read already
}

func newScreen(o *Options, names []string) *screen {
	outTTY, errTTY := isTerminal(1), isTerminal(2)
	s := &screen{sameOutput: sameFile(1, 2)}
	s.mux = output.New(output.Options{
		Stdout: os.Stdout, Stderr: os.Stderr, Format: o.Format, Timestamps: o.Timestamps,
		Color:            os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
		StdoutIsTerminal: outTTY, StderrIsTerminal: errTTY, Names: names,
		Notify: func(msg string) { s.mux.Message(msg) },
	})
	return s
}

func sameFile(a, b int) bool {
	var x, y syscall.Stat_t
	return syscall.Fstat(a, &x) == nil && syscall.Fstat(b, &y) == nil && x.Dev == y.Dev && x.Ino == y.Ino
}

// flushTime bounds how long the last messages wait for a slow reader.
const flushTime = 2 * time.Second

func (s *screen) close() {
	if bytes, err := s.mux.Lost(); bytes > 0 {
		s.mux.Message(fmt.Sprintf("%d bytes of output could not be written: %v", bytes, err))
	}
	s.mux.Flush(flushTime)
}

// banner prints text, after delay if there is one. The function that it gives
// takes it back if it has not been printed yet.
func (s *screen) banner(text string, delay time.Duration) (stop func()) {
	if text == "" {
		return func() {}
	}
	if delay == 0 {
		show(text)
		return func() {}
	}
	timer := time.AfterFunc(delay, func() { show(text) })
	return func() { timer.Stop() }
}

// show prints text of the project's on stderr. Where nobody reads that it goes
// on after flushTime: a signal to lanyard must not wait for a reader.
func show(text string) {
	shown := make(chan struct{})
	go func() {
		fmt.Fprintln(os.Stderr, trimNewline(text))
		close(shown)
	}()
	select {
	case <-shown:
	case <-time.After(flushTime):
	}
}

func trimNewline(s string) string {
	for len(s) > 0 && s[len(s)-1] == '\n' {
		s = s[:len(s)-1]
	}
	return s
}
