package provide

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// What of this machine's apt counts for the apt of a root under construction.

// aptConf is a file of options in its /run.
const aptConf = "lanyard-apt.conf"

// aptOptions is what stands there (apt.conf(5)).
func aptOptions(oneID bool) string {
	text := ""
	for _, scheme := range schemes {
		if proxy := aptProxy(scheme); proxy != "" {
			text += fmt.Sprintf("Acquire::%s::Proxy \"%s\";\n", scheme, proxy)
		}
	}
	if oneID {
		// Nobody can become the user that apt downloads as.
		text += "APT::Sandbox::User \"root\";\n"
	}
	return text
}

// aptProxies are the same proxies as variables, but for those that the caller has
// already: mmdebstrap has a file of options of its own.
func (b *builder) aptProxies() (env []string) {
	for _, scheme := range schemes {
		name := scheme + "_proxy"
		if proxy := aptProxy(scheme); proxy != "" && b.p.o.Getenv(name) == "" {
			env = append(env, name+"="+proxy)
		}
	}
	return env
}

var schemes = []string{"http", "https"}

// aptProxy is the proxy that this machine's apt goes through; "" for none, or
// without apt.
func aptProxy(scheme string) string {
	value, err := exec.Command("apt-config", "dump", "--format", "%v", "Acquire::"+scheme+"::Proxy").Output()
	if proxy := strings.TrimSpace(string(value)); err == nil && proxy != "DIRECT" {
		return proxy
	}
	return ""
}

// release is the code name of this machine's system (os-release(5)).
func release() string {
	data, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "VERSION_CODENAME="); ok {
			return strings.Trim(name, `"'`)
		}
	}
	return ""
}

// aptSources are this machine's files of package sources (sources.list(5)).
func aptSources() (files []string) {
	for _, path := range []string{"/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list.d/ubuntu.sources"} {
		if data, err := os.ReadFile(path); err == nil && (strings.Contains("\n"+string(data), "\ndeb ") || strings.Contains(string(data), "URIs:")) {
			files = append(files, path)
		}
	}
	return files
}
