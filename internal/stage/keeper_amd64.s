#include "textflag.h"

// The keeper: PID 1 of a container that has been running for a moment, instead of
// this whole program. It is copied out of here into a file of its own (keeper_amd64.go),
// so it uses no other symbol and no data; its address is known, 0x400000 and the
// headers of that file. It speaks the protocol of protocol.go and ends as reap.go
// does. Every signal but SIGCHLD is ignored, as the stage left it, and that one is
// blocked but while it waits.
//
//	R12  the command's pid
//	R13  flags: 1 tell of stops, 2 wait for siblings at the end
//	R15  scratch: 0 siginfo_t, 128 pollfd, 136 sigset, 144 a frame, 176 whatever
//	     else a call needs, 208 a timespec of 0, 256 what was received
//	BX   how many bytes were received

#define origin 0x4000b0

#define SYS_read 0
#define SYS_open 2
#define SYS_close 3
#define SYS_rt_sigaction 13
#define SYS_rt_sigprocmask 14
#define SYS_rt_sigreturn 15
#define SYS_ioctl 16
#define SYS_nanosleep 35
#define SYS_sendto 44
#define SYS_wait4 61
#define SYS_kill 62
#define SYS_prctl 157
#define SYS_exit_group 231
#define SYS_waitid 247
#define SYS_ppoll 271

TEXT ·keeper(SB), NOSPLIT|NOFRAME, $0-0
	RET // the handler of SIGCHLD: that the wait ends is all it is for
	MOVL $SYS_rt_sigreturn, AX // its restorer
	SYSCALL

	MOVL $0x7a11ed01, R12 // the program begins here; the two numbers are filled in
	MOVL $0x7a11ed02, R13
	LEAQ -2048(SP), R15
	ANDQ $~63, R15
	MOVQ R15, SP
	XORL BX, BX

	// prctl(PR_SET_DUMPABLE, 0), which the execution has undone
	MOVL $SYS_prctl, AX
	MOVL $4, DI
	XORL SI, SI
	SYSCALL
	// prctl(PR_SET_PDEATHSIG, SIGKILL), which one with a change of ids clears
	MOVL $SYS_prctl, AX
	MOVL $1, DI
	MOVL $9, SI
	SYSCALL
	// prctl(PR_SET_NAME, "lanyard-init")
	MOVQ $0x2d647261796e616c, AX
	MOVQ AX, 176(R15)
	MOVQ $0x74696e69, AX
	MOVQ AX, 184(R15)
	MOVL $SYS_prctl, AX
	MOVL $15, DI
	LEAQ 176(R15), SI
	SYSCALL
	// rt_sigaction(SIGCHLD, {handler, SA_RESTORER, restorer, none}, NULL, 8)
	MOVQ $origin, AX
	MOVQ AX, 176(R15)
	MOVQ $0x04000000, AX
	MOVQ AX, 184(R15)
	MOVQ $(origin+1), AX
	MOVQ AX, 192(R15)
	MOVQ $0, 200(R15)
	MOVL $SYS_rt_sigaction, AX
	MOVL $17, DI
	LEAQ 176(R15), SI
	XORL DX, DX
	MOVL $8, R10
	SYSCALL
	// rt_sigprocmask(SIG_SETMASK, {SIGCHLD}, NULL, 8): what is ignored need not queue
	MOVQ $0x10000, AX
	MOVQ AX, 136(R15)
	MOVL $SYS_rt_sigprocmask, AX
	MOVL $2, DI
	LEAQ 136(R15), SI
	XORL DX, DX
	MOVL $8, R10
	SYSCALL
	MOVQ $0, 208(R15)
	MOVQ $0, 216(R15)

reap:
	// waitid(P_ALL, 0, info, WNOHANG|WSTOPPED|WEXITED|WNOWAIT, NULL)
	MOVL $0, 16(R15)
	MOVL $SYS_waitid, AX
	XORL DI, DI
	XORL SI, SI
	MOVQ R15, DX
	MOVL $0x01000007, R10
	XORL R8, R8
	SYSCALL
	TESTQ AX, AX
	JNE exit // the command is always there to be waited for
	MOVL 16(R15), DI // si_pid
	TESTL DI, DI
	JEQ wait
	CMPL DI, R12
	JEQ command
	// wait4(an orphan, NULL, WNOHANG|WUNTRACED, NULL)
	MOVL $SYS_wait4, AX
	XORL SI, SI
	MOVL $3, DX
	XORL R10, R10
	SYSCALL
	LEAQ 208(R15), DX // no time at all: however many orphans end, the supervisor is heard
	JMP listen

command: // it has stopped or ended: DX becomes the status of wait(2)
	MOVL 24(R15), DX // si_status
	MOVL 8(R15), AX // si_code
	CMPL AX, $4 // CLD_TRAPPED
	JEQ stopped
	CMPL AX, $5 // CLD_STOPPED
	JEQ stopped
	MOVB $0x78, 144(R15) // 'x'
	CMPL AX, $3 // CLD_DUMPED
	JEQ dumped
	CMPL AX, $1 // CLD_EXITED
	JNE ended
	ANDL $0xff, DX
	SHLL $8, DX
	JMP ended
