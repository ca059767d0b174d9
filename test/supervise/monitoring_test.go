package supervise_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestContractMonitoring: --metrics serves the figures of the states, on TCP
// and on a socket that is gone afterwards, also after kill -9.
func TestContractMonitoring(t *testing.T) {
	for name, sig := range map[string]syscall.Signal{"unix": syscall.SIGTERM, "tcp": syscall.SIGTERM, "unixKilled": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, "{}")
			p.write("agent.json", fmt.Sprintf(`{"product": "shop", "environment": "live", "job": "a\"b", "restart": "on-failure", "env": {"PATH": "/bin"}, "storage": {"volumes": {"/v": %q}}}`, p.volume("v")))
			network, at, word := "unix", p.path("figures"), "unix:figures"
			if name == "tcp" {
				free, err := net.Listen("tcp", "127.0.0.1:0")
				p.must(err)
				network, at, word = "tcp", free.Addr().String(), free.Addr().String()
				free.Close()
			}
			r := p.launch(nil, append([]string{"--metrics", word}, p.words("sh", "-c", "test -e /v/failed && exec sleep 1000; touch /v/failed; exit 3")...)...)
			s := r.connect()
			s.finally(stateOf(true, true, "", 1, 0))
			text := p.scrape(network, at)
			labels := fmt.Sprintf(`{id="%s",product="shop",environment="live",job="a\"b"} `, p.id)
			for figure, value := range map[string]string{
				"restarts_total": "1\n", "ooms_total": "0\n", "cpu_time_ns": "", "cpu_seconds_total": "", "memory_usage_bytes": "", "memory_limit_bytes": "",
			} {
				if want := "\nharpoon_supervisor_container_" + figure + labels + value; !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
			r.signal(sig)
			r.wait()
			until(t, "a metrics socket that is gone", func() bool {
				_, err := net.Dial(network, at)
				return err != nil && !exists(p.path("figures"))
			})
		})
	}
}

// scrape gives the figures that --metrics serves.
func (p *place) scrape(network, at string) string {
	p.t.Helper()
	c := http.Client{Timeout: bound, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, at)
		},
	}}
	answer, err := c.Get("http://supervisor/metrics")
	p.must(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	p.must(err)
	return string(text)
}

var pressureLine = regexp.MustCompile(`(?m)^harpoon_supervisor_container_pressure_seconds_total\{id="[^"]*",product="",environment="",job="",resource="(\w+)",kind="(\w+)"\} ([0-9.]+)$`)

// pressure gives the totals of a scrape in seconds, as "cpu some".
func (p *place) pressure() map[string]float64 {
	p.t.Helper()
	totals := map[string]float64{}
	for _, m := range pressureLine.FindAllStringSubmatch(p.scrape("unix", p.path("figures")), -1) {
		n, err := strconv.ParseFloat(m[3], 64)
		p.must(err)
		totals[m[1]+" "+m[2]] = n
	}
	return totals
}

// TestContractPressure: with v2 processes that want more than their share of
// the CPUs are seen to wait, and a restart takes nothing back; v1 counts nothing.
func TestContractPressure(t *testing.T) {
	t.Parallel()
	if unified() {
		testkit.Require(t, testkit.Root, testkit.Limits, testkit.Pressure)
	}
	agent := `{"restart": "always", "env": {"PATH": "/bin"}}`
	if unified() {
		agent = `{"restart": "always", "env": {"PATH": "/bin"}, "resources": {"cpu": 0.2}}`
	}
	p := newPlace(t, agent)
	r := p.launch(nil, append([]string{"--metrics", "unix:figures"}, p.words("sh", "-c", "while :; do :; done & while :; do :; done")...)...)
	s := r.dial()
	s.up()
	if !unified() {
		if text := p.scrape("unix", p.path("figures")); strings.Contains(text, "pressure") {
			t.Errorf("v1 counts pressure:\n%s", text)
		}
		r.end()
		return
	}
	var first map[string]float64
	until(t, "two loops that wait for their share of a CPU", func() bool {
		first = p.pressure()
		return first["cpu some"] > 0.1
	})
	for _, name := range []string{"memory some", "memory full", "cpu some", "io some", "io full"} {
		if _, ok := first[name]; !ok {
			t.Errorf("no pressure of %s: %v", name, first)
		}
	}
	for _, loop := range r.named("sh") {
		_ = syscall.Kill(loop.PID, syscall.SIGKILL) // one may have ended with the other
	}
	s.until("up again", func(s client.State) bool { return s.Up && s.Restarts == 1 })
	for name, total := range p.pressure() {
		if total < first[name] {
			t.Errorf("%s is %v after a restart, before it %v", name, total, first[name])
		}
	}
	r.end()
}
