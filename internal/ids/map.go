// Package ids decides which ids of a user namespace stand for which ids
// outside, and reads which ones an ordinary user may use (subuid(5), subgid(5)).
package ids

import (
	"cmp"
	"fmt"
	"slices"
)

// Range is the ids from First to Last, both included.
type Range struct{ First, Last uint32 }

func (r Range) String() string {
	if r.First == r.Last {
		return fmt.Sprint(r.First)
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

func (r Range) has(id uint32) bool { return r.meets(Range{id, id}) }

func (r Range) meets(s Range) bool { return r.First <= s.Last && s.First <= r.Last }

// size is in 64 bits: a range may hold all 2^32 ids.
func (r Range) size() uint64 { return uint64(r.Last) - uint64(r.First) + 1 }

// Map says that Count ids from Inside on are those from Outside on.
type Map struct{ Inside, Outside, Count uint32 }

// Request is what ids a container wants.
type Request struct {
	Own    uint32   // the caller's id
	Sub    []Range  // what else the caller may use outside, in the order of preference
	Inside []Range  // that have to be there inside; nil: 0 to 65535, as far as Sub lasts
	ID     uint32   // the command's id inside, which has to be there
	Also   []uint32 // the command's other ids inside, which have to be there too
	// External is what ID is outside: Own or one of Sub. nil leaves that open.
	External *uint32
}

// defaultRange is what is mapped where nobody says otherwise, as in vagga.
var defaultRange = []Range{{0, 65535}}

// Plan maps the ids. The caller's own id is 0 inside, so that what root of the
// container makes is the caller's; or it is ID, if External says so. All others
// come from Sub, in order.
func (r Request) Plan() ([]Map, error) {
	anchor := uint32(0)
	if r.External != nil && *r.External == r.Own {
		anchor = r.ID
	}
	maps := []Map{{anchor, r.Own, 1}}
	outside := cut(r.Sub, Range{r.Own, r.Own})
	taken := []uint32{anchor}
	if r.External != nil && *r.External != r.Own {
		if !slices.ContainsFunc(r.Sub, func(s Range) bool { return s.has(*r.External) }) {
			return nil, fmt.Errorf("external id %d is neither yours (%d) nor in your ranges %v; choose one of those", *r.External, r.Own, r.Sub)
		}
		if r.ID == anchor {
			return nil, fmt.Errorf("id %d inside can't be %d outside: it is yours (%d); give the command another id", r.ID, *r.External, r.Own)
		}
		maps = append(maps, Map{r.ID, *r.External, 1})
		outside, taken = cut(outside, Range{*r.External, *r.External}), append(taken, r.ID)
	}
	inside := r.Inside
	if inside == nil {
		inside = defaultRange
	}
	rest := merged(inside)
	for _, id := range taken {
		rest = cut(rest, Range{id, id})
	}
	more, missing := pair(rest, outside)
	if missing > 0 && r.Inside != nil {
		return nil, fmt.Errorf("the container wants %d ids more than there are in your ranges %v; ask for a larger range in /etc/subuid and /etc/subgid, or for fewer ids", missing, r.Sub)
	}
	maps = append(maps, more...)
	for _, id := range append([]uint32{r.ID}, r.Also...) {
		switch {
		case slices.ContainsFunc(maps, func(m Map) bool { return m.has(id) }):
		case !slices.ContainsFunc(inside, func(i Range) bool { return i.has(id) }):
			return nil, &Unwanted{id, inside}
		default:
			return nil, fmt.Errorf("id %d has nothing to stand for outside: yours is %d, and your ranges are %v", id, r.Own, r.Sub)
		}
	}
	slices.SortFunc(maps, func(a, b Map) int { return cmp.Compare(a.Inside, b.Inside) })
	return joined(maps, r.Own), nil
}

func (m Map) has(id uint32) bool { return m.Inside <= id && id-m.Inside < m.Count }

func (m Map) outside() Range { return Range{m.Outside, m.Outside + m.Count - 1} }

// Unwanted is the error of an id that the command needs and that is none of those
// that the container has. More ids outside don't help.
type Unwanted struct {
	ID     uint32
	Inside []Range // the container's
}

func (e *Unwanted) Error() string {
	return fmt.Sprintf("id %d is not among the container's ids %v", e.ID, e.Inside)
}

// merged sorts ranges and joins those that overlap.
func merged(ranges []Range) []Range {
	sorted := slices.SortedFunc(slices.Values(ranges), func(a, b Range) int { return cmp.Compare(a.First, b.First) })
	var out []Range
	for _, r := range sorted {
		if n := len(out); n > 0 && uint64(r.First) <= uint64(out[n-1].Last)+1 {
			out[n-1].Last = max(out[n-1].Last, r.Last)
			continue
		}
		out = append(out, r)
	}
	return out
}

// cut takes the ids of gone out of ranges.
func cut(ranges []Range, gone Range) []Range {
	var out []Range
	for _, r := range ranges {
		if r.First < gone.First {
			out = append(out, Range{r.First, min(r.Last, gone.First-1)})
		}
		if gone.Last < r.Last {
			out = append(out, Range{max(r.First, gone.Last+1), r.Last})
		}
	}
	return out
}

// pair lays ranges inside over ranges outside, both in order, and says how many
// ids inside are left over.
func pair(inside, outside []Range) (maps []Map, missing uint64) {
	inside, outside = slices.Clone(inside), slices.Clone(outside)
	for len(inside) > 0 && len(outside) > 0 {
		i, o := &inside[0], &outside[0]
		n := uint32(min(i.size(), o.size(), 1<<32-1))
		maps = append(maps, Map{i.First, o.First, n})
		inside, outside = after(inside, n), after(outside, n)
	}
	for _, r := range inside {
		missing += r.size()
	}
	return maps, missing
}

// after takes n ids from the first range, which has as many.
func after(ranges []Range, n uint32) []Range {
	if uint64(n) == ranges[0].size() {
		return ranges[1:]
	}
	ranges[0].First += n
	return ranges
}

// joined joins maps that go on where the one before ends: the kernel takes 340
// of them (user_namespaces(7)). The caller's own id stays alone: newuidmap(1) allows
// it so, or as one of a range.
func joined(maps []Map, own uint32) []Map {
	var out []Map
	for _, m := range maps {
		if n := len(out); n > 0 {
			last := &out[n-1]
			if m.Outside != own && last.Outside != own && m.Inside-last.Inside == last.Count && m.Outside-last.Outside == last.Count {
				last.Count += m.Count
				continue
			}
		}
		out = append(out, m)
	}
	return out
}
