package registry

import (
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"
)

// platform is what an image must be made for.
type platform struct{ os, arch, variant string }

// machine is the platform of this machine.
func machine() platform {
	p := platform{os: "linux", arch: runtime.GOARCH}
	var u unix.Utsname
	if p.arch == "arm" && unix.Uname(&u) == nil {
		p.variant = armVariant(unix.ByteSliceToString(u.Machine[:]))
	}
	return p
}

// armVariant is the variant of a 32-bit ARM machine by its name in uname(2):
// armv6l, armv7l, or armv8l and aarch64 where the kernel has 64 bits.
func armVariant(name string) string {
	switch {
	case strings.HasPrefix(name, "armv5"):
		return "v5"
	case strings.HasPrefix(name, "armv6"):
		return "v6"
	case strings.HasPrefix(name, "armv8"), strings.HasPrefix(name, "aarch64"):
		return "v8"
	}
	return "v7"
}

// variants are those that run on p, the best one first. An image that names no
// variant comes before those that are older than the baseline it stands for.
func (p platform) variants() []string {
	chains := map[string][]string{
		"arm":   {"v8", "v7", "", "v6", "v5"},
		"arm64": {"v9", "v8", ""},
		"amd64": {"v4", "v3", "v2", "v1", ""},
	}
	chain, known := chains[p.arch]
	start := slices.Index(chain, p.variant)
	switch {
	case p.variant == "" && p.arch == "arm64":
		return []string{"v8", ""}
	case p.variant == "" && p.arch == "amd64":
		return []string{"", "v1"}
	case p.variant == "" && p.arch == "arm":
		return []string{"v7", "", "v6", "v5"}
	case !known || start < 0:
		return []string{p.variant, ""}
	}
	list := chain[start:]
	if p.arch == "arm" && !slices.Contains(list, "") {
		list = append(slices.Clone(list), "")
	}
	return list
}

// rank says how well have suits p: 0 is best, -1 is not at all.
func (p platform) rank(have platform) int {
	if have.os != p.os || have.arch != p.arch {
		return -1
	}
	return slices.Index(p.variants(), have.variant)
}

func (p platform) String() string {
	text := p.os + "/" + p.arch
	if p.variant != "" {
		text += "/" + p.variant
	}
	return clean(text)
}

func platformOf(p *v1.Platform) platform {
	if p == nil {
		return platform{}
	}
	return platform{os: p.OS, arch: p.Architecture, variant: p.Variant}
}
