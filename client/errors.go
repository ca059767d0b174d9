package client

import "errors"

// ErrNotRunning says that no supervisor serves the folder: there is no socket
// in it, or nobody listens. Errors of this package wrap it; look for it with
// errors.Is.
var ErrNotRunning = errors.New("no supervisor is running")
