// Package vm_test tests the scripts that build and run the guest, as far as that
// takes no guest.
package vm_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestPackagesOfABuild: what lies in the cache beside the packages of this build
// is none of them: other versions, other kernels, what nothing needs any more.
func TestPackagesOfABuild(t *testing.T) {
	testkit.RequireTool(t, "dpkg-query")
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stanza := func(name, version, arch string) string {
		return "Package: " + name + "\nStatus: install ok installed\nMaintainer: x\nArchitecture: " + arch + "\nVersion: " + version + "\nDescription: x\n\n"
	}
	write("var/lib/dpkg/status", stanza("uidmap", "1:4.13+dfsg1-1", "amd64")+stanza("tzdata", "2024a-0", "all")+stanza("gone", "1", "all"))
	const kernel = "linux-image-6.1.0-40-cloud-amd64_6.1.153-1_amd64.deb"
	want := []string{kernel, "tzdata_2024a-0_all.deb", "uidmap_1%3a4.13+dfsg1-1_amd64.deb"}
	for _, name := range append(want, "linux-image-6.1.0-37-cloud-amd64_6.1.140-1_amd64.deb", "linux-image-6.1.0-40-cloud-amd64_6.1.150-1_amd64.deb",
		"uidmap_1%3a4.13+dfsg1-0_amd64.deb", "unneeded_1_all.deb") {
		write("var/cache/apt/archives/"+name, "")
	}
	out, err := exec.Command("guest/packages", root, kernel).CombinedOutput()
	got := strings.Fields(string(out))
	slices.Sort(got)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("the packages are %q, want %q; %v", got, want, err)
	}
}

// TestOneRunAtATime: a second run in a tree says that it waits, and goes on when
// the first is over.
func TestOneRunAtATime(t *testing.T) {
	script, err := os.ReadFile("run")
	if err != nil {
		t.Fatal(err)
	}
	tree := t.TempDir()
	dir := filepath.Join(tree, "test/vm")
	if err := os.MkdirAll(dir+"/.cache", 0o755); err != nil {
		t.Fatal(err)
	}
	// An image that can't be built ends the run, after it has said so.
	for name, text := range map[string]string{"run": string(script), "image": "#!/bin/sh\necho building >&2\nexit 3\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	first, err := os.Create(dir + "/.cache/running")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if err := syscall.Flock(int(first.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	second := exec.Command(filepath.Join(dir, "run"))
	errs, err := second.StderrPipe()
	if err == nil {
		err = second.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	hang := time.AfterFunc(time.Minute, func() { _ = second.Process.Kill() })
	defer hang.Stop()
	lines := bufio.NewScanner(errs)
	line := func(want string) {
		t.Helper()
		if lines.Scan(); lines.Text() != want {
			t.Errorf("it says %q, want %q", lines.Text(), want)
		}
	}
	line("test/vm: waiting for another run or shell in this tree to end")
	first.Close()
	line("building")
	if err := second.Wait(); second.ProcessState.ExitCode() != 3 {
		t.Errorf("it ended with %v", err)
	}
}

// TestHostsDocIsHeld: the tests that docs/hosts.md names for its hosts run in the
// guest as root and as a user, but for those of which it says that they don't.
func TestHostsDocIsHeld(t *testing.T) {
	doc, err := os.ReadFile("../../docs/hosts.md")
	if err != nil {
		t.Fatal(err)
	}
	exceptions := regexp.MustCompile(`but not in the guest, .*`).Find(doc)
	out, err := exec.Command("./run", "-list", "-modes", "root user").Output()
	if err != nil {
		t.Fatal(err)
	}
	runs := map[string]map[string]bool{} // the modes of a test
	for line := range strings.Lines(string(out)) {
		words := append(strings.Fields(line), "")
		pattern, left := strings.CutPrefix(words[2], "-")
		for _, name := range testsIn(t, "../../"+words[1]) {
			if pattern == "" || regexp.MustCompile(pattern).MatchString(name) != left {
				if runs[name] == nil {
					runs[name] = map[string]bool{}
				}
				runs[name][words[0]] = true
			}
		}
	}
	named := regexp.MustCompile(`\bTest[A-Z]\w+`)
	not := named.FindAllString(string(exceptions), -1)
	for _, name := range named.FindAllString(string(doc), -1) {
		if excepted := slices.Contains(not, name); excepted != (len(runs[name]) == 0) || !excepted && len(runs[name]) < 2 {
			t.Errorf("%s runs in %d of the guest's modes root and user; that the guest has it not is said: %v", name, len(runs[name]), excepted)
		}
	}
	if len(not) == 0 {
		t.Error("docs/hosts.md has no sentence any more about what does not run in the guest")
	}
}

// testsIn gives the names of the tests in a folder.
func testsIn(t *testing.T, folder string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(folder + "/*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests in %s: %v", folder, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(data, -1) {
			names = append(names, string(m[1]))
		}
	}
	return names
}

// TestEndOfABoot: only tests that came to their end are good, which are those that
// guest/tests ended itself; a shell ends with whatever it was left with.
func TestEndOfABoot(t *testing.T) {
	bin := t.TempDir()
	const machine = "#!/bin/sh\nfor word; do case $word in file,id=status,path=*) printf %b \"beat\\n$STATUS\" >\"${word##*path=}\" ;; esac; done\n"
	if err := os.WriteFile(bin+"/qemu-system-x86_64", []byte(machine), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		task, status string
		code         int
		says         string
	}{
		{"tests", `ended 0\n`, 0, ""},
		{"tests", `ended 1\n`, 1, "the guest (root, tcg) did not get to its end, but ended with 1; its console:"},
		{"tests", `ended 137\n`, 1, "but ended with 137"},
		{"tests", ``, 1, "the guest (root, tcg) did not get to its end; its console:"},
		{"shell", `ended 3\n`, 0, ""},
		{"shell", ``, 1, "did not get to its end"},
	} {
		t.Run(c.task+" "+c.status, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command("./boot", "image", "payload", "root", c.task)
			cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir(), "VM_ACCELERATOR=tcg", "STATUS=" + c.status}
			out, err := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(string(out), c.says) {
				t.Errorf("exit code %d, want %d, which says %q; %v\n%s", code, c.code, c.says, err, out)
			}
		})
	}
}
