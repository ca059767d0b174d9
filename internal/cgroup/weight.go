package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// weightFiles are where a kernel may have a weight for io. io.weight belongs to
// its cost model (blk-iocost), the others to the BFQ scheduler; which of them
// counts for a disk is the administrator's choice, so each that is there is
// set, as systemd does for IOWeight= (systemd.resource-control(5)). v1 had
// others before Linux 5.0.
var weightFiles = []struct {
	name string
	of   func(weight uint64) uint64
}{
	{"io.weight", func(weight uint64) uint64 { return weight }},
	{"io.bfq.weight", bfqWeight},
	{"blkio.bfq.weight", bfqWeight},
}

// bfqWeight turns a weight of 1 to 10000 into one of BFQ, 1 to 1000 (Linux
// block/bfq-iosched.h). Both have 100 as the default, so what is below stays as
// it is and what is above is spread over the rest, rounded down.
func bfqWeight(weight uint64) uint64 {
	if weight <= 100 {
		return weight
	}
	return 100 + (weight-100)*(1000-100)/(10_000-100)
}

// weigh sets the group's weight for io, if it has one.
func (g *Group) weigh() error {
	if g.limits.IOWeight == nil {
		return nil
	}
	folder, v2 := g.paths[""]
	if !v2 {
		folder = g.paths["blkio"]
	}
	return writeWeight(folder, *g.limits.IOWeight)
}

// writeWeight writes the weight into every file of folder that takes one. An
// *UnsupportedError says that there is none.
func writeWeight(folder string, weight uint64) error {
	set := false
	for _, file := range weightFiles {
		f, err := os.OpenFile(filepath.Join(folder, file.name), os.O_WRONLY, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			_, err = f.WriteString(strconv.FormatUint(file.of(weight), 10))
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			return err
		}
		set = true
	}
	if !set {
		return &UnsupportedError{Limit: "io", Why: "there is no weight in " + folder +
			": the io controller is not delegated to it, or the kernel has neither blk-iocost nor the BFQ scheduler"}
	}
	return nil
}
