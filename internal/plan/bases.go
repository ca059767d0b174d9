package plan

import (
	"cmp"
	"slices"
	"strings"
)

// maxBases bounds how many containers may be built one from the other: a root
// is a stack of their layers, and overlayfs takes 500.
const maxBases = 100

// bases reports containers that are built from themselves, from too many
// others, or from one that has no version.
func (l *loader) bases() {
	var all []*Container
	for _, c := range l.plan.Containers {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *Container) int {
		return cmp.Or(a.Pos.compare(b.Pos), strings.Compare(a.Name, b.Name))
	})
	depth := map[*Container]int{} // of those whose chain is known
	for _, c := range all {
		var chain []*Container
		place, circular := map[*Container]int{}, false
		for c != nil && depth[c] == 0 {
			if i, again := place[c]; again {
				l.circle(chain[i:])
				circular = true
				break
			}
			place[c] = len(chain)
			chain = append(chain, c)
			c = l.base(c)
		}
		below := depth[c]
		for _, c := range slices.Backward(chain) {
			below++
			depth[c] = below
			if below == maxBases+1 && !circular {
				l.problem(c.Setup[0].Pos, "container %s is built from more than %d others, one from the other; build from fewer", quote(c.Name), maxBases)
			}
		}
	}
}

// base is the container that c is built from, nil for none. One that can't be
// built from is reported; one that is missing is another's to report.
func (l *loader) base(c *Container) *Container {
	if c.Base() == "" {
		return nil
	}
	base := l.plan.Containers[c.Base()]
	switch {
	case base == nil:
	case base.Host:
		l.problem(c.Setup[0].Pos, "!Container: %s is this machine's own system (host: true), which has no version to build on; start from a container with image or setup", quote(base.Name))
	case base.RootFS != "":
		l.problem(c.Setup[0].Pos, "!Container: %s is a folder of this machine (rootfs), which may change and has no version to build on; start from a container with image or setup", quote(base.Name))
	}
	return base
}

// circle reports containers each of which is built from the next.
func (l *loader) circle(circle []*Container) {
	const most = 10
	var names []string
	for _, c := range circle[:min(len(circle), most)] {
		names = append(names, c.Name)
	}
	if len(circle) > most {
		names = append(names, "…")
	}
	names = append(names, circle[0].Name)
	l.problem(circle[0].Setup[0].Pos, "container %s is built from itself: %s", circle[0].Name, strings.Join(names, " -> "))
}
