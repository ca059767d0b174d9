package host

import (
	"slices"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
)

// cgroups tells what this machine counts and limits.
func cgroups() Finding {
	const name = "cgroups"
	version, controllers := cgroup.Hierarchy()
	if version == "" {
		return Finding{name, No, "no cgroups are mounted", "sudo mount -t cgroup2 none /sys/fs/cgroup"}
	}
	why := version + " with " + strings.Join(controllers, ", ")
	var missing []string
	for _, c := range []string{"cpu", "memory", "pids"} {
		if !slices.Contains(controllers, c) {
			missing = append(missing, c)
		}
	}
	if len(missing) > 0 {
		return Finding{name, Partly, why + "; limits on " + strings.Join(missing, ", ") + " need controllers that are not there",
			"cgroup_enable=" + strings.Join(missing, " cgroup_enable=") + " on the kernel's command line"}
	}
	return yes(name, why)
}

// delegation tells where groups can be made.
func delegation() Finding {
	const name = "delegation"
	if o := cgroup.Refusal(); o != nil {
		return blocked(name, No, o)
	}
	place := cgroup.FindPlace()
	return yes(name, "limits and counts work: groups can be made in "+place.String())
}
