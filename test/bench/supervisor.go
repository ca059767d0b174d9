package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// supervisor is a program that starts a group of commands and keeps them:
// lanyard, in containers, or one of those that a user could take instead.
type supervisor struct {
	name    string
	missing string
	// configure makes a project folder for these children and returns it.
	configure func(name string, children [][]string) (dir string, err error)
	// command is the supervisor in the foreground; it is started in dir. What the
	// children write goes to its output, if it can do that.
	command func(dir string) (*exec.Cmd, error)
	stop    unix.Signal // ends it and its children in order
	// alone says why the others live on when one child fails; "" when they end.
	alone     string
	elsewhere bool // its containers run below a process that is not below it
	tidy      bool // leaves nothing, whatever happens, if it is let do so
	// after waits for what goes on after it has ended, or removes it; may be nil.
	after func(dir string) error
	most  int // children that it can end in a time worth waiting for; 0: any number
	// slow divides how much its children write where output is measured, so that
	// it takes seconds at most; 0: it does not mark each line with its child.
	slow int
}

// lanyardGroup is lanyard with the group of a project that sized makes.
func (w *workshop) lanyardGroup(output string) supervisor {
	s := w.lanyardArgs("--output", output, groupName)
	return supervisor{
		name: s.name, missing: s.missing, stop: unix.SIGTERM, tidy: true,
		configure: func(name string, children [][]string) (string, error) { return w.sized(name, "", children) },
		command:   func(string) (*exec.Cmd, error) { return s.command() },
	}
}

// supervisors are lanyard and those without containers.
func (w *workshop) supervisors() []supervisor {
	return append([]supervisor{w.lanyardGroup("raw")}, w.processSupervisors()...)
}

// processSupervisors start processes on the host, without namespaces and without
// a root: the floor for those who make both. Each is set up as its manual has
// it, without what would slow it down: no waiting for a child to be thought of
// as started, no log of its own, no files for the output.
func (w *workshop) processSupervisors() []supervisor {
	return []supervisor{
		w.supervisord(), w.runit(), w.s6(), w.foreman(), w.concurrently(),
	}
}

// onHost is what the probe does in a container, done without one.
func (w *workshop) onHost(argv []string) []string {
	out := []string{filepath.Join(w.rootfs, argv[0])}
	for _, a := range argv[1:] {
		if rest, inWork := strings.CutPrefix(a, "/work/"); inWork {
			a = filepath.Join(w.project, rest)
		}
		out = append(out, a)
	}
	return out
}

// peerDir makes the folder of a supervisor's configuration.
func (w *workshop) peerDir(name string) (string, error) {
	dir := filepath.Join(w.dir, name)
	return dir, os.Mkdir(dir, 0o755)
}

// supervisord has all children in one group, because it ends one group after the
// other. A child of which nothing is known counts as running at once.
func (w *workshop) supervisord() supervisor {
	path, missing := find("supervisord")
	return supervisor{
		name: "supervisord", missing: missing, stop: unix.SIGTERM, alone: "it restarts a child that fails, and leaves the others alone",
		configure: func(name string, children [][]string) (string, error) {
			dir, err := w.peerDir(name)
			if err != nil {
				return "", err
			}
			var b strings.Builder
			fmt.Fprintf(&b, "[supervisord]\nnodaemon=true\nsilent=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=%s/pid\n", dir)
			var names []string
			for i, argv := range children {
				names = append(names, fmt.Sprintf("child%03d", i))
				fmt.Fprintf(&b, "[program:%s]\ncommand=%s\nstartsecs=0\nstdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\nredirect_stderr=true\n",
					names[i], strings.Join(w.onHost(argv), " "))
			}
			fmt.Fprintf(&b, "[group:%s]\nprograms=%s\n", groupName, strings.Join(names, ","))
			return dir, os.WriteFile(filepath.Join(dir, "supervisord.conf"), []byte(b.String()), 0o644)
		},
		command: func(dir string) (*exec.Cmd, error) {
			return exec.Command(path, "-c", filepath.Join(dir, "supervisord.conf")), nil
		},
	}
}

