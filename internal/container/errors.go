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
	if c.spec.UserNS == nil || !refused || !errors.As(err, &e) || e.Step == linux.ExecStep {
		return err
	}
	if o := host.Inside(err); o != nil {
		e.Detail = o.Error()
	} else if e.Detail == "" {
		e.Detail = "`lanyard _doctor` says what this machine allows"
	}
	return err
}

func procPath(pid int, name string) string { return fmt.Sprintf("/proc/%d/%s", pid, name) }
