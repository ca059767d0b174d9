package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/plan"
)

const completeFile = `
containers:
  here: {host: true}
  python: {host: true}
  box: {setup: [!Tar {path: ./box.tar}]}
  db: {image: postgres}
  over: {setup: [!Container db]}
commands:
  app: !Supervise
    description: All of it
    children:
      web: !Command {container: here, run: sleep 1, tags: [front]}
      celery: !Command {container: here, run: sleep 1, tags: [worker, back]}
  other: !Supervise
    children:
      mail: !Command {container: here, run: sleep 1}
  shell: !Command {aliases: [sh], container: here, run: [sh]}
  fixed: !Command {container: here, run: pwd}
  list: !Command {container: here, run: pwd}
  _secret: !Command {container: here, run: pwd}
`

func testCompleter(t *testing.T) completer {
	t.Helper()
	p, err := plan.Parse("lanyard.yaml", []byte(completeFile))
	if err != nil {
		t.Fatal(err)
	}
	load := func(file string) (*plan.Plan, error) {
		if file != "" && file != "good.yaml" {
			return nil, errors.New("no such file")
		}
		return p, nil
	}
	return completer{load: load, names: func() []string { return []string{"HOME", "HOST", "PATH"} }}
}

func TestComplete(t *testing.T) {
	c := testCompleter(t)
	tests := []struct {
		line string // the last word, "" after a space, is the one to complete
		want string
	}{
		{"", "app other shell sh fixed list run check doctor build pull images clean version_hash supervise ctl help completion"},
		{"s", "shell sh supervise"},
		{"_", "_secret _list _run _check _doctor _build _pull _images _clean _version_hash"},
		{"--o", "--output --only"},
		{"--output ", "prefix raw json"},
		{"--output=r", "raw"},
		{"-e HO", "HOME HOST"},
		{"-f ", "FILES"},
		{"-f good.yaml a", "app"},
		{"-f bad.yaml ", "list run check doctor build pull images clean version_hash supervise ctl help completion"},
		{"--only ", "web celery mail front worker back"},
		{"--only web -- a", "app"},
		{"app ", ""},
		{"app -", "--only --exclude --use-env --environ --output --timestamps --no-build --progress --help"},
		{"app --only ", "web celery front worker back"},
		{"app --only web c", "celery"},
		{"app --only web,", "web,celery web,front web,worker web,back"},
		{"app --only=web,c", "web,celery"},
		{"app --exclude w", "web worker"},
		{"app --only web --ex", "--exclude"},
		{"app --timestamps ", ""},
		{"shell ", "FILES"},
		{"shell --only ", "FILES"},
		{"fixed --o", ""},
		{"fixed --e", "--environ"},
		{"_run ", "box db here over python"},
		{"run p", "python"},
		{"_run --w", "--writable --work-dir"},
		{"_run --writable p", "python"},
		{"_run -f bad.yaml ", ""},
		{"_run python ", "FILES"},
		{"_run --no", "--no-build"},
		{"_build ", "box db over"},
		{"build d", "db"},
		{"_build db --force o", "over"},
		{"_build db box ", "over"},
		{"_build -f bad.yaml ", ""},
		{"_build --q", "--quiet"},
		{"_pull ", "db over"},
		{"_pull over ", "db"},
		{"_version_hash ", "box db over"},
		{"_version_hash --short b", "box"},
		{"_version_hash box ", ""},
		{"_images ", ""},
		{"_images --", "--json --help"},
		{"_clean ", ""},
		{"_clean --unused --at-least ", "10days 2weeks 36h 0"},
		{"_list --", "--builtin --json --file --help"},
		{"list --b", ""},
		{"completion ", "bash zsh fish"},
		{"completion bash ", ""},
		{"ctl ", "state watch stop kill exit wait"},
		{"ctl -C /srv/web w", "watch wait"},
		{"ctl state ", ""},
		{"ctl --", "--directory --json --help"},
		{"ctl -C ", "FILES"},
		{"supervise --h", "--hostname --help"},
		{"supervise --hostname web ", "FILES"},
		{"help a", "app"},
		{"help _", "_secret _list _run _check _doctor _build _pull _images _clean _version_hash"},
		{"nonsense ", ""},
		{"--nonsense a", ""},
	}
	for _, test := range tests {
		words := strings.Split(test.line, " ")
		o := c.complete(words[:len(words)-1], words[len(words)-1])
		var got []string
		for _, candidate := range o.candidates {
			got = append(got, candidate.word)
		}
		if o.files {
			got = append(got, "FILES")
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%q: got %q, want %q", test.line, strings.Join(got, " "), test.want)
		}
	}
}
