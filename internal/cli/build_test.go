package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/output"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/progress"
	"github.com/lanyard-dev/lanyard/internal/run"
	"github.com/lanyard-dev/lanyard/internal/store"
)

// TestWhatIsMade: the containers that _build and _pull make, and what they print.
func TestWhatIsMade(t *testing.T) {
	for _, test := range []struct{ args, made, out string }{
		{"_build", "box db over", "box: built\ndb: is there already\nover: built\n"},
		{"build db box", "db box", "db: fetched\nbox: is there already\n"},
		{"_build db db", "db", "db: fetched\n"},
		{"_build -q", "box db over", ""},
		{"_build --json over", "over", ""},
		{"_pull", "db", "db: a new image was fetched\n"},
		{"_pull over", "db", "db: a new image was fetched\n"},
	} {
		got := call(t, output.Prefix, strings.Fields(test.args)...)
		if got.code != 43 || got.made() != test.made || got.out != test.out {
			t.Errorf("%s: exit code %d, made %q, printed %q, %s", test.args, got.code, got.made(), got.out, got.err)
		}
		if pull := strings.Contains(test.args, "pull"); got.make != nil && (got.make.Pull != pull || got.make.Force) {
			t.Errorf("%s: %+v", test.args, got.make)
		}
	}
	for args, want := range map[string]progress.Mode{"_build": "", "_build --quiet": progress.Quiet, "_pull --json": progress.JSON} {
		if got := call(t, output.Prefix, strings.Fields(args)...); got.make.Progress != want {
			t.Errorf("%s: progress %q", args, got.make.Progress)
		}
	}
	if got := call(t, output.Prefix, "_build", "box", "--force"); !got.make.Force {
		t.Error("--force has no effect")
	}
}

func TestWhatCannotBeMade(t *testing.T) {
	for _, test := range []struct {
		args string
		code int
		want string // in what is printed on stderr
	}{
		{"_build here", run.ExitNotStarted, "container here has neither image nor recipe: its root is this machine's system"},
		{"_pull box", run.ExitNotStarted, "container box has no image: its root is a recipe of 1 step"},
		{"_build bxo", run.ExitNotStarted, `(did you mean "box"?)`},
		{"_pull box nowhere", run.ExitNotStarted, "container box has no image"},
		{"_version_hash here", run.ExitNotStarted, "container here has no version, because its root is this machine's system"},
		{"_version_hash box", run.ExitNotStarted, "box.tar"},
		{"_version_hash", run.ExitUsage, "_version_hash needs CONTAINER"},
		{"_version_hash box db", run.ExitUsage, `"db" is one word too many`},
		{"_build --unused", run.ExitUsage, "unknown option --unused"},
		{"_build -f gone.yaml", run.ExitProject, "gone.yaml"},
		{"_clean --at-least 10days", run.ExitUsage, "write --unused too"},
		{"_clean --unused --at-least 10moons", run.ExitUsage, `--at-least "10moons": write a number and a unit: 10days, 2weeks, 36h, 90min`},
		{"_clean --unused --at-least", run.ExitUsage, "--at-least needs a value: AGE"},
		{"_clean box", run.ExitUsage, "one word too many"},
		{"_images box", run.ExitUsage, "one word too many"},
	} {
		got := call(t, output.Prefix, strings.Fields(test.args)...)
		if got.code != test.code || !strings.Contains(got.err, test.want) || got.make != nil {
			t.Errorf("%s: exit code %d, made %q, stderr %s", test.args, got.code, got.made(), got.err)
		}
	}
}

func TestNoBuild(t *testing.T) {
	for _, args := range []string{"--no-build fixed", "fixed --no-build", "app --no-build", "_run --no-build box sh"} {
		if got := call(t, output.Prefix, strings.Fields(args)...); got.options == nil || !got.options.NoBuild {
			t.Errorf("%s: %+v %s", args, got.options, got.err)
		}
	}
	if got := call(t, output.Prefix, "shell", "--no-build"); got.options.NoBuild {
		t.Error("the word belongs to the command")
	}
}

func TestRecipeText(t *testing.T) {
	p, err := plan.Parse("/p/f", []byte(`
containers:
  image: {image: postgres}
  over: {setup: [!Container image, !Sh a]}
  step: {setup: [!Image a:1]}
  debian: {setup: [!Debian stable, !Sh a, !Sh b]}
  tar: {setup: [!Tar {path: ./a}]}
  bad: {setup: [!Ubuntu xenial]}
`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"image": "image postgres", "over": "a recipe of 2 steps from container image", "step": "a recipe of 1 step from image a:1",
		"debian": "a recipe of 3 steps from Debian stable", "tar": "a recipe of 1 step", "bad": "none that works in this version",
	} {
		if got := rootText(p, p.Containers[name]); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestParseAge(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "10": 240 * time.Hour, "10days": 240 * time.Hour, "1 day": 24 * time.Hour, "2weeks": 336 * time.Hour, "36h": 36 * time.Hour, "90min": 90 * time.Minute, "5s": 5 * time.Second,
	} {
		if got, err := parseAge(text); err != nil || got != want {
			t.Errorf("%q: got %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "days", "-1", "1.5h", "10 moons", "99999999d"} {
		if got, err := parseAge(text); err == nil {
			t.Errorf("%q: got %s", text, got)
		}
	}
}

func TestRemovedTable(t *testing.T) {
	list := []store.Removed{{What: "image", Name: "postgres:17"}, {What: "layer", Name: "0123", Size: 3 << 20}, {What: "volume", Name: "pg"}}
	want := "image   -      postgres:17\nlayer   3 MiB  0123\nvolume  -      pg\n3 things would be removed, 3 MiB\n"
	if got := removedTable(list, true); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := removedTable(list[1:2], false); !strings.HasSuffix(got, "\n1 thing removed, 3 MiB\n") {
		t.Errorf("got\n%s", got)
	}
	if got := removedTable(nil, false); got != "nothing to remove\n" {
		t.Errorf("got\n%s", got)
	}
}

func TestItemTable(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	items := []item{
		{Kind: "image", Name: "oci:/größe", Digest: "sha256:0123456789abcdef", Size: 5 << 20, Used: now.Add(-30 * time.Second)},
		{Kind: "build", Name: "box", Digest: "sha256:fedcba9876543210", Size: 10, Used: now.Add(-49 * time.Hour), Project: "/p"},
	}
	want := `NAME        DIGEST        SIZE      USED        PROJECT
oci:/größe  0123456789ab  5 MiB     just now
box         fedcba987654  10 bytes  2 days ago  /p
`
	if got := itemTable(items, now); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestHelpOfWhatAnImageRuns(t *testing.T) {
	p, err := plan.Parse("/p/f", []byte("containers: {db: {image: postgres}}\ncommands: {db: {container: db}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := helpText(commandHelp(p.Commands[0]), 80); !strings.Contains(got, "what its container's image runs by itself") || !strings.Contains(got, "--no-build") {
		t.Errorf("got\n%s", got)
	}
	if got := described(p, p.Commands[0]); !strings.Contains(got, "runs       what the image says [ARGUMENT...]\n") {
		t.Errorf("got\n%s", got)
	}
}
