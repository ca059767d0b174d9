package seccomp

import (
	"encoding/binary"
	"fmt"
	"testing"
)

// data is struct seccomp_data.
type data struct {
	number, arch uint32
	args         [6]uint64
}

// evaluate runs a program as the kernel does, with the instructions that ours and
// libseccomp's have.
func evaluate(t *testing.T, program string, d data) action {
	t.Helper()
	var words [16]uint32
	words[0], words[1] = d.number, d.arch
	for i, a := range d.args {
		words[4+2*i], words[5+2*i] = uint32(a), uint32(a>>32)
	}
	var acc uint32
	for pc := 0; pc < len(program)/8; pc++ {
		b := []byte(program[8*pc : 8*pc+8])
		i := insn{binary.LittleEndian.Uint16(b), b[2], b[3], binary.LittleEndian.Uint32(b[4:])}
		jump := func(yes bool) {
			if yes {
				pc += int(i.jt)
			} else {
				pc += int(i.jf)
			}
		}
		switch i.code {
		case opLoad:
			acc = words[i.k/4]
		case opAnd:
			acc &= i.k
		case opJump:
			pc += int(i.k)
		case opEq:
			jump(acc == i.k)
		case opGt:
			jump(acc > i.k)
		case opGe:
			jump(acc >= i.k)
		case 0x45: // BPF_JSET
			jump(acc&i.k != 0)
		case opRet:
			return action(i.k)
		default:
			t.Fatalf("instruction %d is %#v", pc, i)
		}
	}
	t.Fatalf("%d instructions, and no end", len(program)/8)
	return 0
}

func (a action) String() string {
	switch a & 0xffff0000 {
	case allow:
		return "allow"
	case errno:
		return fmt.Sprintf("errno %d", a&0xffff)
	case killThread, killProcess:
		return "kill"
	}
	return fmt.Sprintf("%#x", uint32(a))
}

// The values of struct seccomp_data's arch on amd64.
const (
	amd64 = 0xc000003e
	i386  = 0x40000003
)
