package run

import (
	"os"
	"os/signal"
	"syscall"
)

// catchSignals subscribes to every signal that has a meaning for a run. INT,
// HUP and QUIT that were ignored when lanyard was started stay ignored.
func catchSignals() chan os.Signal {
	signals := make(chan os.Signal, 64)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT} {
		if startedIgnored(sig) {
			signal.Ignore(sig)
		} else {
			signal.Notify(signals, sig)
		}
	}
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGTSTP, syscall.SIGCONT,
		syscall.SIGWINCH, syscall.SIGUSR1, syscall.SIGUSR2)
	// Writing to a reader that is gone gives EPIPE instead.
	signal.Ignore(syscall.SIGPIPE)
	return signals
}

// startedIgnored says whether INT, HUP or QUIT was ignored when lanyard was
// started. Go's runtime keeps to that for INT and HUP and takes QUIT over before
// any of our code runs (os/signal), so INT speaks for QUIT: a shell ignores both
// in what it starts in the background of a script (POSIX, Asynchronous Lists).
func startedIgnored(sig syscall.Signal) bool {
	if sig == syscall.SIGQUIT {
		sig = syscall.SIGINT
	}
	return signal.Ignored(sig)
}
