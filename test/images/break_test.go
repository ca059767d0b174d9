package images_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/lanyard-dev/lanyard/internal/testkit"
)

// started is a lanyard that runs.
type started struct {
	*exec.Cmd
	out testkit.Buffer
}

func (p *project) begin(args ...string) *started {
	p.t.Helper()
	s := &started{Cmd: p.Command(context.Background(), args...)}
	s.Stdout, s.Stderr = &s.out, &s.out
	must(p.t, s.Start())
	p.t.Cleanup(func() { // a test that fails may not have ended it
		_ = s.Process.Kill()
		_ = s.Wait()
	})
	return s
}

// code waits for the end.
func (s *started) code(t *testing.T) int {
	t.Helper()
	timer := time.AfterFunc(testkit.Slow(30*time.Second), func() { _ = s.Process.Kill() })
	defer timer.Stop()
	err := s.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return s.ProcessState.ExitCode()
}

// start runs a lanyard until stop is called.
func (p *project) start(args ...string) (stop func()) {
	s := p.begin(args...)
	return func() {
		_ = s.Process.Signal(syscall.SIGTERM)
		s.code(p.t)
	}
}

// TestInterrupted: INT ends a download, and a build, at once; nothing is left but
// what was downloaded, and the next start goes on there.
func TestInterrupted(t *testing.T) {
	each(t, func(t *testing.T, as string) {
		r := serve(t)
		img := system(t, "1")
		r.push("app", img)
		p := newProject(t, r, `
containers:
  box: {image: "HOST/app"}
  made: {setup: [!Image "HOST/app", !Sh "touch /half; test -e /work/go || { touch /work/begun; sleep 1000; }"]}
commands:
  box: !Command {container: box, run: cat /version}
  made: !Command {container: made, run: "cat /version; ls /half"}
`).as(as)
		g := r.hang(digest(t, img, 0), 5000)
		s := p.begin("box")
		g.wait(t)
		part := filepath.Join(p.store, "blobs", strings.TrimPrefix(digest(t, img, 0), "sha256:")+".part")
		if !testkit.Until(testkit.Slow(10*time.Second), func() bool { info, err := os.Stat(part); return err == nil && info.Size() > 0 }) {
			t.Fatal("nothing is downloaded")
		}
		must(t, s.Process.Signal(syscall.SIGINT))
		if code := s.code(t); code != 130 {
			t.Errorf("during a download: exit code %d\n%s", code, s.out.String())
		}
		if _, err := os.Stat(part); err != nil {
			t.Errorf("what was downloaded is gone: %v", err)
		}
		if left := p.left("tmp", "ids", "images", "locks"); len(left) > 0 {
			t.Errorf("left in the store: %q", left)
		}
		g.Open()
		p.wants("1", "box")
		if _, err := os.Stat(part); err == nil {
			t.Error("a part stays")
		}
		s = p.begin("made")
		if !testkit.Until(testkit.Slow(20*time.Second), func() bool { _, err := os.Stat(p.Path("begun")); return err == nil }) {
			t.Fatal("the step does not run")
		}
		must(t, s.Process.Signal(syscall.SIGINT))
		if code := s.code(t); code != 130 {
			t.Errorf("during a step: exit code %d\n%s", code, s.out.String())
		}
		if left := p.left("tmp", "blobs", "locks"); len(left) > 0 {
			t.Errorf("left in the store: %q", left)
		}
		p.Write("go", "")
		p.wants("1/half\n", "made")
	})
}

// TestWaiterInterrupted: who waits for another's build can be interrupted, and
// goes on when the other is killed.
func TestWaiterInterrupted(t *testing.T) {
	r := serve(t)
	r.push("app", system(t, "1"))
	p := newProject(t, r, `
containers: {made: {setup: [!Image "HOST/app", !Sh "echo x >>/work/begun; test -e /work/go || sleep 1000"]}}
commands: {made: !Command {container: made, run: cat /version}}
`)
	begun := func() string { data, _ := os.ReadFile(p.Path("begun")); return string(data) }
	first := p.begin("made")
	if !testkit.Until(testkit.Slow(20*time.Second), func() bool { return begun() != "" }) {
		t.Fatal("the step does not run")
	}
	second, third := p.begin("--output", "raw", "--progress", "json", "made"), p.begin("--progress", "json", "made")
	for _, s := range []*started{second, third} {
		if !testkit.Until(testkit.Slow(20*time.Second), func() bool { return strings.Contains(s.out.String(), "waiting for another lanyard that builds it") }) {
			t.Fatalf("it does not wait:\n%s", s.out.String())
		}
	}
	must(t, second.Process.Signal(syscall.SIGINT))
	if code := second.code(t); code != 130 || begun() != "x\n" {
		t.Errorf("exit code %d, begun %q\n%s", code, begun(), second.out.String())
	}
	p.Write("go", "")
	must(t, first.Process.Kill())
	_ = first.Wait()
	if code := third.code(t); code != 0 || !strings.HasSuffix(third.out.String(), "1") || begun() != "x\nx\n" {
		t.Errorf("exit code %d, begun %q\n%s", code, begun(), third.out.String())
	}
}

