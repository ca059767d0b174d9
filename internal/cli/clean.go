package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/run"
	"github.com/lanyard-dev/lanyard/internal/store"
)

// clean is _clean.
func (a *app) clean(s settings, _ []string) int {
	own, err := plan.LoadSettings(plan.SettingsPath(a.getenv))
	if err != nil {
		return a.badProject(err)
	}
	if s.atLeast != nil && !s.unused {
		return a.usage(usagef("--at-least says how long something must not have been used; write --unused too"), verbNamed("_clean").usage())
	}
	if s.volumes {
		if code := a.cleanVolumes(s, own); code != 0 {
			return code
		}
	}
	o := store.CleanOptions{Unused: s.unused, AtLeast: defaultUnused, DryRun: s.dryRun}
	if s.atLeast != nil {
		o.AtLeast = *s.atLeast
	}
	list, err := run.Clean(own, o)
	freed := int64(0)
	for _, r := range list {
		fmt.Fprintf(a.out, "%-9s  %9s  %s\n", r.What, bytesText(uint64(r.Size)), r.Name)
		freed += r.Size
	}
	if err != nil {
		a.fail("cannot clean the store: %v", err)
		return run.ExitInternal
	}
	a.summary(s.dryRun, len(list), freed)
	return 0
}

func (a *app) summary(dryRun bool, things int, freed int64) {
	switch {
	case things == 0:
		fmt.Fprintln(a.out, "nothing to remove")
	case dryRun:
		fmt.Fprintf(a.out, "%s would be removed, %s\n", count(things, "thing"), bytesText(uint64(freed)))
	default:
		fmt.Fprintf(a.out, "%s removed, %s\n", count(things, "thing"), bytesText(uint64(freed)))
	}
}

// defaultUnused is how long something must not have been used for --unused.
const defaultUnused = 10 * 24 * time.Hour

// cleanVolumes removes the persistent volumes of the project.
func (a *app) cleanVolumes(s settings, own plan.Settings) int {
	p, err := a.load(s.file)
	if err != nil {
		return a.badProject(err)
	}
	removed, busy, err := run.CleanVolumes(p, own, s.dryRun)
	for _, name := range removed {
		fmt.Fprintf(a.out, "%-9s  %9s  %s\n", "volume", "", name)
	}
	for _, name := range busy {
		a.fail("volume %s stays: a command uses it", name)
	}
	if err != nil {
		a.fail("cannot remove a volume: %v", err)
		return run.ExitInternal
	}
	return 0
}

// parseAge reads 10days, 36h, 90min and the like; a number alone is days.
func parseAge(text string) (time.Duration, error) {
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz ")
	n, err := strconv.ParseUint(digits, 10, 16)
	unit, ok := map[string]time.Duration{
		"": 24 * time.Hour, "d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour,
		"w": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour, "weeks": 7 * 24 * time.Hour,
		"h": time.Hour, "hour": time.Hour, "hours": time.Hour,
		"m": time.Minute, "min": time.Minute, "minute": time.Minute, "minutes": time.Minute,
		"s": time.Second, "sec": time.Second, "second": time.Second, "seconds": time.Second,
	}[strings.TrimSpace(text[len(digits):])]
	if err != nil || !ok {
		return 0, errors.New("write a number and a unit: 10days, 2weeks, 36h, 90min")
	}
	return time.Duration(n) * unit, nil
}
