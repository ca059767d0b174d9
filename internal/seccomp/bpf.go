package seccomp

import "encoding/binary"

// insn is struct sock_filter: one instruction of classic BPF (linux/filter.h).
type insn struct {
	code   uint16
	jt, jf uint8
	k      uint32
}

// The instructions that are used: BPF_LD|BPF_W|BPF_ABS and so on.
const (
	opLoad = 0x20 // the word at k of struct seccomp_data
	opAnd  = 0x54
	opJump = 0x05
	opEq   = 0x15
	opGt   = 0x25
	opGe   = 0x35
	opRet  = 0x06
)

// Places in struct seccomp_data (linux/seccomp.h).
const (
	dataNumber = 0
	dataArch   = 4
	dataArgs   = 16
)

// low and high give the places of the halves of argument i. All that Lanyard is
// built for is little-endian.
func low(i int) uint32  { return uint32(dataArgs + 8*i) }
func high(i int) uint32 { return low(i) + 4 }

// maxInsns is the kernel's limit on a program (BPF_MAXINSNS).
const maxInsns = 4096

func encode(program []insn) string {
	out := make([]byte, 0, 8*len(program))
	for _, i := range program {
		out = binary.LittleEndian.AppendUint16(out, i.code)
		out = append(out, i.jt, i.jf)
		out = binary.LittleEndian.AppendUint32(out, i.k)
	}
	return string(out)
}

// branch goes to yes or no, pieces of program which never run past their end;
// yes comes first.
func branch(code uint16, k uint32, yes, no []insn) []insn {
	var out []insn
	if len(yes) <= 255 {
		out = []insn{{code, 0, uint8(len(yes)), k}}
	} else { // conditional jumps have 8 bits
		out = []insn{{code, 1, 0, k}, {code: opJump, k: uint32(len(yes))}}
	}
	return append(append(out, yes...), no...)
}

// span is a range of numbers that starts at first and goes to the next one's.
type span struct {
	first uint32
	code  []insn
}

// search finds a number's span in as many comparisons as their count has bits:
// a list of comparisons would cost calls with a high number more than the call.
func search(spans []span) []insn {
	if len(spans) == 1 {
		return spans[0].code
	}
	middle := len(spans) / 2
	return branch(opGe, spans[middle].first, search(spans[middle:]), search(spans[:middle]))
}
