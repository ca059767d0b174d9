package supervise

import (
	"fmt"
	"path/filepath"

	"github.com/lanyard-dev/lanyard/internal/container"
	"github.com/lanyard-dev/lanyard/internal/janitor"
)

// claim makes sure that no other supervisor has what this one makes outside
// the container's namespaces, and that no clean-up after a dead one touches it.
// Each thing is noted once it is known to be free.
func (s *service) claim() error {
	entries := []container.Entry{s.file(socketName)}
	if path := s.metricsFile(); path != "" {
		entries = append(entries, s.file(path))
	}
	entries = append(entries, s.groupClaims()...)
	if err := s.run.Claim(entries...); err != nil {
		return fmt.Errorf("cannot supervise %s in %s: %w", s.options.ID, s.dir, err)
	}
	return nil
}

// file is the journal's entry for a file of the supervisor's directory, or of
// another one.
func (s *service) file(path string) container.Entry {
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.dir, path)
	}
	return container.Entry{Kind: janitor.SocketEntry, Path: path}
}
