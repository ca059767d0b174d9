package plan

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// inSetup is a container with these steps, a line each from line 4 on; their
// tags are in column 9. A second container can be started from.
func inSetup(steps string) string {
	return "containers:\n  c:\n    setup:\n      - " + strings.ReplaceAll(strings.TrimSuffix(steps, "\n"), "\n", "\n      - ") + "\n  b: {image: a}\n"
}

func TestImageProblems(t *testing.T) {
	const hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	runProblemCases(t, []problemCase{
		{"empty", inContainer("image: ''"), []string{`3:12: image is empty; write NAME:TAG, oci:FOLDER or docker-archive:FILE`}},
		{"nothing", inContainer("image:"), []string{`3:11: image is empty; write NAME:TAG, oci:FOLDER or docker-archive:FILE`}},
		{"a list", inContainer("image: [a]"), []string{`3:12: image: expected text, got a list`}},
		{"tagged", inContainer("image: !Image a"), []string{`3:12: the tag "!Image" has no meaning here; remove it`}},
		{"spaces", inContainer("image: post gres"), []string{`3:12: image: "post gres" has spaces; the name of an image is NAME[:TAG][@DIGEST]`}},
		{"transport", inContainer("image: docker://postgres:17"), []string{`3:12: image: "docker://postgres:17" has a docker:// in front; write "postgres:17"`}},
		{"no name", inContainer("image: '@sha256:" + hex + "'"), []string{`3:12: image: "@sha256:` + hex[:52] + `…" has no name before the @`}},
		{"unknown digest", inContainer("image: a@sha512:" + hex), []string{`3:12: image: the digest "sha512:` + hex[:53] + `…" does not begin with sha256:, the one kind that is known`}},
		{"short digest", inContainer("image: a@sha256:0123"), []string{`3:12: image: the digest "sha256:0123" is not sha256: and 64 lower-case hex digits; copy it anew`}},
		{"digest in capitals", inContainer("image: a@sha256:" + strings.ToUpper(hex[:4])), []string{`3:12: image: the digest "sha256:0123" is not sha256: and 64 lower-case hex digits; copy it anew`}},
		{"layout without path", inContainer("image: 'oci:'"), []string{`3:12: image: "oci:" has no path; write one after the first colon`}},
		{"archive without path", inContainer("image: docker-archive::a"), []string{`3:12: image: "docker-archive::a" has no path; write one after the first colon`}},
		{"as a step", inSetup("!Image a b"), []string{`4:9: !Image: "a b" has spaces; the name of an image is NAME[:TAG][@DIGEST]`}},
	})
	for _, good := range []string{"a", "docker.io/library/a:1.0", "localhost:5000/a/b:1@sha256:" + hex, "oci:my layouts/a:1", "oci:./a", "docker-archive:/a b.tar:x/y:1"} {
		p, err := Parse("/p/f", []byte("containers: {c: {image: '"+good+"'}}\n"))
		if err != nil {
			t.Error(err)
		} else if c := p.Containers["c"]; c.Image != good || c.ImagePos != (Pos{"/p/f", 1, 25}) {
			t.Errorf("%+v", c)
		}
	}
}

