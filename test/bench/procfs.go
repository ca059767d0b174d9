package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// process is one line of the process table.
type process struct {
	pid, parent int
}

// processes reads the process table. A process that ends meanwhile is left
// out.
func processes() ([]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var out []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		fields, err := statFields(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		parent, err := strconv.Atoi(fields[1])
		if err != nil {
			return nil, fmt.Errorf("/proc/%d/stat: %v", pid, err)
		}
		out = append(out, process{pid, parent})
	}
	return out, nil
}

// statFields are the fields of a stat file from the third on (proc(5)): what
// stands before is a name that may hold anything.
func statFields(path string) ([]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	end := strings.LastIndexByte(string(data), ')')
	fields := strings.Fields(string(data[end+1:]))
	if len(fields) < 20 {
		return nil, fmt.Errorf("%s: %d fields after the name, want more", path, len(fields))
	}
	return fields, nil
}

// descendants are all processes below pid, without itself.
func descendants(pid int) ([]process, error) {
	all, err := processes()
	if err != nil {
		return nil, err
	}
	children := map[int][]process{}
	for _, p := range all {
		children[p.parent] = append(children[p.parent], p)
	}
	var out []process
	for todo := []int{pid}; len(todo) > 0; todo = todo[1:] {
		for _, c := range children[todo[0]] {
			out = append(out, c)
			todo = append(todo, c.pid)
		}
	}
	return out, nil
}

// kilobytes reads one "Name:   123 kB" line of a file of /proc; the unit is
// 1024 bytes (proc(5)).
func kilobytes(path, name string) (float64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) >= 2 && fields[0] == name+":" {
			return strconv.ParseFloat(fields[1], 64)
		}
	}
	return 0, fmt.Errorf("%s has no line %s", path, name)
}

// megabytes is a process's share of the memory (PSS).
func megabytes(pid int) (float64, error) {
	v, err := kilobytes(fmt.Sprintf("/proc/%d/smaps_rollup", pid), "Pss")
	return v / 1000 * 1.024, err
}

// cpuTime is the nanoseconds that all threads of a process have run, from
// the first field of schedstat: finer than the clock ticks of stat. Threads
// that have ended are not in it.
func cpuTime(pid int) (float64, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		first, _, _ := strings.Cut(string(data), " ")
		ns, err := strconv.ParseFloat(first, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %v", name, err)
		}
		sum += ns
	}
	return sum, nil
}
