package progress

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

func wide(n int) func() int { return func() int { return n } }

func TestTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &screen{}
		p := New(s, Terminal, wide(80))
		time.Sleep(50 * time.Millisecond)
		task := p.Task("postgres 1/2")
		task.Phase("downloading")
		task.Total(20_000_000)
		other := p.Task("postgres 2/2")
		for range 40 { // 4 s at 1 MB/s
			time.Sleep(100 * time.Millisecond)
			task.Add(100_000)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		want := regexp.MustCompile(`^postgres 1/2  \[#{2,3}\.{12,13}\] downloading (19|20)% of 20\.0 MB, (9\d\d kB|1\.0 MB)/s, 1[67] s left\npostgres 2/2  \(4\.0 s\)$`)
		if got := s.text(); !want.MatchString(got) {
			t.Errorf("after 4 s:\n%s\nwant\n%s", got, want)
		}
		p.Message("a note\x1b[2J that stays\nand another")
		task.Phase("unpacking")
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if got, want := s.text(), "a note [2J that stays\nand another\npostgres 1/2  unpacking (0.2 s)\npostgres 2/2  (4.2 s)"; got != want {
			t.Errorf("after the messages:\n%s\nwant\n%s", got, want)
		}
		task.Done()
		other.Fail(errors.New("no such\nimage"))
		task.Fail(errors.New("too late"))
		p.Close()
		if got, want := s.text(), "a note [2J that stays\nand another\npostgres 2/2: failed: no such image"; got != want {
			t.Errorf("at the end:\n%s\nwant\n%s", got, want)
		}
		task.Add(1)
		p.Task("late").Done()
		p.Message("late")
		if strings.Contains(s.text(), "late") {
			t.Error("something is shown after the end")
		}
	})
}

// TestRedraws: a terminal is drawn ten times a second at most, and not at all
// when nothing goes on.
func TestRedraws(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &screen{}
		p := New(s, Terminal, wide(80))
		task := p.Task("a")
		for range 1000 {
			time.Sleep(time.Millisecond)
			task.Add(1)
			p.Message("m")
		}
		if n := s.count(); n < 9 || n > 11 {
			t.Errorf("%d writes in a second", n)
		}
		task.Done()
		time.Sleep(time.Second)
		before := s.count()
		time.Sleep(time.Hour)
		if n := s.count() - before; n != 0 {
			t.Errorf("%d writes while nothing goes on", n)
		}
		p.Close()
		if n := strings.Count(s.text()+"\n", "m\n"); n != 1000 {
			t.Errorf("%d of 1000 messages are there", n)
		}
	})
}

