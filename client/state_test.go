package client_test

import (
	"encoding/json"
	"testing"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/sse"
)

// The samples of the protocol, byte for byte.
func TestStateOnTheWire(t *testing.T) {
	metrics := client.Metrics{CPUTime: 2584516, MemoryUsage: 479232, MemoryLimit: 67108864}
	const text = `"container_metrics":{"cpu_time":2584516,"memory_usage":479232,"memory_limit":67108864}}`
	for _, c := range []struct {
		name     string
		state    client.State
		data     string
		finished bool
		code     int
	}{
		{"up", client.State{Up: true, Restarting: true, Metrics: metrics},
			`{"up":true,"restarting":true,"container_exit_status":{},"restarts":0,"ooms":0,` + text, false, 0},
		{"after a stop", client.State{Up: true, Metrics: metrics},
			`{"up":true,"restarting":false,"container_exit_status":{},"restarts":0,"ooms":0,` + text, false, 0},
		{"killed", client.State{ExitStatus: client.ExitStatus{Signaled: true, Signal: 9}, Metrics: metrics},
			`{"up":false,"restarting":false,"container_exit_status":{"signaled":true,"signal":9},"restarts":0,"ooms":0,` + text, true, 137},
		{"exit 3, on-failure", client.State{Restarting: true, ExitStatus: client.ExitStatus{Exited: true, ExitStatus: 3}, Metrics: metrics},
			`{"up":false,"restarting":true,"container_exit_status":{"exited":true,"exit_status":3},"restarts":0,"ooms":0,` + text, false, 3},
		{"restarted", client.State{Up: true, Restarting: true, Restarts: 1, Metrics: metrics},
			`{"up":true,"restarting":true,"container_exit_status":{},"restarts":1,"ooms":0,` + text, false, 0},
		{"exit 0", client.State{ExitStatus: client.ExitStatus{Exited: true}, Metrics: metrics},
			`{"up":false,"restarting":false,"container_exit_status":{"exited":true},"restarts":0,"ooms":0,` + text, true, 0},
		{"out of memory", client.State{ExitStatus: client.ExitStatus{OOMed: true}, OOMs: 1, Metrics: metrics},
			`{"up":false,"restarting":false,"container_exit_status":{"oomed":true},"restarts":0,"ooms":1,` + text, true, 137},
		{"cannot start", client.State{Err: "no <rootfs> & no \"reason\""},
			`{"up":false,"restarting":false,"err":"no \u003crootfs\u003e \u0026 no \"reason\"","container_exit_status":{},"restarts":0,"ooms":0,"container_metrics":{"cpu_time":0,"memory_usage":0,"memory_limit":0}}`, true, 0},
		{"no limit", client.State{Up: true, Restarting: true, Metrics: client.Metrics{MemoryLimit: 9223372036854771712}},
			`{"up":true,"restarting":true,"container_exit_status":{},"restarts":0,"ooms":0,"container_metrics":{"cpu_time":0,"memory_usage":0,"memory_limit":9223372036854771712}}`, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			data, err := json.Marshal(c.state)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := string(sse.Append(nil, client.EventState, data)), "event: state\ndata: "+c.data+"\n\n"; got != want {
				t.Errorf("on the wire: %q, want %q", got, want)
			}
			var back client.State
			if err := json.Unmarshal(data, &back); err != nil || back != c.state {
				t.Errorf("read back: %+v, %v; want %+v", back, err, c.state)
			}
			if c.state.Finished() != c.finished || c.state.ExitStatus.Code() != c.code {
				t.Errorf("finished %v, code %d; want %v, %d", c.state.Finished(), c.state.ExitStatus.Code(), c.finished, c.code)
			}
		})
	}
}
