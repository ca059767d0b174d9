package cgroup

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// mount is where v2 is mounted (file-hierarchy(7)); hybrid hosts count as v1.
const mount = "/sys/fs/cgroup"

// Leaf is the folder of a base that takes the processes which are not in any
// group: a cgroup that gives its controllers to others may have none itself
// (cgroups(7), "no internal processes" rule).
const Leaf = "lanyard-init"

// Kind says what a Place is.
type Kind uint8

// The kinds of places, see choose.
const (
	Hierarchies Kind = iota // v1 and hybrid: the roots of all hierarchies
	Own                     // v2: the cgroup that this process is in
	Scope                   // v2: a scope that systemd starts
	Top                     // v2: the root cgroup of the machine
	None                    // there is none
)

// Place is where the groups of this run can go. Nothing has been done for it
// yet: that is Ready's work.
type Place struct {
	Kind   Kind
	Folder string          // Own, Top: the base; a scope's is not known before it is started
	Refuse *linux.Obstacle // None: what forbids one, and what would allow it
}

// String says where that is, for the sentence "groups can be made in …".
func (p *Place) String() string {
	switch p.Kind {
	case Own:
		return "our own cgroup " + p.Folder
	case Scope:
		return "a scope of systemd's"
	case None:
		return "no cgroup"
	}
	return mount
}

// facts are what the choice depends on. Each refusal is "" where there is none.
type facts struct {
	uid        int
	nothing    bool // there is no /sys/fs/cgroup
	v2         bool
	readOnly   bool   // /sys/fs/cgroup is mounted so, and nothing below it can be made
	root       bool   // /sys/fs/cgroup is the machine's root cgroup, not a namespace's
	rootRefuse string // why no group can be made there
	own        string // the cgroup of this process, or the parent of a leaf
	ownRefuse  string // why no group can be made in it
	delegated  bool   // it is said to be ours, or there is no systemd that it could belong to
	strangers  bool   // processes are in it that are not ours
	systemd    bool   // runs this machine
	sdRefuse   string // why its manager can't be asked for a scope
}

// choose gives the first of these that there is:
//
//   - our own cgroup, if it was given to us and to nobody else;
//   - a scope of systemd's, which owns all the others (systemd's
//     CGROUP_DELEGATION: a single writer for each cgroup);
//   - without systemd, for root: the root cgroup, which needs no leaf;
//   - our own cgroup with whatever else is in it, which all moves into the leaf.
func choose(f *facts) Place {
	switch {
	case f.nothing:
		return Place{Kind: None, Refuse: NoneMounted()}
	case !f.v2:
		return Place{Kind: Hierarchies}
	case f.ownRefuse == "" && f.delegated && !f.strangers:
		return Place{Kind: Own, Folder: f.own}
	case f.systemd && f.sdRefuse == "" && !f.readOnly:
		return Place{Kind: Scope}
	case f.uid == 0 && !f.systemd && f.root && f.rootRefuse == "":
		return Place{Kind: Top, Folder: mount}
	case f.ownRefuse == "":
		return Place{Kind: Own, Folder: f.own}
	}
	return Place{Kind: None, Refuse: f.none()}
}

// none says why there is no place, and what to do.
func (f *facts) none() *linux.Obstacle {
	o := &linux.Obstacle{Why: fmt.Sprintf("uid %d may not use this host's cgroups (%s)", f.uid, f.ownRefuse)}
	switch {
	case f.readOnly:
		o.Fix = remount(mount)
	case f.systemd:
		o.Why += fmt.Sprintf(", and there is no systemd of this user's to ask for one (%s)", f.sdRefuse)
		o.Fix = fmt.Sprintf("sudo loginctl enable-linger %d, or log in as this user instead of using su or sudo", f.uid)
		if f.sdRefuse == nestedRoot {
			o.Fix = "run lanyard outside of the user namespace"
		}
	default:
		o.Fix = "sudo lanyard …, or start lanyard in a cgroup that is delegated to this user (cgroups(7), Delegation)"
	}
	return o
}

// Refused is an *UnsupportedError without a place; nil where there is one.
func (p *Place) Refused() error {
	if p.Kind != None {
		return nil
	}
	return &UnsupportedError{Why: p.Refuse.Error()}
}

// Refused names the limits in an *UnsupportedError of a place or a base, which
// does not know them. Other errors stay as they are.
func (l Limits) Refused(err error) error {
	var unsupported *UnsupportedError
	if !errors.As(err, &unsupported) || unsupported.Limit != "" {
		return err
	}
	return &UnsupportedError{Limit: l.text(), Why: unsupported.Why}
}

func (l Limits) text() string {
	if text := strings.Join(l.names(), ", "); text != "" {
		return text
	}
	return "nothing, but measure memory and cpu"
}

// Base is a cgroup, without processes of its own on v2, below which a run makes
// its groups.
type Base struct{ folder string } // "" for the roots of v1's hierarchies

// Base gives the base that Ready is going to make, for names that have to be
// known before; nil for a scope and where there is none.
func (p *Place) Base() *Base {
	switch p.Kind {
	case Hierarchies:
		return &Base{}
	case Own, Top:
		return &Base{p.Folder}
	}
	return nil
}
