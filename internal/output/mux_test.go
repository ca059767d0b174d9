package output

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

var testTime = time.Date(2024, 3, 4, 5, 6, 7, 89_000_000, time.FixedZone("", 3600))

func fixedNow() time.Time { return testTime }

// carry lets one child write data to stdout and returns what comes out.
func carry(t *testing.T, o Options, data []byte) string {
	t.Helper()
	c := newCollector(t)
	o.Stdout, o.Stderr, o.Now = c.w, os.Stderr, fixedNow
	if o.Names == nil {
		o.Names = []string{"web", "celery"}
	}
	m := New(o)
	stdout, stderr, err := m.Pipes(0)
	if err != nil {
		t.Fatal(err)
	}
	_ = stderr.Close()
	if _, err := stdout.Write(data); err != nil {
		t.Fatal(err)
	}
	_ = stdout.Close()
	closed(t, "drain", m.Drained(0))
	got := c.text()
	if m.Progress() != uint64(len(got)) {
		t.Errorf("Progress is %d after %d bytes", m.Progress(), len(got))
	}
	return got
}

func TestFormats(t *testing.T) {
	const stamp = "2024-03-04T04:06:07.089Z"
	tests := []struct {
		name    string
		options Options
		in, out string
	}{
		{"prefix", Options{}, "a\nb\n", "web    | a\nweb    | b\n"},
		{"last line without newline", Options{}, "a\nb", "web    | a\nweb    | b\n"},
		{"empty lines", Options{}, "\n\n", "web    | \nweb    | \n"},
		{"nothing", Options{}, "", ""},
		{"NUL and invalid UTF-8", Options{}, "a\x00b\xff\n", "web    | a\x00b\xff\n"},
		{"CR to a file", Options{}, "1\r2\r\n", "web    | 1\r2\r\n"},
		{"CR on a terminal", Options{StdoutIsTerminal: true}, "1\r2\r\n3\r", "web    | 1\rweb    | 2\r\nweb    | 3\r\n"},
		{"timestamps", Options{Timestamps: true}, "a\n", stamp + " web    | a\n"},
		{"colour", Options{Color: true, StdoutIsTerminal: true}, "a\n", "\x1b[38;5;32mweb    | \x1b[0ma\n"},
		{"no colour off a terminal", Options{Color: true, StderrIsTerminal: true}, "a\n", "web    | a\n"},
		{"width counts characters", Options{Names: []string{"é", "ab"}}, "a\n", "é  | a\n"},
		{"raw", Options{Format: Raw}, "a\n\x00\xffb\r", "a\n\x00\xffb\r"},
		{"raw with timestamps", Options{Format: Raw, Timestamps: true}, "a\nb", stamp + " a\n" + stamp + " b\n"},
		{"json", Options{Format: JSON}, "a\"\\\t\x01é\r\n", `{"time":"` + stamp + `","child":"web","stream":"stdout","line":"a\"\\\t\u0001é\r"}` + "\n"},
		{"json base64", Options{Format: JSON}, "\xff", `{"time":"` + stamp + `","child":"web","stream":"stdout","line_base64":"/w=="}` + "\n"},
		{"json child name", Options{Format: JSON, Names: []string{"a\"b\xff"}}, "x\n", `{"time":"` + stamp + `","child":"a\"b` + "\uFFFD" + `","stream":"stdout","line":"x"}` + "\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := carry(t, tt.options, []byte(tt.in)); got != tt.out {
				t.Errorf("got  %q\nwant %q", got, tt.out)
			}
		})
	}
}

func TestLongLines(t *testing.T) {
	const lead = "web    | "
	x := func(n int) string { return strings.Repeat("x", n) }
	tests := []struct {
		name  string
		in    string
		lines []string
	}{
		{"1 MiB", x(1<<20) + "\nend\n", []string{x(1 << 20), "end"}},
		{"4 MiB", x(MaxLine) + "\nend\n", []string{x(MaxLine), "end"}},
		{"4 MiB + 1", x(MaxLine+1) + "\nend\n", []string{x(MaxLine), "x", "end"}},
		{"8 MiB + 1 without newline", x(2*MaxLine + 1), []string{x(MaxLine), x(MaxLine), "x"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := lead + strings.Join(tt.lines, "\n"+lead) + "\n"
			if got := carry(t, Options{}, []byte(tt.in)); got != want {
				t.Errorf("got %d bytes that differ from the %d wanted", len(got), len(want))
			}
		})
	}
}

