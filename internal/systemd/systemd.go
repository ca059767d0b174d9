// Package systemd is what a service manager gives to lanyard and what lanyard
// tells it: readiness, status and watchdog (sd_notify(3)), and a socket that it
// made (sd_listen_fds(3)). What is told follows from what the loop publishes;
// nothing is decided here.
//
// It does without go-systemd, whose notifications read NOTIFY_SOCKET anew each
// time and wait for ever for a manager that does not read (docs/adr/0017).
package systemd

import (
	"math"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// variables are how a manager speaks to the process that it starts, and to no
// other: systemd.exec(5), "Environment Variables Set on Spawned Processes".
var variables = []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES"}

// Owns says whether an environment variable is between lanyard and its manager.
func Owns(name string) bool { return slices.Contains(variables, name) }

// Manager is the service manager that started this process. The zero Manager
// is none: it is told nothing and gives nothing.
type Manager struct {
	socket string        // where it is told things, an abstract one with @ in front; "": it does not want to be
	ping   time.Duration // how often it wants to hear that the loop turns; 0: never
	listen string        // how many sockets it passed, as it says so; "": none
}

// Take finds out who started this process and removes its variables from the
// environment, so that nothing that is started from here ever finds them. The
// descriptors that were passed are closed in programs that are executed. It is
// called once, before anything else looks at the environment.
func Take() Manager {
	env := map[string]string{}
	for _, name := range variables {
		env[name] = os.Getenv(name)
		_ = os.Unsetenv(name) // fails for names that are none only
	}
	self := strconv.Itoa(os.Getpid())
	m := Manager{socket: env["NOTIFY_SOCKET"]}
	if pid := env["WATCHDOG_PID"]; pid == "" || pid == self {
		m.ping = rhythm(env["WATCHDOG_USEC"])
	}
	if env["LISTEN_PID"] == self {
		m.listen = env["LISTEN_FDS"]
		if n, err := strconv.ParseUint(m.listen, 10, 16); err == nil && n > 0 {
			_ = unix.CloseRange(firstSocket, firstSocket+uint(n)-1, unix.CLOSE_RANGE_CLOEXEC)
		}
	}
	return m
}

// rhythm is half of the time, in microseconds, in which the manager wants to
// hear something (sd_watchdog_enabled(3)); 0 for what is no such time.
func rhythm(usec string) time.Duration {
	n, err := strconv.ParseInt(usec, 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64/int64(time.Microsecond) {
		return 0
	}
	return max(time.Duration(n)*time.Microsecond/2, time.Millisecond)
}
