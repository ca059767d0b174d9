package stage

import "github.com/lanyard-dev/lanyard/internal/linux"

// The parent (package container) and the stage talk over one stream socket, in
// frames: one byte of type, four bytes of length (little endian), a payload.
//
//	parent                                  stage
//	  | -- clone, exec of /proc/self/exe ---> |  everything blocked, no environment
//	  | -- spec ----------------------------> |  what to build and run
//	  |                                       |  builds the root, changes into it
//	  | -- go ------------------------------> |  runs the command, in the cgroup whose descriptors come with it
//	  | <-------------------------- failed -- |  a step failed: step, path, errno, detail; the end
//	  | <------------------------- started -- |  the command has been executed; with a pidfd of it
//	  | -- signal --------------------------> |  for the command or its process group
//	  | -- foreground ----------------------> |  give its group the terminal again
//	  | <------------------------- stopped -- |  job control stopped it (only where asked for)
//	  | <-------------------------- exited -- |  its wait status; the stage ends, and the
//	  |                                       |  kernel with it everything in the container
//
// Signals that are sent before "started" wait in the socket; later ones for the
// command itself go through its pidfd (docs/adr says why). The socket is also
// the lifetime pipe: at its end the stage dies. A stage that has started its command
// becomes the keeper, which speaks the same on the same socket. Once the command runs the parent
// takes what it reads for hostile: a frame that is too long, unknown or out of
// order ends the container. A panic in the stage is a failed frame.
const (
	frameSpec       = 'S'
	frameGo         = 'G'
	frameSignal     = 'K'
	frameForeground = 'F'

	frameFailed  = 'f'
	frameStarted = 's'
	frameStopped = 't'
	frameExited  = 'x'
)

// MaxReply bounds the payload of a frame from the stage, in bytes.
const MaxReply = 64 << 10

// maxSpec bounds the payload of a spec: argument vector and environment may be
// 6 MiB at most on Linux (execve(2)), the files that come along are small.
const maxSpec = 32 << 20

const headerSize = 5

func frame(kind byte, payload []byte) []byte {
	out := make([]byte, headerSize, headerSize+len(payload))
	out[0] = kind
	linux.PutUint32(out[1:], uint32(len(payload)))
	return append(out, payload...)
}

// Target says who gets a signal.
type Target uint8

// The command itself, or its whole process group.
const (
	ToCommand Target = iota
	ToGroup
)

// SignalFrame is the message that has the stage send a signal.
func SignalFrame(sig int, to Target) []byte {
	return frame(frameSignal, []byte{byte(sig), byte(to)})
}

// ForegroundFrame is the message that has the stage make the command's group
// the terminal's foreground group.
func ForegroundFrame() []byte { return frame(frameForeground, nil) }

// maxRights bounds the descriptors that come with a go: a file for each hierarchy
// of cgroup v1, or one and the folder.
const maxRights = 16

// GoFrame is the message that has the stage run the command. So many descriptors
// come with its first byte (SCM_RIGHTS, unix(7)): files for the command to write
// itself into, then, on v2, the folder of the same cgroup.
func GoFrame(files int, folder bool) []byte {
	payload := []byte{byte(files), 0}
	if folder {
		payload[1] = 1
	}
	return frame(frameGo, payload)
}

func decodeGo(payload []byte) (files, folder int, ok bool) {
	if len(payload) != 2 || payload[0] > maxRights-1 || payload[1] > 1 {
		return 0, 0, false
	}
	return int(payload[0]), int(payload[1]), true
}

// SpecFrame is the first message: what to build and run.
func SpecFrame(s *Spec) []byte {
	e := encoder{buf: make([]byte, headerSize, 4096)}
	e.spec(s)
	e.buf[0] = frameSpec
	linux.PutUint32(e.buf[1:], uint32(len(e.buf)-headerSize))
	return e.buf
}
