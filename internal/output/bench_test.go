package output

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// benchBytes is how much one round of a process benchmark carries.
const benchBytes = 1 << 30

// BenchmarkProcesses carries lines of 100 bytes, written in large blocks by
// another process, into a pipe that `cat >/dev/null` reads. Each round runs
// `producer | cat | cat` for comparison; the ratio to it is reported.
func BenchmarkProcesses(b *testing.B) {
	for _, format := range []Format{Prefix, Raw, JSON} {
		b.Run(string(format), func(b *testing.B) {
			var ours, cats time.Duration
			for b.Loop() {
				cats += timeRound(b, catCommand)
				ours += timeRound(b, func() *exec.Cmd { return carryCommand(format) })
			}
			rate := func(d time.Duration) float64 { return float64(b.N) * benchBytes / 1e6 / d.Seconds() }
			b.ReportMetric(rate(ours), "MB/s")
			b.ReportMetric(rate(cats), "cat|cat-MB/s")
			b.ReportMetric(rate(ours)/rate(cats), "ratio")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// timeRound runs `middle | cat >/dev/null`.
func timeRound(b *testing.B, middle func() *exec.Cmd) time.Duration {
	b.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	end := exec.Command("cat")
	end.Stdin = r
	begin := time.Now()
	if err := end.Start(); err != nil {
		b.Fatal(err)
	}
	cmd := middle()
	cmd.Stdout, cmd.Stderr = w, os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	closeAll([]*os.File{r, w})
	for _, c := range []*exec.Cmd{cmd, end} {
		if err := c.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(begin)
}

// catCommand is the `producer | cat` of the comparison; the shell that joins
// them takes part in nothing else.
func catCommand() *exec.Cmd {
	cmd := exec.Command("/bin/sh", "-c", `"$0" | cat`, "/proc/"+fmt.Sprint(os.Getpid())+"/exe")
	cmd.Env = append(os.Environ(), helperVar+"=produce", fmt.Sprintf("%s=%d", bytesVar, benchBytes))
	return cmd
}

// carryCommand is a Mux in a process of its own, which starts the producer.
func carryCommand(format Format) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{helperVar + "=carry", formatVar + "=" + string(format), fmt.Sprintf("%s=%d", bytesVar, benchBytes)}
	return cmd
}

// BenchmarkEncode measures the work between read and write alone.
func BenchmarkEncode(b *testing.B) {
	line := make([]byte, 99)
	for i := range line {
		line[i] = 'a' + byte(i%26)
	}
	for _, format := range []Format{Prefix, JSON} {
		b.Run(string(format), func(b *testing.B) {
			o := Options{Format: format, Names: []string{"web"}}
			l := newLayout(&o, 0, "stdout")
			lead := l.lead(nil, time.Unix(1, 0))
			var chunk, out []byte
			for range 600 {
				chunk = append(append(chunk, line...), '\n')
			}
			split := splitter{max: MaxLine}
			emit := func(line []byte) { out = l.line(out, lead, line) }
			b.SetBytes(int64(len(chunk)))
			b.ReportAllocs()
			for b.Loop() {
				out = out[:0]
				split.feed(chunk, emit)
			}
		})
	}
}

// BenchmarkCarry measures the way of short lines from a pipe to /dev/null, and that it
// allocates nothing.
func BenchmarkCarry(b *testing.B) {
	null, err := os.OpenFile("/dev/null", os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	m := New(Options{Stdout: null, Stderr: null, Names: []string{"web"}})
	stdout, stderr, err := m.Pipes(0)
	if err != nil {
		b.Fatal(err)
	}
	line := []byte("one short line, written by itself, as most programs do\n")
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := stdout.Write(line); err != nil {
			b.Fatal(err)
		}
	}
	closeAll([]*os.File{stdout, stderr})
	<-m.Drained(0)
}
