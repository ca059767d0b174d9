package registry

import (
	"context"
	"crypto/x509"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

const (
	maxBackoff    = 10 * time.Second
	maxRetryAfter = time.Minute // a server that wants us to wait longer is an error at once
)

// retry calls op until it succeeds, its error is final, or it failed tries
// times in a row without progress: op says how far it has got, in any unit.
func (c *Client) retry(ctx context.Context, tries int, op func() (progress int64, err error)) error {
	furthest := int64(0)
	for failed := 0; ; {
		reached, err := op()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if reached > furthest {
			furthest, failed = reached, 0
		}
		failed++
		pause, again := c.pause(err, failed)
		if !again || failed >= tries {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// pause says how long to wait after a failure, and whether to try again at all.
func (c *Client) pause(err error, failed int) (time.Duration, bool) {
	if isFinal(err) {
		return 0, false
	}
	pause := min(c.opts.Backoff<<min(failed-1, 10), maxBackoff)
	pause = pause/2 + rand.N(pause/2+1)
	if status, ok := statusOf(err); ok && status.retryAfter > 0 {
		return max(pause, status.retryAfter), status.retryAfter <= maxRetryAfter
	}
	return pause, true
}

// isFinal says that another try would fail in the same way.
func isFinal(err error) bool {
	var (
		here     local
		plain    *plainHTTPError
		digest   *digestError
		dns      *net.DNSError
		ca       x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		final    final
	)
	status, ok := statusOf(err)
	switch {
	case ok:
		return status.code < 500 && status.code != http.StatusTooManyRequests && status.code != http.StatusRequestTimeout
	case errors.As(err, &digest):
		return !digest.resumed
	case errors.As(err, &dns):
		return dns.IsNotFound
	}
	return errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, &here) || errors.As(err, &plain) || errors.As(err, &final) ||
		errors.As(err, &ca) || errors.As(err, &hostname) || errors.As(err, &invalid)
}

// final is an answer that would be the same the next time.
type final struct{ error }

func (e final) Unwrap() error { return e.error }
