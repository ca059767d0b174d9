package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/lanyard-dev/lanyard/internal/plan"
	"github.com/lanyard-dev/lanyard/internal/provide"
	"github.com/lanyard-dev/lanyard/internal/run"
	"github.com/lanyard-dev/lanyard/internal/store"
)

// defaultUnused is how long something must not have been used for --unused.
const defaultUnused = 10 * 24 * time.Hour

// clean is _clean.
func (a *app) clean(s settings, _ []string) int {
	own, err := plan.LoadSettings(plan.SettingsPath(a.getenv))
	if err != nil {
		return a.badProject(err)
	}
	if s.atLeast != nil && !s.unused {
		return a.usage(usagef("--at-least says how long something must not have been used; write --unused too"), verbNamed("_clean").usage())
	}
	var list []store.Removed
	if s.volumes {
		volumes, code := a.cleanVolumes(s, own)
		if code != 0 {
			return code
		}
		list = volumes
	}
	more, err := a.cleanStore(s, own)
	list = append(list, more...)
	fmt.Fprint(a.out, removedTable(list, s.dryRun))
	if code, ok := run.Interrupted(err); ok {
		return code
	}
	if err != nil {
		a.fail("cannot clean the store: %v", err)
		return run.ExitInternal
	}
	return 0
}

// cleanStore takes things out of the store, if there is one.
func (a *app) cleanStore(s settings, own plan.Settings) ([]store.Removed, error) {
	path, err := provide.Path(own, a.getenv)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	o := store.CleanOptions{Unused: s.unused, AtLeast: defaultUnused, DryRun: s.dryRun}
	if s.atLeast != nil {
		o.AtLeast = *s.atLeast
	}
	return run.Clean(own, o)
}

// removedTable tells what was removed, or would be.
func removedTable(list []store.Removed, dryRun bool) string {
	if len(list) == 0 {
		return "nothing to remove\n"
	}
	var rows [][]string
	freed := int64(0)
	for _, r := range list {
		size := "-" // an image is a name for layers, which have the sizes
		if r.Size > 0 {
			size = bytesText(uint64(r.Size))
		}
		rows = append(rows, []string{r.What, size, r.Name})
		freed += r.Size
	}
	verb := "removed"
	if dryRun {
		verb = "would be removed"
	}
	return columns(rows) + fmt.Sprintf("%s %s, %s\n", count(len(list), "thing"), verb, bytesText(uint64(freed)))
}

// cleanVolumes removes the persistent volumes of the project.
func (a *app) cleanVolumes(s settings, own plan.Settings) ([]store.Removed, int) {
	p, err := a.load(s.file)
	if err != nil {
		return nil, a.badProject(err)
	}
	removed, busy, err := run.CleanVolumes(p, own, s.dryRun)
	var list []store.Removed
	for _, name := range removed {
		list = append(list, store.Removed{What: "volume", Name: name})
	}
	for _, name := range busy {
		a.fail("volume %s stays: a command that uses volumes of this project is running", name)
	}
	if code, ok := run.Interrupted(err); ok {
		return nil, code
	}
	if err != nil {
		a.fail("cannot remove a volume: %v", err)
		return nil, run.ExitInternal
	}
	return list, 0
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
