package main

import (
	"bytes"
	"fmt"
	"strings"
)

// siblings is how many containers "fifty children" are.
const siblings = 50

// limits are what the limited containers get, in the words of a project file
// and of an OCI bundle.
const (
	limitMemory = 64 << 20 // bytes
	limitCPUs   = 1
	limitPids   = 50
)

// What the probe does in the containers; see test/bench/probe.
var (
	doNothing = []string{probePath}
	reportUp  = []string{probePath, "ow", upPath}
	holdUp    = []string{probePath, "owp", upPath}
	// waitTerm reports and then gives the time at which TERM came.
	waitTerm = []string{probePath, "mowtc", upPath}
	// lingerTerm does too, and then stays until it is killed.
	lingerTerm = []string{probePath, "mowtcp", upPath}
	// exitFirst reports, waits at the gate, gives the time and exits with 3.
	exitFirst = []string{probePath, "oworoce", upPath, goPath, upPath}
	// writeLines writes lineBlock blocksWritten times.
	writeLines = []string{probePath, "orb", blockPath}
)

// lineLength and the others describe what the busy child writes: lines of
// 100 bytes in blocks that nearly fill a pipe.
const (
	lineLength    = 100
	blockSize     = 655 * lineLength
	blocksWritten = 1024
	bytesWritten  = blockSize * blocksWritten
)

// lineBlock is one block of such lines.
func lineBlock() []byte {
	line := append(bytes.Repeat([]byte{'a'}, lineLength-1), '\n')
	return bytes.Repeat(line, blockSize/lineLength)
}

// projectFile is the project that lanyard runs, one command for each
// experiment.
func projectFile() string {
	var b strings.Builder
	fmt.Fprintf(&b, `containers:
  plain: {rootfs: ./root}
  limited:
    rootfs: ./root
    limits: {memory: %d, cpus: %d, pids: %d}
commands:
`, limitMemory, limitCPUs, limitPids)
	single := func(name, container string, argv []string) {
		fmt.Fprintf(&b, "  %s: !Command\n    container: %s\n    run: [%s]\n", name, container, strings.Join(argv, ", "))
	}
	group := func(name, container string, children ...[]string) {
		fmt.Fprintf(&b, "  %s: !Supervise\n    children:\n", name)
		for i, argv := range children {
			fmt.Fprintf(&b, "      child%02d: !Command\n        container: %s\n        run: [%s]\n",
				i, container, strings.Join(argv, ", "))
		}
	}
	single("nothing", "plain", doNothing)
	group("one-up", "plain", reportUp)
	group("one-up-limited", "limited", reportUp)
	group("fifty", "plain", repeat(holdUp, siblings)...)
	group("fifty-limited", "limited", repeat(holdUp, siblings)...)
	group("fall", "plain", append([][]string{exitFirst}, repeat(waitTerm, siblings)...)...)
	group("fall-linger", "plain", append([][]string{exitFirst}, repeat(lingerTerm, siblings)...)...)
	b.WriteString("    kill-unresponsive-after: 0.3\n")
	group("lines", "plain", writeLines)
	return b.String()
}

func repeat(argv []string, n int) [][]string {
	out := make([][]string, n)
	for i := range out {
		out[i] = argv
	}
	return out
}
