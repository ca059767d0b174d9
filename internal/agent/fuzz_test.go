package agent

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzLoad wants of any file: no panic; problems that stand inside the file; a
// Config that keeps the promises of config.go and can be written as
// container.json. What it has found is kept in testdata/fuzz.
func FuzzLoad(f *testing.F) {
	sample, err := os.ReadFile("testdata/everything.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sample)
	for _, m := range mistakes {
		if len(m.text) < 1000 {
			f.Add([]byte(m.text))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parse(data, hard)
		if err == nil {
			checkConfig(t, c)
			checkContainer(t, c)
			return
		}
		var problems Problems
		if !errors.As(err, &problems) || len(problems) == 0 || c != nil {
			t.Fatalf("%v with the error %#v", c, err)
		}
		lines := strings.Split(string(data), "\n")
		for i, p := range problems {
			if p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > utf8.RuneCountInString(lines[p.Line-1])+1 {
				t.Errorf("%v is outside of the file", p)
			}
			if i > 0 && (p.Line < problems[i-1].Line || p.Line == problems[i-1].Line && p.Column < problems[i-1].Column) {
				t.Errorf("%v comes after %v", p, problems[i-1])
			}
			if p.Message == "" || strings.ContainsAny(p.Message, "\x00\n") || !utf8.ValidString(p.Message) {
				t.Errorf("the message %q is no line", p.Message)
			}
		}
	})
}

// checkConfig holds c to what config.go says.
func checkConfig(t *testing.T, c *Config) {
	t.Helper()
	if m := c.Memory; m != nil && (*m < mib || *m > math.MaxInt64/2) {
		t.Errorf("memory %d", *m)
	}
	if n := c.CPUs; n != nil && !(*n > 0 && *n <= MaxCPUs) {
		t.Errorf("cpus %g", *n)
	}
	if c.NoFile == 0 || c.NoFile > hard || c.Grace.Startup < 0 || c.Grace.Shutdown < 0 {
		t.Errorf("%d files, %v", c.NoFile, c.Grace)
	}
	if c.HealthChecks != nil && (c.HealthChecks[0] != '[' || !json.Valid(c.HealthChecks)) {
		t.Errorf("health checks %s", c.HealthChecks)
	}
	if !slices.Contains([]Policy{No, OnFailure, Always}, c.Restart) || c.Ports == nil || c.Env == nil {
		t.Errorf("%+v", c)
	}
	if !path.IsAbs(c.WorkingDir) || path.Clean(c.WorkingDir) != c.WorkingDir {
		t.Errorf("working directory %q", c.WorkingDir)
	}
	for name, value := range c.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00") {
			t.Errorf("variable %q=%q", name, value)
		}
	}
	checkMounts(t, c)
	if env := c.Environ(); !slices.IsSorted(env) || len(env) < len(c.Env) || len(env) > len(c.Env)+1 || len(c.SearchPath()) == 0 {
		t.Errorf("environment %q, search path %q", env, c.SearchPath())
	}
}

func checkMounts(t *testing.T, c *Config) {
	t.Helper()
	seen := map[string]bool{}
	check := func(target string) {
		if seen[target] || !path.IsAbs(target) || path.Clean(target) != target || target == "/" || len(target) > maxPath || strings.ContainsAny(target, "\n\x00") {
			t.Errorf("mount point %q", target)
		}
		seen[target] = true
	}
	for i, m := range c.Tmp {
		check(m.Path)
		if m.Size != -1 && m.Size < mib || i > 0 && m.Path <= c.Tmp[i-1].Path {
			t.Errorf("%+v", c.Tmp)
		}
	}
	for i, v := range c.Volumes {
		check(v.Path)
		if !path.IsAbs(v.Source) || strings.ContainsAny(v.Source, "\n\x00") || i > 0 && v.Path <= c.Volumes[i-1].Path {
			t.Errorf("%+v", c.Volumes)
		}
	}
}
