package plan

import (
	"math"
	"testing"
)

func TestParseSize(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64
	}{
		{"0", 0}, {"1", 1}, {"512B", 512}, {"1k", 1000}, {"1kB", 1000}, {"1K", 1000},
		{"2M", 2e6}, {"100MB", 1e8}, {"3G", 3e9}, {"4T", 4e12}, {"4TB", 4e12},
		{"1ki", 1024}, {"1Ki", 1024}, {"1KiB", 1024}, {"1kiB", 1024}, {"512MiB", 512 << 20},
		{"100Mi", 100 << 20}, {"1Gi", 1 << 30}, {"1Ti", 1 << 40}, {"7 MiB", 7 << 20},
		{"9223372036854775807", math.MaxInt64}, {"8388607Ti", 8388607 << 40},
	} {
		if got, err := ParseSize(c.text); err != nil || got != c.want {
			t.Errorf("%q is %d, %v; want %d", c.text, got, err, c.want)
		}
	}
	const units = "; known are k, M, G, T, Ki, Mi, Gi, Ti, each with or without a B"
	for _, c := range []struct{ text, want string }{
		{"", `expected a size such as 512MiB, got ""`},
		{"M", `expected a size such as 512MiB, got "M"`},
		{"-1", `expected a size such as 512MiB, got "-1"`},
		{"1m", `size "1m" has the unknown unit "m"` + units},
		{"1MBB", `size "1MBB" has the unknown unit "MBB"` + units},
		{"1  M", `size "1  M" has the unknown unit " M"` + units},
		{"1.5M", `size "1.5M" has a fraction; write a whole number in a smaller unit`},
		{"9223372036854775808", `size "9223372036854775808" is too large`},
		{"8388608Ti", `size "8388608Ti" is too large`},
		{"99999999999999999999G", `size "99999999999999999999G" is too large`},
	} {
		if got, err := ParseSize(c.text); err == nil || err.Error() != c.want {
			t.Errorf("%q is %d, %v\nwant %s", c.text, got, err, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"environ", "environ-file", "run", "rootfs", "volumes", "stop-on-failure", "Web"}
	for _, c := range []struct{ word, want string }{
		{"envrion", "environ"}, {"environs", "environ"}, {"environ_fil", "environ-file"},
		{"RUN", "run"}, {"rnu", "run"}, {"rum", "run"}, {"web", "Web"},
		{"rootf", "rootfs"}, {"volume", "volumes"}, {"stop_on_failur", "stop-on-failure"},
		{"", ""}, {"x", ""}, {"entirely-else", ""}, {"rootfs", "rootfs"},
	} {
		if got := Nearest(c.word, known); got != c.want {
			t.Errorf("%q is near %q, want %q", c.word, got, c.want)
		}
	}
	if got := Nearest("a", nil); got != "" {
		t.Errorf("nothing known, but near %q", got)
	}
}

// TestWordTables keeps the tables free of words that could never be found and
// of mistakes without advice.
func TestWordTables(t *testing.T) {
	for name, table := range map[string][]word{
		"top": topWords, "container": containerWords, "command": commandWords, "child": childWords,
		"supervise": superviseWords, "capsule": capsuleWords, "limit": limitWords, "settings": settingsWords,
		"registry": registryWords, "layer-limits": layerLimitWords, "debian": debianWords, "tar": tarWords, "copy": copyWords, "depends": dependsWords,
		"step": stepWords,
	} {
		seen := map[string]bool{}
		for _, w := range table {
			if seen[w.name] || dashed(w.name) != w.name {
				t.Errorf("%s: %s is there twice or has an underscore", name, w.name)
			}
			seen[w.name] = true
			if w.role == misplaced && w.hint == "" {
				t.Errorf("%s: %s gives no advice", name, w.name)
			}
		}
	}
}
