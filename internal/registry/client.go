package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

// Options are what a Client is told. The zero value asks Docker Hub and others
// with HTTPS, with the credentials of Docker and Podman.
type Options struct {
	OS, Arch, Variant string // the platform of images, in Go's words; by default this machine's

	Mirrors   map[string][]string // hosts that are asked before a registry, in order, by its name (docker.io); each HOST[:PORT][/PREFIX]
	PlainHTTP map[string]bool     // HOST[:PORT] of registries that may be spoken to without encryption where HTTPS fails; loopback always may
	Keychain  authn.Keychain      // by default Credentials(os.Getenv)

	Idle    time.Duration // a try fails when no byte came for so long; 30 s by default
	Tries   int           // in a row without progress, before a registry is given up; 5 by default. A mirror has one
	Backoff time.Duration // wait before the second try; it doubles, with jitter, up to 10 s; 500 ms by default
}

// Client resolves references. It may be used by several goroutines.
type Client struct {
	opts     Options
	platform platform
	base     http.RoundTripper

	mu       sync.Mutex
	sessions map[string]*session // by endpoint
}

// New makes a client; it asks nobody yet.
func New(opts Options) *Client {
	if opts.Keychain == nil {
		opts.Keychain = Credentials(nil)
	}
	if opts.Idle <= 0 {
		opts.Idle = 30 * time.Second
	}
	if opts.Tries <= 0 {
		opts.Tries = 5
	}
	if opts.Backoff <= 0 {
		opts.Backoff = 500 * time.Millisecond
	}
	c := &Client{opts: opts, platform: machine(), sessions: map[string]*session{}}
	if opts.Arch != "" {
		c.platform.arch, c.platform.variant = opts.Arch, ""
	}
	if opts.OS != "" {
		c.platform.os = opts.OS
	}
	if opts.Variant != "" {
		c.platform.variant = opts.Variant
	}
	c.base = newTransport(opts.Idle, func(host string) bool { return opts.PlainHTTP[host] })
	return c
}

// Platform is what images are chosen for: linux/amd64.
func (c *Client) Platform() string { return c.platform.String() }

// Close gives up idle connections.
func (c *Client) Close() {
	if t, ok := c.base.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Resolve finds the image for the client's platform, and reads its manifest and
// configuration. Nothing but what is needed for that is transferred.
func (c *Client) Resolve(ctx context.Context, ref Ref) (*Image, error) {
	var img *Image
	var err error
	switch ref.kind {
	case fromRegistry:
		img, err = c.resolveRemote(ctx, ref)
	case fromLayout:
		img, err = c.resolveLayout(ctx, ref)
	case fromArchive:
		img, err = c.resolveArchive(ctx, ref)
	default:
		return nil, errors.New("internal error: a reference that was not parsed")
	}
	if ctx.Err() != nil && err != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", ref, err)
	}
	return img, nil
}
