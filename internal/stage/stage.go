// Package stage is PID 1 of every container: the same binary, executed again
// in new namespaces. It builds the root, starts the command as its child,
// passes signals on, reaps, and dies with its parent. protocol.go draws what it
// and the parent say to each other.
//
// It runs from this package's initialiser, before those of anything heavier:
// docs/adr/0002 says why and what that forbids this package to import.
package stage

import (
	"sync"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/lanyard-dev/lanyard/internal/rootfs"
)

// Argv0 is the whole argument vector of a stage: fixed, so that nothing of the
// user's can be read from it.
const Argv0 = "lanyard-init"

// Namespaces of every container besides a user namespace; the cgroup namespace is the
// command's own, made after it has entered its cgroup.
const Namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS

// socket is the descriptor of the stage's only link to its parent.
const socket = 3

func init() {
	if syscall.Getpid() == 1 && linux.IsCommandLine(Argv0) {
		run()
	}
}

// run never returns. The thread that runs package initialisers is the main
// thread and stays locked to it.
func run() {
	s := &server{}
	defer func() {
		if r := recover(); r != nil {
			s.fail(&linux.StepError{Step: "internal error in the container's init", Detail: panicText(r)})
		}
	}()
	s.main()
}

func panicText(r any) string {
	switch v := r.(type) {
	case error:
		return v.Error()
	case string:
		return v
	}
	return "panic"
}

func exit(code int) {
	for {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, uintptr(code), 0, 0)
	}
}

type server struct {
	spec    *Spec
	mu      sync.Mutex // held by the reaper while it acts
	command int        // pid of the command, 0 before it runs
	pidfd   int        // of the command, until it is sent
	in      []byte
	rights  []int // descriptors that came from the parent

	cgroupFiles  []int // those that the command writes itself into
	cgroupFolder int   // the one that it can be cloned into; -1 for none
}

func (s *server) main() {
	// Set here and not only by the parent: a change of credentials clears it.
	if _, err := linux.Prctl(syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL)); err != nil {
		s.fail(linux.Fail("tie the container to its supervisor", "", err))
	}
	linux.SetName(Argv0)
	linux.IgnoreAll(linux.Faults) // those become panics, and reach the parent
	s.readSpec()
	s.become()
	if _, err := linux.Prctl(syscall.PR_SET_DUMPABLE, 0); err != nil {
		s.fail(linux.Fail("hide the container's init", "", err))
	}
	s.nameHost()
	syscall.Umask(0)
	if err := rootfs.Build(&s.spec.Root); err != nil {
		s.fail(err)
	}
	syscall.Umask(0o022)
	// The agent's or project's mounts decide what /dev is, so this comes before
	// anything runs.
	null := s.openNull()
	s.awaitGo()
	s.start()
	s.leaveStdio(null)
	s.sendStarted()
	s.loop()
}

// readSpec waits for what to build and run. At the end of the stream the parent is
// gone.
func (s *server) readSpec() {
	kind, payload := s.await()
	spec, err := decodeSpec(payload)
	if kind != frameSpec || err != nil {
		s.misunderstood()
	}
	s.spec = spec
}

// awaitGo waits until the command may run, for which the files of its cgroup come.
func (s *server) awaitGo() {
	kind, payload := s.await()
	files, folder, ok := decodeGo(payload)
	if kind != frameGo || !ok || len(s.rights) != files+folder {
		s.misunderstood()
	}
	s.cgroupFiles, s.cgroupFolder = s.rights[:files], -1
	if folder > 0 {
		s.cgroupFolder = s.rights[files]
	}
}

func (s *server) misunderstood() {
	s.fail(&linux.StepError{Step: "read the container's description", Detail: errSpec.Error()})
}

// await waits for a frame, and takes it.
func (s *server) await() (kind byte, payload []byte) {
	for {
		kind, payload, n := s.next(maxSpec)
		if n > 0 {
			s.in = s.in[n:]
			return kind, payload
		}
		s.receiveRights()
	}
}

