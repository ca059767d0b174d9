package cli

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/host"
)

func TestShellWords(t *testing.T) {
	tests := []struct {
		line string
		want []string
	}{
		{"", []string{""}},
		{"lanyard", []string{"lanyard"}},
		{"lanyard ", []string{"lanyard", ""}},
		{"lanyard  a  b", []string{"lanyard", "a", "b"}},
		{`l -f "a b.yaml" x`, []string{"l", "-f", "a b.yaml", "x"}},
		{`l a\ b 'c d`, []string{"l", "a b", "c d"}},
		{`l "" `, []string{"l", "", ""}},
		{"l -f ~/x.yaml ~y", []string{"l", "-f", "~/x.yaml", "~y"}},
		{"l $(touch x)", []string{"l", "$(touch", "x)"}},
	}
	for _, test := range tests {
		if got := shellWords(test.line); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%q: got %q, want %q", test.line, got, test.want)
		}
	}
}

func TestTable(t *testing.T) {
	rows := []row{
		{"run", "starts everything that this project has"},
		{"a-name-that-is-longer-than-the-column", "tells"},
		{"silent", ""},
	}
	want := `Commands:
    run     starts everything that
            this project has
    a-name-that-is-longer-than-the-column
            tells
    silent
`
	if got := table("Commands", rows, 36); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	if got := table("Commands", rows[:1], 0); strings.Count(got, "\n") != 2 {
		t.Errorf("without a width nothing is wrapped, got:\n%s", got)
	}
}

func TestTableOnANarrowTerminal(t *testing.T) {
	for _, line := range strings.Split(table("C", []row{{"run", strings.Repeat("word ", 20)}}, 5), "\n") {
		if len(line) > 4+3+2+minAbout {
			t.Errorf("line %q is longer than a description may be", line)
		}
	}
}

func TestSizeText(t *testing.T) {
	for bytes, want := range map[int64]string{0: "0", 1: "1", 1 << 10: "1KiB", 1536 << 20: "1536MiB", 1 << 30: "1GiB", 1e9: "1000000000", 1 << 42: "4TiB"} {
		if got := sizeText(bytes); got != want {
			t.Errorf("%d: got %s, want %s", bytes, got, want)
		}
	}
}

// TestVerbsAreComplete wants every verb and option explained, in the help and
// in docs/cli.md.
func TestVerbsAreComplete(t *testing.T) {
	text, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	docs := string(text)
	options := mainOptions
	for _, v := range verbs() {
		if v.about == "" || v.text == "" || v.example == "" || (v.run == nil) == (v.words == nil) {
			t.Errorf("%s lacks about, text, example or run", v.name)
		}
		if byName(v.options, "--help") == nil {
			t.Errorf("%s has no --help", v.name)
		}
		if !strings.Contains(docs, "### `"+strings.TrimPrefix(v.usage(), "lanyard ")+"`") {
			t.Errorf("docs/cli.md has no section for %q", v.usage())
		}
		options = slices.Concat(options, v.options)
	}
	for _, o := range options {
		if !strings.Contains(docs, o.String()) {
			t.Errorf("docs/cli.md does not tell about %s", o)
		}
	}
}

func TestFindingTable(t *testing.T) {
	findings := []host.Finding{
		{Name: "proc", Status: host.Yes, Why: "one was mounted"},
		{Name: "delegation", Status: host.Partly, Why: "some of it works and more would be better", Fix: "sudo systemctl set-property some.service with=words that-are long"},
	}
	want := `proc        yes     one was mounted
delegation  partly  some of it works and
                    more would be better
                    fix: sudo systemctl set-property some.service with=words that-are long
`
	if got := findingTable(findings, 42); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	if got := findingTable(findings, 0); strings.Count(got, "\n") != 3 {
		t.Errorf("without a width nothing is wrapped, got:\n%s", got)
	}
}