func TestSetupProblems(t *testing.T) {
	const pathOf = " is a path inside the container and has to begin with a slash"
	runProblemCases(t, []problemCase{
		{"not a list", inContainer("setup: {a: b}"), []string{`3:12: setup: expected a list, got a mapping`}},
		{"empty", inContainer("setup: []"), []string{`3:12: setup of container "c" is empty; begin with !Image, !Debian, !Container or !Tar`}},
		{"nothing", inContainer("setup:"), []string{`3:11: setup of container "c" is empty; begin with !Image, !Debian, !Container or !Tar`}},
		{"no tag", inSetup("!Image a\nInstall: [b]"), []string{`5:9: step 2 of setup has no tag; write one such as !Image, !Install or !Sh before it`}},
		{"unknown tag", inSetup("!Image a\n!Instal [b]\n!ubuntu xenial\n!Qqqqqq"), []string{
			`5:9: unknown step "!Instal" in setup (did you mean "Install"?)`,
			`6:9: unknown step "!ubuntu" in setup (did you mean "Ubuntu"?)`,
			`7:9: unknown step "!Qqqqqq" in setup`}},
		{"first too late", inSetup("!Image a\n!Debian bookworm\n!Container b\n!Image b"), []string{
			`5:9: !Debian can only be the first step: it is what a container starts from`,
			`6:9: !Container can only be the first step: it is what a container starts from`,
			`7:9: !Image can only be the first step: it is what a container starts from`}},
		{"nothing to run in", inSetup("!Env {A: b}\n!Text {/a: b}\n!Sh a\n!Install [b]\n!Cmd [c]"), []string{
			`6:9: !Sh has nothing to run in yet; begin with !Image, !Debian, !Container or !Tar`,
			`7:9: !Install has nothing to run in yet; begin with !Image, !Debian, !Container or !Tar`,
			`8:9: !Cmd has nothing to run in yet; begin with !Image, !Debian, !Container or !Tar`}},
		{"Container", inSetup("!Container"), []string{`4:9: !Container needs a name after it`}},
		{"unknown Container", inSetup("!Container bb"), []string{`4:9: unknown container "bb" (did you mean "b"?)`}},
		{"Debian", inSetup("!Debian"), []string{`4:9: !Debian needs a release; write release: NAME, such as bookworm`}},
		{"Debian is a list", inSetup("!Debian [a]"), []string{`4:9: !Debian: expected a mapping, got a list`}},
		{"Debian without release", inSetup("!Debian {packages: [-y, 'a b', ''], mirror: deb.debian.org, variant: minbas, suite: a}"), []string{
			`4:9: !Debian needs a release; write release: NAME, such as bookworm`,
			`4:28: packages: "-y" is an option and no package; write it with !Sh`,
			`4:28: packages: "a b" has spaces; write each package as an item of its own`,
			`4:28: packages: the name of a package is empty; remove it`,
			`4:53: mirror: "deb.debian.org" is not a URL; write http://HOST/debian or https://HOST/debian`,
			`4:78: variant: expected essential or apt or required or minbase or buildd or important or debootstrap or standard, got "minbas" (did you mean "minbase"?)`,
			`4:86: unknown key "suite" in !Debian`}},
		{"Debian release", inSetup("!Debian {release: book worm}"), []string{
			`4:27: release: "book worm" is not a name; use up to 100 letters, digits, '.', '_' and '-', not '-' first`}},
		{"Install", inSetup("!Image a\n!Install\n!Install []\n!Install b\n!Install [--yes]"), []string{
			`5:9: !Install names no package; write a list or remove it`,
			`6:9: !Install names no package; write a list or remove it`,
			`7:9: !Install: expected a list, got "b"`,
			`8:9: !Install: "--yes" is an option and no package; write it with !Sh`}},
		{"Sh and Cmd", inSetup("!Image a\n!Sh\n!Sh [a]\n!Cmd []\n!Cmd a\n!Cmd ['', a]"), []string{
			`5:9: !Sh is empty; write a script or remove it`,
			`6:9: !Sh: expected text, got a list`,
			`7:9: !Cmd is empty; write the program first`,
			`8:9: !Cmd: expected a list, got "a"`,
			`9:9: !Cmd is empty; write the program first`}},
		{"paths", inSetup("!EnsureDir a\n!Remove /\n!Remove /work/a\n!EnsureDir /dev\n!Text {b: c}\n!Text {/proc/1: c}\n!EnsureDir"), []string{
			`4:9: !EnsureDir: "a"` + pathOf,
			`5:9: !Remove: / is the whole container; name something in it`,
			`6:9: !Remove: every container has a /work of its own, so nothing of "/work/a" is kept; choose another path`,
			`7:9: !EnsureDir: every container has a /dev of its own, so nothing of "/dev" is kept; choose another path`,
			`8:16: !Text: "b"` + pathOf,
			`9:16: !Text: every container has a /proc of its own, so nothing of "/proc/1" is kept; choose another path`,
			`10:9: !EnsureDir: ""` + pathOf}},
		{"Text", inSetup("!Text [a]\n!Text {/a: b, /a/: c, /: d, /e: [f]}"), []string{
			`4:9: !Text: expected a mapping, got a list`,
			`5:23: !Text: "/a/" is no file of its own; name each file once`,
			`5:31: !Text: "/" is no file of its own; name each file once`,
			`5:41: !Text "/e": expected text, got a list`}},
		{"Env", inSetup("!Env {A=B: c}\n!Env [a]"), []string{
			`4:15: !Env: "A=B" is not a name of a variable; it must not be empty nor contain '=' or NUL`,
			`5:9: !Env: expected a mapping, got a list`}},
		{"CacheDirs", inSetup("!CacheDirs {/a: b/c, d: e, /f: g, /f/: h, /: i}"), []string{
			`4:25: volume name: "b/c" is not a name; use up to 100 letters, digits, '.', '_' and '-', not '-' first`,
			`4:30: !CacheDirs: "d"` + pathOf,
			`4:43: !CacheDirs: "/f/" is no folder of its own; name each folder once`,
			`4:51: !CacheDirs: "/" is no folder of its own; name each folder once`}},
	})
}

