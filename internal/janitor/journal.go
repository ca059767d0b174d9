package janitor

import (
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
)

// Noted gives the paths in the journal of a run folder that are the run's
// alone: without those of DirEntry. A run that is gone has none.
func Noted(folder string) ([]string, error) {
	dir, err := syscall.Open(folder, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0)
	if err == syscall.ENOENT || err == syscall.ENOTDIR {
		return nil, nil
	}
	if err != nil {
		return nil, linux.Fail("open run folder", folder, err)
	}
	defer syscall.Close(dir)
	journal, err := readJournal(dir)
	if err != nil {
		return nil, linux.Fail("read journal of", folder, err)
	}
	var paths []string
	for _, e := range journal {
		if e.kind != DirEntry {
			paths = append(paths, e.path)
		}
	}
	return paths, nil
}

type entry struct{ kind, path string }

// readJournal takes whole lines only: a half one was never acted on, because
// the thing is made after its line has been written.
func readJournal(dir int) ([]entry, error) {
	fd, err := syscall.Openat(dir, JournalFile, syscall.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0)
	if err == syscall.ENOENT {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd)
	data, err := linux.ReadAll(fd, 16<<20)
	if err != nil {
		return nil, err
	}
	var list []entry
	seen := map[entry]bool{} // containers of a run note the folder they share, each
	start := 0
	for i, c := range data {
		if c != '\n' {
			continue
		}
		line := string(data[start:i])
		start = i + 1
		for j := range len(line) {
			if line[j] == ' ' {
				if e := (entry{line[:j], line[j+1:]}); !seen[e] && e.path != "" && e.path[0] == '/' {
					seen[e] = true
					list = append(list, e)
				}
				break
			}
		}
	}
	return list, nil
}
