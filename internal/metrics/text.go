// Package metrics gives the figures of one supervised container to monitoring:
// the Prometheus text exposition format, version 0.0.4, over HTTP on an address
// or a unix socket.
package metrics

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/lanyard-dev/lanyard/client"
)

// Labels tell one container's figures from another's.
type Labels struct{ ID, Product, Environment, Job string }

// figure is one time series.
type figure struct {
	name, kind, help string
	value            func(client.State) string
}

var figures = []figure{
	{"restarts_total", "counter", "Times the container was started again.",
		func(s client.State) string { return integer(s.Restarts) }},
	{"ooms_total", "counter", "Times the container ran out of memory.",
		func(s client.State) string { return integer(s.OOMs) }},
	{"cpu_time_ns", "counter", "CPU time of the container's processes over all restarts, in nanoseconds.",
		func(s client.State) string { return integer(s.Metrics.CPUTime) }},
	{"cpu_seconds_total", "counter", "CPU time of the container's processes over all restarts, in seconds.",
		func(s client.State) string {
			return strconv.FormatFloat(float64(s.Metrics.CPUTime)/1e9, 'f', -1, 64)
		}},
	{"memory_usage_bytes", "gauge", "Memory charged to the container, in bytes.",
		func(s client.State) string { return integer(s.Metrics.MemoryUsage) }},
	{"memory_limit_bytes", "gauge", "Memory limit of the container, in bytes.",
		func(s client.State) string { return integer(s.Metrics.MemoryLimit) }},
}

func integer(n uint64) string { return strconv.FormatUint(n, 10) }

// Text is the figures of a state in the text exposition format.
func Text(l Labels, s client.State) []byte {
	var b bytes.Buffer
	labels := fmt.Sprintf(`{id="%s",product="%s",environment="%s",job="%s"}`,
		escape(l.ID), escape(l.Product), escape(l.Environment), escape(l.Job))
	for _, f := range figures {
		name := "harpoon_supervisor_container_" + f.name
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n%s%s %s\n", name, f.help, name, f.kind, name, labels, f.value(s))
	}
	return b.Bytes()
}

var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// escape makes a label value of any text; the format is UTF-8.
func escape(s string) string { return escaper.Replace(strings.ToValidUTF8(s, "\ufffd")) }
