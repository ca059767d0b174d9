package agent

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// maxFile bounds agent.json, in bytes.
const maxFile = 4 << 20

// Load reads and checks agent.json in dir. hardNoFile is the caller's own hard
// limit on open files (RLIMIT_NOFILE), which no container may exceed. Keys it
// doesn't know are accepted; of keys that occur twice the last counts, and
// upper and lower case are the same, as for encoding/json. The error is a
// Problems, or tells why the file can't be read.
func Load(dir string, hardNoFile uint64) (*Config, error) {
	data, err := read(filepath.Join(dir, fileName))
	if err != nil {
		return nil, err
	}
	return parse(data, hardNoFile)
}

// read reads a regular file of bounded size.
func read(path string) ([]byte, error) {
	// O_NONBLOCK: a fifo must not hang the start.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot read agent.json: %w; start in a directory that holds a readable agent.json", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("cannot read agent.json: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("cannot read agent.json: %s is not a regular file; put the container's description there", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read agent.json: %w", err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("cannot read agent.json: %s has more than %d MiB (it has %d bytes); that is no container's description", path, maxFile>>20, info.Size())
	}
	return data, nil
}

func parse(data []byte, hardNoFile uint64) (*Config, error) {
	r := &reader{data: data}
	c := &Config{Ports: map[string]uint16{}, Env: map[string]string{}, WorkingDir: "/", NoFile: DefaultNoFile, Restart: No}
	if top, ok := r.document(); ok {
		r.config(top, c, hardNoFile)
	}
	if len(r.mistakes) > 0 {
		return nil, located(data, r.mistakes)
	}
	return c, nil
}

// fields are the keys of an object, and who reads their values.
type fields map[string]func(value)

// object reads the keys of v that are known.
func (r *reader) object(v value, known fields) {
	if !r.is(v, "an object", "an object in braces") {
		return
	}
	for _, m := range r.members(v) {
		if field := known[strings.ToLower(m.name)]; field != nil {
			field(m.value)
		}
	}
}

func (r *reader) config(top value, c *Config, hardNoFile uint64) {
	taken := places{}
	files := value{at: top.at, key: "resources.fd", raw: json.RawMessage("null")}
	r.object(top, fields{
		"product":       r.label(&c.Product),
		"environment":   r.label(&c.Environment),
		"job":           r.label(&c.Job),
		"artifact_url":  r.label(&c.ArtifactURL),
		"health_checks": func(v value) { c.HealthChecks = r.healthChecks(v) },
		"ports":         func(v value) { c.Ports = r.ports(v) },
		"env":           func(v value) { c.Env = r.env(v) },
		"command": func(v value) {
			r.object(v, fields{"working_dir": func(v value) { c.WorkingDir = r.workingDir(v) }})
		},
		"resources": func(v value) {
			r.object(v, fields{
				"mem": func(v value) { c.Memory = r.memory(v) },
				"cpu": func(v value) { c.CPUs = r.cpus(v) },
				"fd":  func(v value) { files = v },
			})
		},
		"storage": func(v value) {
			r.object(v, fields{
				"tmp":     func(v value) { c.Tmp = r.tmp(v, taken) },
				"volumes": func(v value) { c.Volumes = r.volumes(v, taken) },
			})
		},
		"grace": func(v value) {
			r.object(v, fields{
				"startup":  func(v value) { c.Grace.Startup = r.duration(v) },
				"shutdown": func(v value) { c.Grace.Shutdown = r.duration(v) },
			})
		},
		"restart": func(v value) { c.Restart = r.policy(v) },
	})
	c.NoFile = r.noFile(files, hardNoFile)
}

func (r *reader) label(to *string) func(value) {
	return func(v value) { *to = r.text(v, "a string in quotes") }
}

func (r *reader) healthChecks(v value) json.RawMessage {
	if !r.is(v, "a list", "a list in brackets, or null") {
		return nil
	}
	return v.raw
}

func (r *reader) duration(v value) time.Duration {
	const instead = `a duration with its unit, such as "30s" or "1m30s"`
	text := r.text(v, instead)
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		r.problem(v.at, "%s is %s; write %s", v.key, quote(text), instead)
		return 0
	}
	return d
}

func (r *reader) policy(v value) Policy {
	const instead = `"no", "on-failure" or "always"`
	switch p := Policy(r.text(v, instead)); p {
	case No, OnFailure, Always:
		return p
	case "":
		return No
	default:
		r.problem(v.at, "%s is %s; write %s", v.key, quote(string(p)), instead)
		return No
	}
}
