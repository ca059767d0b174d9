package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// maxDownload bounds, in bytes, a file whose server does not say how large it is.
const maxDownload = 64 << 30

// Download gets a file from a web server into the folder blobs and gives its
// path; the caller removes it after use. sum is its SHA-256 in hex, which is why
// plain HTTP does. It is continued, tried again and locked as a layer's blob is,
// see Image.Fetch; progress, which may be nil, is told the bytes that came.
func (c *Client) Download(ctx context.Context, url, sum, blobs string, progress func(n int64)) (string, error) {
	if progress == nil {
		progress = func(int64) {}
	}
	l := Layer{Digest: "sha256:" + sum} // whatever its size is
	p, path, err := openPart(ctx, blobs, l, progress)
	if err != nil || p == nil {
		return path, err
	}
	defer p.file.Close()
	if err := p.resume(ctx); err != nil {
		return "", err
	}
	web := &http.Client{Transport: newTransport(c.opts.Idle, func(string) bool { return true })}
	defer web.CloseIdleConnections()
	err = c.retry(ctx, c.opts.Tries, func() (int64, error) {
		err := p.get(ctx, web, url)
		if err == nil {
			err = p.finish(l, path)
		}
		return p.have, err
	})
	var digest *digestError
	if errors.As(err, &digest) || err != nil && p.have == 0 {
		p.remove()
	}
	if why := unreachable(err); why != "" {
		return "", fmt.Errorf("cannot download %s: %s", url, why)
	}
	if err != nil {
		return "", fmt.Errorf("cannot download %s: %w", url, innermost(err))
	}
	return path, nil
}

// get gets what the part lacks.
func (p *part) get(ctx context.Context, web *http.Client, url string) error {
	req, err := http.NewRequestWithContext(allow(ctx, maxDownload), http.MethodGet, url, nil)
	if err != nil {
		return final{err}
	}
	if p.have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", p.have))
	}
	resp, err := web.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusPartialContent:
		var first int64
		if _, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-", &first); err != nil || first != p.have {
			return again(p, "it sends another part than was asked for")
		}
	case http.StatusRequestedRangeNotSatisfiable:
		return nil // all of it is there; the digest says whether it is
	case http.StatusOK:
		if err := p.restart(); err != nil {
			return err
		}
	default:
		return newStatusError(resp)
	}
	p.size, p.open = maxDownload, true
	if resp.ContentLength >= 0 {
		p.size, p.open = p.have+resp.ContentLength, false
	}
	return p.append(resp.Body)
}