func TestSetupFileProblems(t *testing.T) {
	const hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	runProblemCases(t, []problemCase{
		{"Copy", inSetup("!Copy\n!Copy a\n!Copy {source: ../a, path: b}\n!Copy {source: /work/a/../../b, path: /c, umask: 08, owner-uid: me, preserve-times: 2}\n!Copy {sorce: a, path: /work, mode: 1}"), []string{
			`4:9: !Copy has no path; write path: /WHERE/TO in the container`,
			`4:9: !Copy has no source; write source: ./FILE or /work/FOLDER`,
			`5:9: !Copy: expected a mapping, got "a"`,
			`6:24: source: "../a" leads out of the project`,
			`6:36: path: "b" is a path inside the container and has to begin with a slash`,
			`7:24: source: "/work/a/../../b" leads out of the project`,
			`7:58: umask: expected octal permission bits, 0 to 0o777, got "08"`,
			`7:73: owner-uid: expected a whole number, got "me"`,
			`7:93: preserve-times: expected true or false, got "2"`,
			`8:9: !Copy has no source; write source: ./FILE or /work/FOLDER`,
			`8:16: unknown key "sorce" in !Copy (did you mean "source"?)`,
			`8:32: path: every container has a /work of its own, so nothing of "/work" is kept; choose another path`,
			`8:39: "mode" has no place in !Copy; write umask, or preserve-permissions: true`}},
		{"Tar", inSetup("!Tar\n!Tar ./a\n!Tar {subdir: a}\n!Tar {url: a.tar, sha256: b}\n!Tar {path: /opt}\n!Tar {url: /a.tar}\n!Tar {url: ., path: b}\n!Tar {path: '../a', subdir: ../b, script: c}\n!Tar {url: 'ftp://a/b'}"), []string{
			`4:9: !Tar names no archive; write url: URL with sha256: HEX, or path: ./FILE of the project`,
			`5:9: !Tar: expected a mapping, got "./a"`,
			`6:9: !Tar names no archive; write url: URL with sha256: HEX, or path: ./FILE of the project`,
			`7:20: url: "a.tar" is neither a URL (http://… or https://…, as url) nor a file of the project (./… or /work/…)`,
			`7:35: sha256: "b" is not 64 hex digits; write what sha256sum says`,
			`8:21: path: without a url it names the archive, and "/opt" is not in the project; write ./FILE, or add a url`,
			`9:20: url: "/a.tar" is not in the project; write ./FILE or /work/FILE`,
			`10:20: url: "." is the project itself; name an archive in it`,
			`10:29: path: "b" is a path inside the container and has to begin with a slash`,
			`11:21: path: "../a" leads out of the project`,
			`11:37: subdir: "../b" is not a folder inside the archive; write it without a slash in front and without ..`,
			`11:43: "script" has no place in !Tar; write !Sh after it`,
			`12:20: url: "ftp://a/b" is neither a URL (http://… or https://…, as url) nor a file of the project (./… or /work/…)`}},
		{"Tar of a URL in path", inSetup("!Tar {path: 'https://a/b', sha256: " + hex + "}"), []string{
			`4:21: path: "https://a/b" is neither a URL (http://… or https://…, as url) nor a file of the project (./… or /work/…)`}},
		{"Depends", inSetup("!Depends\n!Depends /etc/passwd\n!Depends ../a\n!Depends {rules: [a]}\n!Depends [a]"), []string{
			`4:9: !Depends is empty; name something of the project, such as ./FILE`,
			`5:9: !Depends: "/etc/passwd" is not in the project; write ./FILE or /work/FILE`,
			`6:9: !Depends: "../a" leads out of the project`,
			`7:9: !Depends has no path; name a file or folder of the project`,
			`8:9: !Depends: expected text, got a list`}},
	})
}

