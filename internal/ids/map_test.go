package ids

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func of(n uint32) *uint32 { return &n }

func TestPlan(t *testing.T) {
	sub := []Range{{100000, 165535}}
	tests := []struct {
		name string
		r    Request
		want []Map
		err  string
	}{
		{"all of a usual range", Request{Own: 1000, Sub: sub}, []Map{{0, 1000, 1}, {1, 100000, 65535}}, ""},
		{"no range", Request{Own: 1000}, []Map{{0, 1000, 1}}, ""},
		{"a small range is used as far as it lasts", Request{Own: 1000, Sub: []Range{{100000, 100009}}}, []Map{{0, 1000, 1}, {1, 100000, 10}}, ""},
		{"a small range is not enough for what was asked for", Request{Own: 1000, Sub: []Range{{100000, 100009}}, Inside: []Range{{0, 11}}}, nil, "wants 1 ids more"},
		{"two ranges", Request{Own: 1000, Sub: []Range{{200000, 200009}, {100000, 165535}}},
			[]Map{{0, 1000, 1}, {1, 200000, 10}, {11, 100000, 65525}}, ""},
		{"asked for", Request{Own: 1000, Sub: sub, Inside: []Range{{0, 10}, {65534, 65534}}},
			[]Map{{0, 1000, 1}, {1, 100000, 10}, {65534, 100010, 1}}, ""},
		{"asked for twice", Request{Own: 1000, Sub: sub, Inside: []Range{{5, 10}, {0, 7}, {11, 12}}}, []Map{{0, 1000, 1}, {1, 100000, 12}}, ""},
		{"the command's id is the caller's", Request{Own: 1000, Sub: sub, ID: 33, External: of(1000)},
			[]Map{{0, 100000, 33}, {33, 1000, 1}, {34, 100033, 65502}}, ""},
		{"the command's id is one of the range", Request{Own: 1000, Sub: sub, ID: 33, External: of(150000)},
			[]Map{{0, 1000, 1}, {1, 100000, 32}, {33, 150000, 1}, {34, 100032, 49968}, {50002, 150001, 15534}}, ""},
		{"a foreign external id", Request{Own: 1000, Sub: sub, ID: 33, External: of(0)}, nil, "external id 0 is neither yours"},
		{"root is the caller's already", Request{Own: 1000, Sub: sub, ID: 0, External: of(100000)}, nil, "it is yours (1000)"},
		{"the command's id is not the container's", Request{Own: 1000, Sub: sub, Inside: []Range{{0, 10}, {20, 20}}, ID: 33}, nil, "id 33 is not among the container's ids [0-10 20]"},
		{"nor one of the usual ones", Request{Own: 1000, Sub: sub, ID: 65536}, nil, "id 65536 is not among the container's ids [0-65535]"},
		{"a range does not last to the command's id", Request{Own: 1000, Sub: []Range{{100000, 100009}}, ID: 11}, nil, "id 11 has nothing to stand for outside: yours is 1000, and your ranges are [100000-100009]"},
		{"further ids of the command", Request{Own: 1000, Sub: sub, Inside: []Range{{0, 1}}, ID: 1, Also: []uint32{0, 1}}, []Map{{0, 1000, 1}, {1, 100000, 1}}, ""},
		{"one that is not the container's", Request{Own: 1000, Sub: sub, Inside: []Range{{0, 1}}, ID: 1, Also: []uint32{0, 2}}, nil, "id 2 is not among the container's ids [0-1]"},
		{"one that a range does not last to", Request{Own: 1000, Sub: []Range{{100000, 100009}}, Also: []uint32{11}}, nil, "id 11 has nothing"},
		{"a single id that is not root", Request{Own: 1000, ID: 33, External: of(1000)}, []Map{{33, 1000, 1}}, ""},
		{"the range holds the caller's own id", Request{Own: 1000, Sub: []Range{{999, 1001}}}, []Map{{0, 1000, 1}, {1, 999, 1}, {2, 1001, 1}}, ""},
		{"neighbours are joined", Request{Own: 1000, Sub: []Range{{2000, 2009}, {2010, 2019}}}, []Map{{0, 1000, 1}, {1, 2000, 20}}, ""},
		{"but not with the caller's own id", Request{Own: 1000, Sub: []Range{{1001, 1010}}}, []Map{{0, 1000, 1}, {1, 1001, 10}}, ""},
		{"before it neither", Request{Own: 1000, Sub: []Range{{999, 999}, {1001, 1001}}, Inside: []Range{{0, 2}}, ID: 1, External: of(1000)},
			[]Map{{0, 999, 1}, {1, 1000, 1}, {2, 1001, 1}}, ""},
		{"all ids there are", Request{Own: 1000, Sub: []Range{{0, 1<<32 - 1}}, Inside: []Range{{0, 1<<32 - 1}}},
			[]Map{{0, 1000, 1}, {1, 0, 1000}, {1001, 1001, 1<<32 - 1001}}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.r.Plan()
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %v, want %q", err, test.err)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %v %v, want %v", got, err, test.want)
			}
		})
	}
}

// TestGrants: setgroups(2) is denied where no group is of /etc/subgid.
func TestGrants(t *testing.T) {
	h := Host{GIDs: []Range{{100000, 100009}, {1001, 1001}}}
	for _, test := range []struct {
		maps []Map
		want bool
	}{
		{nil, false},
		{[]Map{{0, 1000, 1}}, false},
		{[]Map{{0, 1000, 1}, {1, 99990, 10}, {11, 100010, 5}}, false},
		{[]Map{{0, 1000, 1}, {1, 99990, 11}}, true},
		{[]Map{{0, 1000, 1}, {7, 100009, 2}}, true},
		{[]Map{{0, 1001, 1}}, true},
		{[]Map{{0, 0, 1<<32 - 1}}, true},
	} {
		if got := h.Grants(test.maps); got != test.want {
			t.Errorf("%v: %v", test.maps, got)
		}
	}
}

// TestPlanRandom: no id stands twice on either side, nothing outside that the
// caller may not use, and what was asked for is there.
func TestPlanRandom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	ranges := func(most uint32) []Range {
		var out []Range
		for range rnd.IntN(4) {
			first := rnd.Uint32N(most)
			out = append(out, Range{first, first + rnd.Uint32N(40)})
		}
		return out
	}
	for range 20000 {
		r := Request{Own: rnd.Uint32N(200), Sub: merged(ranges(200)), Inside: ranges(100), ID: rnd.Uint32N(60)}
		if rnd.IntN(2) == 0 {
			r.External = of(rnd.Uint32N(200))
		}
		maps, err := r.Plan()
		if err != nil {
			continue
		}
		inside, outside := map[uint32]bool{}, map[uint32]bool{}
		for _, m := range maps {
			for i := range m.Count {
				in, out := m.Inside+i, m.Outside+i
				if inside[in] || outside[out] {
					t.Fatalf("%+v: %d or %d stands twice in %v", r, in, out, maps)
				}
				inside[in], outside[out] = true, true
				allowed := out == r.Own
				for _, s := range r.Sub {
					allowed = allowed || s.has(out)
				}
				if !allowed {
					t.Fatalf("%+v: %d is used outside in %v", r, out, maps)
				}
				if r.External != nil && in == r.ID && out != *r.External {
					t.Fatalf("%+v: the command is %d outside in %v", r, out, maps)
				}
			}
		}
		for _, want := range append(r.Inside, Range{r.ID, r.ID}) {
			for id := want.First; id <= want.Last; id++ {
				if !inside[id] {
					t.Fatalf("%+v: %d is not there in %v", r, id, maps)
				}
			}
		}
	}
}
