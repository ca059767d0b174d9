package stage

import (
	"syscall"

	"github.com/lanyard-dev/lanyard/internal/linux"
	"github.com/lanyard-dev/lanyard/internal/rootfs"
)

// explainExec finds out what execve(2)'s errno means for this program.
func explainExec(e *linux.StepError, spec *Spec, candidates []string) {
	name := spec.Argv[0]
	switch e.Errno {
	case syscall.ENOENT, syscall.ENOTDIR:
		if path := firstFile(candidates); path != "" {
			e.Path = path
			if interp := interpreter(path); interp != "" {
				e.Detail = "the program is there, but its interpreter " + interp + " is not"
			} else {
				e.Detail = "the program is there, but something it needs to start is not"
			}
			return
		}
		e.Path = name
		if len(candidates) == 1 && candidates[0] == name {
			e.Detail = "no such program in the container"
		} else {
			e.Detail = "no such program in the container's PATH"
			for i, dir := range spec.Path {
				sep := ":"
				if i == 0 {
					sep = " "
				}
				e.Detail += sep + dir
			}
		}
	case syscall.EACCES:
		e.Detail = explainRefusal(e.Path, spec.Root.Project)
	case syscall.ENOEXEC:
		e.Detail = execFormat(e.Path)
	case syscall.E2BIG:
		size := 0
		for _, s := range spec.Argv {
			size += len(s) + 1
		}
		env := 0
		for _, s := range spec.Env {
			env += len(s) + 1
		}
		e.Detail = "arguments of " + decimal(size) + " bytes and an environment of " + decimal(env) +
			" bytes are too large together, or one string is over 131072 bytes"
	}
}

// explainRefusal says why a file may not be executed.
func explainRefusal(path, project string) string {
	const work, stNoExec = "/work/", 8 // statfs(2)
	var fs syscall.Statfs_t
	switch noexec := syscall.Statfs(path, &fs) == nil && fs.Flags&stNoExec != 0; {
	case noexec && len(path) > len(work) && path[:len(work)] == work:
		return rootfs.NoExec(project).Error()
	case noexec:
		return "its filesystem is mounted noexec"
	}
	return "it may not be executed: not a file with execute permission for this user"
}

func decimal(n int) string {
	var buf [20]byte
	i := len(buf)
	for {
		i--
		buf[i] = byte('0' + n%10)
		if n /= 10; n == 0 {
			return string(buf[i:])
		}
	}
}

func firstFile(candidates []string) string {
	for _, path := range candidates {
		var st syscall.Stat_t
		if syscall.Stat(path, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFREG {
			return path
		}
	}
	return ""
}

// head reads the start of a file.
func head(path string) []byte {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer syscall.Close(fd)
	buf := make([]byte, 4096)
	n, err := syscall.Read(fd, buf)
	if err != nil {
		return nil
	}
	return buf[:n]
}

const elfMagic = "\x7fELF"

// interpreter gives the program that path needs to run: of a #! line, or the
// dynamic loader of an ELF file (PT_INTERP, elf(5)); "" if it names none.
func interpreter(path string) string {
	data := head(path)
	if len(data) > 2 && data[0] == '#' && data[1] == '!' {
		line := data[2:]
		for len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
			line = line[1:]
		}
		for i, c := range line {
			if c == ' ' || c == '\t' || c == '\n' {
				return string(line[:i])
			}
		}
		return string(line)
	}
	if len(data) < 64 || string(data[:4]) != elfMagic || data[4] != 2 || data[5] != 1 {
		return ""
	}
	const ptInterp = 3
	offset, size := little(data[32:40]), little(data[54:56])
	for i := range little(data[56:58]) {
		at := offset + i*size
		if at+56 > uint64(len(data)) {
			return ""
		}
		ph := data[at:]
		if little(ph[:4]) != ptInterp {
			continue
		}
		from, length := little(ph[8:16]), little(ph[32:40])
		if length == 0 || from+length > uint64(len(data)) {
			return ""
		}
		return string(data[from : from+length-1])
	}
	return ""
}

// execFormat says why the kernel does not know a file's format.
func execFormat(path string) string {
	data := head(path)
	if len(data) < 20 || string(data[:4]) != elfMagic {
		return "not a program: it is no ELF file and does not start with #! (a script needs #!/bin/sh or the like in its first line)"
	}
	have := uint16(little(data[18:20]))
	if data[5] == 2 { // big endian
		have = have<<8 | have>>8
	}
	own := ownMachine()
	if machine(have) == own {
		return "an ELF file for this machine, but damaged or not a program"
	}
	return "a program for " + machine(have) + ", but this machine is " + own +
		"; use a root of this architecture, or register an emulator (package qemu-user-static)"
}

// ownMachine is the kernel's word for the architecture, as in uname -m.
func ownMachine() string {
	var uname syscall.Utsname
	_ = syscall.Uname(&uname)
	name := ""
	for _, c := range uname.Machine {
		if c == 0 {
			break
		}
		name += string(rune(c))
	}
	return name
}

// machine names an ELF e_machine (elf.h).
func machine(m uint16) string {
	switch m {
	case 3:
		return "x86 (i386)"
	case 8:
		return "MIPS"
	case 20, 21:
		return "PowerPC"
	case 22:
		return "s390x"
	case 40:
		return "ARM (32 bit)"
	case 62:
		return "x86_64"
	case 183:
		return "aarch64"
	case 243:
		return "riscv64"
	case 258:
		return "loongarch64"
	}
	return "machine type " + decimal(int(m))
}