// runit is runsvdir over a folder of services, each with a runsv of its own. HUP
// has it end them all.
func (w *workshop) runit() supervisor {
	path, missing := find("runsvdir")
	return supervisor{
		name: "runit", missing: missing, stop: unix.SIGHUP, alone: "it restarts a child that fails, and leaves the others alone",
		configure: w.serviceDirs,
		command: func(dir string) (*exec.Cmd, error) {
			return exec.Command(path, "-P", filepath.Join(dir, "services")), nil
		},
	}
}

// s6 is s6-svscan over the same folder, with an s6-supervise for each.
func (w *workshop) s6() supervisor {
	path, missing := find("s6-svscan")
	return supervisor{
		name: "s6", missing: missing, stop: unix.SIGTERM, alone: "it restarts a child that fails, and leaves the others alone",
		configure: w.serviceDirs,
		command: func(dir string) (*exec.Cmd, error) {
			return exec.Command(path, filepath.Join(dir, "services")), nil
		},
	}
}

// serviceDirs writes services as runit and s6 want them: a folder with a program
// `run` for each.
func (w *workshop) serviceDirs(name string, children [][]string) (string, error) {
	dir, err := w.peerDir(name)
	if err != nil {
		return "", err
	}
	for i, argv := range children {
		service := filepath.Join(dir, "services", fmt.Sprintf("child%03d", i))
		if err := os.MkdirAll(service, 0o755); err != nil {
			return "", err
		}
		run := "#!/bin/sh\nexec " + strings.Join(w.onHost(argv), " ") + "\n"
		if err := os.WriteFile(filepath.Join(service, "run"), []byte(run), 0o755); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// foreman ends all when one ends, and kills after a second who has not followed;
// its own five seconds would not show more: it waits for one child in 0.1 s.
func (w *workshop) foreman() supervisor {
	path, missing := find("foreman")
	return supervisor{
		name: "foreman", missing: missing, stop: unix.SIGTERM, slow: 64,
		configure: func(name string, children [][]string) (string, error) {
			dir, err := w.peerDir(name)
			if err != nil {
				return "", err
			}
			var b strings.Builder
			for i, argv := range children {
				fmt.Fprintf(&b, "child%03d: %s\n", i, strings.Join(w.onHost(argv), " "))
			}
			return dir, os.WriteFile(filepath.Join(dir, "Procfile"), []byte(b.String()), 0o644)
		},
		command: func(string) (*exec.Cmd, error) { return exec.Command(path, "start", "--timeout", "1"), nil },
	}
}

// concurrently takes the children as arguments, which are kept in a file until
// then. To end a child it runs ps, for it and for each of its descendants.
func (w *workshop) concurrently() supervisor {
	path, missing := find("concurrently")
	return supervisor{
		name: "concurrently", missing: missing, stop: unix.SIGTERM, slow: 4, most: siblings,
		configure: func(name string, children [][]string) (string, error) {
			dir, err := w.peerDir(name)
			if err != nil {
				return "", err
			}
			var lines []string
			for _, argv := range children {
				lines = append(lines, strings.Join(w.onHost(argv), " "))
			}
			return dir, os.WriteFile(filepath.Join(dir, "commands"), []byte(strings.Join(lines, "\n")), 0o644)
		},
		command: func(dir string) (*exec.Cmd, error) {
			lines, err := os.ReadFile(filepath.Join(dir, "commands"))
			if err != nil {
				return nil, err
			}
			args := append([]string{"--kill-others-on-fail", "--kill-timeout", "1000"}, strings.Split(string(lines), "\n")...)
			return exec.Command(path, args...), nil
		},
	}
}

// script starts the children from a shell, which waits for them and passes TERM
// on.
func (w *workshop) script(name string, line func(argv []string) string) supervisor {
	return supervisor{
		name: name, stop: unix.SIGTERM,
		configure: func(name string, children [][]string) (string, error) {
			dir, err := w.peerDir(name)
			if err != nil {
				return "", err
			}
			var b strings.Builder
			for _, argv := range children {
				fmt.Fprintf(&b, "%s &\np=\"$p $!\"\n", line(argv))
			}
			b.WriteString("trap 'kill $p' TERM\nwait\nwait\n")
			return dir, os.WriteFile(filepath.Join(dir, "script"), []byte(b.String()), 0o644)
		},
		command: func(string) (*exec.Cmd, error) { return exec.Command("sh", "script"), nil },
	}
}
