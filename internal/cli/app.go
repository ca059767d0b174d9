package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/early"
	"github.com/lanyard-dev/lanyard/internal/host"
	"github.com/lanyard-dev/lanyard/internal/output"
	"github.com/lanyard-dev/lanyard/internal/run"
	"github.com/lanyard-dev/lanyard/internal/supervise"
	"github.com/lanyard-dev/lanyard/internal/systemd"
)

// app is one call of lanyard and what it sees of the world.
type app struct {
	out    *bufio.Writer // only what was asked for; the rest goes to err
	err    io.Writer
	dir    string // the caller's working folder; "" if it can't be told
	lookup func(string) (string, bool)
	names  func() []string // of the caller's variables
	width  int             // columns of the terminal that out is, 0 for no limit
	format output.Format   // of a group's output unless --output says otherwise
	run    func(run.Options) int
	make   func(run.MakeOptions) int

	service func(supervise.Options) int
	manager systemd.Manager // that started lanyard as a service, if one did
}

// Main does what args ask for and returns the exit code. args are the words
// after the program's name; name is that name without its folder: under the
// name vagga the output of groups is raw, and harpoon-supervisor is the verb
// supervise.
func Main(name string, args []string) int {
	a := &app{
		out:    bufio.NewWriter(os.Stdout),
		err:    os.Stderr,
		lookup: os.LookupEnv,
		names:  variables,
		width:  terminalWidth(os.Stdout),
		format: output.Prefix,
		run:    run.Run,
		make:   run.Make,

		service: supervise.Run,
		manager: systemd.Take(),
	}
	defer early.End() // where nothing was supervised after all, as after --help
	if o := host.ForeignPower(); o != nil {
		a.fail("%v", o)
		return run.ExitNotStarted
	}
	// A folder that was removed under the caller has no name; only what looks
	// for a project there fails then.
	a.dir, _ = os.Getwd()
	if name == "vagga" {
		a.format = output.Raw
	}
	var code int
	if name == agentName {
		code = a.supervise(args)
	} else {
		code = a.main(args)
	}
	if err := a.out.Flush(); err != nil && !errors.Is(err, syscall.EPIPE) {
		a.fail("cannot write the output: %v", err)
		return run.ExitInternal
	}
	return code
}

func variables() []string {
	names := os.Environ()
	for i, v := range names {
		names[i], _, _ = strings.Cut(v, "=")
	}
	return names
}

// fail prints one message on stderr.
func (a *app) fail(format string, args ...any) {
	fmt.Fprintf(a.err, "lanyard: "+format+"\n", args...)
}

// usage reports wrong words and how the right ones look.
func (a *app) usage(err error, line string) int {
	a.fail("%v", err)
	fmt.Fprintf(a.err, "usage: %s\n", line)
	return run.ExitUsage
}

// main reads the options before COMMAND and goes to where COMMAND is dealt with.
func (a *app) main(args []string) int {
	switch {
	case len(args) > 0 && args[0] == completeVerb:
		return a.complete(args[1:])
	case len(args) == 3 && args[0] == completeBashVerb:
		return a.completeBash(args[1], args[2])
	}
	s := settings{format: a.format}
	found, err := scan(mainOptions, args)
	if err == nil {
		err = found.check()
	}
	if err == nil {
		err = s.apply(found.given, a.lookup)
	}
	switch {
	case err != nil:
		return a.usage(err, mainUsage)
	case s.version:
		fmt.Fprintln(a.out, versionLine())
		return 0
	case s.help:
		s.help = false
		return a.help(s, found.rest)
	case len(found.rest) > 0:
		return a.dispatch(s, found.rest[0], found.rest[1:])
	case len(s.only)+len(s.exclude) > 0:
		return a.usage(usagef("no command: --only and --exclude take every word up to the next option; write them after the command, or --only=NAME"), mainUsage)
	}
	return a.list(s, nil)
}

// dispatch runs what word names. A verb with its underscore, and one that is
// always lanyard's, is looked for before the project's commands, the others
// after them.
func (a *app) dispatch(s settings, word string, args []string) int {
	if v := verbNamed(word); v != nil {
		return a.verb(v, s, args)
	}
	bare := verbNamed("_" + word)
	p, err := a.load(s.file)
	if err == nil {
		if c, ok := p.Command(word); ok {
			return a.command(s, p, c, args)
		}
	}
	switch {
	case bare != nil:
		return a.verb(bare, s, args)
	case err != nil:
		return a.badProject(err)
	}
	return a.unknown(p, word)
}

// verb reads the words after a verb and runs it.
func (a *app) verb(v *verb, s settings, args []string) int {
	if v.words != nil {
		return v.words(a, args)
	}
	options, words, err := v.read(args)
	if err == nil {
		err = s.apply(options, a.lookup)
	}
	if s.help {
		return a.show(verbHelp(v))
	}
	if err == nil {
		err = v.count(words)
	}
	if err != nil {
		return a.usage(err, v.usage())
	}
	return v.run(a, s, words)
}
