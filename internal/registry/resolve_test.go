package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func TestResolve(t *testing.T) {
	s := serve(t)
	made := testImage(t, amd64, 3, 1000)
	s.push("a/b:1", made)
	s.push("a/oci:1", mutate.ConfigMediaType(mutate.MediaType(made, types.OCIManifestSchema1), types.OCIConfigJSON))
	digest, err := made.Digest()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := made.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	cf, err := made.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	want := Config{Env: []string{"A=1"}, WorkingDir: "/srv", User: "10:20", Entrypoint: []string{"/e"}, Cmd: []string{"c", "d"},
		Architecture: "amd64", OS: "linux", Created: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)}
	c := newTestClient(Options{})
	defer c.Close()
	for _, ref := range []Ref{s.ref("a/b:1"), s.ref("a/b@" + digest.String()), s.ref("a/oci:1")} {
		img := resolve(t, c, ref)
		if img.Ref != ref.String() || !strings.Contains(ref.String(), "oci") && img.Digest != digest.String() {
			t.Errorf("%s is %s with %s, want %s", ref, img.Ref, img.Digest, digest)
		}
		if !reflect.DeepEqual(img.Config, want) {
			t.Errorf("%s: config %+v, want %+v", ref, img.Config, want)
		}
		for i, l := range img.Layers {
			d := manifest.Layers[i]
			if l != (Layer{Digest: d.Digest.String(), DiffID: cf.RootFS.DiffIDs[i].String(), MediaType: string(d.MediaType), Size: d.Size}) {
				t.Errorf("%s: layer %d is %+v", ref, i, l)
			}
		}
		if len(img.Layers) != 3 {
			t.Errorf("%s has %d layers", ref, len(img.Layers))
		}
		var back Image
		if data, err := json.Marshal(img); err != nil || json.Unmarshal(data, &back) != nil || !reflect.DeepEqual(back.Layers, img.Layers) {
			t.Errorf("%s is not the same after a way through JSON: %+v, %v", ref, back, err)
		}
		_, err := back.Fetch(context.Background(), 0, t.TempDir(), nil)
		wantError(t, err, "resolve it again")
	}
}

func index(images map[string]v1.Image) v1.ImageIndex {
	idx := v1.ImageIndex(empty.Index)
	for p, img := range images {
		d := v1.Descriptor{}
		if parts := strings.Split(p+"//", "/"); p != "" {
			d.Platform = &v1.Platform{OS: parts[0], Architecture: parts[1], Variant: parts[2]}
		}
		idx = mutate.AppendManifests(idx, mutate.IndexAddendum{Add: img, Descriptor: d})
	}
	return idx
}

func TestPlatforms(t *testing.T) {
	s := serve(t)
	images := map[string]v1.Image{}
	for _, p := range []platform{amd64, {"linux", "arm", "v6"}, {"linux", "arm", "v5"}, {"linux", "arm64", "v8"}, {"windows", "amd64", ""}} {
		images[p.String()] = testImage(t, p, 1, 100)
	}
	images["unknown/unknown"] = testImage(t, platform{"unknown", "unknown", ""}, 1, 100)
	s.push("multi", index(images))
	s.push("nested", mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: index(images)}))
	s.push("untold", index(map[string]v1.Image{"": images["linux/amd64"]}))
	s.push("single", images["linux/arm/v6"])
	s.push("old", testImage(t, platform{}, 1, 100))

	for _, test := range []struct{ ref, arch, variant, want string }{
		{"multi", "amd64", "", "linux/amd64"},
		{"multi", "amd64", "v3", "linux/amd64"},
		{"multi", "arm64", "", "linux/arm64/v8"},
		{"multi", "arm", "v7", "linux/arm/v6"},
		{"multi", "arm", "v5", "linux/arm/v5"},
		{"nested", "arm", "", "linux/arm/v6"},
		{"untold", "amd64", "", "linux/amd64"},
		{"single", "arm", "v7", "linux/arm/v6"},
	} {
		c := newTestClient(Options{Arch: test.arch, Variant: test.variant})
		img := resolve(t, c, s.ref(test.ref))
		digest, err := images[test.want].Digest()
		if err != nil || img.Digest != digest.String() {
			t.Errorf("%s for %s is for %s/%s/%s, %v", test.ref, c.Platform(), img.Config.OS, img.Config.Architecture, img.Config.Variant, err)
		}
	}
	resolve(t, newTestClient(Options{}), s.ref("old"))

	for ref, want := range map[string]string{
		"multi":  "none for linux/s390x; it is made for linux/amd64, linux/arm/v5, linux/arm/v6, linux/arm64/v8, windows/amd64",
		"nested": "none for linux/s390x; it is made for linux/amd64, ",
		"single": "none for linux/s390x; it is made for linux/arm/v6",
		"untold": "none for linux/s390x; it is made for linux/amd64",
	} {
		_, err := newTestClient(Options{Arch: "s390x"}).Resolve(context.Background(), s.ref(ref))
		wantError(t, err, want, s.ref(ref).String())
	}
	_, err := newTestClient(Options{Arch: "arm", Variant: "v5"}).Resolve(context.Background(), s.ref("single"))
	wantError(t, err, "none for linux/arm/v5")
}

