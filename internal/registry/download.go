package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// fetch downloads a layer's blob, with as many tries on as many hosts as it
// takes. What one host sent, the next one continues: the digest decides.
func (r *repository) fetch(ctx context.Context, l Layer, blobs string, progress func(int64)) (Blob, error) {
	p, path, err := openPart(ctx, blobs, l, progress)
	if err != nil {
		return Blob{}, err
	}
	blob := Blob{Path: path, Size: l.Size, Temporary: true}
	if p == nil {
		return blob, nil
	}
	defer p.file.Close()
	if err := p.resume(ctx); err != nil {
		return Blob{}, err
	}
	_, err = r.c.try(ctx, r.list, "layer "+short(l.Digest), func(e endpoint) (int64, error) {
		err := r.download(ctx, e, l, p)
		if err == nil {
			err = p.finish(l, path)
		}
		return p.have, err
	})
	var digest *digestError
	if errors.As(err, &digest) || err != nil && p.have == 0 {
		p.remove()
	}
	if err != nil {
		return Blob{}, err
	}
	return blob, nil
}

// download gets what the part lacks from one endpoint.
func (r *repository) download(ctx context.Context, e endpoint, l Layer, p *part) error {
	if p.have == p.size {
		return nil
	}
	header := http.Header{}
	if p.have > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", p.have))
	}
	resp, err := r.c.get(ctx, e, "/blobs/"+l.Digest, header, p.size+1, http.StatusRequestedRangeNotSatisfiable)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	first, last := int64(0), p.size-1 // the whole blob, whatever we asked for
	switch resp.StatusCode {
	case http.StatusRequestedRangeNotSatisfiable:
		return again(p, "it refuses to send the rest")
	case http.StatusPartialContent:
		_, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-%d/", &first, &last)
		if err != nil || first != p.have || last != p.size-1 {
			return again(p, fmt.Sprintf("it sends another part (%s) than was asked for", clean(resp.Header.Get("Content-Range"))))
		}
	}
	if n := resp.ContentLength; n >= 0 && n != p.size-first {
		return final{fmt.Errorf("it has %d bytes of the blob where the manifest tells %d", first+n, p.size)}
	}
	if first < p.have {
		if err := p.restart(); err != nil {
			return err
		}
	}
	return p.append(resp.Body)
}

// again drops what is there, so that the next try is for the whole blob.
func again(p *part, why string) error {
	if err := p.restart(); err != nil {
		return err
	}
	return errors.New(why)
}
