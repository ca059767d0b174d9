package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/lanyard-dev/lanyard/internal/early"
	"github.com/lanyard-dev/lanyard/internal/supervise"
)

// agentName is the name under which lanyard is the program that harpoon's
// agents start.
const agentName = early.AgentName

const superviseUsage = "lanyard supervise --hostname NAME --ID ID [OPTION...] [--] COMMAND [ARGUMENT...]"

var (
	optHostname = option{long: "hostname", value: "NAME", help: "the container's host name; required"}
	optID       = option{long: "ID", value: "ID", help: "what this container is called on this machine, also in cgroup harpoon/ID; required"}
	optMetrics  = option{long: "metrics", value: "ADDRESS", help: "serve figures for Prometheus at http://ADDRESS/metrics: HOST:PORT, :PORT or unix:PATH"}
)

// superviseVerb describes supervise. Its words are read by package flag: agents
// in the field write options as Go programs take them.
func superviseVerb() *verb {
	return &verb{
		name: "supervise", args: "--hostname NAME --ID ID [--] COMMAND [ARGUMENT...]",
		about: "Run one container from agent.json and rootfs, with a control socket",
		text: "The working directory holds agent.json, one ContainerConfig object with the container's environment, limits, volumes and restart policy, and rootfs, a directory with an unpacked system or a link to one. " +
			"COMMAND runs in it as uid 1, with this program's standard input; its standard output and standard error both go to this program's standard output.\n\n" +
			"While it runs there is a unix socket, control, in the directory: it streams the container's state as Server-Sent Events and takes the events stop, kill and exit (lanyard ctl speaks to it). container.json, the container as an OCI runtime-spec configuration, is written at the start and stays. A service manager may make the socket and pass it (LISTEN_FDS): it stays the manager's.\n\n" +
			"A container that can't be started is a state with an error, not an exit: the supervisor stays until it is told to end, by the event exit or by TERM, INT or HUP, which stop the container first. A second TERM or INT kills it.\n\n" +
			"Options may be written with one dash or two, and --ID as --id. The exit code is 0 after an end that was asked for, 1 if this container can't be supervised here (the message says why), 2 for wrong words. Started under the name harpoon-supervisor, lanyard takes the words of supervise directly.",
		example: "cd /var/lib/web && lanyard supervise --hostname web --ID web-1 -- /bin/server --port 8080\nlanyard ctl -C /var/lib/web watch",
		options: []*option{&optHostname, &optID, &optMetrics, &optVersion, &optHelp},
		most:    -1, foreign: true, words: (*app).supervise,
	}
}

// supervise reads its words and supervises.
func (a *app) supervise(args []string) int {
	o := supervise.Options{Delay: supervise.RestartDelay, Manager: a.manager}
	set := flag.NewFlagSet("supervise", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&o.Hostname, "hostname", "", "")
	set.StringVar(&o.ID, "ID", "", "")
	set.StringVar(&o.ID, "id", "", "")
	set.StringVar(&o.Metrics, "metrics", "", "")
	version := set.Bool("version", false, "")
	err := set.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return a.help(settings{}, []string{"supervise"})
	case err != nil:
		a.fail("%v", err)
		fmt.Fprintf(a.err, "usage: %s\n", superviseUsage)
		return supervise.ExitUsage
	case *version:
		fmt.Fprintln(a.out, versionLine())
		return supervise.ExitDone
	case o.Hostname == "":
		a.fail("--hostname is missing: the container's host name, as in --hostname web")
		return supervise.ExitRefused
	case o.ID == "":
		a.fail("--ID is missing: what this container is called on this machine, as in --ID web-1")
		return supervise.ExitRefused
	}
	o.Args = set.Args()
	return a.service(o)
}