// TestVariants: for each machine, what runs on it, best first.
func TestVariants(t *testing.T) {
	for p, want := range map[platform]string{
		{"linux", "arm", "v7"}: "v7,,v6,v5", {"linux", "arm", "v6"}: "v6,v5,", {"linux", "arm", "v8"}: "v8,v7,,v6,v5",
		{"linux", "amd64", ""}: ",v1", {"linux", "amd64", "v2"}: "v2,v1,", {"linux", "arm64", ""}: "v8,",
		{"linux", "riscv64", ""}: ",", {"linux", "ppc64le", "power9"}: "power9,",
	} {
		if got := strings.Join(p.variants(), ","); got != want {
			t.Errorf("%s runs %q, want %q", p, got, want)
		}
	}
	for name, want := range map[string]string{"armv5tejl": "v5", "armv6l": "v6", "armv7l": "v7", "armv8l": "v8", "aarch64": "v8"} {
		if got := armVariant(name); got != want {
			t.Errorf("%s is %s", name, got)
		}
	}
}

// TestRefusedDocuments: manifests and configurations that are none of an image.
func TestRefusedDocuments(t *testing.T) {
	s := serve(t)
	c := newTestClient(Options{})
	diff := func(n int) string {
		return `[` + strings.TrimSuffix(strings.Repeat(`"`+someDigest+`",`, n), ",") + `]`
	}
	config := func(n int) string {
		return `{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":` + diff(n) + `}}`
	}
	nul := func(name, value string) string {
		return `{"os":"linux","architecture":"amd64","config":{"` + name + `":` + value + `}}`
	}
	layer := func(kind, more string) string {
		return `{"mediaType":"` + kind + `","digest":"` + someDigest + `","size":10` + more + `}`
	}
	image := func(config, kind string, layers ...string) string {
		return fmt.Sprintf(`{"schemaVersion":2,"config":{"mediaType":%q,"digest":%q,"size":%d},"layers":[%s]}`, kind, digestOf([]byte(config)), len(config), strings.Join(layers, ","))
	}
	const ociConfig, gz = string(types.OCIConfigJSON), string(types.OCILayer)
	for _, test := range []struct{ manifest, config, want string }{
		{`{`, ``, "no valid JSON"},
		{`{"schemaVersion":1,"name":"a","fsLayers":[]}`, ``, "manifest schema 1"},
		{`{"mediaType":"application/vnd.docker.distribution.manifest.v1+prettyjws"}`, ``, "manifest schema 1"},
		{`{"layers":[],"manifests":[]}`, ``, "at once"},
		{`{"mediaType":"text/x","a":1}`, ``, `"text/x", which is no image`},
		{`{"manifests":[]}`, ``, "no image in it"},
		{`{"manifests":[{"digest":"md5:00"}]}`, ``, "index is not valid"},
		{image(`{}`, "application/vnd.cncf.helm.config.v1+json"), `{}`, `artifact of the type "application/vnd.cncf.helm.config.v1+json"`},
		{image(`{"os":1}`, ociConfig), `{"os":1}`, "configuration is not valid"},
		{image(`{"os":"linux"}`, ociConfig, layer(gz, "")), `{"os":"linux"}`, "1 layers and its configuration 0"},
		{image(nul("Env", `["A=\u0000"]`), ociConfig), nul("Env", `["A=\u0000"]`), "its configuration has a NUL character in Env; the image is broken"},
		{image(nul("Cmd", `["a\u0000"]`), ociConfig), nul("Cmd", `["a\u0000"]`), "a NUL character in Cmd"},
		{image(nul("Entrypoint", `["a\u0000"]`), ociConfig), nul("Entrypoint", `["a\u0000"]`), "a NUL character in Entrypoint"},
		{image(nul("WorkingDir", `"/\u0000"`), ociConfig), nul("WorkingDir", `"/\u0000"`), "a NUL character in WorkingDir"},
		{image(nul("User", `"0\u0000"`), ociConfig), nul("User", `"0\u0000"`), "a NUL character in User"},
		{image(config(1), ociConfig, layer(gz, `,"urls":["http://x"]`)), config(1), "foreign layer"},
		{image(config(1), ociConfig, layer(string(types.DockerForeignLayer), ``)), config(1), "foreign layer"},
		{image(config(1), ociConfig, layer("application/vnd.in-toto+json", ``)), config(1), "no layer of a file system"},
		{image(config(1), ociConfig, strings.Replace(layer(gz, ``), "10", "-1", 1)), config(1), "-1 bytes"},
		{image(config(499), ociConfig, strings.Split(strings.Repeat(layer(gz, ``)+";", 499), ";")[:499]...), config(499), "499 layers; at most 498"},
		{image(config(1), ociConfig, strings.Replace(layer(gz, ``), "sha256:", "sha512:"+strings.Repeat("0", 64), 1)), config(1), "another digest than sha256"},
		{image(config(1), ociConfig, layer(gz, ``)), config(2)[:len(config(1))], "does not match its digest"},
		{strings.Replace(image(`{}`, ociConfig), `"size":2`, `"size":99999999`, 1), `{}`, "99999999 bytes; at most 8388608"},
		{strings.Replace(image(`{}`, ociConfig), `"size":2`, `"size":1`, 1), `{}`, "longer than it may be"},
		{`{"x":"` + strings.Repeat("x", maxManifest) + `"}`, ``, "longer than it may be"},
		{"{\"mediaType\":\"a\\u001b[2J\"}", ``, `"a [2J"`},
	} {
		s.behave(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			switch {
			case strings.Contains(r.URL.Path, "/manifests/"):
				w.Write([]byte(test.manifest))
			case strings.Contains(r.URL.Path, "/blobs/"):
				w.Write([]byte(test.config))
			default:
				next.ServeHTTP(w, r)
			}
		})
		_, err := c.Resolve(context.Background(), s.ref("x"))
		wantError(t, err, test.want, s.ref("x").String())
	}
}
