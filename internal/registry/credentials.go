package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

// keychain looks for credentials where Docker and Podman keep them. The files
// have the same format (containers-auth.json(5)).
type keychain struct{ getenv func(string) string }

// Credentials reads what docker login and podman login keep, with credential
// helpers: $REGISTRY_AUTH_FILE, $DOCKER_CONFIG/config.json (~/.docker), then
// containers/auth.json in $XDG_RUNTIME_DIR and in $XDG_CONFIG_HOME (~/.config).
// The first file that has any for a registry counts. getenv is os.Getenv if nil.
func Credentials(getenv func(string) string) authn.Keychain {
	if getenv == nil {
		getenv = os.Getenv
	}
	return keychain{getenv: getenv}
}

// authFile is what matters of such a file.
type authFile struct {
	Auths       map[string]authn.AuthConfig `json:"auths"`
	CredHelpers map[string]string           `json:"credHelpers"`
	CredsStore  string                      `json:"credsStore"`
}

func (k keychain) files() []string {
	var list []string
	add := func(dir string, names ...string) {
		if dir != "" {
			list = append(list, filepath.Join(append([]string{dir}, names...)...))
		}
	}
	home := k.getenv("HOME")
	under := func(name string) string {
		if home == "" {
			return ""
		}
		return filepath.Join(home, name)
	}
	either := func(a, b string) string {
		if a != "" {
			return a
		}
		return b
	}
	add(k.getenv("REGISTRY_AUTH_FILE"))
	add(either(k.getenv("DOCKER_CONFIG"), under(".docker")), "config.json")
	add(k.getenv("XDG_RUNTIME_DIR"), "containers", "auth.json")
	add(either(k.getenv("XDG_CONFIG_HOME"), under(".config")), "containers", "auth.json")
	return list
}

// Resolve implements authn.Keychain.
func (k keychain) Resolve(target authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), target)
}

// ResolveContext implements authn.ContextKeychain. A file or a helper that fails
// is an error only if no other file has credentials.
func (k keychain) ResolveContext(ctx context.Context, target authn.Resource) (authn.Authenticator, error) {
	var failures []error
	for _, path := range k.files() {
		found, err := lookup(ctx, path, target)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			failures = append(failures, fmt.Errorf("%s: %w", path, err))
		}
		if found != (authn.AuthConfig{}) {
			return authn.FromConfig(found), nil
		}
	}
	return authn.Anonymous, errors.Join(failures...)
}

// lookup gives a file's credentials for a repository, none if it has none: of
// the helper for the registry, of the longest entry that names it or a part of
// the repository's path, or of the helper for all.
func lookup(ctx context.Context, path string, target authn.Resource) (authn.AuthConfig, error) {
	data, err := readSmall(path, maxManifest)
	if err != nil {
		return authn.AuthConfig{}, err
	}
	var file authFile
	if err := json.Unmarshal(data, &file); err != nil {
		return authn.AuthConfig{}, errors.New("not valid JSON of Docker or Podman")
	}
	host := target.RegistryStr()
	for _, alias := range aliases(host) {
		if helper := file.CredHelpers[alias]; helper != "" {
			return ask(ctx, helper, alias)
		}
	}
	for entry := target.String(); entry != "." && entry != "/"; entry = filepath.Dir(entry) {
		names := []string{entry}
		if rest, ok := strings.CutPrefix(entry, host); ok {
			names = nil
			for _, alias := range aliases(host) {
				names = append(names, alias+rest)
			}
		}
		for _, name := range names {
			for key, auth := range file.Auths {
				if plainKey(key) == plainKey(name) && auth != (authn.AuthConfig{}) {
					return auth, nil
				}
			}
		}
	}
	if file.CredsStore != "" {
		return ask(ctx, file.CredsStore, aliases(host)[0])
	}
	return authn.AuthConfig{}, nil
}

// aliases are the names that a registry has in such files, the one that docker
// login uses first.
func aliases(host string) []string {
	if hostName(host) == "docker.io" {
		return []string{"https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"}
	}
	return []string{host}
}

// plainKey takes from an entry's name what old versions of Docker put around
// the host.
func plainKey(key string) string {
	key = strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	key = strings.TrimSuffix(key, "/")
	return strings.TrimSuffix(strings.TrimSuffix(key, "/v1"), "/v2")
}

// helperTime bounds a credential helper, which may ask a person.
const helperTime = time.Minute

// ask runs a credential helper (docker-credential-NAME get): the registry on
// stdin, JSON on stdout; having none is an exit code with a known text.
func ask(ctx context.Context, name, server string) (authn.AuthConfig, error) {
	program := "docker-credential-" + name
	if name != filepath.Base(name) {
		return authn.AuthConfig{}, fmt.Errorf("%q is no name of a credential helper", name)
	}
	ctx, cancel := context.WithTimeout(ctx, helperTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "get")
	cmd.Stdin = strings.NewReader(server)
	var out bytes.Buffer
	cmd.Stdout, cmd.WaitDelay = &out, time.Second
	err := cmd.Run()
	if err != nil && strings.Contains(out.String(), "credentials not found") {
		return authn.AuthConfig{}, nil
	}
	if err != nil {
		return authn.AuthConfig{}, fmt.Errorf("credential helper %s: %w %s", program, err, clean(out.String()))
	}
	var answer struct{ Username, Secret string }
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
		return authn.AuthConfig{}, fmt.Errorf("credential helper %s does not answer with JSON", program)
	}
	if answer.Username == "<token>" {
		return authn.AuthConfig{IdentityToken: answer.Secret}, nil
	}
	return authn.AuthConfig{Username: answer.Username, Password: answer.Secret}, nil
}
