package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// event is one line of go test -json (go doc test2json); go build's errors
// come with an ImportPath instead of a Package.
type event struct {
	Action     string
	Package    string
	Test       string
	Elapsed    float64
	Output     string
	ImportPath string
}

// tally counts results and keeps output until it is known whether it matters.
type tally struct {
	as     string
	w      io.Writer
	output map[string][]string // by package and test, or import path

	passed, failed, skipped int
	wrong                   []string // tests that must not be skipped here
}

func newTally(as string, w io.Writer) *tally {
	return &tally{as: as, w: w, output: map[string][]string{}}
}

// read takes events until the stream ends. A line that is no event is shown.
func (t *tally) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		line := lines.Bytes()
		var e event
		if !bytes.HasPrefix(line, []byte("{")) || json.Unmarshal(line, &e) != nil {
			fmt.Fprintf(t.w, "%s\n", line)
			continue
		}
		t.take(&e)
	}
	return lines.Err()
}

func (t *tally) take(e *event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		t.output[e.ImportPath] = append(t.output[e.ImportPath], e.Output)
	case "build-fail":
		t.show(e.ImportPath)
	case "output":
		t.output[key] = append(t.output[key], e.Output)
	case "pass":
		t.end(e, "ok  ")
	case "fail":
		t.show(key)
		if e.Test == "" {
			t.showUnfinished(e.Package)
		}
		t.end(e, "FAIL")
	case "skip":
		t.skip(e, strings.Join(t.output[key], ""))
	}
	if e.Action == "pass" || e.Action == "skip" {
		delete(t.output, key)
	}
}

// end counts a test, or prints the line of a package.
func (t *tally) end(e *event, word string) {
	if e.Test == "" {
		fmt.Fprintf(t.w, "%s %6.1f s  %s\n", word, e.Elapsed, e.Package)
	}
	switch {
	case e.Action == "fail":
		t.failed++
	case e.Test != "":
		t.passed++
	}
}

// reason finds what testkit.Require says when it skips a test.
var reason = regexp.MustCompile(`needs (\w+)[^\n]*`)

// allowed are the needs that the other half of the suite meets.
var allowed = map[string][]string{
	"root": {"user"},
	"user": {"root", "limits"},
}

func (t *tally) skip(e *event, output string) {
	if e.Test == "" {
		return // a package without tests
	}
	t.skipped++
	m := reason.FindStringSubmatch(output)
	if m != nil && slices.Contains(allowed[t.as], m[1]) {
		fmt.Fprintf(t.w, "skip           %s %s: %s\n", e.Package, e.Test, m[0])
		return
	}
	why := strings.TrimSpace(output)
	t.wrong = append(t.wrong, fmt.Sprintf("%s %s: skipped, but nothing else runs it:\n%s", e.Package, e.Test, why))
}

func (t *tally) show(key string) {
	for _, text := range t.output[key] {
		fmt.Fprint(t.w, text)
	}
	delete(t.output, key)
}

// showUnfinished shows the tests that were running when a package's test binary
// died: they have no result of their own.
func (t *tally) showUnfinished(pkg string) {
	for _, key := range slices.Sorted(maps.Keys(t.output)) {
		if strings.HasPrefix(key, pkg+" ") {
			t.show(key)
		}
	}
}

// summary says whether the run is good. A run without a single test is not.
func (t *tally) summary() bool {
	for _, text := range t.wrong {
		fmt.Fprintf(t.w, "FAIL %s\n", text)
	}
	fmt.Fprintf(t.w, "as %s: %d passed, %d failed, %d skipped (%d of them should have run)\n",
		t.as, t.passed, t.failed, t.skipped, len(t.wrong))
	return t.failed == 0 && len(t.wrong) == 0 && t.passed > 0
}
