package cli

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// TestMain lets the test binary be lanyard when it is called by that name, so
// that a completion script can ask it.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "lanyard" {
		os.Exit(Main("lanyard", os.Args[1:]))
	}
	os.Exit(m.Run())
}

// completionLines are what each shell has to offer at the end of a line.
var completionLines = []struct{ line, want string }{
	{"lanyard a", "app"},
	{"lanyard s", "shell sh supervise"},
	{"lanyard _", "_secret _list _run _check _doctor _build _pull _images _clean _version_hash"},
	{"lanyard _build d", "db"},
	{"lanyard --out", "--output"},
	{"lanyard app --only ", "web celery front worker back"},
	{"lanyard app --only web c", "celery"},
	{"lanyard app --only web,w", "web,worker"},
	{"lanyard app --only=web,c", "web,celery"},
	{"lanyard _run p", "python"},
	{"lanyard completion ", "bash zsh fish"},
	{"lanyard ctl s", "state stop"},
	{"lanyard ctl --j", "--json"},
	{"lanyard -f 'other file.yaml' o", "only-here"},
}

// project makes a project in a new folder whose bin holds lanyard, and returns
// the folder and an environment for shells in it.
func project(t *testing.T) (dir string, env []string) {
	t.Helper()
	dir = t.TempDir()
	other := "containers: {here: {host: true}}\ncommands: {only-here: !Command {container: here, run: pwd}}\n"
	for name, text := range map[string]string{"lanyard.yaml": completeFile, "other file.yaml": other, "plain.txt": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "lanyard")); err != nil {
		t.Fatal(err)
	}
	// GORACE says how long we sleep at our end under the race detector.
	return dir, []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + dir, "TERM=dumb", "GORACE=" + os.Getenv("GORACE")}
}

// shell runs a script in a shell and returns what it prints.
func shell(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// bashDriver does what bash does at TAB: it splits the line at its break
// characters, calls the function, and drops the part of the word before the
// last break, which it would not replace.
const bashDriver = `
eval "$(lanyard completion bash)"
compopt() { COMPREPLY+=(FILES); }
COMP_LINE=$1 COMP_POINT=${#1}
_lanyard lanyard
printf '%s\n' "${COMPREPLY[@]}"
`

func TestBashCompletion(t *testing.T) {
	dir, env := project(t)
	files := []struct{ line, want string }{
		{"lanyard -f ", "FILES"},
		{"lanyard shell ", "FILES"},
		{"lanyard $(touch evil) ", ""},
	}
	for _, test := range append(files, completionLines...) {
		out := shell(t, dir, env, "bash", "--norc", "-c", bashDriver, "bash", test.line)
		if got := strings.Join(strings.Fields(out), " "); got != test.want {
			t.Errorf("%q: got %q, want %q", test.line, got, test.want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "evil")); err == nil {
		t.Error("completing a line carried out a command of it")
	}
	out := shell(t, dir, env, "bash", "--norc", "-c", "COMP_WORDBREAKS=' '\n"+bashDriver, "bash", "lanyard app --only=web,c")
	if got := strings.TrimSpace(out); got != "--only=web,celery" {
		t.Errorf("with = not a break character: got %q", got)
	}
}

func TestFishCompletion(t *testing.T) {
	if !installed(t, "fish") {
		return
	}
	dir, env := project(t)
	for _, test := range completionLines {
		script := "lanyard completion fish | source; complete -C " + linux.ShellQuote(test.line)
		out := shell(t, dir, env, "fish", "--no-config", "-c", script)
		var got []string
		for line := range strings.Lines(out) {
			word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
			got = append(got, strings.TrimPrefix(word, "--only="))
		}
		if !sameWords(got, strings.Fields(test.want)) {
			t.Errorf("%q: got %q, want %q", test.line, got, test.want)
		}
	}
}

// zshDriver types a line into an interactive zsh and presses a key that lists
// what completion offers. compadd is wrapped to log its matches.
const zshDriver = `
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'PS1= PS2= LISTMAX=1000 KEYTIMEOUT=1; autoload -Uz compinit; compinit -u -D; source <(lanyard completion zsh)'
zpty -w z 'compadd() { local -a hits; builtin compadd -O hits "$@"; print -l -- $hits >>'$2'; builtin compadd "$@" }'
zpty -w z 'zle -C offer list-choices _main_complete; offered() { zle offer; exit }; zle -N offered; bindkey "^T" offered; print rea""dy'
zpty -r -m z line '*ready*'
zpty -w -n z "$1"$'\x14'
while zpty -r z line; do :; done
cat $2
`

func TestZshCompletion(t *testing.T) {
	if !installed(t, "zsh") {
		return
	}
	dir, env := project(t)
	for _, test := range completionLines {
		log := filepath.Join(t.TempDir(), "log")
		out := shell(t, dir, env, "zsh", "-f", "-c", zshDriver, "zsh", test.line, log)
		var got []string
		for line := range strings.Lines(out) {
			got = append(got, strings.TrimPrefix(strings.TrimSpace(line), "--only="))
		}
		if !sameWords(got, strings.Fields(test.want)) {
			t.Errorf("%q: got %q, want %q", test.line, got, test.want)
		}
	}
}

// installed says whether a shell is there; bash is needed, the others are
// tested where they are.
func installed(t *testing.T, name string) bool {
	_, err := exec.LookPath(name)
	if err != nil {
		t.Logf("%s is not installed here, so its completion was not tried", name)
	}
	return err == nil
}

// sameWords compares without regard to order and repetition: shells sort.
func sameWords(got, want []string) bool {
	set := func(words []string) map[string]bool {
		all := map[string]bool{}
		for _, w := range words {
			if w != "" {
				all[w] = true
			}
		}
		return all
	}
	a, b := set(got), set(want)
	for w := range a {
		if !b[w] {
			return false
		}
	}
	return len(a) == len(b)
}
