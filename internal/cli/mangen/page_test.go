package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

const committed = "../../../docs/man/lanyard.1"

func TestThePageIsUpToDate(t *testing.T) {
	text, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != page() {
		t.Error("docs/man/lanyard.1 is stale; run: go run ./internal/cli/mangen >docs/man/lanyard.1")
	}
}

func TestThePageIsWellFormed(t *testing.T) {
	for i, line := range strings.Split(page(), "\n") {
		macro, _, _ := strings.Cut(line, " ")
		if !strings.HasPrefix(line, ".") {
			continue
		}
		switch macro {
		case `.\"`, ".TH", ".SH", ".SS", ".PP", ".TP", ".B", ".BR", ".nf", ".fi":
		default:
			t.Errorf("line %d: unknown macro in %q", i+1, line)
		}
	}
	if _, err := exec.LookPath("man"); err != nil {
		t.Log("man is not installed here, so the page was not rendered")
		return
	}
	cmd := exec.Command("man", "--warnings", "-l", committed)
	cmd.Env = append(os.Environ(), "MANWIDTH=80", "LC_ALL=C.UTF-8", "MANPAGER=cat")
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("man: %v\n%s", err, complaints.String())
	}
	for _, want := range []string{"--exclude NAME...", "lanyard _run", "EXIT STATUS", "SIGNALS", "ENVIRONMENT", "FILES", "EXAMPLES"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the rendered page lacks %q", want)
		}
	}
}
