package ids

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestMapped(t *testing.T) {
	for text, want := range map[string]bool{
		"         0          0 4294967295\n":         true,
		"         0       1000          1\n":         false,
		"0 1000 1\n1 100000 65535\n":                 false,
		"0 1000 1\n1 100000 99999\n100000 0 65536\n": true,
		"100000 0 65535\n":                           false,
	} {
		path := filepath.Join(t.TempDir(), "uid_map")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := mapped(path, Range{100000, 165535}); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestRead: the lines of one user, by name and number, in their order. No id is there
// twice, which the kernel would refuse to map.
func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "subuid")
	for _, test := range []struct {
		name, text string
		want       []Range
		next       uint32
	}{
		{"no file", "", nil, 100000},
		{"somebody else's", "jo2:100000:65536\n", nil, 165536},
		{"name and number", "jo:300000:10\nann:100000:65536\n1000:200000:10\n", []Range{{300000, 300009}, {200000, 200009}}, 300010},
		{"the first is the smaller", "jo:100000:10\n1000:100000:65536\n", []Range{{100000, 100009}, {100010, 165535}}, 165536},
		{"the first is the larger", "1000:100000:65536\njo:100000:10\n", []Range{{100000, 165535}}, 165536},
		{"the first is inside", "jo:100010:10\njo:100000:30\n", []Range{{100010, 100019}, {100000, 100009}, {100020, 100029}}, 100030},
		{"three in part", "jo:100000:20\njo:100030:20\njo:100010:30\n", []Range{{100000, 100019}, {100030, 100049}, {100020, 100029}}, 100050},
		{"twice the same", "jo:100000:10\njo:100000:10\n", []Range{{100000, 100009}}, 100010},
		{"what newuidmap takes for nothing", "jo:100000:0\njo:-1:5\njo:4294967295:1\n", nil, 100000},
	} {
		if test.text != "" {
			if err := os.WriteFile(path, []byte(test.text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, next, err := read(path, []string{"1000", "jo"})
		if err != nil || !reflect.DeepEqual(got, test.want) || next != test.next {
			t.Errorf("%s: %v, %d, %v; want %v, %d", test.name, got, next, err, test.want, test.next)
		}
	}
}
