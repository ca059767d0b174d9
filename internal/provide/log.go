package provide

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/progress"
	"golang.org/x/sys/unix"
)

// drain bounds how long the end of a step's output is waited for: somebody outside
// of the container may have been handed the descriptor (unix(7), SCM_RIGHTS).
const drain = 5 * time.Second

// output gives a pipe for what programs of a step print, which is copied to the
// log. The log itself could be opened again, and truncated, through /dev/stderr.
// end is called when the programs are gone.
func (b *builder) output() (write *os.File, end func(), err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, fmt.Errorf("cannot make a pipe for the log: %w", err)
	}
	_ = unix.SetNonblock(fds[0], true) // ours, so that reading has a deadline; programs want to block
	read, write := os.NewFile(uintptr(fds[0]), "output"), os.NewFile(uintptr(fds[1]), "output")
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(b.log, read)
		_, _ = io.Copy(io.Discard, read) // the disk is full: who prints must not wait
	}()
	return write, func() {
		write.Close()
		_ = read.SetReadDeadline(time.Now().Add(drain))
		<-copied
		read.Close()
	}, nil
}

// lastLines is how much of a log an error shows, in lines and in bytes.
const lastLines, lastBytes = 15, 8 << 10

// logSize is how much is in the log, in bytes.
func (b *builder) logSize() int64 {
	info, err := b.log.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// logged gives the end of what a failed step printed, and where all of it is.
func (b *builder) logged(kind plan.StepKind, before int64) string {
	b.named = true
	end := b.logSize()
	from := max(before, end-lastBytes)
	data, err := io.ReadAll(io.NewSectionReader(b.log, from, max(0, end-from)))
	if err != nil {
		return fmt.Sprintf("\nthe log can't be read: %v", err)
	}
	text := ""
	for _, line := range last(string(data)) {
		text += "\n  " + line
	}
	if text == "" && programs[kind] {
		text = "\n  (it printed nothing)"
	}
	return text + "\nthe whole log is " + b.log.Name()
}

// programs are the steps that run some.
var programs = map[plan.StepKind]bool{plan.StepDebian: true, plan.StepInstall: true, plan.StepSh: true, plan.StepCmd: true}

// last gives the last lines of a text as a terminal would show them: of a line
// that was written over (a progress bar) its last state, and no control characters.
func last(text string) []string {
	lines := strings.Split(strings.TrimRight(text, "\r\n"), "\n")
	lines = lines[max(0, len(lines)-lastLines):]
	for i, line := range lines {
		line = strings.TrimRight(line, "\r")
		lines[i] = progress.Clean(line[strings.LastIndexByte(line, '\r')+1:])
	}
	if len(lines) == 1 && lines[0] == "" {
		return nil
	}
	return lines
}