// TestKilled: whenever lanyard is killed, the next start makes the same, and _clean
// leaves nothing.
func TestKilled(t *testing.T) {
	each(t, func(t *testing.T, as string) {
		r := serve(t)
		img := imageOf(t, configOf(), base(t), layerOf(t, entry{name: "version", text: "1"}, entry{name: "d/", uid: 7, mode: 0o700}, entry{name: "d/f", uid: 8}), layerOf(t, entry{name: "big", text: strings.Repeat("x", 1<<20)}))
		r.push("app", img)
		p := newProject(t, r, `
containers:
  box: {image: "HOST/app"}
  made: {setup: [!Image "HOST/app", !Sh "cat /version >/copy", !Text {/etc/x: y}, !Sh "chmod 000 /d; rm /version"]}
commands:
  box: !Command {container: box, run: cat /version}
  made: !Command {container: made, run: cat /copy}
`).as(as)
		random := rand.New(rand.NewPCG(1, 2))
		for round := range testkit.Rounds(t, 6) {
			command := []string{"box", "made"}[round%2]
			if command == "made" && round%4 == 1 {
				p.OK("_pull")
			}
			s := p.begin(command)
			time.Sleep(time.Duration(random.IntN(120)) * time.Millisecond)
			must(t, s.Process.Kill())
			_ = s.Wait()
			if !testkit.Until(testkit.Slow(10*time.Second), func() bool { return len(processes()) == 0 }) {
				t.Fatalf("round %d: processes are left: %v", round, processes())
			}
			p.wants("1", command)
			// Where the kill came when all was in its place, and only the folder that it was
			// made in was left to remove, that start makes nothing: the next fetch removes it.
			p.OK("_pull")
			if left := p.left("tmp"); len(left) > 0 {
				t.Errorf("round %d: what is half made stays: %q", round, left)
			}
			p.empty()
		}
	})
}

// refuse makes a registry answer for a blob with something else.
func (r *registry) refuse(digest string, answer func(w http.ResponseWriter, body []byte)) {
	r.behave(func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if !strings.HasSuffix(req.URL.Path, "/blobs/"+digest) || req.Method != "GET" {
			next.ServeHTTP(w, req)
			return
		}
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, req)
		answer(w, rec.Body.Bytes())
	})
}

// TestBadImages: one clear message, and nothing of it is seen.
func TestBadImages(t *testing.T) {
	r := serve(t)
	img := system(t, "1")
	r.push("app", img)
	layer := digest(t, img, 1)
	r.push("bomb", imageOf(t, configOf(), base(t), layerOf(t, entry{name: "zeros", text: strings.Repeat("\x00", 9<<20)})))
	r.push("out", imageOf(t, configOf(), base(t), layerOf(t, entry{name: "../../out", text: "x"})))
	cf, err := img.ConfigFile()
	must(t, err)
	other := cf.DeepCopy()
	other.Architecture = "s390x"
	foreign, err := mutate.ConfigFile(img, other)
	must(t, err)
	r.push("other", foreign)
	wrong := cf.DeepCopy()
	wrong.RootFS.DiffIDs[1] = wrong.RootFS.DiffIDs[0]
	lying, err := mutate.ConfigFile(img, wrong)
	must(t, err)
	r.push("lying", lying)
	for _, c := range []struct {
		image  string
		answer func(w http.ResponseWriter, body []byte)
		want   string
	}{
		{"app", func(w http.ResponseWriter, body []byte) { _, _ = w.Write(append([]byte("X"), body[1:]...)) }, "sha256:"},
		{"app", func(w http.ResponseWriter, body []byte) { _, _ = w.Write(body[:len(body)-1]) }, "layer 2 of 2"},
		{"app", func(w http.ResponseWriter, body []byte) { w.WriteHeader(http.StatusForbidden) }, "layer 2 of 2"},
		{"bomb", nil, "raise layer-limits in the settings"},
		{"out", nil, "out"},
		{"other", nil, "s390x"},
		{"lying", nil, "the image is damaged"},
		{"none", nil, "none"},
	} {
		t.Run(c.image+" "+c.want, func(t *testing.T) {
			p := newProject(t, r, fmt.Sprintf(`
containers: {box: {image: "HOST/%s"}}
commands: {box: !Command {container: box, run: cat /version}}
`, c.image))
			must(t, os.MkdirAll(filepath.Join(p.Config, "lanyard"), 0o755))
			must(t, os.WriteFile(filepath.Join(p.Config, "lanyard/settings.yaml"), []byte("layer-limits: {size: 8MiB}\n"), 0o644))
			r.behave(nil)
			if c.answer != nil {
				r.refuse(layer, c.answer)
			}
			got := p.Run("box")
			if got.Code != 127 || got.Out != "" || !strings.Contains(got.Err, c.want) || !strings.Contains(got.Err, "container box (") || strings.Count(got.Err, "\n") > 3 {
				t.Errorf("%+v, want %q", got, c.want)
			}
			if left := p.left("tmp", "images", "locks"); len(left) > 0 {
				t.Errorf("left in the store: %q", left)
			}
			t.Log(got.Err)
			if c.image == "app" {
				r.behave(nil)
				p.wants("1", "box")
			}
		})
	}
}
