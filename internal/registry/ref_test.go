package registry

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const someDigest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"postgres":                      "docker.io/library/postgres:latest",
		"postgres:17":                   "docker.io/library/postgres:17",
		"docker.io/postgres:17":         "docker.io/library/postgres:17",
		"index.docker.io/a/b":           "docker.io/a/b:latest",
		"user/app:1.2_x-3":              "docker.io/user/app:1.2_x-3",
		"localhost/app":                 "localhost/app:latest",
		"host:5000/a/b@" + someDigest:   "host:5000/a/b@" + someDigest,
		"quay.io/o/a:1@" + someDigest:   "quay.io/o/a@" + someDigest,
		"[::1]:5000/a":                  "[::1]:5000/a:latest",
		"a/b__c-d--e.f:T":               "docker.io/a/b__c-d--e.f:T",
		"oci:img":                       "oci:/project/img",
		"oci:../img:v1":                 "oci:/img:v1",
		"oci:/abs/img/":                 "oci:/abs/img",
		"oci:img:docker.io/a/b:1":       "oci:/project/img:docker.io/a/b:1",
		"docker-archive:x.tar":          "docker-archive:/project/x.tar",
		"docker-archive:x.tar:app:1.0":  "docker-archive:/project/x.tar:app:1.0",
		"docker-archive:/x y.tar:app:2": "docker-archive:/x y.tar:app:2",
	} {
		ref, err := Parse(text, "/project")
		if err != nil || ref.String() != want {
			t.Errorf("%s: %s, %v; want %s", text, ref, err, want)
			continue
		}
		if again, err := Parse(ref.String(), "/elsewhere"); err != nil || again != ref {
			t.Errorf("%s: the whole name %s is read as %s, %v", text, ref, again, err)
		}
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "there is no name",
		"Postgres":                "no capital letters",
		"host.io/App:1":           "no capital letters",
		"a b":                     "a space",
		"docker://a":              "leave out docker://",
		"https://quay.io/a":       "leave out https://",
		"a@sha256:12":             "64 digits",
		"a@md5:12":                "must be sha256:",
		"a@":                      "must be sha256:",
		"a:":                      "must specify a tag",
		"host.io/":                "there is no name",
		"a//b":                    "begins and ends with",
		"../../etc":               "contain \"..\"",
		"host.io/a/../b":          "contain \"..\"",
		"-a":                      "begins and ends with",
		"host:/a":                 "no port",
		"user@host.io/a":          "must be sha256:",
		"a\x1b[2J":                "cannot be printed",
		"oci:a\u009b2J":           "cannot be printed",
		"oci:a\u202eb":            "cannot be printed",
		"oci:a\xff":               "cannot be printed",
		"oci:":                    "no path after oci:",
		"oci:x:":                  "no tag after",
		"docker-archive::x":       "no path after docker-archive:",
		strings.Repeat("a", 9000): "9000 bytes",
		strings.Repeat("a", 250):  "over 255",
		strings.Repeat("a", 300):  "255",
	} {
		_, err := Parse(text, "/")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "for example postgres:17") {
			t.Errorf("%.50q: %v; want %q and an example", text, err, want)
		}
	}
}

func TestPins(t *testing.T) {
	for text, want := range map[string][2]bool{"postgres:17": {false, false}, "postgres:17@" + someDigest: {true, false}, "oci:x": {false, true}, "docker-archive:x": {false, true}} {
		ref, err := Parse(text, "/")
		if err != nil || ref.pinned() != want[0] || ref.local() != want[1] {
			t.Errorf("%s: pinned %v, local %v, %v", text, ref.pinned(), ref.local(), err)
		}
	}
}

func TestStamp(t *testing.T) {
	dir := t.TempDir()
	for text, file := range map[string]string{"oci:.": "index.json", "docker-archive:x.tar": "x.tar"} {
		ref, err := Parse(text, dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ref.Stamp(); err == nil || !strings.Contains(err.Error(), ref.String()) {
			t.Errorf("%s: a missing file has a stamp: %v", text, err)
		}
		seen := map[string]bool{}
		path := filepath.Join(dir, file)
		for _, change := range []func() error{
			func() error { return os.WriteFile(path, []byte("x"), 0o600) },
			func() error { return os.WriteFile(path, []byte("xy"), 0o600) },
			func() error { // the same size and time, another file
				info, err := os.Stat(path)
				if err == nil {
					err = os.Rename(path, path+".old")
				}
				if err == nil {
					err = os.WriteFile(path, []byte("yx"), 0o600)
				}
				if err == nil {
					err = os.Chtimes(path, info.ModTime(), info.ModTime())
				}
				return err
			},
		} {
			if err := change(); err != nil {
				t.Fatal(err)
			}
			stamp, err := ref.Stamp()
			if again, _ := ref.Stamp(); err != nil || stamp == "" || again != stamp || seen[stamp] {
				t.Errorf("%s: stamp %q, then %q, %v; before: %v", text, stamp, again, err, seen)
			}
			seen[stamp] = true
		}
	}
	ref, err := Parse("postgres", dir)
	if err != nil {
		t.Fatal(err)
	}
	if stamp, err := ref.Stamp(); stamp != "" || err != nil {
		t.Errorf("a registry has the stamp %q, %v", stamp, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"postgres:17", "host:5000/a/b@" + someDigest, "oci:p:t", "docker-archive:p:a/b:1", "[::1]:1/a", "a..b", "A"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := Parse(text, "/project")
		if err != nil {
			if strings.ContainsFunc(err.Error(), unprintable) {
				t.Errorf("%q: the error is not printable: %q", text, err)
			}
			return
		}
		again, err := Parse(ref.String(), "/elsewhere")
		if err != nil || again.String() != ref.String() {
			t.Errorf("%q is %q, which is %q, %v", text, ref, again, err)
		}
		if ref.local() && !filepath.IsAbs(ref.path) {
			t.Errorf("%q has the path %q", text, ref.path)
		}
		if !ref.local() && (strings.Contains(ref.repo.RepositoryStr(), "..") || strings.ContainsAny(ref.String(), " ?#%\\")) {
			t.Errorf("%q makes the address %q", text, ref)
		}
	})
}
