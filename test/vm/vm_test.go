// Package vm_test tests the scripts that build and run the guest, as far as that
// takes no guest.
package vm_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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
