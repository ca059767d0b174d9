package main

import (
	"errors"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// wholeName is lanyard in a row where the figure that counts is that of a
// supervisor that is running already.
const wholeName = "lanyard, whole process"

// named is a starter under another name.
func named(name string, s starter) starter {
	s.name = name
	return s
}

// startRow: a container from a running supervisor to its command's first
// byte.
func startRow(w *workshop) experiment {
	return experiment{
		key: "start",
		metrics: []metric{{
			what: "start of a container to the first byte of its command", unit: "ms",
			budgets: append([]budget{
				{against: "bare", limit: 1.5}, {against: cloneName, limit: 1.5},
				{against: "crun", limit: 0.8, below: true},
			}, aheadOf(sameKind[1:]...)...),
		}},
		contestants: append([]contestant{w.engineArgs(false, reportUp)}, contestants(w.firstByte,
			named(wholeName, w.lanyardArgs("--output", "raw", "one-up")),
			w.bareArgs(reportUp), w.cloneArgs(reportUp),
			w.ociArgs("crun", reportUp, false), w.ociArgs("runc", reportUp, false),
			w.podmanArgs(reportUp), w.nspawnArgs(reportUp), w.dockerArgs(reportUp),
			w.bwrapArgs(reportUp), w.hostArgs(reportUp))...),
	}
}

// openName is a contestant of isolationRow.
const openName = "without filter and scope"

// isolationRow: what the filter of system calls and the scope for abstract sockets
// add to a start. The filter is made once for a supervisor, and installed in each
// container.
func isolationRow(w *workshop) experiment {
	return experiment{
		key: "isolation", times: 3,
		metrics: []metric{{
			what: "the same, with the filter of system calls and Landlock's scope, and without", unit: "ms",
			budgets: []budget{{against: openName, limit: 1.2}},
		}},
		contestants: []contestant{
			w.engineArgs(false, reportUp),
			w.engine(openName, nil, append([]string{"-open"}, reportUp...)),
		},
	}
}

// Contestants of userRow, and who runs those of an ordinary user if bench is
// root: the user that make deps makes, with a range of ids.
const (
	asRoot    = "as root"
	wholeMap  = "with the ids of a range, through newuidmap"
	otherUser = "lanyard-test"
)

// userRow: the same start by an ordinary user's supervisor, whose containers
// have the one id of that user, and by root's. What two processes of newuidmap
// add is not in the budget, but in a figure of its own.
func userRow(w *workshop) experiment {
	root := w.engine(asRoot, nil, reportUp)
	var who *syscall.Credential
	missing := ""
	if os.Geteuid() != 0 {
		root.missing = "only measured as root"
	} else {
		who, missing = someUser()
	}
	e := experiment{
		key: "user",
		metrics: []metric{{
			what: "start of a container by an ordinary user's supervisor, to the first byte of its command", unit: "ms",
			budgets: []budget{{against: asRoot, limit: 1.5}},
		}},
		contestants: []contestant{w.engine(lanyardName, who, reportUp), root, w.engine(wholeMap, who, append([]string{"-range"}, reportUp...))},
	}
	e.contestants[0].missing, e.contestants[2].missing = missing, missing
	return e
}

// someUser looks up otherUser; the second result says why nobody can take part.
func someUser() (*syscall.Credential, string) {
	u, err := user.Lookup(otherUser)
	if err != nil {
		return nil, "no user " + otherUser + ", whom make deps makes"
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err, err2); err != nil {
		return nil, err.Error()
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, ""
}

// limitsRow is startRow with memory, cpu and pids limits on.
func limitsRow(w *workshop) experiment {
	return experiment{
		key: "limits",
		metrics: []metric{{
			what: "the same with memory, cpu and pids limits", unit: "ms",
			budgets: []budget{{against: "crun", limit: 1}},
		}},
		contestants: append([]contestant{w.engineArgs(true, reportUp)}, contestants(w.firstByte,
			named(wholeName, w.lanyardArgs("--output", "raw", "one-up-limited")),
			w.ociArgs("crun", reportUp, true), w.ociArgs("runc", reportUp, true))...),
	}
}

// commandRow: a single command, whole process.
func commandRow(w *workshop) experiment {
	return experiment{
		key: "command",
		metrics: []metric{{
			what: "`lanyard COMMAND` that does nothing, in a rootfs, whole process", unit: "ms",
			budgets: []budget{{against: "crun", limit: 2}},
		}},
		contestants: contestants(w.whole,
			w.lanyardArgs("nothing"), w.bareArgs(doNothing),
			w.ociArgs("crun", doNothing, false), w.ociArgs("runc", doNothing, false),
			w.podmanArgs(doNothing), w.nspawnArgs(doNothing), w.dockerArgs(doNothing),
			w.bwrapArgs(doNothing), w.hostArgs(doNothing)),
	}
}

// fiftyRow: fifty children from the spawn of lanyard until all are up.
func fiftyRow(w *workshop) experiment {
	bare := w.bareArgs(reportUp)
	return experiment{
		key: "fifty",
		metrics: []metric{{
			what: "50 children: spawn of lanyard to all up (bare: 50 starts one after another)", unit: "ms",
			budgets: []budget{{against: "bare", limit: 1.2}},
		}},
		contestants: []contestant{
			w.lanyardArgs("--output", "raw", "fifty").contestant(w.fiftyUp),
			{name: bare.name, measure: func() ([]float64, error) { return w.inTurn(bare) }},
		},
	}
}

// fiftyUp measures until fifty bytes have come, then ends the group.
func (w *workshop) fiftyUp(cmd *exec.Cmd) ([]float64, error) {
	g, err := w.launch(cmd, siblings)
	if err != nil {
		return nil, err
	}
	return []float64{milliseconds(g.took)}, g.end()
}

// inTurn sums fifty starts, each to its first byte; the ends of the
// containers are not counted.
func (w *workshop) inTurn(s starter) ([]float64, error) {
	sum := 0.0
	for range siblings {
		cmd, err := s.command()
		if err != nil {
			return nil, err
		}
		took, err := w.firstByte(cmd)
		if err != nil {
			return nil, err
		}
		sum += took[0]
	}
	return []float64{sum}, nil
}
