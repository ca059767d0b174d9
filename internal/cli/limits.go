package cli

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/plan"
)

// limitsText are the limits of a process: its own before its container's, key
// by key.
func limitsText(box *plan.Container, proc *plan.Process) string {
	var parts []string
	if n := cmp.Or(proc.Limits.Memory, box.Limits.Memory); n != nil {
		parts = append(parts, "memory "+sizeText(*n))
	}
	if n := cmp.Or(proc.Limits.Swap, box.Limits.Swap); n != nil {
		parts = append(parts, "swap "+sizeText(*n))
	}
	if n := cmp.Or(proc.Limits.CPUs, box.Limits.CPUs); n != nil {
		parts = append(parts, "cpus "+strconv.FormatFloat(*n, 'g', -1, 64))
	}
	if n := cmp.Or(proc.Limits.Pids, box.Limits.Pids); n != nil {
		parts = append(parts, fmt.Sprintf("pids %d", *n))
	}
	if n := cmp.Or(proc.Limits.NoFile, box.Limits.NoFile); n != nil {
		parts = append(parts, fmt.Sprintf("nofile %d", *n))
	}
	if n := cmp.Or(proc.Limits.IOWeight, box.Limits.IOWeight); n != nil {
		parts = append(parts, fmt.Sprintf("io-weight %d", *n))
	}
	if len(parts) == 0 {
		return ""
	}
	mode := cmp.Or(proc.LimitsMode, box.LimitsMode, plan.Strict)
	return strings.Join(parts, ", ") + " (" + string(mode) + ")"
}

// sizeText writes bytes in the largest unit that leaves a whole number.
func sizeText(bytes int64) string {
	units := []string{"TiB", "GiB", "MiB", "KiB"}
	for i, unit := range units {
		if size := int64(1) << (10 * (len(units) - i)); bytes >= size && bytes%size == 0 {
			return strconv.FormatInt(bytes/size, 10) + unit
		}
	}
	return strconv.FormatInt(bytes, 10)
}
