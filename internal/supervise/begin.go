package supervise

import (
	"os"
	"path/filepath"

	"github.com/lanyard-dev/lanyard/internal/container"
)

// begin starts the processes that take a while until they can listen.
func (s *service) begin() {
	if s.init = container.Early(userNS()); s.init == nil {
		s.init = container.Ahead(stdio(), userNS(), session)
	}
	s.run.Begin()
}

// The command's descriptors, its user namespace and that it has a session of its
// own are known before anything is read: package early knows them too.
func stdio() [3]*os.File { return [3]*os.File{os.Stdin, os.Stdout, os.Stdout} }

func userNS() *container.UserNS {
	if container.Privileged() {
		return nil
	}
	return container.OwnIDs(commandID, commandID)
}

const session = true

// workingDir is its path without links: Getwd believes PWD, which may have some.
func workingDir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(dir)
}
