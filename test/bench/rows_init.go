package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// initRuns is how many runs the smallest sum is taken of: the initialisers
// themselves are what counts, not the machine's noise.
const initRuns = 20

// dearest are the packages whose initialisers take most. Two of them, of the
// processor's features, execute CPUID, which a virtual machine traps.
var dearest = []string{
	"github.com/klauspost/compress/internal/snapref", "github.com/opencontainers/go-digest", "go.yaml.in/yaml/v4/internal/libyaml",
	"github.com/ulikunitz/xz", "github.com/google/go-containerregistry/pkg/name", "internal/godebug", "vendor/golang.org/x/sys/cpu",
	"github.com/klauspost/compress/internal/cpuinfo", "net/http",
}

// initRow: what Go's package initialisers cost at every start, and which cost most.
func initRow(w *workshop) experiment {
	least := map[string]float64{}
	all := contestants(func(cmd *exec.Cmd) ([]float64, error) { return w.initialisers(cmd, least) }, w.lanyardArgs("--version"))
	for _, name := range dearest {
		all = append(all, contestant{name: name, measure: func() ([]float64, error) {
			if ms, ok := least[name]; ok {
				return []float64{ms, math.NaN()}, nil
			}
			return nil, errors.New("it is not initialised any more")
		}})
	}
	return experiment{
		key:       "init",
		maxRounds: 1,
		metrics: []metric{
			{
				what: "package initialisers of the whole binary (smallest sum of 20 runs)", unit: "ms",
				budgets: []budget{{limit: 1, below: true}},
			},
			{
				what: "package initialisers before the stage runs (smallest sum of 20 runs)", unit: "ms",
				budgets: []budget{{limit: 0.2, below: true}},
			},
		},
		contestants: all,
	}
}

// stagePackage is where a stage leaves the initialisers: its own never
// returns.
const stagePackage = "github.com/lanyard-dev/lanyard/internal/stage"

// initialisers takes the smallest sums of several runs, of all that the
// binary initialises and of what comes up to the stage's package, and notes the
// least that each package took. A stage itself can't be traced: it takes no
// environment.
func (w *workshop) initialisers(cmd *exec.Cmd, least map[string]float64) ([]float64, error) {
	var whole, early []float64
	for range initRuns {
		fresh := exec.Command(cmd.Path, cmd.Args[1:]...)
		fresh.Dir = w.project
		fresh.Env = append(os.Environ(), "GODEBUG=inittrace=1")
		var trace bytes.Buffer
		fresh.Stderr = &trace
		_ = fresh.Run() // the trace is complete whatever the status is
		all, stage, err := initSums(trace.String(), least)
		if err != nil {
			return nil, err
		}
		whole = append(whole, all)
		early = append(early, stage)
	}
	return []float64{slices.Min(whole), slices.Min(early)}, nil
}

// initSums adds up the "clock" column of an inittrace, in milliseconds: of all
// its lines, and of those up to the stage's package. least is of each package the
// least so far. The lines are
//
//	init NAME @0.50 ms, 0.010 ms clock, 80 bytes, 2 allocs
func initSums(trace string, least map[string]float64) (whole, stage float64, err error) {
	stage = math.NaN()
	lines := 0
	for line := range strings.Lines(trace) {
		fields := strings.Fields(line)
		if len(fields) < 7 || fields[0] != "init" || fields[6] != "clock," {
			continue
		}
		ms, err := strconv.ParseFloat(fields[4], 64)
		if err != nil {
			return 0, 0, fmt.Errorf("cannot read the inittrace line %q: %v", line, err)
		}
		lines++
		whole += ms
		if before, ok := least[fields[1]]; !ok || ms < before {
			least[fields[1]] = ms
		}
		if fields[1] == stagePackage {
			stage = whole
		}
	}
	if lines == 0 {
		return 0, 0, fmt.Errorf("no inittrace came; the program said: %.200s", trace)
	}
	return whole, stage, nil
}
