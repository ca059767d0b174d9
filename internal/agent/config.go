package agent

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Policy says when a container is started again after its exit.
type Policy string

// The restart policies.
const (
	No        Policy = "no"         // never
	OnFailure Policy = "on-failure" // unless it exited with status 0
	Always    Policy = "always"     // whatever its status
)

// DefaultNoFile is the limit on open files of a container whose resources.fd
// is 0 or missing. The number is the original harpoon-supervisor's.
const DefaultNoFile = 4069

// Config is a checked agent.json with all defaults filled in.
type Config struct {
	Product, Environment, Job string            // labels; any text, "" for none
	HealthChecks              json.RawMessage   // a JSON list as it stands in the file; nil for none
	ArtifactURL               string            // carried, not used
	Ports                     map[string]uint16 // carried, not used; not nil
	Env                       map[string]string // not nil; names not empty and without '='; nothing holds a NUL
	WorkingDir                string            // absolute, clean path inside the container; "/" by default
	Memory                    *int64            // bytes, at least 1 MiB, and twice as much fits an int64; nil is unlimited
	CPUs                      *float64          // above 0, at most MaxCPUs; nil is unlimited
	NoFile                    uint64            // open files, soft and hard limit; at most the supervisor's own hard limit
	Tmp                       []Tmp             // by path; no path is also a volume's
	Volumes                   []Volume          // by path
	Grace                     Grace
	Restart                   Policy
}

// MaxCPUs is the largest number of CPUs that a container may be limited to.
const MaxCPUs = 1e6

// Tmp is a tmpfs of a container.
type Tmp struct {
	Path string // inside the container: absolute, clean, not "/"
	Size int64  // bytes, at least 1 MiB; -1 is unlimited
}

// Volume is something of the host's that a container may read and write.
type Volume struct {
	Path   string // inside the container: absolute, clean, not "/"
	Source string // absolute path on the host; it was there when the file was read
}

// Grace are the times that the agent grants. The agent measures them, a
// supervisor does not. Not negative; 0 when missing.
type Grace struct {
	Startup, Shutdown time.Duration
}

// Environ gives the command's whole environment as NAME=VALUE, sorted: Env,
// and HOME=/ where Env has no HOME.
func (c *Config) Environ() []string {
	list := make([]string, 0, len(c.Env)+1)
	for name, value := range c.Env {
		list = append(list, name+"="+value)
	}
	if _, ok := c.Env["HOME"]; !ok {
		list = append(list, "HOME=/")
	}
	slices.Sort(list)
	return list
}

// defaultPath is where a command is looked for when Env has no PATH, as
// execvp(3) has a default too.
var defaultPath = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// SearchPath gives the folders inside the container that a command without a
// slash is looked for in, in order. As in PATH, "" is the working directory.
func (c *Config) SearchPath() []string {
	value, ok := c.Env["PATH"]
	if !ok {
		return slices.Clone(defaultPath)
	}
	return strings.Split(value, ":")
}