dumped:
	ORL $0x80, DX
ended: // the command stays a zombie, and its pid its own, until we end
tell: // the frame of the type that is at 144, with the status in DX
	MOVL DX, 149(R15)
	MOVL $4, 145(R15)
	MOVL $SYS_sendto, AX
	MOVL $3, DI
	LEAQ 144(R15), SI
	MOVL $9, DX
	MOVL $0x4000, R10 // MSG_NOSIGNAL
	XORL R8, R8
	XORL R9, R9
	SYSCALL
	TESTQ AX, AX
	JLT exit // the supervisor is gone, and so are we
	CMPB 144(R15), $0x74
	JEQ reap
	TESTL $2, R13
	JEQ exit
	// nanosleep(3 ms), see lastBreath
	MOVQ $0, 176(R15)
	MOVQ $3000000, 184(R15)
	MOVL $SYS_nanosleep, AX
	LEAQ 176(R15), DI
	XORL SI, SI
	SYSCALL
exit:
	MOVL $SYS_exit_group, AX
	XORL DI, DI
	SYSCALL
	JMP exit

stopped: // waitid(P_PID, the command, info, WNOHANG|WSTOPPED, NULL): it may have ended meanwhile
	MOVL $0, 16(R15)
	MOVL $SYS_waitid, AX
	MOVL $1, DI
	MOVL R12, SI
	MOVQ R15, DX
	MOVL $3, R10
	XORL R8, R8
	SYSCALL
	TESTQ AX, AX
	JNE reap // ECHILD: it has
	MOVL 16(R15), AX
	TESTL AX, AX
	JEQ reap
	TESTL $1, R13
	JEQ reap
	MOVL 24(R15), DX
	MOVB $0x74, 144(R15) // 't'
	SHLL $8, DX
	ORL $0x7f, DX
	JMP tell

wait:
	XORL DX, DX // for as long as it takes
listen: // ppoll({3, POLLIN}, 1, DX, nothing blocked, 8)
	MOVL $3, 128(R15)
	MOVL $1, 132(R15)
	MOVQ $0, 136(R15)
	MOVL $SYS_ppoll, AX
	LEAQ 128(R15), DI
	MOVL $1, SI
	LEAQ 136(R15), R10
	MOVL $8, R8
	SYSCALL
	CMPQ AX, $1
	JNE reap // SIGCHLD, or no time
	MOVL $SYS_read, AX
	MOVL $3, DI
	LEAQ 256(R15)(BX*1), SI
	MOVL $256, DX
	SUBL BX, DX
	SYSCALL
	TESTQ AX, AX
	JLE exit
	ADDL AX, BX

frames:
	CMPL BX, $5
	JLT reap
	MOVL 257(R15), AX // the payload's length
	CMPL AX, $2
	JHI exit // ours has sent none of this size
	LEAL 5(AX), R14
	CMPL BX, R14
	JLT reap
	MOVBLZX 256(R15), CX
	CMPL CX, $0x46 // 'F'
	JEQ foreground
	CMPL CX, $0x4b // 'K'
	JNE next
	CMPL AX, $2
	JNE next
	MOVBLZX 261(R15), SI
	MOVL R12, DI
	MOVBLZX 262(R15), AX
	TESTL AX, AX
	JEQ signal
	NEGL DI // the process group
signal:
	MOVL $SYS_kill, AX
	SYSCALL
	CMPL SI, $15 // see Continues
	JEQ continue
	CMPL SI, $1
	JNE next
continue:
	MOVL $SYS_kill, AX
	MOVL $18, SI
	SYSCALL
	JMP next

foreground: // ioctl("/dev/tty", TIOCSPGRP, &pid)
	MOVQ $0x7974742f7665642f, AX
	MOVQ AX, 176(R15)
	MOVQ $0, 184(R15)
	MOVL $SYS_open, AX
	LEAQ 176(R15), DI
	MOVL $0x80802, SI // O_RDWR|O_NONBLOCK|O_CLOEXEC
	XORL DX, DX
	SYSCALL
	TESTQ AX, AX
	JLT next
	MOVL AX, R8
	MOVL R12, 192(R15)
	MOVL $SYS_ioctl, AX
	MOVL R8, DI
	MOVL $0x5410, SI
	LEAQ 192(R15), DX
	SYSCALL
	MOVL $SYS_close, AX
	MOVL R8, DI
	SYSCALL

next: // moves what is left to the front
	SUBL R14, BX
	LEAQ 256(R15), DI
	LEAQ 256(R15)(R14*1), SI
	MOVL BX, CX
	CLD
	REP
	MOVSB
	JMP frames

	// the end
	BYTE $0x4c; BYTE $0x41; BYTE $0x4e; BYTE $0x59; BYTE $0x41; BYTE $0x52; BYTE $0x44; BYTE $0x2e

// func keeperCode() *[4096]byte
TEXT ·keeperCode(SB), NOSPLIT, $0-8
	LEAQ ·keeper(SB), AX
	MOVQ AX, ret+0(FP)
	RET
