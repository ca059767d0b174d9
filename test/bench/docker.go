package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	dockerName  = "docker"
	composeName = "docker compose"
)

// docker is an engine that runs already, where the program docker finds one
// (DOCKER_HOST); the benchmark starts none. The bench's root is imported into it
// as an image, and removed with the workshop.
type docker struct {
	image    string
	imported bool
}

// dockerMissing says why docker can't take part; "" when an engine answers.
var dockerMissing = sync.OnceValue(func() string {
	path, missing := find(dockerName)
	if missing != "" {
		return missing
	}
	if err := exec.Command(path, "info").Run(); err != nil {
		return "no engine answers docker info"
	}
	return ""
})

// compose are the words that start docker compose: a plugin of docker, or a
// program of its own, which is older.
var compose = sync.OnceValues(func() (words []string, missing string) {
	if missing := dockerMissing(); missing != "" {
		return nil, missing
	}
	if exec.Command(dockerName, "compose", "version").Run() == nil {
		return []string{dockerName, "compose"}, ""
	}
	path, missing := find("docker-compose")
	return []string{path}, missing
})

// dockerImage imports the root, once.
func (w *workshop) dockerImage() (string, error) {
	if w.docker.imported {
		return w.docker.image, nil
	}
	w.docker.image = fmt.Sprintf("lanyard-bench:%d", os.Getpid())
	archive := filepath.Join(w.dir, "root.tar")
	for _, args := range [][]string{{"tar", "-C", w.rootfs, "-cf", archive, "."}, {dockerName, "import", archive, w.docker.image}} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %v; it said: %.200s", args[0], err, out)
		}
	}
	w.docker.imported = true
	return w.docker.image, nil
}

// closeDocker removes the image, and containers of it that are left.
func (w *workshop) closeDocker() error {
	if !w.docker.imported {
		return nil
	}
	left, err := exec.Command(dockerName, "ps", "--all", "--quiet", "--filter", "ancestor="+w.docker.image).Output()
	if ids := strings.Fields(string(left)); len(ids) > 0 {
		err = errors.Join(err, exec.Command(dockerName, append([]string{"rm", "--force"}, ids...)...).Run())
	}
	return errors.Join(err, exec.Command(dockerName, "rmi", w.docker.image).Run())
}

// dockerArgs starts a container with docker run, in the host's network as the
// other contestants'.
func (w *workshop) dockerArgs(argv []string) starter {
	return starter{name: dockerName, missing: dockerMissing(), command: func() (*exec.Cmd, error) {
		image, err := w.dockerImage()
		if err != nil {
			return nil, err
		}
		args := []string{
			"run", "--rm", "--network", "host", "--log-driver", "none", "--read-only", "--tmpfs", "/tmp", "--tmpfs", "/run",
			"--volume", w.project + ":/work", "--workdir", "/work", image,
		}
		return exec.Command(dockerName, append(args, argv...)...), nil
	}}
}

// dockerCompose is docker compose in the foreground, which prefixes lines. With
// init each command has a PID 1 above it, as lanyard's have.
func (w *workshop) dockerCompose() supervisor {
	words, missing := compose()
	run := func(dir string, args ...string) *exec.Cmd {
		all := append(append([]string{}, words[1:]...), "-f", filepath.Join(dir, "compose.yaml"), "-p", filepath.Base(dir))
		return exec.Command(words[0], append(all, args...)...)
	}
	s := supervisor{name: composeName, missing: missing, stop: unix.SIGTERM, most: 10, slow: 64, elsewhere: true}
	s.configure = func(name string, children [][]string) (string, error) {
		image, err := w.dockerImage()
		if err != nil {
			return "", err
		}
		dir, err := w.peerDir(name)
		if err != nil {
			return "", err
		}
		b := &strings.Builder{}
		b.WriteString("version: '2.4'\nservices:\n")
		for i, argv := range children {
			fmt.Fprintf(b, "  child%03d: {image: '%s', command: [%s], init: true, network_mode: host, read_only: true, tmpfs: [/tmp, /run], "+
				"volumes: ['%s:/work'], working_dir: /work, stop_grace_period: 1s}\n", i, image, strings.Join(argv, ", "), w.project)
		}
		return dir, os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(b.String()), 0o644)
	}
	s.command = func(dir string) (*exec.Cmd, error) { return run(dir, "up", "--no-color"), nil }
	s.after = func(dir string) error { return run(dir, "down", "--timeout", "0").Run() }
	return s
}
