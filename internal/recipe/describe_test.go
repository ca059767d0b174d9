package recipe

import (
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/plan"
)

func TestDescribe(t *testing.T) {
	for step, want := range map[string]string{
		"!Container base": "!Container base",
		"!Image a:1":      "!Image a:1",
		"!Debian {release: bookworm, packages: [a, b]}":  "!Debian bookworm, a, b",
		"!Install [python3, redis-server]":               "!Install python3, redis-server",
		"!Tar {url: 'http://a/b', sha256: " + sumA + "}": "!Tar http://a/b",
		"!Tar {url: ./a.tar}":                            "!Tar ./a.tar",
		"!Copy {source: /work/a, path: /b}":              "!Copy ./a to /b",
		"!Depends a":                                     "!Depends ./a",
		"!EnsureDir /a":                                  "!EnsureDir /a",
		"!Remove /a":                                     "!Remove /a",
		"!Text {/a: secret, /b: c}":                      "!Text /a, /b",
		"!Env {A: secret, B: c}":                         "!Env A, B",
		"!Env {}":                                        "!Env",
		"!CacheDirs {/a: b}":                             "!CacheDirs /a",
		`!Sh "\n  make\tall\n  make install\n"`:          "!Sh make all …",
		"!Sh make":                                       "!Sh make",
		`!Cmd [a, "b\nc", "\e[0m"]`:                      "!Cmd a b c  [0m",
		"!Sh " + strings.Repeat("é", 200):                "!Sh " + strings.Repeat("é", 95) + "…",
	} {
		file := "containers: {base: {image: a}, c: {setup: [" + step + "]}}\n"
		if strings.HasPrefix(step, "!Sh") || strings.HasPrefix(step, "!Install") || strings.HasPrefix(step, "!Cmd") {
			file = "containers: {base: {image: a}, c: {setup: [!Image a, " + step + "]}}\n"
		}
		p, err := plan.Parse("/p/f", []byte(file))
		if err != nil {
			t.Error(err)
			continue
		}
		steps := p.Containers["c"].Setup
		if got := Describe(&steps[len(steps)-1]); got != want {
			t.Errorf("%s is %q, want %q", step, got, want)
		}
	}
}

func TestIgnored(t *testing.T) {
	for name, want := range map[string]bool{
		".git": true, ".hg": true, ".svn": true, ".vagga": true, ".lanyard": true, "a~": true, "a.bak": true, "a.orig": true, "#a#": true, ".#a": true,
		".gitignore": false, "git": false, "a": false, "#": false, "a#": false, ".env": false, "bak": false,
	} {
		if Ignored(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
