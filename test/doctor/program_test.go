package doctor_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/host"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestUnreadableProgram: installed with mode 0711. The kernel lets its user map no
// ids then; with newuidmap, which is root's, containers start all the same.
func TestUnreadableProgram(t *testing.T) {
	pl := ordinaryUser(t, "300000:65536")
	data, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	path := pl.file("lanyard", string(data), 0o711)
	pl.words = append(pl.words, "program", path)
	why, fix := "uid "+ordinary+" can't read "+path+", this program, so the kernel has only root map ids of its processes", "sudo chmod a+r "+path
	if f := pl.doctor(0, "namespaces"); f != (host.Finding{Name: "namespaces", Status: host.No, Why: why, Fix: fix}) {
		t.Errorf("with a range namespaces are %+v", f)
	}
	pl.runs("plain")
	pl.p.Env = []string{"PATH=/nowhere"}
	pl.sameWords(1, "user-namespaces", host.No, why, fix, "plain")
}

// TestForeignPower: a program with a setuid or setgid bit does nothing at all.
func TestForeignPower(t *testing.T) {
	testkit.Require(t, testkit.Root)
	for bit, ids := range map[string]string{"setuid": "uid 0, gid " + ordinary, "setgid": "uid " + ordinary + ", gid 0"} {
		t.Run(bit, func(t *testing.T) {
			pl := onMachine(t, bit, ordinary)
			pl.owned()
			want := fmt.Sprintf("lanyard: this program is %s, and was started by uid %[2]s, gid %[2]s, as with a setuid bit: who may start it so could do anything with it; fix: sudo chmod ug-s ", ids, ordinary)
			for _, word := range []string{"plain", "_list", "_doctor", "_check"} {
				if code, out, errs := pl.lanyard(word); code != 127 || out != "" || !strings.HasPrefix(errs, want) {
					t.Errorf("%s: exit code %d, want 127 and %q\n%s%s", word, code, want, out, errs)
				}
			}
		})
	}
}