// Every line of JSON output is read back and compared, at all alignments of
// the eight-byte check.
func TestJSONReadsBack(t *testing.T) {
	var in []string
	for c := range 256 {
		for at := range 10 {
			line := bytes.Repeat([]byte("a"), 20)
			line[at] = byte(c)
			if c != '\n' {
				in = append(in, string(line))
			}
		}
	}
	out := carry(t, Options{Format: JSON}, []byte(strings.Join(in, "\n")))
	got := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(got) != len(in) {
		t.Fatalf("%d lines became %d", len(in), len(got))
	}
	for i, object := range got {
		var o struct {
			Line   *string `json:"line"`
			Base64 string  `json:"line_base64"`
		}
		if err := json.Unmarshal([]byte(object), &o); err != nil {
			t.Fatalf("%s: %v", object, err)
		}
		var line string
		if o.Line != nil {
			line = *o.Line
		} else {
			b, err := base64.StdEncoding.DecodeString(o.Base64)
			if err != nil {
				t.Fatal(err)
			}
			line = string(b)
		}
		if line != in[i] {
			t.Errorf("%q became %s", in[i], object)
		}
	}
}

func TestParseFormat(t *testing.T) {
	for _, s := range []string{"prefix", "raw", "json"} {
		if f, err := ParseFormat(s); err != nil || string(f) != s {
			t.Errorf("ParseFormat(%q) = %q, %v", s, f, err)
		}
	}
	if _, err := ParseFormat("JSON"); err == nil || !strings.Contains(err.Error(), `"JSON"`) {
		t.Errorf("ParseFormat(JSON): %v", err)
	}
}

func TestTail(t *testing.T) {
	var tl tail
	tl.add(0, []byte("one\ntw"))
	tl.add(1, []byte("err\n"))
	tl.add(0, []byte("o\nthree"))
	if got := fmt.Sprint(tl.lines(10)); got != "[one err two three]" {
		t.Errorf("lines: %s", got)
	}
	if got := fmt.Sprint(tl.lines(2)); got != "[two three]" {
		t.Errorf("last two lines: %s", got)
	}
	if got := tl.lines(0); len(got) != 0 {
		t.Errorf("no lines: %q", got)
	}
	for i := range 5000 {
		tl.add(0, fmt.Appendf(nil, "-\nline %d", i))
	}
	got := tl.lines(5000)
	if len(got) > tailSize/7 || got[len(got)-1] != "line 4999" {
		t.Errorf("%d lines, the last %q", len(got), got[len(got)-1])
	}
	if !strings.HasPrefix(got[0], "line ") {
		t.Errorf("the first line %q is not whole", got[0])
	}
	tl.add(0, bytes.Repeat([]byte("y"), 3*tailSize))
	if last := tl.lines(1)[0]; len(last) != tailSize {
		t.Errorf("%d bytes of a long line are kept", len(last))
	}
}

// A restart gets pipes and a tail of its own while the first run still writes.
func TestRestart(t *testing.T) {
	c := newCollector(t)
	m := New(Options{Stdout: c.w, Stderr: c.w, Names: []string{"web"}})
	closed(t, "a child without pipes", m.Drained(0))
	first, firstErr, err := m.Pipes(0)
	if err != nil {
		t.Fatal(err)
	}
	firstDrained := m.Drained(0)
	second, secondErr, err := m.Pipes(0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(second, "new")
	closeAll([]*os.File{second, secondErr})
	closed(t, "second run", m.Drained(0))
	fmt.Fprintln(first, "old")
	closeAll([]*os.File{first, firstErr})
	closed(t, "first run", firstDrained)
	if got := fmt.Sprint(m.Tail(0, 5)); got != "[new]" {
		t.Errorf("tail of the second run: %s", got)
	}
	if got := c.text(); got != "web | new\nweb | old\n" {
		t.Errorf("got %q", got)
	}
	if _, _, err := m.Pipes(1); err == nil {
		t.Error("pipes for a child that does not exist")
	}
}

// The colours keep the promise of their comment.
func TestPaletteContrast(t *testing.T) {
	for _, color := range palette {
		l := luminance(color)
		if white, black := 1.05/(l+0.05), (l+0.05)/0.05; white < 3 || black < 3 {
			t.Errorf("colour %d: contrast %.1f to white, %.1f to black", color, white, black)
		}
	}
}
