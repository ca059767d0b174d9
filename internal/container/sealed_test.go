package container

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/lanyard-dev/lanyard/internal/testkit"
	"golang.org/x/sys/unix"
)

// TestSealed: a sealed program can be executed, and not be written to by root,
// through what names it in /proc.
func TestSealed(t *testing.T) {
	testkit.Require(t, testkit.Root)
	program := filepath.Join(t.TempDir(), "program")
	data, err := os.ReadFile(testkit.RequireTool(t, "true"))
	if err == nil {
		err = os.WriteFile(program, data, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	path := sealed(program)
	if path == program {
		t.Fatal("it is not sealed")
	}
	if err := exec.Command(path).Run(); err != nil {
		t.Errorf("executed: %v", err)
	}
	if _, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0); !errors.Is(err, unix.EROFS) {
		t.Errorf("opened for writing: %v, want EROFS", err)
	}
	if _, err := unix.Open(program, unix.O_WRONLY|unix.O_CLOEXEC, 0); err != nil {
		t.Errorf("its own name: %v", err)
	}
}