func TestBaseProblems(t *testing.T) {
	var deep, circle strings.Builder
	deep.WriteString("containers:\n  c0: {image: a}\n")
	circle.WriteString("containers:\n")
	for i := range 150 {
		fmt.Fprintf(&deep, "  c%d: {setup: [!Container c%d]}\n", i+1, i)
		fmt.Fprintf(&circle, "  c%d: {setup: [!Container c%d]}\n", i, (i+1)%150)
	}
	runProblemCases(t, []problemCase{
		{"itself", "containers: {a: {setup: [!Container a]}}\n", []string{`1:26: container a is built from itself: a -> a`}},
		{"two", "containers:\n  c: {setup: [!Container a]}\n  b: {setup: [!Container a]}\n  a: {setup: [!Container b]}\n", []string{
			`4:15: container a is built from itself: a -> b -> a`}},
		{"two circles", "containers:\n  a: {setup: [!Container b]}\n  b: {setup: [!Container a]}\n  c: {setup: [!Container c]}\n", []string{
			`2:15: container a is built from itself: a -> b -> a`,
			`4:15: container c is built from itself: c -> c`}},
		{"many", circle.String(), []string{
			`2:16: container c0 is built from itself: c0 -> c1 -> c2 -> c3 -> c4 -> c5 -> c6 -> c7 -> c8 -> c9 -> … -> c0`}},
		{"deep", deep.String(), []string{`102:18: container "c100" is built from more than 100 others, one from the other; build from fewer`}},
		{"of a folder and the host", "containers:\n  a: {rootfs: a}\n  b: {host: true}\n  c: {setup: [!Container a]}\n  d: {setup: [!Container b]}\n", []string{
			`4:15: !Container: "a" is a folder of this machine (rootfs), which may change and has no version to build on; start from a container with image or setup`,
			`5:15: !Container: "b" is this machine's own system (host: true), which has no version to build on; start from a container with image or setup`}},
		{"without a name", "containers: {'': {image: a}, c: {setup: [!Install [a]]}}\n", []string{
			`1:14: container: "" is not a name; use up to 100 letters, digits, '.', '_' and '-', not '-' first`,
			`1:42: !Install has nothing to run in yet; begin with !Image, !Debian, !Container or !Tar`}},
	})
}

