package plan

import (
	"path"
	"strings"
)

// Security is what a command may do besides reading and writing its files. A nil
// or empty field is not written.
type Security struct {
	Seccomp         string // SeccompDefault, SeccompUnconfined, or the path of a profile below the project root
	Nesting         *bool  // containers may be made in the container
	NoNewPrivileges *bool  // nothing that is executed gains any
	AbstractSockets *bool  // those of the host and of other containers can be reached
	Pos             Pos    // of the mapping; zero when there is none
}

// The words of seccomp that are no path.
const (
	SeccompDefault    = "default"
	SeccompUnconfined = "unconfined"
)

// Over is s, key by key on top of what is below it.
func (s Security) Over(below Security) Security {
	if s.Seccomp == "" {
		s.Seccomp = below.Seccomp
	}
	for _, key := range []struct {
		own   **bool
		below *bool
	}{{&s.Nesting, below.Nesting}, {&s.NoNewPrivileges, below.NoNewPrivileges}, {&s.AbstractSockets, below.AbstractSockets}} {
		if *key.own == nil {
			*key.own = key.below
		}
	}
	if s.Pos == (Pos{}) {
		s.Pos = below.Pos
	}
	return s
}

// Opened names what s opens of what is shut by default, for a warning.
func (s Security) Opened() []string {
	var list []string
	if s.Seccomp == SeccompUnconfined {
		list = append(list, "seccomp: unconfined lets the command make every system call of the kernel")
	}
	if s.Nesting != nil && *s.Nesting {
		list = append(list, "nesting: true lets the command make namespaces and mounts, and see what is hidden in /proc")
	}
	if s.AbstractSockets != nil && *s.AbstractSockets {
		list = append(list, "abstract-sockets: true lets the command reach abstract sockets of the host and of other containers")
	}
	return list
}

// security reads the security mapping of f.
func (l *loader) security(f fields) Security {
	n := f.get("security")
	if n == nil {
		return Security{}
	}
	keys, _ := l.fields(l.mapping(n, "security", dashed), "security", securityWords)
	out := Security{Pos: l.at(n)}
	if v := keys.get("seccomp"); v != nil {
		if text, ok := l.filled(v, "seccomp"); ok {
			out.Seccomp = text
			if text != SeccompDefault && text != SeccompUnconfined {
				out.Seccomp = path.Clean(text)
				if path.IsAbs(out.Seccomp) || out.Seccomp == ".." || strings.HasPrefix(out.Seccomp, "../") {
					l.problem(l.at(v), "seccomp: %s leads out of the project; write default, unconfined, or the path of a profile in the project", quote(text))
				}
			}
		}
	}
	for name, field := range map[string]**bool{"nesting": &out.Nesting, "no-new-privileges": &out.NoNewPrivileges, "abstract-sockets": &out.AbstractSockets} {
		if v := keys.get(name); v != nil {
			if value, ok := l.boolean(v, name); ok {
				*field = &value
			}
		}
	}
	return out
}
