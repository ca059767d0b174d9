package supervise

import (
	"os"
	"os/signal"
	"syscall"
)

// catching begins to catch signals, for which Go's runtime changes threads a dozen
// times, beside what the caller does until it asks for them.
func catching() (caught func() <-chan os.Signal) {
	signals := make(chan (<-chan os.Signal), 1)
	go func() { signals <- catchSignals() }()
	return func() <-chan os.Signal { return <-signals }
}

// catchSignals subscribes to the signals that mean something to a supervisor. A
// HUP that was ignored when it was started (nohup) stays ignored; an INT does
// not, because a shell ignores it in whatever a script starts with &.
func catchSignals() <-chan os.Signal {
	signals := make(chan os.Signal, 64)
	if signal.Ignored(syscall.SIGHUP) {
		signal.Ignore(syscall.SIGHUP)
	} else {
		signal.Notify(signals, syscall.SIGHUP)
	}
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	// Writing to a reader that is gone gives EPIPE instead.
	signal.Ignore(syscall.SIGPIPE)
	return signals
}
