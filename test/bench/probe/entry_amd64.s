#include "textflag.h"

// System calls of linux/amd64.
#define SYS_read 0
#define SYS_write 1
#define SYS_open 2
#define SYS_rt_sigprocmask 14
#define SYS_pause 34
#define SYS_exit_group 231
#define SYS_rt_sigtimedwait 128
#define SYS_clock_gettime 228

// The stack at entry is argc, argv[0], argv[1] ... (System V ABI, "Process
// Initialization"). Registers that last:
//	R12  the next operation
//	R13  the next PATH in argv
//	R14  fd
//	R15  bytes in the buffer
//	R8   scratch: 16 bytes, then the buffer of 64 KiB
TEXT ·entry(SB), NOSPLIT|NOFRAME, $0
	MOVQ	0(SP), AX
	MOVQ	16(SP), R12
	LEAQ	24(SP), R13
	MOVQ	$1, R14
	XORL	R15, R15
	SUBQ	$0x10100, SP
	ANDQ	$~15, SP
	MOVQ	SP, R8
	CMPQ	AX, $2
	JLT	done

next:
	MOVBLZX	(R12), AX
	INCQ	R12
	CMPB	AX, $0
	JEQ	done
	CMPB	AX, $'o'
	JEQ	open
	CMPB	AX, $'w'
	JEQ	write
	CMPB	AX, $'r'
	JEQ	read
	CMPB	AX, $'g'
	JEQ	gate
	CMPB	AX, $'c'
	JEQ	clock
	CMPB	AX, $'m'
	JEQ	block
	CMPB	AX, $'t'
	JEQ	wait
	CMPB	AX, $'b'
	JEQ	blocks
	CMPB	AX, $'s'
	JEQ	some
	CMPB	AX, $'p'
	JEQ	pause
	CMPB	AX, $'e'
	JEQ	three
	JMP	failed

open:
	MOVQ	(R13), DI
	ADDQ	$8, R13
	MOVQ	$2, SI // O_RDWR
	XORL	DX, DX
	MOVQ	$SYS_open, AX
	SYSCALL
	CMPQ	AX, $0
	JLT	failed
	MOVQ	AX, R14
	JMP	next

write:
	MOVB	$'x', 0(R8)
	MOVQ	R14, DI
	MOVQ	R8, SI
	MOVQ	$1, DX
	MOVQ	$SYS_write, AX
	SYSCALL
	CMPQ	AX, $0
	JLT	failed
	JMP	next

read:
	MOVQ	R14, DI
	LEAQ	16(R8), SI
	MOVQ	$0x10000, DX
	MOVQ	$SYS_read, AX
	SYSCALL
	CMPQ	AX, $0
	JLT	failed
	MOVQ	AX, R15
	JMP	next

gate:
	MOVQ	R14, DI
	MOVQ	R8, SI
	MOVQ	$1, DX
	MOVQ	$SYS_read, AX
	SYSCALL
	CMPQ	AX, $0
	JLT	failed
	JMP	next

clock:
	MOVQ	$1, DI // CLOCK_MONOTONIC
	MOVQ	R8, SI
	MOVQ	$SYS_clock_gettime, AX
	SYSCALL
	MOVQ	R14, DI
	MOVQ	R8, SI
	MOVQ	$16, DX
	MOVQ	$SYS_write, AX
	SYSCALL
	CMPQ	AX, $0
	JLT	failed
	JMP	next

block:
	MOVQ	$0x4000, 0(R8) // TERM is bit 14
	XORL	DI, DI // SIG_BLOCK
	MOVQ	R8, SI
	XORL	DX, DX
	MOVQ	$8, R10
	MOVQ	$SYS_rt_sigprocmask, AX
	SYSCALL
	CMPQ	AX, $0
	JLT	failed
	JMP	next

wait:
	MOVQ	$0x4000, 0(R8)
	MOVQ	R8, DI
	XORL	SI, SI
	XORL	DX, DX
	MOVQ	$8, R10
	MOVQ	$SYS_rt_sigtimedwait, AX
	SYSCALL
	CMPQ	AX, $0
	JLT	failed
	JMP	next

some:
	MOVQ	$16, BX
	JMP	again

blocks:
	MOVQ	$1024, BX

again:
	MOVQ	$1, DI
	LEAQ	16(R8), SI
	MOVQ	R15, DX
	MOVQ	$SYS_write, AX
	SYSCALL
	CMPQ	AX, R15
	JNE	failed
	DECQ	BX
	JNZ	again
	JMP	next

pause:
	MOVQ	$SYS_pause, AX
	SYSCALL
	JMP	pause

three:
	MOVQ	$3, DI
	JMP	exit

failed:
	MOVQ	$9, DI
	JMP	exit

done:
	XORL	DI, DI

exit:
	MOVQ	$SYS_exit_group, AX
	SYSCALL
	INT	$3
