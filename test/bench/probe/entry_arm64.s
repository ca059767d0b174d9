#include "textflag.h"

// System calls of linux/arm64.
#define SYS_openat 56
#define SYS_read 63
#define SYS_write 64
#define SYS_ppoll 73
#define SYS_exit_group 94
#define SYS_clock_gettime 113
#define SYS_rt_sigprocmask 135
#define SYS_rt_sigtimedwait 137

// As in entry_amd64.s. Registers that last:
//	R19  the next operation
//	R20  the next PATH in argv
//	R21  fd
//	R22  bytes in the buffer
//	R23  scratch: 16 bytes, then the buffer of 64 KiB
TEXT ·entry(SB), NOSPLIT|NOFRAME, $0
	MOVD	RSP, R9
	MOVD	0(R9), R10
	MOVD	16(R9), R19
	ADD	$24, R9, R20
	MOVD	$1, R21
	MOVD	ZR, R22
	SUB	$0x10100, R9, R23
	AND	$~15, R23, R23
	MOVD	R23, RSP
	CMP	$2, R10
	BLT	done

next:
	MOVBU	(R19), R9
	ADD	$1, R19
	CBZ	R9, done
	CMP	$'o', R9
	BEQ	open
	CMP	$'w', R9
	BEQ	write
	CMP	$'r', R9
	BEQ	read
	CMP	$'g', R9
	BEQ	gate
	CMP	$'c', R9
	BEQ	clock
	CMP	$'m', R9
	BEQ	block
	CMP	$'t', R9
	BEQ	wait
	CMP	$'b', R9
	BEQ	blocks
	CMP	$'s', R9
	BEQ	some
	CMP	$'p', R9
	BEQ	pause
	CMP	$'e', R9
	BEQ	three
	B	failed

open:
	MOVD	$-100, R0 // AT_FDCWD
	MOVD	(R20), R1
	ADD	$8, R20
	MOVD	$2, R2 // O_RDWR
	MOVD	ZR, R3
	MOVD	$SYS_openat, R8
	SVC
	CMP	$0, R0
	BLT	failed
	MOVD	R0, R21
	B	next

write:
	MOVD	$'x', R9
	MOVB	R9, (R23)
	MOVD	R21, R0
	MOVD	R23, R1
	MOVD	$1, R2
	MOVD	$SYS_write, R8
	SVC
	CMP	$0, R0
	BLT	failed
	B	next

read:
	MOVD	R21, R0
	ADD	$16, R23, R1
	MOVD	$0x10000, R2
	MOVD	$SYS_read, R8
	SVC
	CMP	$0, R0
	BLT	failed
	MOVD	R0, R22
	B	next

gate:
	MOVD	R21, R0
	MOVD	R23, R1
	MOVD	$1, R2
	MOVD	$SYS_read, R8
	SVC
	CMP	$0, R0
	BLT	failed
	B	next

clock:
	MOVD	$1, R0 // CLOCK_MONOTONIC
	MOVD	R23, R1
	MOVD	$SYS_clock_gettime, R8
	SVC
	MOVD	R21, R0
	MOVD	R23, R1
	MOVD	$16, R2
	MOVD	$SYS_write, R8
	SVC
	CMP	$0, R0
	BLT	failed
	B	next

block:
	MOVD	$0x4000, R9 // TERM is bit 14
	MOVD	R9, (R23)
	MOVD	ZR, R0 // SIG_BLOCK
	MOVD	R23, R1
	MOVD	ZR, R2
	MOVD	$8, R3
	MOVD	$SYS_rt_sigprocmask, R8
	SVC
	CMP	$0, R0
	BLT	failed
	B	next

wait:
	MOVD	$0x4000, R9
	MOVD	R9, (R23)
	MOVD	R23, R0
	MOVD	ZR, R1
	MOVD	ZR, R2
	MOVD	$8, R3
	MOVD	$SYS_rt_sigtimedwait, R8
	SVC
	CMP	$0, R0
	BLT	failed
	B	next

some:
	MOVD	$16, R24
	B	again

blocks:
	MOVD	$1024, R24

again:
	MOVD	$1, R0
	ADD	$16, R23, R1
	MOVD	R22, R2
	MOVD	$SYS_write, R8
	SVC
	CMP	R22, R0
	BNE	failed
	SUB	$1, R24
	CBNZ	R24, again
	B	next

pause: // arm64 has no pause(2): ppoll of nothing, without end
	MOVD	ZR, R0
	MOVD	ZR, R1
	MOVD	ZR, R2
	MOVD	ZR, R3
	MOVD	ZR, R4
	MOVD	$SYS_ppoll, R8
	SVC
	B	pause

three:
	MOVD	$3, R0
	B	exit

failed:
	MOVD	$9, R0
	B	exit

done:
	MOVD	ZR, R0

exit:
	MOVD	$SYS_exit_group, R8
	SVC
	BRK
