package plan

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// stepWords are the tags of steps, without their "!": ours, and all of vagga's
// (its src/config/builders.rs, and the ones that only its manual or its last
// commits have). A hint is finished by insteadOf.
var stepWords = []word{
	{name: "Container"}, {name: "Image"}, {name: "Debian"}, {name: "Install"}, {name: "Tar"}, {name: "Copy"},
	{name: "Text"}, {name: "EnsureDir"}, {name: "Remove"}, {name: "Env"}, {name: "Sh"}, {name: "Cmd"},
	{name: "Depends"}, {name: "CacheDirs"},
	{"Ubuntu", unsupported, "write !Image ubuntu:"},
	{"UbuntuRelease", unsupported, "write !Image ubuntu:"},
	{"UbuntuUniverse", unsupported, "remove it: universe is enabled in Ubuntu's images"},
	{"UbuntuRepo", unsupported, "write !Text {/etc/apt/sources.list.d/NAME.list: 'deb URL SUITE COMPONENTS'}"},
	{"UbuntuPPA", unsupported, "write !Text {/etc/apt/sources.list.d/NAME.list: 'deb URL SUITE main'}"},
	{"AptTrust", unsupported, "write !Copy {source: ./KEY.asc, path: /etc/apt/trusted.gpg.d/KEY.asc}"},
	{"Alpine", unsupported, "write !Image alpine:"},
	{"AlpineRepo", unsupported, "write !Sh echo URL >>/etc/apk/repositories"},
	{"Repo", unsupported, "write the repository into a file of the package manager with !Text"},
	{"BuildDeps", unsupported, "write !Install, and at the end !Sh with what removes the packages"},
	{"Git", unsupported, "write !Sh git clone URL PATH"},
	{"GitInstall", unsupported, "write !Sh git clone URL /tmp/src && cd /tmp/src && SCRIPT"},
	{"GitDescribe", unsupported, "write !Text with the version, or !Depends and !Sh git describe"},
	{"PipConfig", unsupported, "write its options into !Sh pip install"},
	{"Py2Install", unsupported, "write !Sh pip2 install "},
	{"Py2Requirements", unsupported, "write !Depends FILE and !Sh pip2 install -r FILE"},
	{"Py3Install", unsupported, "write !Sh pip install "},
	{"Py3Requirements", unsupported, "write !Depends FILE and !Sh pip install -r FILE"},
	{"PyFreeze", unsupported, "write !Depends FILE and !Sh pip install -r FILE"},
	{"TarInstall", unsupported, "write !Tar, and the script with !Sh"},
	{"Unzip", unsupported, "write !Copy of the archive and !Sh unzip FILE -d PATH"},
	{"RunAs", unsupported, "write !Sh su USER -c 'SCRIPT'"},
	{"Download", unsupported, "write !Sh curl -fo PATH URL, or !Copy a file of the project"},
	{"EmptyDir", unsupported, "write !Remove PATH and !EnsureDir PATH"},
	{"Build", unsupported, "start from that container with !Container, or !Copy what is built into the project"},
	{"SubConfig", unsupported, "put the steps into this file, in a container to start from with !Container"},
	{"NpmConfig", unsupported, "write its options into !Sh npm install"},
	{"NpmDependencies", unsupported, "write !Depends package.json and !Sh npm install"},
	{"YarnDependencies", unsupported, "write !Depends package.json and !Sh yarn install"},
	{"NpmInstall", unsupported, "write !Sh npm install --global "},
	{"GemInstall", unsupported, "write !Sh gem install "},
	{"GemBundle", unsupported, "write !Depends Gemfile and !Sh bundle install"},
	{"GemConfig", unsupported, "write its options into !Sh gem install"},
	{"ComposerInstall", unsupported, "write !Sh composer global require "},
	{"ComposerDependencies", unsupported, "write !Depends composer.json and !Sh composer install"},
	{"ComposerConfig", unsupported, "write its options into !Sh composer install"},
	{"DockerImage", unsupported, "write !Image NAME:TAG"},
	{"Docker", unsupported, "write !Image NAME:TAG"},
	{"NixInstall", unsupported, "write !Sh nix-env -i PACKAGES"},
	{"ContainerName", unsupported, "remove it"},
}

var debianWords = []word{{name: "release"}, {name: "packages"}, {name: "mirror"}, {name: "variant"}}

var tarWords = []word{
	{name: "url"}, {name: "path"}, {name: "sha256"}, {name: "subdir"},
	{"script", misplaced, "write !Sh after it"},
}

const copyLess = "!Copy the folders that are wanted one by one, or !Remove what is not"

var copyWords = []word{
	{name: "source"}, {name: "path"}, {name: "owner-uid"}, {name: "owner-gid"}, {name: "umask"},
	{name: "preserve-permissions"}, {name: "preserve-times"},
	{"ignore-regex", unsupported, copyLess},
	{"include-regex", unsupported, copyLess},
	{"rules", unsupported, copyLess},
	{"no-default-rules", unsupported, copyLess},
	{"mode", misplaced, "write umask, or preserve-permissions: true"},
}

const dependLess = "write a !Depends for each file or folder"

var dependsWords = []word{
	{name: "path"},
	{"ignore-regex", unsupported, dependLess},
	{"include-regex", unsupported, dependLess},
	{"rules", unsupported, dependLess},
	{"no-default-rules", unsupported, dependLess},
}

// ubuntus are the releases that images exist of, by code name.
var ubuntus = []struct{ name, version string }{
	{"precise", "12.04"}, {"trusty", "14.04"}, {"xenial", "16.04"}, {"bionic", "18.04"}, {"focal", "20.04"},
	{"jammy", "22.04"}, {"noble", "24.04"}, {"resolute", "26.04"},
}

// insteadOf is what to write instead of a step of vagga's, with its values
// where that is easy.
func (l *loader) insteadOf(w word, n *yaml.Node) string {
	if !strings.HasSuffix(w.hint, ":") && !strings.HasSuffix(w.hint, " ") {
		return w.hint
	}
	switch w.name {
	case "Ubuntu", "UbuntuRelease":
		return w.hint + ubuntuVersion(l.firstValue(n))
	case "Alpine":
		if version := strings.TrimPrefix(l.firstValue(n), "v"); version != "" {
			return w.hint + brief(version)
		}
		return w.hint + "VERSION"
	}
	var packages []string
	for _, item := range n.Content {
		if item = l.follow(item); n.Kind == yaml.SequenceNode && item.Kind == yaml.ScalarNode {
			packages = append(packages, item.Value)
		}
	}
	if len(packages) == 0 {
		return w.hint + "PACKAGES"
	}
	return w.hint + brief(strings.Join(packages, " "))
}

// firstValue is the text of n, or of codename or version if it is a mapping.
func (l *loader) firstValue(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode {
		return n.Value
	}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		value := l.follow(n.Content[i+1])
		if key := l.follow(n.Content[i]).Value; (key == "codename" || key == "version") && value.Kind == yaml.ScalarNode {
			return value.Value
		}
	}
	return ""
}

// ubuntuVersion is the tag of Ubuntu's image for a code name or a version.
func ubuntuVersion(release string) string {
	for _, u := range ubuntus {
		if release == u.name || release == u.version {
			return u.version
		}
	}
	if release == "" {
		return "VERSION"
	}
	return brief(release)
}

// brief is text for a hint: on one line and not too long.
func brief(text string) string {
	quoted := quote(text)
	return quoted[1 : len(quoted)-1]
}
