package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// digestError is content that is not what was asked for.
type digestError struct {
	want, got string
	resumed   bool // it was put together of pieces: one of them is wrong
}

func (e *digestError) Error() string {
	return fmt.Sprintf("the content does not match its digest: wanted %s, got %s; it was damaged on the way or at its source, and is not used", e.want, e.got)
}

// plainHTTPError is a host that would have been spoken to without encryption.
type plainHTTPError struct{ host string }

func (e *plainHTTPError) Error() string {
	return fmt.Sprintf("%s would have to be spoken to in plain HTTP, which anybody on the way can read and change; allow it by name with %s", e.host, fmt.Sprintf(PlainHTTPSetting, e.host))
}

// PlainHTTPSetting is how error messages name what allows plain HTTP for a host
// (%s).
const PlainHTTPSetting = "`registries: {\"%s\": {plain-http: true}}` in settings.yaml"

// statusError is an answer that is no success.
type statusError struct {
	code       int
	retryAfter time.Duration // 0 if the server does not say
	detail     string        // of the server, cleaned; may be empty
}

func (e *statusError) Error() string {
	text := fmt.Sprintf("it answers %d %s", e.code, http.StatusText(e.code))
	if e.detail != "" {
		text += " (" + e.detail + ")"
	}
	return text
}

// statusOf gives the status behind an error: of our own requests, or of those
// that the library makes for a token.
func statusOf(err error) (statusError, bool) {
	var own *statusError
	if errors.As(err, &own) {
		return *own, true
	}
	var foreign *transport.Error
	if errors.As(err, &foreign) {
		e := statusError{code: foreign.StatusCode}
		if len(foreign.Errors) > 0 {
			e.detail = clean(foreign.Errors[0].Message)
		}
		return e, true
	}
	return statusError{}, false
}

// credentialsError is a failure where credentials that could not be read might
// have helped.
type credentialsError struct{ err, cause error }

func (e *credentialsError) Error() string { return e.err.Error() }
func (e *credentialsError) Unwrap() error { return e.err }

func withCredentials(err, cause error) error {
	if cause == nil {
		return err
	}
	return &credentialsError{err: err, cause: cause}
}

// local is an error of this machine: another try or another host won't help.
type local struct{ error }

func (e local) Unwrap() error { return e.error }

// explain says what a failure of a host means and what to do. what is the thing
// that was asked for: "tag 17", "layer sha256:…".
func explain(host, repo, what string, err error) error {
	status, ok := statusOf(err)
	plain := &plainHTTPError{}
	var digest *digestError
	var here local
	switch {
	case errors.As(err, &here):
		return err
	case errors.As(err, &digest):
		return fmt.Errorf("registry %s: %w", host, digest)
	case ok && (status.code == http.StatusUnauthorized || status.code == http.StatusForbidden):
		text := fmt.Sprintf("registry %s does not let us read %s: %s; check the name, and log in with `docker login %s` or `podman login %s` if it is private", host, repo, status.Error(), host, host)
		if none := (*credentialsError)(nil); errors.As(err, &none) {
			text += fmt.Sprintf("; the credentials on this machine could not be read: %v", none.cause)
		}
		return errors.New(text)
	case ok && status.code == http.StatusNotFound:
		return fmt.Errorf("registry %s has no %s of %s: %s; check name, tag and digest", host, what, repo, status.Error())
	case ok && status.code == http.StatusTooManyRequests:
		wait := ""
		if status.retryAfter > 0 {
			wait = fmt.Sprintf(", and wants us to wait %s", status.retryAfter.Round(time.Second))
		}
		return fmt.Errorf("registry %s has had too many requests from here%s: %s; try later, log in with `docker login %s` or `podman login %s` for a higher limit, or use a mirror", host, wait, status.Error(), host, host)
	case errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("registry %s: %w", host, &plainHTTPError{host: host})
	case errors.As(err, &plain):
		return fmt.Errorf("registry %s can't be reached with HTTPS, and %w", host, plain)
	}
	if why := unreachable(err); why != "" {
		return fmt.Errorf("registry %s can't be reached: %s", host, why)
	}
	return fmt.Errorf("registry %s does not give us %s of %s: %s", host, what, repo, clean(innermost(err).Error()))
}

// fileError says how a file that is missing is made.
func fileError(r Ref, path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist) && r.kind == fromLayout:
		return fmt.Errorf("%s is missing; name the folder of an OCI layout, as `skopeo copy docker://NAME oci:PATH` makes it", path)
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("there is no such file; make it with `docker save -o FILE NAME` or `podman save -o FILE NAME`")
	}
	return err
}

// clean makes text of a server fit for a terminal: one line, printable, short.
func clean(text string) string {
	const most = 300 // bytes, or a little less
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text[:min(len(text), 4*most)])
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
