package progress

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// stuck is a writer that nobody reads from, until it is let go.
type stuck struct {
	testkit.Buffer
	release chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.release
	return s.Buffer.Write(p)
}

// TestStuckWriter: the work is not held up, what could not be written is
// counted, and the end does not wait for ever.
func TestStuckWriter(t *testing.T) {
	for _, mode := range []Mode{Terminal, Lines, JSON} {
		synctest.Test(t, func(t *testing.T) {
			w := &stuck{release: make(chan struct{})}
			p := New(w, mode, nil)
			begun := time.Now()
			for i := range 3000 {
				task := p.Task("t")
				task.Add(1)
				task.Done()
				p.Message(fmt.Sprint(i))
			}
			if took := time.Since(begun); took != 0 {
				t.Errorf("%s: the work took %s", mode, took)
			}
			p.Close()
			if took := time.Since(begun); took != time.Second {
				t.Errorf("%s: the end took %s", mode, took)
			}
			close(w.release)
			synctest.Wait()
			if got := w.String(); !strings.Contains(got, "lines were left out") && !strings.Contains(got, `"lost":`) {
				t.Errorf("%s: nothing is said of what is lost", mode)
			}
		})
	}
}

// TestBrokenWriter: a writer that fails is left alone.
func TestBrokenWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(failing{}, Lines, nil)
		task := p.Task("a")
		time.Sleep(time.Minute)
		task.Done()
		p.Close()
	})
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("closed") }

// TestTogether: many goroutines at once, for the race detector.
func TestTogether(t *testing.T) {
	s := &screen{}
	p := New(s, Terminal, wide(80))
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			task := p.Task(fmt.Sprint("task ", i))
			defer task.Done()
			task.Phase("working")
			task.Total(1000)
			for range 1000 {
				task.Add(1)
			}
			p.Message("m")
		})
	}
	wg.Wait()
	p.Close()
	if n := strings.Count(s.text(), "m\n"); n < 19 || strings.Contains(s.text(), "task") {
		t.Errorf("messages, and nothing else, stay:\n%s", s.text())
	}
}
