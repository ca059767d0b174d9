package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// maxAnswer bounds, in bytes, what is read of any answer whose request does not
// say otherwise: greetings, tokens, errors.
const maxAnswer = 64 << 10

// guard is below everything that speaks HTTP here, the library's requests for
// tokens too. It refuses plain HTTP that nobody allowed, gives up on servers
// that say nothing, bounds answers, and makes errors of those that say "later".
type guard struct {
	inner *http.Transport
	idle  time.Duration
	plain func(host string) bool
}

var errIdle = errors.New("no answer for too long")

func newTransport(idle time.Duration, plain func(host string) bool) http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableCompression = true // a blob's bytes are what the digest is of
	t.MaxIdleConnsPerHost = 8
	t.DialContext = (&net.Dialer{Timeout: min(idle, 15*time.Second)}).DialContext
	return &guard{inner: t, idle: idle, plain: plain}
}

func (g *guard) CloseIdleConnections() { g.inner.CloseIdleConnections() }

type allowance struct{}

// allow lets the answer to a request have n bytes.
func allow(ctx context.Context, n int64) context.Context {
	return context.WithValue(ctx, allowance{}, n)
}

func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	plain := isLoopback(req.URL.Host) || g.plain(req.URL.Host)
	if req.URL.Scheme != "https" && !plain {
		return nil, &plainHTTPError{host: req.URL.Host}
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	timer := time.AfterFunc(g.idle, func() { cancel(fmt.Errorf("%w: no byte in %s", errIdle, g.idle)) })
	resp, err := g.inner.RoundTrip(req.WithContext(ctx))
	timer.Stop()
	if err != nil {
		err = because(ctx, err)
		cancel(nil)
		if plain && errors.Is(err, http.ErrSchemeMismatch) {
			return nil, errors.New("it speaks no HTTPS") // and what plain HTTP brings counts
		}
		return nil, err
	}
	limit, ok := req.Context().Value(allowance{}).(int64)
	if !ok || resp.StatusCode >= http.StatusMultipleChoices {
		limit = maxAnswer
	}
	resp.Body = &body{inner: resp.Body, ctx: ctx, cancel: cancel, timer: timer, idle: g.idle, left: limit}
	if code := resp.StatusCode; code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout {
		defer resp.Body.Close()
		return nil, newStatusError(resp)
	}
	return resp, nil
}

// because prefers the reason for which ctx was cancelled.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && err != nil && err != io.EOF {
		return cause
	}
	return err
}

// body is an answer's body, with a limit on its bytes and on its silence.
type body struct {
	inner  io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	idle   time.Duration
	left   int64
}

func (b *body) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errors.New("the answer is longer than it may be")
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	b.timer.Reset(b.idle)
	n, err := b.inner.Read(p)
	b.timer.Stop()
	if b.left -= int64(n); b.left < 0 {
		return n - 1, errors.New("the answer is longer than it may be")
	}
	return n, because(b.ctx, err)
}

func (b *body) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	return b.inner.Close()
}

func newStatusError(resp *http.Response) *statusError {
	e := &statusError{code: resp.StatusCode, retryAfter: parseRetryAfter(resp.Header.Get("Retry-After"), time.Now())}
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return e // the status is what matters
	}
	var answer transport.Error
	if json.Unmarshal(data, &answer) == nil && len(answer.Errors) > 0 {
		e.detail = clean(answer.Errors[0].Message)
	}
	return e
}

// parseRetryAfter reads seconds or a date (RFC 9110, 10.2.3); 0 for neither.
func parseRetryAfter(text string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(text); err == nil && n >= 0 {
		return time.Duration(min(n, 1<<30)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// isLoopback says whether HOST or HOST:PORT is this machine.
func isLoopback(hostport string) bool {
	host := (&url.URL{Host: hostport}).Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// checkRedirect follows up to ten redirects, but none from a registry elsewhere
// to a service of this machine.
func checkRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) >= 10:
		return errors.New("it redirects without end")
	case isLoopback(req.URL.Host) && !isLoopback(via[0].URL.Host):
		return fmt.Errorf("it redirects to %s, which is this machine", clean(req.URL.Host))
	}
	return nil
}
