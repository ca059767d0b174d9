package container

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/lanyard-dev/lanyard/internal/cgroup"
	"github.com/lanyard-dev/lanyard/internal/janitor"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// claimant is a supervisor without a container: it claims the socket and, where
// it has a name, the cgroup, makes both, says "ready PID JANITOR", and ends in
// order with its input.
func claimant(base, socket, name string) int {
	claimAlive = testkit.Slow(claimAlive)
	run := runIn(base)
	entries := []Entry{{janitor.TreeEntry, socket}}
	var group *cgroup.Group
	var err error
	if name != "" {
		place := run.Place()
		if group, err = cgroup.PlanMeasured(place.Base(), name, cgroup.Limits{}); err != nil {
			fmt.Println(err)
			return 1
		}
		entries = append(entries, CgroupEntries(group)...)
	}
	err = run.Claim(entries...)
	var taken *TakenError
	if errors.As(err, &taken) {
		fmt.Println("taken", taken.PID)
		_ = run.Close()
		return 3
	}
	if err == nil && group != nil {
		err = group.TakeOver()
	}
	if err == nil {
		err = run.Note(entries...)
	}
	if err == nil && group != nil {
		err = group.Create()
	}
	if err == nil {
		err = os.WriteFile(socket, []byte(strconv.Itoa(os.Getpid())), 0o600)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ready", os.Getpid(), run.janitor)
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := run.Close(); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// claimer is a claimant that was started.
type claimer struct {
	cmd     *exec.Cmd
	in      io.Closer
	says    string
	janitor int
}

// startClaimer starts one with these words: base, socket and name, or without name
// one that has no lookout.
func startClaimer(words ...string) (*claimer, error) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = append([]string{"lanyard"}, words...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &claimer{cmd: cmd, in: in}
	line, err := bufio.NewReader(out).ReadString('\n')
	c.says = strings.TrimSpace(line)
	_, _ = fmt.Sscanf(c.says, "ready %d %d", new(int), &c.janitor)
	return c, err
}
