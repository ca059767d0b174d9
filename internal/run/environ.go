package run

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/image"
	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/provide"
	"github.com/lanyard-dev/lanyard/internal/systemd"
)

// defaultPath is the PATH of a container that says nothing, Docker's.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// passed are variables of the caller that every container gets.
var passed = []string{"http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"}

// environ is an environment: the last value of a name counts, the first place.
type environ struct {
	names []string
	value map[string]string
}

func (e *environ) set(name, value string) {
	if _, ok := e.value[name]; !ok {
		e.names = append(e.names, name)
	}
	e.value[name] = value
}

func (e *environ) setAll(vars []plan.EnvVar) {
	for _, v := range vars {
		e.set(v.Name, v.Value)
	}
}

// inherit is setAll for what may have been copied from lanyard's own
// environment: what a service manager says to lanyard is not for its commands,
// who would answer in lanyard's place.
func (e *environ) inherit(vars []plan.EnvVar) {
	e.setAll(slices.DeleteFunc(vars, func(v plan.EnvVar) bool { return systemd.Owns(v.Name) }))
}

func (e *environ) list() []string {
	list := make([]string, 0, len(e.names))
	for _, name := range e.names {
		list = append(list, name+"="+e.value[name])
	}
	return list
}

// environment builds a command's environment, lowest rank first.
func (s *session) environment(root provide.Root, from *plan.Container, p *plan.Process, uid uint32) (*environ, error) {
	e := &environ{value: map[string]string{}}
	e.set("PATH", defaultPath)
	e.set("HOME", root.Home(uid))
	e.set("TERM", firstOf(os.Getenv("TERM"), "dumb"))
	for _, name := range passed {
		if value, ok := os.LookupEnv(name); ok {
			e.set(name, value)
		}
	}
	e.inherit(envVars(root.Config.Env))
	if from.EnvironFile != "" {
		vars, err := s.environFile(root.Root, from.EnvironFile)
		if err != nil {
			return nil, fmt.Errorf("environ-file of container %s: %w", from.Name, err)
		}
		e.inherit(vars)
	}
	e.setAll(from.Environ)
	e.setAll(p.Environ)
	e.inherit(callers(os.Environ()))
	e.setAll(s.options.Environ)
	return e, nil
}

// callers gives what VAGGAENV_NAME and LANYARDENV_NAME of the caller's
// environment set; ours wins.
func callers(env []string) []plan.EnvVar {
	var vars []plan.EnvVar
	for _, prefix := range []string{"VAGGAENV_", "LANYARDENV_"} {
		for _, entry := range env {
			name, value, _ := strings.Cut(entry, "=")
			if name, ok := strings.CutPrefix(name, prefix); ok && name != "" {
				vars = append(vars, plan.EnvVar{Name: name, Value: value})
			}
		}
	}
	return vars
}

// environFile reads NAME=VALUE lines; empty lines and lines that begin with #
// are skipped. The path is one inside the container, so /work is the project.
func (s *session) environFile(root image.Root, path string) ([]plan.EnvVar, error) {
	var data []byte
	var err error
	if inside, ok := strings.CutPrefix(filepath.Clean(path), "/work/"); ok {
		data, err = image.Root{Path: s.options.Plan.Root}.ReadFile(inside)
	} else {
		data, err = root.ReadFile(path)
	}
	var at *os.PathError
	if errors.As(err, &at) {
		at.Path = path // as it is written, not as it lies below the project or the root
	}
	if err != nil {
		return nil, fmt.Errorf("%w; make that file, or remove environ-file", err)
	}
	var vars []plan.EnvVar
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if trimmed := strings.TrimSpace(line); trimmed == "" || trimmed[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if name = strings.TrimSpace(name); !ok || name == "" || strings.ContainsRune(line, 0) {
			return nil, fmt.Errorf("%s:%d: not NAME=VALUE: %q", path, number, line)
		}
		vars = append(vars, plan.EnvVar{Name: name, Value: value})
	}
	return vars, nil
}
