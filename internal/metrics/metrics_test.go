package metrics_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/client"
	"github.com/lanyard-dev/lanyard/internal/metrics"
)

var state = client.State{
	Up: true, Restarts: 3, OOMs: 1,
	Metrics: client.Metrics{CPUTime: 1_500_000_001, MemoryUsage: 479232, MemoryLimit: 67108864},
}

const want = `# HELP harpoon_supervisor_container_restarts_total Times the container was started again.
# TYPE harpoon_supervisor_container_restarts_total counter
harpoon_supervisor_container_restarts_total{id="web-1",product="shop",environment="test",job="a\"b\\c\nd"} 3
# HELP harpoon_supervisor_container_ooms_total Times the container ran out of memory.
# TYPE harpoon_supervisor_container_ooms_total counter
harpoon_supervisor_container_ooms_total{id="web-1",product="shop",environment="test",job="a\"b\\c\nd"} 1
# HELP harpoon_supervisor_container_cpu_time_ns CPU time of the container's processes over all restarts, in nanoseconds.
# TYPE harpoon_supervisor_container_cpu_time_ns counter
harpoon_supervisor_container_cpu_time_ns{id="web-1",product="shop",environment="test",job="a\"b\\c\nd"} 1500000001
# HELP harpoon_supervisor_container_cpu_seconds_total CPU time of the container's processes over all restarts, in seconds.
# TYPE harpoon_supervisor_container_cpu_seconds_total counter
harpoon_supervisor_container_cpu_seconds_total{id="web-1",product="shop",environment="test",job="a\"b\\c\nd"} 1.500000001
# HELP harpoon_supervisor_container_memory_usage_bytes Memory charged to the container, in bytes.
# TYPE harpoon_supervisor_container_memory_usage_bytes gauge
harpoon_supervisor_container_memory_usage_bytes{id="web-1",product="shop",environment="test",job="a\"b\\c\nd"} 479232
# HELP harpoon_supervisor_container_memory_limit_bytes Memory limit of the container, in bytes.
# TYPE harpoon_supervisor_container_memory_limit_bytes gauge
harpoon_supervisor_container_memory_limit_bytes{id="web-1",product="shop",environment="test",job="a\"b\\c\nd"} 67108864
# HELP harpoon_supervisor_container_pressure_seconds_total Time that some, or all (full), of the container's processes waited for a resource, over all restarts, in seconds.
# TYPE harpoon_supervisor_container_pressure_seconds_total counter
harpoon_supervisor_container_pressure_seconds_total{id="web-1",product="shop",environment="test",job="a\"b\\c\nd",resource="memory",kind="some"} 1.500001
harpoon_supervisor_container_pressure_seconds_total{id="web-1",product="shop",environment="test",job="a\"b\\c\nd",resource="io",kind="full"} 0
`

var labels = metrics.Labels{ID: "web-1", Product: "shop", Environment: "test", Job: "a\"b\\c\nd"}

var figures = metrics.Figures{Labels: labels, State: state, Pressure: []metrics.Pressure{
	{Resource: "memory", Kind: "some", Total: 1500001 * time.Microsecond}, {Resource: "io", Kind: "full"},
}}

func TestText(t *testing.T) {
	if got := string(metrics.Text(figures)); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if got := string(metrics.Text(metrics.Figures{Labels: metrics.Labels{ID: "a\xffb"}})); !strings.Contains(got, `id="a�b",product=""`) {
		t.Errorf("a label that is no UTF-8: %s", got)
	} else if strings.Contains(got, "pressure") {
		t.Errorf("pressure that nobody counts: %s", got)
	}
}

func TestServe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics")
	tcp, err := metrics.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unix, err := metrics.Listen("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := metrics.Listen("unix:" + path); err == nil {
		l.Close()
		t.Error("a socket that is served was taken")
	}
	for _, l := range []net.Listener{tcp, unix} {
		addr := l.Addr()
		server := metrics.Serve(l, func() metrics.Figures { return figures })
		c := http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, addr.Network(), addr.String())
			},
		}}
		for _, test := range []struct {
			path string
			code int
			body string
		}{{"/metrics", 200, want}, {"/", 404, "not found; the figures are at /metrics\n"}} {
			r, err := c.Get("http://container" + test.path)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r.Body)
			r.Body.Close()
			if err != nil || r.StatusCode != test.code || string(body) != test.body {
				t.Errorf("%s of %s: %d %v\n%s", test.path, addr.Network(), r.StatusCode, err, body)
			}
			if got := r.Header.Get("Content-Type"); test.code == 200 && got != "text/plain; version=0.0.4; charset=utf-8" {
				t.Errorf("content type %q", got)
			}
		}
		c.CloseIdleConnections()
		for request, status := range map[string]string{
			"POST /metrics HTTP/1.1\r\n\r\n": "405", "HEAD /metrics HTTP/1.0\r\n\r\n": "200", "nonsense\n\n": "400",
			"GET /metrics?name=x HTTP/1.1\r\nHost: a\r\n\r\n": "200", "": "", "GET /metrics HTTP/1.1\r\n": "",
			strings.Repeat("x", 1<<20): "",
		} {
			conn, err := net.Dial(addr.Network(), addr.String())
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				_, _ = io.WriteString(conn, request) // it may be hung up on
				_ = conn.(interface{ CloseWrite() error }).CloseWrite()
			}()
			answer, _ := io.ReadAll(conn)
			conn.Close()
			if status == "" && len(answer) > 0 || status != "" && !strings.HasPrefix(string(answer), "HTTP/1.1 "+status+" ") {
				t.Errorf("%.40q is answered with %.60q, want %s", request, answer, status)
			}
		}
		idle, err := net.Dial(addr.Network(), addr.String())
		if err != nil {
			t.Fatal(err)
		}
		server.Close()
		idle.Close()
		if _, err := net.Dial(addr.Network(), addr.String()); err == nil {
			t.Errorf("%s is still served after Close", addr)
		}
	}
}

func TestDeadSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	l, err := metrics.Listen("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

func TestListenSaysWhatIsWrong(t *testing.T) {
	for _, address := range []string{"", "9100", "localhost", "127.0.0.1:99999", "192.0.2.1:1"} {
		if l, err := metrics.Listen(address); err == nil || !strings.Contains(err.Error(), "cannot serve metrics on ") {
			t.Errorf("%q: %v, %v", address, l, err)
		}
	}
}
