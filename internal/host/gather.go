package host

import (
	"fmt"
	"os"

	"github.com/lanyard-dev/lanyard/internal/ids"
	"golang.org/x/sys/unix"
)

// facts are what was tried and read, before it is judged.
type facts struct {
	settings
	userNS  bool // containers need a user namespace: this user is not root of the machine
	userErr error
	nsErr   error // of the other namespaces
	ids     ids.Host
	mapErr  error   // of mapping all of ids; nil where there are none
	tried   results // of namespaces; what is not in it was not tried
}

func gather(userNS bool, project string) *facts {
	f := &facts{settings: readSettings(), userNS: userNS}
	if userNS {
		f.ids = ids.Lookup(os.Geteuid())
	}
	holder := newProbe(unix.CLONE_NEWUSER)
	switch {
	case !userNS:
		ownIDs(holder.SysProcAttr)
		// Not the machine's own ids, which would be no other mapping.
		holder.SysProcAttr.UidMappings[0].HostID, holder.SysProcAttr.GidMappings[0].HostID = 1, 1
	case f.ids.None != nil:
		ownIDs(holder.SysProcAttr)
	}
	hold, err := holder.StdinPipe()
	if err == nil {
		err = holder.Start()
	}
	f.userErr = err
	var namespace *os.File
	if err == nil {
		defer func() {
			hold.Close()
			_ = holder.Wait()
		}()
		if userNS && f.ids.None == nil {
			f.mapErr = mapAll(holder.Process.Pid, f.ids)
		}
		if namespace, err = os.Open(fmt.Sprintf("/proc/%d/ns/user", holder.Process.Pid)); err == nil {
			defer namespace.Close()
		}
	}
	if !userNS || f.userErr == nil {
		f.tried, f.nsErr = try(userNS, namespace, project)
	}
	return f
}

// mapAll maps all ids of a container, as a start does.
func mapAll(pid int, host ids.Host) error {
	uids, err := ids.Request{Own: uint32(os.Geteuid()), Sub: host.UIDs}.Plan()
	if err != nil {
		return err
	}
	gids, err := ids.Request{Own: uint32(os.Getegid()), Sub: host.GIDs}.Plan()
	if err != nil {
		return err
	}
	return host.Write(pid, uids, gids)
}
