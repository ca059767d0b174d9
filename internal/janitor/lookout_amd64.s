#include "textflag.h"

// The lookout: what a janitor is until its run is over, instead of this whole
// program. It is copied out of here into a file of its own (lookout_amd64.go), so it
// uses no other symbol and no data. Its stack is as the kernel made it: 1, argv[0],
// 0 and the 0 that ends the environment.
//
//	R15  that stack; below it 64 bytes for what a call needs
//	BX   how often it has tried

#define SYS_poll 7
#define SYS_rt_sigaction 13
#define SYS_nanosleep 35
#define SYS_prctl 157
#define SYS_exit_group 231
#define SYS_execveat 322

TEXT ·lookout(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ SP, R15
	SUBQ $128, SP
	XORL BX, BX
	// prctl(PR_SET_NAME, argv[0])
	MOVL $SYS_prctl, AX
	MOVL $15, DI
	MOVQ 8(R15), SI
	SYSCALL

wait: // poll({PipeFD, nothing but its end}, 1, for as long as it takes)
	MOVQ $3, -32(R15)
	MOVL $SYS_poll, AX
	LEAQ -32(R15), DI
	MOVL $1, SI
	MOVQ $-1, DX
	SYSCALL
	CMPQ AX, $1
	JNE wait

	// rt_sigaction(1 to 15, {SIG_IGN}, NULL, 8): what was sent meanwhile is pending,
	// and Go's runtime would let it end the janitor. That 9 can't be ignored is none.
	MOVQ $1, -64(R15)
	MOVQ $0, -56(R15)
	MOVQ $0, -48(R15)
	MOVQ $0, -40(R15)
	MOVL $15, R14
ignore:
	MOVL $SYS_rt_sigaction, AX
	MOVL R14, DI
	LEAQ -64(R15), SI
	XORL DX, DX
	MOVL $8, R10
	SYSCALL
	DECL R14
	JNE ignore

	// execveat(ProgramFD, "", argv, {}, AT_EMPTY_PATH)
	MOVL $SYS_execveat, AX
	MOVL $4, DI
	LEAQ 16(R15), SI
	LEAQ 8(R15), DX
	LEAQ 24(R15), R10
	MOVL $0x1000, R8
	SYSCALL
	// There may be no memory just now: nanosleep(50 ms), 100 times
	MOVQ $0, -32(R15)
	MOVQ $50000000, -24(R15)
	MOVL $SYS_nanosleep, AX
	LEAQ -32(R15), DI
	XORL SI, SI
	SYSCALL
	INCL BX
	CMPL BX, $100
	JLT wait
exit: // the next start removes what this run has left
	MOVL $SYS_exit_group, AX
	MOVL $1, DI
	SYSCALL
	JMP exit

	// the end
	BYTE $0x4c; BYTE $0x41; BYTE $0x4e; BYTE $0x59; BYTE $0x41; BYTE $0x52; BYTE $0x44; BYTE $0x2e

// func lookoutCode() *[4096]byte
TEXT ·lookoutCode(SB), NOSPLIT, $0-8
	LEAQ ·lookout(SB), AX
	MOVQ AX, ret+0(FP)
	RET
