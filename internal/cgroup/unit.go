package cgroup

import (
	"context"
	"path/filepath"
	"strings"
)

// kindsOf are the units that have processes of their own, by the ends of their
// names, and what their interface is called (org.freedesktop.systemd1(5)).
var kindsOf = map[string]string{".service": "Service", ".scope": "Scope"}

// saidDelegated asks this user's manager whether a cgroup is that of a unit with
// Delegate=yes: the mark is the machine's manager's only. False if it can't be
// asked within scopeTime.
func saidDelegated(folder string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), scopeTime)
	defer cancel()
	name := strings.TrimPrefix(filepath.Base(folder), "_") // before names that the kernel could take for its own (systemd's cg_escape)
	kind, known := kindsOf[filepath.Ext(name)]
	if !known {
		return false
	}
	conn, err := connect(ctx)
	if err != nil {
		return false
	}
	defer conn.Close()
	delegate, err := conn.GetUnitTypePropertyContext(ctx, name, kind, "Delegate")
	if err != nil || delegate.Value.Value() != true {
		return false
	}
	group, err := conn.GetUnitTypePropertyContext(ctx, name, kind, "ControlGroup")
	return err == nil && group.Value.Value() == strings.TrimPrefix(folder, mount) // a folder of that name may be anywhere
}
