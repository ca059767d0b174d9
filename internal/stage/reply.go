package stage

import (
	"errors"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// Reply is a frame from the stage, decoded by the parent.
type Reply struct {
	Kind   ReplyKind
	Err    *linux.StepError   // Failed
	Status syscall.WaitStatus // Exited, Stopped
}

// ReplyKind says what a Reply tells.
type ReplyKind byte

// The replies.
const (
	Started ReplyKind = frameStarted
	Failed  ReplyKind = frameFailed
	Stopped ReplyKind = frameStopped
	Exited  ReplyKind = frameExited
)

// ErrProtocol is returned for a frame that a sound stage does not send.
var ErrProtocol = errors.New("the container's init sent what it never sends")

// DecodeReply takes the first frame off data. n is 0 while it is incomplete.
// The bytes may come from a hostile process.
func DecodeReply(data []byte) (r Reply, n int, err error) {
	if len(data) < headerSize {
		return r, 0, nil
	}
	size := uint32(little(data[1:headerSize]))
	if size > MaxReply {
		return r, 0, ErrProtocol
	}
	n = headerSize + int(size)
	if len(data) < n {
		return r, 0, nil
	}
	payload := data[headerSize:n]
	r.Kind = ReplyKind(data[0])
	switch r.Kind {
	case Started:
		if size != 0 {
			return r, 0, ErrProtocol
		}
	case Exited, Stopped:
		if size != 4 {
			return r, 0, ErrProtocol
		}
		r.Status = syscall.WaitStatus(little(payload))
		if (r.Kind == Exited) != (r.Status.Exited() || r.Status.Signaled()) || (r.Kind == Stopped) != r.Status.Stopped() {
			return r, 0, ErrProtocol
		}
	case Failed:
		d := decoder{buf: payload}
		r.Err = &linux.StepError{Step: d.str(), Path: d.str(), Errno: syscall.Errno(d.uint()), Detail: d.str()}
		if d.bad || len(d.buf) > 0 {
			return r, 0, ErrProtocol
		}
	default:
		return r, 0, ErrProtocol
	}
	return r, n, nil
}

func failedFrame(err *linux.StepError) []byte {
	e := encoder{}
	e.str(limit(err.Step))
	e.str(limit(err.Path))
	e.uint(uint64(err.Errno))
	e.str(limit(err.Detail))
	return frame(frameFailed, e.buf)
}

// limit keeps a failed frame below MaxReply.
func limit(s string) string {
	const most = 16 << 10
	if len(s) > most {
		return s[:most]
	}
	return s
}

func statusFrame(kind byte, status syscall.WaitStatus) []byte {
	payload := make([]byte, 4)
	linux.PutUint32(payload, uint32(status))
	return frame(kind, payload)
}
