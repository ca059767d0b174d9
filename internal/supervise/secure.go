package supervise

import (
	"fmt"
	"os"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/seccomp"
)

// seccompVar is the variable of our own environment that takes the default filter
// away, for containers whose programs need what it refuses. It is no option:
// agents in the field write the options.
const seccompVar = "LANYARD_SECCOMP"

// filter gives the container its filter of system calls. Abstract sockets stay
// as they are: containers of one agent may talk to each other through them.
func (s *service) filter(spec *container.Spec) (err error) {
	st := &spec.Stage
	switch word := os.Getenv(seccompVar); word {
	case "", "default":
		st.Filter, err = seccomp.Default(seccomp.Options{Caps: st.Caps, Nesting: spec.UserNS != nil})
	case "unconfined":
		s.say("warning: " + seccompVar + " is unconfined: the container can make every system call of the kernel")
		st.OwnKeyring = true
		st.Filter, err = seccomp.Unconfined()
	default:
		err = fmt.Errorf("%s is %q; there are default and unconfined", seccompVar, word)
	}
	return err
}
