package supervise

import (
	"os"
	"os/signal"
	"syscall"
)

// catchSignals subscribes to the signals that mean something to a supervisor.
// INT and HUP that were ignored when it was started (nohup) stay ignored.
func catchSignals() <-chan os.Signal {
	signals := make(chan os.Signal, 64)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGHUP} {
		if signal.Ignored(sig) {
			signal.Ignore(sig)
		} else {
			signal.Notify(signals, sig)
		}
	}
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	// Writing to a reader that is gone gives EPIPE instead.
	signal.Ignore(syscall.SIGPIPE)
	return signals
}
