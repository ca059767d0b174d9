package agent

import (
	"slices"
	"strconv"
	"strings"
)

// resolvConf is the host's, and bound into every container.
const resolvConf = "/etc/resolv.conf"

// mounts gives what is mounted in c besides its root, by path: parents come first.
// What stands there whatever the agent says is what internal/rootfs makes.
func mounts(c *Resolved) []ociMount {
	list := []ociMount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "nodev", "noexec"}},
		{Destination: "/sys", Type: "bind", Source: "/sys", Options: []string{"rbind", "ro", "nosuid", "nodev", "noexec"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"ro", "nosuid", "noexec", "mode=755", "size=1048576"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: ptsOptions(c)},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "noexec", "mode=1777", "size=104857600"}},
		{Destination: "/dev/console", Type: "bind", Source: "/dev/null", Options: []string{"bind"}},
		{Destination: resolvConf, Type: "bind", Source: resolvConf, Options: []string{"bind", "ro"}},
	}
	if c.UserNS == nil { // else what is mounted below /sys is locked to it
		list[1].Options[0] = "bind"
	}
	own := agentMounts(c.Config)
	list = slices.DeleteFunc(list, func(fixed ociMount) bool { // what the agent puts there wins
		return c.NoResolvConf && fixed.Destination == resolvConf || slices.ContainsFunc(own, func(m ociMount) bool { return m.Destination == fixed.Destination })
	})
	list = append(list, own...)
	slices.SortFunc(list, func(a, b ociMount) int { return strings.Compare(a.Destination, b.Destination) })
	return list
}

func ptsOptions(c *Resolved) []string {
	options := []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}
	if c.UserNS == nil { // group tty, which has no id in a user namespace of one group
		options = append(options, "gid=5")
	}
	return options
}

// agentMounts gives the tmpfs and volumes of c.
func agentMounts(c *Config) []ociMount {
	var list []ociMount
	for _, t := range c.Tmp {
		m := ociMount{Destination: t.Path, Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "noexec", "mode=1777"}}
		// size=0 is no limit (tmpfs(5)); without a size it is half of the memory.
		m.Options = append(m.Options, "size="+strconv.FormatInt(max(0, t.Size), 10))
		list = append(list, m)
	}
	for _, v := range c.Volumes {
		list = append(list, ociMount{Destination: v.Path, Type: "bind", Source: v.Source, Options: []string{"rbind", "rw", "nodev"}})
	}
	return list
}
