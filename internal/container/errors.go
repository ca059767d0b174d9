package container

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/host"
	"github.com/lanyard-dev/lanyard/internal/linux"
)

// cloneError says which step of the clone failed and what forbids it, with the
// command that allows it.
func cloneError(err error, userNS bool) error {
	e := linux.Fail("clone a process into new namespaces", "", err)
	if userNS {
		e.Step = "clone a process into a new user namespace"
	}
	if o := host.Clone(err, userNS); o != nil {
		e.Detail = o.Error()
	}
	return e
}

// explained adds what forbids a step of the stage where the machine's settings
// say it and the stage could not.
func (c *Container) explained(err error) error {
	var e *linux.StepError
	refused := errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES)
	if !refused || !errors.As(err, &e) || e.Step == linux.ExecStep {
		return err
	}
	userNS := c.spec.UserNS != nil
	var o *linux.Obstacle
	switch {
	case e.Step == linux.SlaveStep:
		o = host.Mounting(err, userNS)
	case userNS:
		o = host.Inside(err)
	}
	switch {
	case o != nil:
		e.Detail = o.Error()
	case userNS && e.Detail == "":
		e.Detail = "`lanyard _doctor` says what this machine allows"
	}
	return err
}

// diedEarly is about an init that did not get to the command.
func (c *Container) diedEarly(status syscall.WaitStatus) Event {
	e := &linux.StepError{Step: "start the container", Detail: "its init died early: " + describe(status)}
	if status.Signaled() && status.Signal() == syscall.SIGSYS { // of a filter that kills, where others answer with EPERM
		if o := host.Mounting(syscall.EPERM, c.spec.UserNS != nil); o != nil {
			e.Detail = o.Error()
			return Event{Kind: Failed, Err: e}
		}
	}
	return Event{Kind: Failed, Bug: !c.wasKilled(), Err: e}
}

func procPath(pid int, name string) string { return fmt.Sprintf("/proc/%d/%s", pid, name) }
