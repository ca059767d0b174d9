package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// settleTime bounds how long Ready tries to empty a cgroup in which processes
// fork.
const settleTime = 5 * time.Second

// ScopeRequest is what a place needs that is a scope of systemd's.
type ScopeRequest struct {
	Name   string
	Member int // pid of a process that is in it from the beginning and as long as the run lives: with its last process systemd removes a scope

	// Expect is called with the name right before systemd is asked, which starts the
	// scope some time later, whatever has become of us by then: Member must live until
	// it is in there. The kernel does not move a process that has ended and reports
	// that it has, so that systemd would wait for the end of a scope that nobody was
	// ever in. With "" it is called once systemd has refused. An error of the first
	// call ends the attempt.
	Expect func(name string) error
}

// Ready makes the base of a place; the request counts for a scope only. An
// *UnsupportedError, without its Limit, says that there is no base; a *BusyError
// that a live supervisor has a scope of that name.
func (p *Place) Ready(request ScopeRequest) (*Base, error) {
	switch p.Kind {
	case None:
		return nil, p.Refused()
	case Scope:
		folder, err := startScope(request)
		if err != nil {
			return nil, err
		}
		return settled(folder)
	case Own:
		return settled(p.Folder)
	case Top:
		if err := enable(p.Folder); err != nil {
			return nil, unusable(p.Folder, err)
		}
	}
	return p.Base(), nil
}

func unusable(folder string, err error) error {
	return &UnsupportedError{Why: fmt.Sprintf("the cgroup %s can't be made ready for others: %v", folder, err)}
}

// settled moves the processes of a cgroup into its leaf, until none is left,
// and makes it a base.
func settled(folder string) (*Base, error) {
	leaf := filepath.Join(folder, Leaf)
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, unusable(folder, err)
	}
	for end := time.Now().Add(settleTime); ; time.Sleep(time.Millisecond) {
		err := drain(folder, leaf)
		if err == nil {
			// EBUSY if a process was forked into it meanwhile.
			err = enable(folder)
		}
		if err == nil {
			return &Base{folder}, nil
		}
		if !errors.Is(err, syscall.EBUSY) || time.Now().After(end) {
			return nil, unusable(folder, err)
		}
	}
}

// drain moves the processes that are there at this moment.
func drain(folder, leaf string) error {
	pids, err := pidsIn(folder)
	if err != nil || len(pids) == 0 {
		return err
	}
	procs, err := os.OpenFile(filepath.Join(leaf, "cgroup.procs"), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer procs.Close()
	for _, pid := range pids {
		if pid == 0 {
			return errors.New("it has processes of another pid namespace, which can't be moved from here")
		}
		if _, err := procs.WriteString(strconv.Itoa(pid)); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("move process %d: %w", pid, err)
		}
	}
	return nil
}

// wanted are the controllers that limits and figures need.
var wanted = []string{"cpu", "io", "memory", "pids"}

// enable gives a cgroup's controllers, as far as it has them, to those below. One
// that the kernel refuses is missed by whoever needs it, see Group.lacking.
func enable(folder string) error {
	have, err := wordsOf(folder, controllersFile)
	if err != nil {
		return err
	}
	given, err := wordsOf(folder, "cgroup.subtree_control")
	if err != nil {
		return err
	}
	var missing []string
	for _, c := range wanted {
		if slices.Contains(have, c) && !slices.Contains(given, c) {
			missing = append(missing, "+"+c)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	err = give(folder, strings.Join(missing, " "))
	if err == nil || errors.Is(err, syscall.EBUSY) {
		return err
	}
	for _, c := range missing {
		if err := give(folder, c); errors.Is(err, syscall.EBUSY) {
			return err
		}
	}
	return nil
}

func give(folder, controllers string) error {
	f, err := os.OpenFile(filepath.Join(folder, "cgroup.subtree_control"), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(controllers)
	return err
}

func wordsOf(folder, file string) ([]string, error) {
	data, err := os.ReadFile(filepath.Join(folder, file))
	return strings.Fields(string(data)), err
}
