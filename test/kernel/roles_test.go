package kernel_test

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"golang.org/x/sys/unix"
)

const helperName = "helper"

// helper is a child of the tests' groups, or what starts lanyard in a special
// way. It never returns to the tests.
func helper(args []string) int {
	if len(args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: helper ROLE ARGUMENT...")
		return 2
	}
	switch args[0] {
	case "log":
		return logSignals(args[1])
	case "escape":
		return escape(args[1])
	case "push-key":
		return pushKey(args[1])
	case "reach":
		return reach(args[1])
	case "attack":
		return attack(args[1:])
	case "find-key":
		return findKey(args[1])
	case "with-key":
		return withKey(args[1], args[2:])
	case "odd-signals":
		return oddSignals(args[1:])
	}
	fmt.Fprintln(os.Stderr, "no such role: "+args[0])
	return 2
}

// logSignals writes the name of each signal that it gets into a file, and ends
// of nothing but KILL.
func logSignals(path string) int {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP,
		syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGCONT)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err == nil {
		err = os.WriteFile(path+".ready", nil, 0o644)
	}
	for err == nil {
		_, err = fmt.Fprintln(file, unix.SignalName((<-signals).(syscall.Signal)))
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// oddSignals executes a program with everything blocked and much ignored, as
// a careless parent leaves it.
func oddSignals(argv []string) int {
	runtime.LockOSThread()
	signal.Ignore(syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGUSR1,
		syscall.SIGPIPE, syscall.SIGCHLD, syscall.SIGALRM)
	linux.BlockAll()
	fmt.Fprintln(os.Stderr, syscall.Exec("/proc/self/exe", argv, os.Environ()))
	return 1
}
