package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/testkit"
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

	counts
	packages   map[string]*counts
	begun      map[string]bool // packages
	unfinished map[string]bool // by package and test: no result yet
	wrong      []string        // tests that must not be skipped here
}

// counts are results of tests; a package that fails besides its tests is one
// more failure.
type counts struct{ passed, failed, skipped int }

// add counts one result for its package and for all.
func (t *tally) add(pkg string, result counts) {
	if t.packages[pkg] == nil {
		t.packages[pkg] = &counts{}
	}
	for _, c := range []*counts{&t.counts, t.packages[pkg]} {
		c.passed += result.passed
		c.failed += result.failed
		c.skipped += result.skipped
	}
}

func newTally(as string, w io.Writer) *tally {
	return &tally{
		as: as, w: w, output: map[string][]string{}, packages: map[string]*counts{},
		begun: map[string]bool{}, unfinished: map[string]bool{},
	}
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
	case "start":
		t.begun[e.Package] = true
		t.unfinished[key] = true
	case "run":
		t.unfinished[key] = true
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
	switch e.Action {
	case "pass", "skip":
		delete(t.output, key)
		fallthrough
	case "fail":
		delete(t.unfinished, key)
	}
}

// cutOff counts as failed, and names, what began and has no result, and what of
// the packages that had to run never began: whoever ran them was ended before.
func (t *tally) cutOff(packages []string) {
	for _, key := range slices.Sorted(maps.Keys(t.unfinished)) {
		t.show(key)
		pkg, _, _ := strings.Cut(key, " ")
		fmt.Fprintf(t.w, "FAIL %s: begun, but it has no result\n", strings.TrimSpace(key))
		t.add(pkg, counts{failed: 1})
	}
	for _, pkg := range packages {
		if !t.begun[pkg] {
			fmt.Fprintf(t.w, "FAIL %s: it has to run here, and never began\n", pkg)
			t.add(pkg, counts{failed: 1})
		}
	}
}

// end counts a test, or prints the line of a package.
func (t *tally) end(e *event, word string) {
	if e.Test == "" {
		fmt.Fprintf(t.w, "%s %6.1f s  %s\n", word, e.Elapsed, e.Package)
	}
	switch {
	case e.Action == "fail":
		t.add(e.Package, counts{failed: 1})
	case e.Test != "":
		t.add(e.Package, counts{passed: 1})
	}
}

// reason finds what testkit.Require and RequireTool say when they skip a test.
var reason = regexp.MustCompile(`needs (the program \w+|\w+)[^\n]*`)

func (t *tally) skip(e *event, output string) {
	if e.Test == "" {
		return // a package without tests
	}
	t.add(e.Package, counts{skipped: 1})
	m := reason.FindStringSubmatch(output)
	if m != nil && slices.Contains(testkit.Elsewhere[t.as], testkit.Need(m[1])) {
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

// addTable appends a line for each package with a test: part, package, passed,
// failed, skipped.
func (t *tally) addTable(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	for _, pkg := range slices.Sorted(maps.Keys(t.packages)) {
		c := t.packages[pkg]
		name := strings.TrimPrefix(pkg, "github.com/lanyard-dev/lanyard/")
		if _, err := fmt.Fprintf(f, "%-17s %-24s %7d %7d %7d\n", t.as, name, c.passed, c.failed, c.skipped); err != nil {
			f.Close()
			return err
		}
	}
	return f.Close()
}
