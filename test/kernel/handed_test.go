package kernel_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestFolderAsDescriptor: a folder that the caller hands over as one of the three
// descriptors would be a way out (as CVE-2024-21626), so nothing starts.
func TestFolderAsDescriptor(t *testing.T) {
	t.Parallel()
	p := newProject(t, `
  out: !Command {container: h, run: "cd -P /proc/self/fd/0/.. && ls"}
`)
	folder, err := os.Open("/tmp")
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	for name, hand := range map[string]func(*exec.Cmd){
		"stdin": func(cmd *exec.Cmd) { cmd.Stdin = folder }, "stdout": func(cmd *exec.Cmd) { cmd.Stdout = folder },
	} {
		r := p.start(hand, "out")
		r.want(127, 20*time.Second)
		r.says("out could not be started: its " + name + " is a folder, through which it could leave the container")
	}
}

// TestKeyring: a filter that allows keyctl(2) gives nobody the keys of the session
// that lanyard was started in.
func TestKeyring(t *testing.T) {
	t.Parallel()
	p := newProject(t, `
  default: !Command {container: h, run: [./helper, find-key, lanyard-test-key]}
  unconfined: !Command {container: h, security: {seccomp: unconfined}, run: [./helper, find-key, lanyard-test-key]}
  profile: !Command {container: h, security: {seccomp: profile.json}, run: [./helper, find-key, lanyard-test-key]}
`)
	p.write("profile.json", `{"defaultAction": "SCMP_ACT_ALLOW"}`)
	for command, want := range map[string]string{"default": "operation not permitted", "unconfined": "required key not available", "profile": "required key not available"} {
		r := p.start(func(cmd *exec.Cmd) {
			cmd.Args = append([]string{helperName, "with-key", "lanyard-test-key"}, cmd.Args...)
		}, command)
		r.want(0, 20*time.Second)
		if got := strings.TrimSpace(r.output()); got != "the key is here, "+want {
			t.Errorf("%s: %q\n%s", command, got, r.errors())
		}
	}
}

// withKey executes a program in a session keyring that holds a key, and says that
// it can be found there.
func withKey(name string, argv []string) int {
	runtime.LockOSThread() // keyrings are a thread's
	_, err := unix.KeyctlJoinSessionKeyring(name)
	if err == nil {
		_, err = unix.AddKey("user", name, []byte("secret"), unix.KEY_SPEC_SESSION_KEYRING)
	}
	if err == nil {
		_, err = unix.KeyctlSearch(unix.KEY_SPEC_SESSION_KEYRING, "user", name, 0)
	}
	if err == nil {
		fmt.Print("the key is here, ")
		err = syscall.Exec("/proc/self/exe", argv, os.Environ())
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func findKey(name string) int {
	_, err := unix.KeyctlSearch(unix.KEY_SPEC_SESSION_KEYRING, "user", name, 0)
	fmt.Println(err)
	return 0
}
