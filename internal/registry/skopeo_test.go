package registry

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// TestSkopeo: what another program makes of an image, in each form.
func TestSkopeo(t *testing.T) {
	skopeo := testkit.RequireTool(t, "skopeo")
	s := serve(t)
	made := testImage(t, amd64, 3, 100_000)
	s.push("one:1", made)
	dir := t.TempDir()
	policy := filepath.Join(dir, "policy.json")
	if err := os.WriteFile(policy, []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newTestClient(Options{})
	for _, to := range []string{"oci:" + dir + "/layout:v1", "docker-archive:" + dir + "/x.tar:app:1", "docker://" + s.host + "/copy:1"} {
		cmd := exec.Command(skopeo, "--policy", policy, "copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false", "docker://"+s.host+"/one:1", to)
		cmd.Env = append(os.Environ(), "TMPDIR="+dir, "HOME="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("skopeo copy to %s: %v\n%s", to, err, out)
		}
		ref := parse(t, strings.TrimPrefix(to, "docker://"), "/")
		img := resolve(t, c, ref)
		if img.Config.User != "10:20" || img.Config.WorkingDir != "/srv" {
			t.Errorf("%s: %+v", to, img.Config)
		}
		if ref.local() {
			wantLayers(t, img, made)
			continue
		}
		blob, progress, err := download(img, filepath.Join(dir, "blobs"))
		if err != nil {
			t.Fatal(err)
		}
		wantBlob(t, blob, progress, blobBytes(t, made, 0))
	}
}
