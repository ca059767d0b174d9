// Package metrics gives the figures of one supervised container to monitoring:
// the Prometheus text exposition format, version 0.0.4, over HTTP on an address
// or a unix socket.
package metrics

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lanyard-dev/lanyard/client"
)

// Labels tell one container's figures from another's.
type Labels struct{ ID, Product, Environment, Job string }

// Figures are what one scrape gets.
type Figures struct {
	Labels   Labels
	State    client.State
	Pressure []Pressure // empty where nobody counts it
}

// Pressure is how long the container's processes have waited for a resource.
type Pressure struct {
	Resource string        // "memory", "cpu" or "io"
	Kind     string        // "some" or "full"
	Total    time.Duration // over all restarts; never falls
}

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
		func(s client.State) string { return seconds(s.Metrics.CPUTime) }},
	{"memory_usage_bytes", "gauge", "Memory charged to the container, in bytes.",
		func(s client.State) string { return integer(s.Metrics.MemoryUsage) }},
	{"memory_limit_bytes", "gauge", "Memory limit of the container, in bytes.",
		func(s client.State) string { return integer(s.Metrics.MemoryLimit) }},
}

func integer(n uint64) string { return strconv.FormatUint(n, 10) }

func seconds(ns uint64) string { return strconv.FormatFloat(float64(ns)/1e9, 'f', -1, 64) }

const prefix = "harpoon_supervisor_container_"

// Text is f in the text exposition format.
func Text(f Figures) []byte {
	var b bytes.Buffer
	l := f.Labels
	labels := fmt.Sprintf(`id="%s",product="%s",environment="%s",job="%s"`,
		escape(l.ID), escape(l.Product), escape(l.Environment), escape(l.Job))
	for _, one := range figures {
		head(&b, one.name, one.kind, one.help)
		fmt.Fprintf(&b, "%s%s{%s} %s\n", prefix, one.name, labels, one.value(f.State))
	}
	if len(f.Pressure) > 0 {
		const name = "pressure_seconds_total"
		head(&b, name, "counter", "Time that some, or all (full), of the container's processes waited for a resource, over all restarts, in seconds.")
		for _, p := range f.Pressure {
			fmt.Fprintf(&b, "%s%s{%s,resource=%q,kind=%q} %s\n", prefix, name, labels, p.Resource, p.Kind, seconds(uint64(p.Total)))
		}
	}
	return b.Bytes()
}

func head(b *bytes.Buffer, name, kind, help string) {
	fmt.Fprintf(b, "# HELP %s%s %s\n# TYPE %s%s %s\n", prefix, name, help, prefix, name, kind)
}

var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// escape makes a label value of any text; the format is UTF-8.
func escape(s string) string { return escaper.Replace(strings.ToValidUTF8(s, "\ufffd")) }
