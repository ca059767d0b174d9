package output

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"testing"
	"time"
)

// helperVar makes a re-executed test binary play the part it names.
const helperVar = "LANYARD_OUTPUT_HELPER"

// What the parts need to know.
const (
	bytesVar  = "LANYARD_OUTPUT_BYTES"
	formatVar = "LANYARD_OUTPUT_FORMAT"
)

func TestMain(m *testing.M) {
	switch os.Getenv(helperVar) {
	case "":
		os.Exit(m.Run())
	case "produce":
		produce()
	case "carry":
		carryOutput()
	default:
		panic("unknown part " + os.Getenv(helperVar))
	}
	os.Exit(0)
}

// produce writes as many bytes as bytesVar says to stdout: lines of
// 100 bytes in blocks of 128 KiB.
func produce() {
	total, err := strconv.ParseInt(os.Getenv(bytesVar), 10, 64)
	if err != nil {
		panic(err)
	}
	line := append(bytes.Repeat([]byte("x"), 99), '\n')
	block := bytes.Repeat(line, 128<<10/len(line))
	for total > 0 {
		n, err := os.Stdout.Write(block[:min(int64(len(block)), total)])
		if err != nil {
			panic(err)
		}
		total -= int64(n)
	}
}

// carryOutput is lanyard with one child, the producer.
func carryOutput() {
	m := New(Options{Stdout: os.Stdout, Stderr: os.Stderr, Format: Format(os.Getenv(formatVar)), Names: []string{"web"}})
	if err := m.startProducer(); err != nil {
		panic(err)
	}
	<-m.Drained(0)
}

// startProducer starts a producer as child 0.
func (m *Mux) startProducer() error {
	stdout, stderr, err := m.Pipes(0)
	if err != nil {
		return err
	}
	defer closeAll([]*os.File{stdout, stderr})
	attr := &os.ProcAttr{
		// Nothing is inherited: of two variables with one name the first
		// counts, and this process plays a part itself.
		Env:   []string{helperVar + "=produce", bytesVar + "=" + os.Getenv(bytesVar)},
		Files: []*os.File{nil, stdout, stderr},
	}
	_, err = os.StartProcess("/proc/self/exe", []string{"produce"}, attr)
	return err
}

// collector reads everything from a pipe of ours.
type collector struct {
	w    *os.File
	done chan struct{}
	got  bytes.Buffer
}

func newCollector(t testing.TB) *collector {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{w: w, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		_, _ = io.Copy(&c.got, r)
		_ = r.Close()
	}()
	t.Cleanup(func() { _ = w.Close(); <-c.done })
	return c
}

// text closes the write end and returns all that came.
func (c *collector) text() string {
	_ = c.w.Close()
	<-c.done
	return c.got.String()
}

// closed waits for a channel and fails the test if it takes too long.
func closed(t testing.TB, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s: not done within 20 s", what)
	}
}

// until waits for a condition that another goroutine or the kernel brings about.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
