package plan

import (
	"os"
	"strings"
	"testing"
)

// TestDocumentedExamples reads every example of the manual, so that what
// people copy from there is right.
func TestDocumentedExamples(t *testing.T) {
	data, err := os.ReadFile("../../docs/project-file.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", "/home/me")
	const boxes = "containers: {tools: {host: true}, python: {host: true}, postgres: {host: true}}\n"
	read := 0
	for _, block := range indented(string(data)) {
		file := block
		switch first, _, _ := strings.Cut(block, ":"); first {
		case "containers":
		case "external-volumes":
			read++
			if _, err := loadSettings(t, block); err != "" {
				t.Errorf("%s\n%s", block, err)
			}
			continue
		case "commands", "x-worker":
			file = boxes + block
		case "volumes", "limits", "security":
			file = "containers:\n  python:\n    host: true\n    " + strings.ReplaceAll(block, "\n", "\n    ") +
				"\ncommands: {_fill: {container: python, run: a}}\n"
		default:
			continue
		}
		read++
		if got := problemLines(t, file); got != nil {
			t.Errorf("%s\n%s", block, strings.Join(got, "\n"))
		}
	}
	if read < 10 {
		t.Errorf("only %d examples found", read)
	}
}

// indented returns the indented blocks of a Markdown text.
func indented(text string) []string {
	var blocks []string
	var block strings.Builder
	for _, line := range append(strings.Split(text, "\n"), "end") {
		code, ok := strings.CutPrefix(line, "    ")
		switch {
		case ok, line == "" && block.Len() > 0:
			block.WriteString(code + "\n")
		case block.Len() > 0:
			blocks = append(blocks, block.String())
			block.Reset()
		}
	}
	return blocks
}
