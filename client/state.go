package client

// Names of the events on the wire: what a supervisor sends, and what it obeys.
const (
	EventState = "state" // from the supervisor; its data is a State as JSON
	EventStop  = "stop"  // to the supervisor: TERM to the container, which is not restarted any more
	EventKill  = "kill"  // to the supervisor: KILL to the container, which is not restarted any more
	EventExit  = "exit"  // to the supervisor: end; without effect while the container is up or about to be restarted
)

// State is what a supervisor says about its container. Every state is complete:
// whoever has read one needs none of those before it. Encoded by encoding/json
// it is, byte for byte, the data of a state event.
type State struct {
	Up         bool       `json:"up"`                    // the command runs
	Restarting bool       `json:"restarting"`            // it would be started again if it ended now, or waits for its next start
	Err        string     `json:"err,omitempty"`         // why the container could not be started; empty otherwise
	ExitStatus ExitStatus `json:"container_exit_status"` // of the last run; zero while up and before the first exit
	Restarts   uint64     `json:"restarts"`              // starts after the first one; only grows
	OOMs       uint64     `json:"ooms"`                  // times that the kernel killed for want of memory; only grows
	Metrics    Metrics    `json:"container_metrics"`
}

// ExitStatus says how a container's command ended: by itself, by a signal, or
// because its memory was at its limit. All of it is zero where none has ended.
type ExitStatus struct {
	Exited     bool `json:"exited,omitempty"`      // it ended by itself
	ExitStatus int  `json:"exit_status,omitempty"` // its exit code where Exited, 0 to 255
	Signaled   bool `json:"signaled,omitempty"`    // a signal ended it
	Signal     int  `json:"signal,omitempty"`      // the signal's number where Signaled, see signal(7)
	OOMed      bool `json:"oomed,omitempty"`       // the kernel killed it because its memory was at its limit
}

// Metrics are a container's figures, from its cgroup; where it has none, from
// /proc.
type Metrics struct {
	CPUTime     uint64 `json:"cpu_time"`     // in nanoseconds, of all runs together; never falls
	MemoryUsage uint64 `json:"memory_usage"` // in bytes
	MemoryLimit uint64 `json:"memory_limit"` // in bytes; without a limit the kernel's largest, 9223372036854771712 on cgroup v1
}

// Finished says that the container is down and will not be started again. A
// container that could not be started is finished too; Err says why.
func (s State) Finished() bool { return !s.Up && !s.Restarting }

// Code gives the exit code as a shell counts: that of the command, 128 and the
// signal's number if one ended it, 137 (as for KILL) if the kernel killed it
// for want of memory. It is 0 where nothing has ended yet: see State.Finished
// and State.Err.
func (e ExitStatus) Code() int {
	switch {
	case e.OOMed:
		return 128 + 9
	case e.Signaled:
		return 128 + e.Signal
	default:
		return e.ExitStatus
	}
}