// receiveRights takes bytes and the descriptors that came with them.
func (s *server) receiveRights() {
	buf, control := make([]byte, 16<<10), make([]byte, syscall.CmsgSpace(4*maxRights))
	var size int
	n, err := linux.Retry(func() (n int, err error) {
		n, size, _, _, err = syscall.Recvmsg(socket, buf, control, syscall.MSG_CMSG_CLOEXEC)
		return n, err
	})
	if err != nil || n == 0 {
		exit(0) // the supervisor is gone, and so are we
	}
	s.in = append(s.in, buf[:n]...)
	messages, _ := syscall.ParseSocketControlMessage(control[:size])
	for i := range messages {
		fds, _ := syscall.ParseUnixRights(&messages[i])
		s.rights = append(s.rights, fds...)
	}
}

// next gives the first whole frame of what was received; n is 0 if there is none.
func (s *server) next(limit uint32) (kind byte, payload []byte, n int) {
	if len(s.in) < headerSize {
		return 0, nil, 0
	}
	size := uint32(little(s.in[1:headerSize]))
	if size > limit {
		exit(1)
	}
	n = headerSize + int(size)
	if len(s.in) < n {
		return 0, nil, 0
	}
	return s.in[0], s.in[headerSize:n], n
}

func (s *server) receive() {
	buf := make([]byte, 16<<10)
	n, err := linux.Retry(func() (int, error) { return syscall.Read(socket, buf) })
	if err != nil || n == 0 {
		exit(0) // the supervisor is gone, and so are we
	}
	s.in = append(s.in, buf[:n]...)
}

func (s *server) send(data []byte) {
	for len(data) > 0 {
		n, err := linux.Retry(func() (int, error) {
			return syscall.SendmsgN(socket, data, nil, nil, syscall.MSG_NOSIGNAL)
		})
		if err != nil {
			exit(0)
		}
		data = data[n:]
	}
}

// sendStarted hands the parent a pidfd of the command along with the news, so
// that it can signal the command without waiting for us to be scheduled.
func (s *server) sendStarted() {
	_, err := linux.Retry(func() (int, error) {
		return syscall.SendmsgN(socket, frame(frameStarted, nil), syscall.UnixRights(s.pidfd), nil, syscall.MSG_NOSIGNAL)
	})
	if err != nil {
		exit(0)
	}
	syscall.Close(s.pidfd)
}

func (s *server) fail(err *linux.StepError) {
	s.send(failedFrame(err))
	exit(1)
}

func (s *server) openNull() int {
	null, err := syscall.Open("/dev/null", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		s.fail(linux.Fail("open", "/dev/null", err))
	}
	return null
}

// leaveStdio lets go of the command's descriptors, so that its pipes end when
// the last of its processes does.
func (s *server) leaveStdio(null int) {
	for fd := 0; fd <= 2; fd++ {
		_ = syscall.Dup3(null, fd, 0)
	}
	syscall.Close(null)
	for _, fd := range s.rights {
		syscall.Close(fd)
	}
	_ = syscall.Chdir("/")
}

// loop serves the parent until the stage ends: by its end, or in reap. Two
// threads wait, one for the parent and one for children: no signal is of use
// for that, because Go's runtime takes SIGCHLD whatever mask it starts with.
func (s *server) loop() {
	go s.reap()
	settled := false
	for {
		s.serve()
		if !settled && s.idle() {
			s.settle()
			settled = true
		}
		s.receive()
	}
}

func (s *server) serve() {
	for {
		kind, payload, n := s.next(MaxReply)
		if n == 0 {
			return
		}
		switch {
		case kind == frameSignal && len(payload) == 2:
			s.signal(syscall.Signal(payload[0]), Target(payload[1]))
		case kind == frameForeground:
			s.foreground()
		}
		s.in = s.in[n:]
	}
}

// foreground hands the command the terminal. The stage holds no descriptor of
// it: /dev is ours, and in the caller's session /dev/tty is the caller's.
func (s *server) foreground() {
	tty, err := syscall.Open("/dev/tty", syscall.O_RDWR|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return // gone; the parent sees that itself
	}
	_ = linux.SetForeground(tty, s.command)
	syscall.Close(tty)
}

// signal is safe from reused pids: the command is not reaped while we are here.
func (s *server) signal(sig syscall.Signal, to Target) {
	pid := s.command
	if to == ToGroup {
		pid = -pid
	}
	_ = syscall.Kill(pid, sig)
	if Continues(sig) {
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
}

// Continues says which signals are followed by a CONT: a stopped process would
// not see that it is to end.
func Continues(sig syscall.Signal) bool { return sig == syscall.SIGTERM || sig == syscall.SIGHUP }
