package host

import (
	"slices"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
)

// limited are the controllers of the limits that everybody wants.
var limited = []string{"cpu", "memory", "pids"}

// cgroups tells what this machine counts and limits.
func cgroups() Finding {
	const name = "cgroups"
	version, controllers := cgroup.Hierarchy()
	if version == "" {
		return blocked(name, No, cgroup.NoneMounted())
	}
	why := version + " with " + strings.Join(controllers, ", ")
	missing := slices.DeleteFunc(slices.Clone(limited), func(c string) bool { return slices.Contains(controllers, c) })
	if len(missing) > 0 {
		return Finding{name, Partly, why + "; limits on " + strings.Join(missing, ", ") + " need controllers that are not there",
			cgroup.CommandLine(missing)}
	}
	return yes(name, why)
}

// delegation tells where groups can be made, and with which limits. A user of
// systemd's has no io unless somebody has said so, so that is no fault.
func delegation() Finding {
	const name = "delegation"
	place := cgroup.FindPlace()
	if o := place.Refusal(); o != nil {
		return blocked(name, No, o)
	}
	works := "groups can be made in " + place.String()
	if lacking, o := place.Lacks(limited...); o != nil {
		status := Partly
		if len(lacking) == len(limited) {
			status = No
		}
		return Finding{name, status, works + ", but without limits on " + strings.Join(lacking, ", ") + ": " + o.Why, o.Fix}
	}
	if o := place.CountsNoSwap(); o != nil {
		return Finding{name, Partly, works + ", but without limits on swap: " + o.Why, o.Fix}
	}
	if _, o := place.Lacks("io"); o != nil {
		works += ". Not with io-weight, as is usual for users: " + o.Why
	}
	return yes(name, "limits and counts work: "+works)
}
