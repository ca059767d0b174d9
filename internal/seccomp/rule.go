package seccomp

import "fmt"

// action is what a filter returns: SECCOMP_RET_… with its data.
type action uint32

const (
	killProcess action = 0x80000000
	killThread  action = 0x00000000
	trap        action = 0x00030000
	errno       action = 0x00050000 // and the error's number
	trace       action = 0x7ff00000
	logged      action = 0x7ffc0000
	allow       action = 0x7fff0000
)

func (a action) code() []insn { return []insn{{code: opRet, k: uint32(a)}} }

// op compares an argument with a value.
type op uint8

const (
	equal op = iota
	notEqual
	less
	lessEqual
	greater
	greaterEqual
	masked // argument & value == other
)

// cond is a condition on argument arg, 0 to 5.
type cond struct {
	arg          int
	op           op
	value, other uint64
}

// rule is an action for a call whose arguments meet all conditions.
type rule struct {
	conds []cond
	then  action
}

// rulesCode tries rules in order; then is for what meets none.
func rulesCode(rules []rule, then action, narrow bool) []insn {
	code := then.code()
	for i := len(rules) - 1; i >= 0; i-- {
		own := rules[i].then.code()
		for j := len(rules[i].conds) - 1; j >= 0; j-- {
			own = append(rules[i].conds[j].code(len(own), narrow), own...)
		}
		code = append(own, code...)
	}
	return code
}

// code goes on behind itself if the condition is met, else over the rest of the
// rule, which is that many instructions long. Programs for 32 bits have
// arguments of 32 bits; what the upper halves hold then says nothing.
func (c cond) code(rest int, narrow bool) []insn {
	low, high := insn{code: opLoad, k: low(c.arg)}, insn{code: opLoad, k: high(c.arg)}
	lo, hi := uint32(c.value), uint32(c.value>>32)
	no := uint8(rest) // from the last instruction
	switch c.op {
	case masked:
		code := []insn{low, {code: opAnd, k: lo}, {opEq, 0, no, uint32(c.other)}}
		if narrow || hi == 0 && c.other>>32 == 0 {
			return code
		}
		return append([]insn{high, {code: opAnd, k: hi}, {opEq, 0, no + 3, uint32(c.other >> 32)}}, code...)
	case equal:
		if narrow {
			return []insn{low, {opEq, 0, no, lo}}
		}
		return []insn{high, {opEq, 0, no + 2, hi}, low, {opEq, 0, no, lo}}
	case notEqual:
		if narrow {
			return []insn{low, {opEq, no, 0, lo}}
		}
		return []insn{high, {opEq, 0, 2, hi}, low, {opEq, no, 0, lo}}
	case greater, greaterEqual:
		code := uint16(opGt)
		if c.op == greaterEqual {
			code = opGe
		}
		if narrow {
			return []insn{low, {code, 0, no, lo}}
		}
		return []insn{high, {opGt, 3, 0, hi}, {opEq, 0, no + 2, hi}, low, {code, 0, no, lo}}
	case less, lessEqual:
		code := uint16(opGe)
		if c.op == lessEqual {
			code = opGt
		}
		if narrow {
			return []insn{low, {code, no, 0, lo}}
		}
		return []insn{high, {opGt, no + 3, 0, hi}, {opEq, 0, 2, hi}, low, {code, no, 0, lo}}
	}
	panic(fmt.Sprintf("no code for comparison %d", c.op))
}