// TestSteps: what each step of the sample comes to.
func TestSteps(t *testing.T) {
	p := mustLoad(t, "testdata/everything.yaml")
	if db := p.Containers["db"]; !strings.HasPrefix(db.Image, "postgres:17@sha256:0123") || db.Base() != "" {
		t.Errorf("db is %+v", db)
	}
	if built := p.Containers["built"]; built.Base() != "base" {
		t.Errorf("built starts from %q", built.Base())
	}
	for name, want := range map[string][]Step{
		"base": {
			{Kind: StepDebian, Release: "bookworm", Packages: []string{"ca-certificates"}, Mirror: "http://deb.example.org/debian", Variant: "apt"},
			{Kind: StepInstall, Packages: []string{"python3", "python3-venv=3.11"}},
		},
		"packed":  {{Kind: StepDebian, Release: "trixie", Variant: "minbase"}},
		"fetched": {{Kind: StepImage, Image: "oci:./layouts/my image:1.0"}, {Kind: StepSh, Script: "true"}},
		"built": {
			{Kind: StepContainer, Base: "base"},
			{Kind: StepDepends, Source: "requirements.txt"},
			{Kind: StepCacheDirs, Caches: []Cache{{"/root/.npm", "npm"}, {"/var/cache/pip", "pip"}}},
			{Kind: StepEnv, Env: []EnvVar{{"PIP_INDEX_URL", "http://pip.example.org"}, {"A", ""}}},
			{Kind: StepSh, Script: "pip install -r requirements.txt\n"},
			{Kind: StepCmd, Argv: []string{"python3", "-c", "print(1)"}},
			{Kind: StepTar, URL: "https://example.org/a.tar.gz", Target: "/opt/a", Subdir: "a-1.0", SHA256: "abcdef6789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
			{Kind: StepTar, Source: "vendor/b.tar", Target: "/", Subdir: "."},
			{Kind: StepTar, Source: "c.tar.gz", Target: "/", Subdir: "."},
			{Kind: StepCopy, Source: "config", Target: "/etc/app", OwnerUID: ptr[uint32](1000), OwnerGID: ptr[uint32](1001), Umask: 0o022},
			{Kind: StepCopy, Source: "run.sh", Target: "/run.sh", Umask: 0o002, PreservePermissions: true, PreserveTimes: true},
			{Kind: StepText, Files: []TextFile{{"/etc/motd", "Welcome\n"}, {"/etc/empty", ""}}},
			{Kind: StepEnsureDir, Target: "/var/lib/app"},
			{Kind: StepRemove, Target: "/usr/share/doc"},
			{Kind: StepDepends, Source: "src"},
		},
	} {
		got := p.Containers[name].Setup
		for i, s := range got {
			if s.Pos.Line == 0 {
				t.Errorf("%s: step %d is nowhere", name, i)
			}
			got[i].Pos = Pos{}
			if i < len(want) && !reflect.DeepEqual(got[i], want[i]) {
				t.Errorf("%s: step %d is\n%+v, want\n%+v", name, i, got[i], want[i])
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s has %d steps, want %d", name, len(got), len(want))
		}
	}
}

// TestStepsOfVagga: what Lanyard has no step for is named, with what to write.
func TestStepsOfVagga(t *testing.T) {
	for _, c := range []struct{ step, name, hint string }{
		{"!Ubuntu xenial", "!Ubuntu", "write !Image ubuntu:16.04"},
		{"!Ubuntu resolute", "!Ubuntu", "write !Image ubuntu:26.04"},
		{"!Ubuntu zany", "!Ubuntu", "write !Image ubuntu:zany"},
		{"!Ubuntu", "!Ubuntu", "write !Image ubuntu:VERSION"},
		{"!UbuntuRelease {codename: trusty, arch: i386}", "!UbuntuRelease", "write !Image ubuntu:14.04"},
		{"!UbuntuRelease {version: 15.10}", "!UbuntuRelease", "write !Image ubuntu:15.10"},
		{"!Alpine v3.5", "!Alpine", "write !Image alpine:3.5"},
		{"!Alpine", "!Alpine", "write !Image alpine:VERSION"},
		{"!Py3Install [django, celery==5]", "!Py3Install", "write !Sh pip install django celery==5"},
		{"!Py2Install", "!Py2Install", "write !Sh pip2 install PACKAGES"},
		{"!NpmInstall [webpack, [a]]", "!NpmInstall", "write !Sh npm install --global webpack"},
		{"!Py3Requirements r.txt", "!Py3Requirements", "write !Depends FILE and !Sh pip install -r FILE"},
		{"!EmptyDir /tmp", "!EmptyDir", "write !Remove PATH and !EnsureDir PATH"},
		{"!Tar {url: 'https://a/b'}", "!Tar without sha256", "add sha256: HEX of the archive (sha256sum), so that what is unpacked is part of the version"},
		{"!Tar {url: /volumes/a/b}", "!Tar of /volumes", "copy the archive into the project, or name its URL"},
		{"!Copy {source: /tmp/a, path: /b}", "!Copy of what is not in /work", "write !Sh cp -a /tmp/a PATH"},
		{"!Copy {source: ., path: /b, ignore_regex: a}", "ignore_regex", copyLess},
		{"!Depends {path: a, rules: [b]}", "rules", dependLess},
	} {
		p, err := Parse("/p/f", []byte(inSetup(c.step)))
		if err != nil {
			t.Error(err)
			continue
		}
		words := p.Containers["c"].Unsupported
		if len(words) != 1 || words[0].Name != c.name || words[0].Hint != c.hint || words[0].Pos.Line != 4 {
			t.Errorf("%s gives %+v", c.step, words)
		}
	}
	for _, w := range stepWords {
		if w.role == works {
			continue
		}
		if _, err := Parse("/p/f", []byte(inSetup("!"+w.name+" {a: [b]}\n!Sh c"))); err != nil || w.hint == "" {
			t.Errorf("%s: %v", w.name, err)
		}
	}
}
