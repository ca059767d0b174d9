// Package host knows what this machine lets this user do for containers: what
// works, what stands in the way of the rest, and which command moves it. What can
// be tried without harm is tried, in namespaces that end with the try.
package host

// Status is how much of something works.
type Status string

// How much works.
const (
	Yes    Status = "yes"
	Partly Status = "partly"
	No     Status = "no"
)

// Finding is what was found out about one thing. The keys of its JSON are stable.
type Finding struct {
	Name   string `json:"name"` // one of Names
	Status Status `json:"status"`
	Why    string `json:"why"` // what works, or what forbids it; one line
	Fix    string `json:"fix"` // the command that allows it; "" where nothing has to be done, or nothing can be
}

// Options are what Look is told.
type Options struct {
	Project string                          // absolute path of its folder
	UserNS  bool                            // containers need a user namespace: this user is not root of the machine
	RunBase func() (path string, err error) // the folder of all run folders, and why none can be made in it
	Start   func() error                    // starts containers of the machine's own system and ends them
}

// Start is the name of the finding that tells whether containers can be started
// at all.
const Start = "start"

// Look looks at everything. It changes nothing and takes about 50 ms.
func Look(o Options) []Finding {
	f := gather(o.UserNS, o.Project)
	return []Finding{
		f.userNamespaces(), f.idRanges(), f.namespaces(), f.proc(), f.overlay(), f.fuse(), f.idMapped(), f.network(), pidfd(),
		cgroups(), delegation(), runFolder(o.RunBase), project(o.Project, o.UserNS), f.ownHost(), start(o.Start),
	}
}

func yes(name, why string) Finding { return Finding{name, Yes, why, ""} }
