package output

import "strconv"

// palette holds colours of xterm's 256 that have a contrast of at least 3:1
// (WCAG 2.1) against black and against white, so that they are readable on
// dark and on light terminals. Neighbours differ clearly in hue.
var palette = [...]int{32, 133, 64, 166, 99, 30, 168, 136, 29, 131}

const colorReset = "\x1b[0m"

// colorOf is the sequence that switches to the colour of a child. It depends
// on the index only, so a child keeps its colour from run to run.
func colorOf(child int) string {
	return "\x1b[38;5;" + strconv.Itoa(palette[child%len(palette)]) + "m"
}
