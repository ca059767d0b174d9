package run

import (
	"fmt"
	"os"
	"strconv"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/host"
	"github.com/lanyard-dev/lanyard/internal/plan"
)

// Doctor finds out what this machine lets this user do, for a project in a
// folder. It changes nothing, and takes about 100 ms.
func Doctor(project string) []host.Finding {
	return host.Look(host.Options{
		Project: project, UserNS: !container.Privileged(), RunBase: container.CheckBase,
		Start: func() error { return tryStart(project) },
	})
}

// tried is how many containers tryStart has at once: as many as `make demo`.
const tried = 3

// tryStart starts containers of the machine's own system and gives the first
// error of one.
func tryStart(project string) error {
	s := newSession(&Options{Plan: &plan.Plan{Root: project, Containers: map[string]*plan.Container{"host": {Name: "host", Host: true}}}, Dir: project}, nil)
	defer s.close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	engine := container.NewEngine(s.run)
	ended := make(chan error, tried)
	for i := range tried {
		p := &plan.Process{Name: "try-" + strconv.Itoa(i), Container: "host", Run: []string{"exit 0"}, Shell: true}
		spec, err := s.prepare(&plan.Command{Name: p.Name, Supervise: true}, p, nil)
		if err != nil {
			ended <- err
			continue
		}
		spec.Stdio = [3]*os.File{null, null, null}
		var failed error
		engine.Start(spec, func(e container.Event) {
			switch {
			case e.Kind == container.Failed:
				failed = e.Err
			case e.Kind == container.Exited && e.Status != 0:
				failed = fmt.Errorf("/bin/sh of this machine ended with status %d in a container", e.Status.ExitStatus())
			case e.Kind == container.Gone:
				ended <- failed
			}
		})
	}
	var first error
	for range tried {
		if err := <-ended; err != nil && first == nil {
			first = err
		}
	}
	return first
}
