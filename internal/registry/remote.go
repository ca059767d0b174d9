package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// endpoint is a repository on one host: of the registry itself, or of a mirror.
type endpoint struct {
	host string // for messages and credentials
	repo name.Repository
}

// session is what was agreed upon with an endpoint. Who holds its token may
// touch the rest.
type session struct {
	ready       chan struct{} // holds the token
	client      *http.Client  // nil until connected
	credentials error         // why there are none, if they could not be read
}

// endpoints lists where an image may come from, the registry itself last.
func (c *Client) endpoints(ref Ref) ([]endpoint, error) {
	var list []endpoint
	for _, mirror := range c.opts.Mirrors[ref.host()] {
		host, prefix, _ := strings.Cut(strings.TrimSuffix(mirror, "/"), "/")
		path := ref.repo.RepositoryStr()
		if prefix != "" {
			path = prefix + "/" + path
		}
		e, err := c.endpoint(host, path)
		if err != nil {
			return nil, fmt.Errorf("the mirror %q of %s is not HOST[:PORT][/PREFIX]: %s", mirror, ref.host(), clean(err.Error()))
		}
		list = append(list, e)
	}
	e, err := c.endpoint(ref.host(), ref.repo.RepositoryStr())
	return append(list, e), err
}

func (c *Client) endpoint(host, path string) (endpoint, error) {
	var opts []name.Option
	if c.opts.PlainHTTP[host] || isLoopback(host) {
		opts = append(opts, name.Insecure)
	}
	registry, err := name.NewRegistry(host, append(opts, name.StrictValidation)...)
	if err != nil {
		return endpoint{}, err
	}
	repo := registry.Repo(path)
	return endpoint{host: hostName(registry.RegistryStr()), repo: repo}, checkName(repo)
}

// connect gives the client for an endpoint: its greeting says whether HTTPS is
// spoken and which credentials are wanted, and tokens are fetched with them.
// credentials is why there are none, if they could not be read.
func (c *Client) connect(ctx context.Context, e endpoint) (client *http.Client, credentials, err error) {
	c.mu.Lock()
	s := c.sessions[e.repo.Name()]
	if s == nil {
		s = &session{ready: make(chan struct{}, 1)}
		s.ready <- struct{}{}
		c.sessions[e.repo.Name()] = s
	}
	c.mu.Unlock()
	select {
	case <-s.ready:
		defer func() { s.ready <- struct{}{} }()
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	if s.client != nil {
		return s.client, s.credentials, nil
	}
	var auth authn.Authenticator
	if auth, s.credentials = authn.Resolve(ctx, c.opts.Keychain, e.repo); s.credentials != nil {
		auth = authn.Anonymous // many images need no more
	}
	base := transport.NewUserAgent(c.base, "lanyard")
	t, err := transport.NewWithContext(ctx, e.repo.Registry, auth, base, []string{e.repo.Scope(transport.PullScope)})
	if err != nil {
		return nil, s.credentials, err
	}
	s.client = &http.Client{Transport: t, CheckRedirect: checkRedirect}
	return s.client, s.credentials, nil
}

// get asks an endpoint for a path below its repository. The answer is a success
// (200 or 206, or one of also) with at most limit bytes, or an error.
func (c *Client) get(ctx context.Context, e endpoint, path string, header http.Header, limit int64, also ...int) (*http.Response, error) {
	client, credentials, err := c.connect(ctx, e)
	if err != nil {
		return nil, withCredentials(err, credentials)
	}
	// Where the greeting came in plain HTTP, the session's transport corrects it.
	req, err := http.NewRequestWithContext(allow(ctx, limit), http.MethodGet, "https://"+e.repo.RegistryStr()+"/v2/"+e.repo.RepositoryStr()+path, nil)
	if err != nil {
		return nil, final{err}
	}
	req.Header = header
	resp, err := client.Do(req)
	if err != nil {
		return nil, withCredentials(err, credentials)
	}
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusPartialContent || slices.Contains(also, resp.StatusCode) {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, withCredentials(newStatusError(resp), credentials)
}

// try asks the endpoints one after the other until one has what is wanted. It
// gives the number of the one that had. Mirrors have one try each.
func (c *Client) try(ctx context.Context, list []endpoint, what string, op func(e endpoint) (progress int64, err error)) (int, error) {
	var causes []string
	for i, e := range list {
		tries, last := 1, i == len(list)-1
		if last {
			tries = c.opts.Tries
		}
		err := c.retry(ctx, tries, func() (int64, error) { return op(e) })
		var here local
		switch {
		case err == nil:
			return i, nil
		case ctx.Err() != nil:
			return i, err
		}
		err = explain(e.host, e.repo.RepositoryStr(), what, err)
		switch {
		case errors.As(err, &here), last && causes == nil:
			return i, err
		case last:
			return i, fmt.Errorf("%w; before that, mirrors failed: %s", err, strings.Join(causes, "; "))
		}
		causes = append(causes, err.Error())
	}
	return 0, errors.New("internal error: no endpoint")
}

// repository is a source: an image's repository on the hosts that have it.
type repository struct {
	c    *Client
	list []endpoint
}

// accepted are the manifests that are understood; a registry converts or
// refuses others.
var accepted = strings.Join([]string{
	string(types.OCIImageIndex), string(types.DockerManifestList), string(types.OCIManifestSchema1), string(types.DockerManifestSchema2)}, ", ")

func (c *Client) resolveRemote(ctx context.Context, ref Ref) (*Image, error) {
	list, err := c.endpoints(ref)
	if err != nil {
		return nil, err
	}
	r := &repository{c: c, list: list}
	what := "tag " + ref.id
	if ref.pinned() {
		what = short(ref.id)
	}
	data, kind, i, err := r.document(ctx, "/manifests/"+ref.id, what, ref.id, maxManifest)
	if err != nil {
		return nil, err
	}
	r.list = list[i:] // those before it failed
	doc, err := parseDocument(data, kind)
	if err != nil {
		return nil, err
	}
	return c.build(ctx, ref, r, doc)
}

// document fetches a small thing, whose digest is id unless that is a tag. It
// gives the media type that came with it, and the number of the endpoint that
// had it.
func (r *repository) document(ctx context.Context, path, what, id string, limit int64) (data []byte, kind string, i int, err error) {
	i, err = r.c.try(ctx, r.list, what, func(e endpoint) (int64, error) {
		resp, err := r.c.get(ctx, e, path, http.Header{"Accept": {accepted}}, limit)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		kind = resp.Header.Get("Content-Type")
		if data, err = io.ReadAll(resp.Body); err == nil && isDigest(id) {
			err = checkDigest(data, id)
		}
		return 0, err
	})
	return data, kind, i, err
}

func (r *repository) manifest(ctx context.Context, digest string) ([]byte, error) {
	data, _, _, err := r.document(ctx, "/manifests/"+digest, short(digest), digest, maxManifest)
	return data, err
}

func (r *repository) config(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	digest := d.Digest.String()
	data, _, _, err := r.document(ctx, "/blobs/"+digest, "configuration "+short(digest), digest, d.Size)
	return data, err
}
