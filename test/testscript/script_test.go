// Package testscript_test runs scripts that show lanyard as a user sees it:
// each file of testdata holds a project, commands, and what they print. The
// test binary itself is lanyard in them.
package testscript_test

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/cli"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"lanyard": func() { os.Exit(cli.Main("lanyard", os.Args[1:])) },
		"vagga":   func() { os.Exit(cli.Main("vagga", os.Args[1:])) },
	})
}

func TestScripts(t *testing.T) {
	m := newMaterial(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("XDG_CONFIG_HOME", env.WorkDir+"/config")
			env.Setenv("XDG_DATA_HOME", env.WorkDir+"/data")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"archive":  m.archive,
			"exits":    exits,
			"layout":   m.layout,
			"waitfile": waitfile,
		},
	})
}

// exits CODE PROGRAM ARGUMENT... runs a program and wants this exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGUMENT...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var failed *exec.ExitError
	switch {
	case errors.As(err, &failed):
		got = failed.ExitCode()
	case err != nil:
		ts.Fatalf("cannot run %s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// waitfile FILE... waits until all files are there: what a child in the
// background makes once it runs.
func waitfile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: waitfile FILE...")
	}
	deadline := time.Now().Add(20 * time.Second)
	for _, name := range args {
		for {
			if _, err := os.Stat(ts.MkAbs(name)); err == nil {
				break
			}
			if time.Now().After(deadline) {
				ts.Fatalf("%s did not appear", name)
			}
			time.Sleep(2 * time.Millisecond)
		}
	}
}