// TestManyTasks: there are so many bars and no more, each within its line; what
// is gone leaves nothing on the screen.
func TestManyTasks(t *testing.T) {
	for _, width := range []int{-1, 1, 2, 20, 40, 80, 200} {
		synctest.Test(t, func(t *testing.T) {
			s := &screen{}
			p := New(s, Terminal, wide(width))
			var tasks []*Task
			for i := range 11 {
				task := p.Task(fmt.Sprintf("docker.io/library/Übergröße:%d", i))
				task.Phase("downloading")
				task.Total(1000)
				task.Add(int64(i * 100))
				tasks = append(tasks, task)
			}
			time.Sleep(500 * time.Millisecond)
			synctest.Wait()
			lines := strings.Split(s.text(), "\n")
			if len(lines) != 9 || width > 20 && lines[8] != "and 3 more" {
				t.Errorf("%d columns: %d lines, the last is %q", width, len(lines), lines[len(lines)-1])
			}
			for _, line := range lines {
				if n := utf8.RuneCountInString(line); n >= max(width, 1) && width > 0 || n > 79 && width < 0 {
					t.Errorf("%d columns: %q has %d", width, line, n)
				}
			}
			if width >= 80 && !strings.Contains(lines[2], "] downloading 20% of 1.0 kB") {
				t.Errorf("%d columns: no bar in %q", width, lines[2])
			}
			for _, task := range tasks[1:] {
				task.Done()
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if n := strings.Count(s.text(), "\n"); n != 0 {
				t.Errorf("%d columns: 10 tasks that ended and one that goes on make %d lines", width, n+1)
			}
			p.Close()
			if got := s.text(); got != "" {
				t.Errorf("%d columns: at the end there is still\n%s", width, got)
			}
		})
	}
}

// TestLines: what is over within a second needs no line; what takes longer has
// one after a second, then one every 5 s and a second after each new phase.
func TestLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &testkit.Buffer{}
		p := New(b, Lines, nil)
		waiting := p.Task("waits for its turn")
		task := p.Task("postgres")
		task.Phase("downloading")
		task.Total(100_000_000)
		time.Sleep(50 * time.Millisecond) // so that no bytes come at the same time as a line
		for range 120 {                   // 12 s
			time.Sleep(100 * time.Millisecond)
			task.Add(200_000)
		}
		task.Phase("unpacking")
		time.Sleep(1500 * time.Millisecond)
		task.Done()
		waiting.Drop()
		short := p.Task("short")
		short.Phase("unpacking")
		time.Sleep(900 * time.Millisecond)
		short.Done()
		p.Task("other").Fail(errors.New("broken"))
		p.Message("bye")
		p.Close()
		want := `postgres: downloading 1% of 100 MB, 1.8 MB/s, 55 s left
postgres: downloading 11% of 100 MB, 2.0 MB/s, 45 s left
postgres: downloading 21% of 100 MB, 2.0 MB/s, 39 s left
postgres: unpacking (1.1 s)
postgres: done, 24.0 MB in 14 s
other: failed: broken
bye
`
		if got := b.String(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

// TestNarrower: a terminal that has become narrower shows what was a line as
// several, and none of them stays.
func TestNarrower(t *testing.T) {
	for _, test := range []struct {
		lines       []int
		width, want int
	}{{nil, 80, 0}, {[]int{79, 20}, 80, 2}, {[]int{79, 20}, 79, 2}, {[]int{79, 20}, 40, 3}, {[]int{79, 20}, 20, 5}, {[]int{0, 3}, 1, 4}, {[]int{5}, 0, 1}} {
		if got := rowsOf(test.lines, test.width); got != test.want {
			t.Errorf("%+v: %d", test, got)
		}
	}
}

func TestQuiet(t *testing.T) {
	b := &testkit.Buffer{}
	p := New(b, Quiet, nil)
	p.Message("m")
	task := p.Task("a")
	task.Phase("x")
	task.Done()
	p.Task("b").Fail(errors.New("broken"))
	p.Close()
	if got := b.String(); got != "b: failed: broken\n" {
		t.Errorf("got %q", got)
	}
}

func TestJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &testkit.Buffer{}
		p := New(b, JSON, nil)
		task := p.Task("a")
		task.Phase("downloading")
		task.Total(100)
		task.Add(50)
		time.Sleep(2500 * time.Millisecond)
		task.Add(50)
		task.Done()
		p.Task("b").Fail(errors.New("broken"))
		p.Message("two\nlines")
		p.Close()
		var got []string
		for line := range strings.Lines(b.String()) {
			var e event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if e.Time.IsZero() {
				t.Errorf("%q has no time", line)
			}
			got = append(got, fmt.Sprintf("%s|%s|%d|%d|%s|%s", e.Task, e.Phase, e.Done, e.Total, e.Error, e.Message))
		}
		want := []string{"a||0|0||", "a|downloading|0|0||", "a|downloading|50|100||", "a|downloading|50|100||",
			"a|done|100|100||", "b||0|0||", "b||0|0|broken|", "||0|0||two\nlines"}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestChoose(t *testing.T) {
	for _, test := range []struct {
		terminal bool
		env      map[string]string
		want     Mode
	}{
		{true, map[string]string{"TERM": "xterm"}, Terminal}, {false, map[string]string{"TERM": "xterm"}, Lines}, {true, nil, Lines},
		{true, map[string]string{"TERM": "dumb"}, Lines}, {true, map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, Lines},
	} {
		if got := Choose(test.terminal, func(name string) string { return test.env[name] }); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
}

func TestWords(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 99_949: "99.9 kB", 99_999: "100 kB", 999_499: "999 kB", 999_500: "1.0 MB",
		27_000_000: "27.0 MB", 1 << 40: "1.1 TB", -5: "-5 B"} {
		if got := size(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0.0 s", 1234 * time.Millisecond: "1.2 s", 59 * time.Second: "59 s", 61 * time.Second: "1 min 1 s", 25*time.Hour + time.Minute: "25 h 1 min"} {
		if got := span(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}
