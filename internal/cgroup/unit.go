package cgroup

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// askTime bounds what the manager is asked for a decision that it does not have
// to make: another place will do.
const askTime = 5 * time.Second

// ownUnit asks this user's manager, as root the machine's, whether a cgroup is that
// of a unit with Delegate=yes whose main process this is: what we make of the cgroup
// takes no process any more (cgroups(7), "no internal processes" rule), so there
// must be no other that systemd is going to start in it, after an ExecStartPre= or
// between two ExecStart= of a oneshot service. False if it can't be asked within
// askTime.
func ownUnit(folder string) bool {
	name := strings.TrimPrefix(filepath.Base(folder), "_") // before names that the kernel could take for its own (systemd's cg_escape)
	kind := map[string]string{".service": "Service", ".scope": "Scope"}[filepath.Ext(name)]
	if kind == "" {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	conn, err := connect(ctx)
	if err != nil {
		return false
	}
	defer conn.Close()
	unit, err := conn.GetUnitTypePropertiesContext(ctx, name, kind) // org.freedesktop.systemd1(5)
	if err != nil || unit["Delegate"] != true || unit["ControlGroup"] != strings.TrimPrefix(folder, mount) {
		return false // a folder of that name may be anywhere
	}
	commands, _ := unit["ExecStart"].([][]any)
	return kind == "Scope" || unit["MainPID"] == uint32(os.Getpid()) && len(commands) == 1
}
