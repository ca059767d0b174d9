package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// The descriptors that a lanyard of this program is asked on, and answers on.
const (
	askFD    = 3
	answerFD = 4
)

// variable says that they are there.
const variable = "LANYARD_SOAK"

// answer writes how many goroutines there are for each byte that comes.
func answer() {
	if os.Getenv(variable) == "" {
		return
	}
	_ = os.Unsetenv(variable)
	syscall.CloseOnExec(askFD)
	syscall.CloseOnExec(answerFD)
	ask, out := os.NewFile(askFD, "ask"), os.NewFile(answerFD, "answer")
	go func() {
		for b := make([]byte, 1); ; {
			if _, err := ask.Read(b); err != nil {
				return
			}
			fmt.Fprintln(out, runtime.NumGoroutine())
		}
	}()
}

// asker asks a lanyard of this program. Without one, nil, the answer is 0.
type asker struct {
	ask   *os.File
	lines *bufio.Reader
	close func()
}

// newAsker gives one, and the descriptors for the lanyard, which are closed once
// it has them.
func newAsker() (*asker, []*os.File, error) {
	asked, ask, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	answered, out, err := os.Pipe()
	if err != nil {
		asked.Close()
		ask.Close()
		return nil, nil, err
	}
	a := &asker{ask: ask, lines: bufio.NewReader(answered), close: func() { ask.Close(); answered.Close() }}
	return a, []*os.File{asked, out}, nil
}

func (a *asker) goroutines() (int, error) {
	if a == nil {
		return 0, nil
	}
	if _, err := a.ask.Write([]byte{0}); err != nil {
		return 0, err
	}
	line, err := a.lines.ReadString('\n')
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(line))
}
