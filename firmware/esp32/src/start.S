// Reset entry, vectors and what Rust cannot say: special registers.
//
// Xtensa Instruction Set Architecture reference manual, chapters 4.4 (exceptions), 4.4.4 (interrupts) and 4.7.1 (windowed
// registers); the offsets of the vectors are those of the ESP32's configuration.

// PS.WOE and PS.UM: windowed calls, exceptions go to the user vector; nothing is masked.
.set PS_RUNNING, 0x00040020

    .section .vectors, "ax"
    .balign 1024
    .global _vectors
_vectors:

window_overflow4:
    s32e    a0, a5, -16
    s32e    a1, a5, -12
    s32e    a2, a5, -8
    s32e    a3, a5, -4
    rfwo

    .org _vectors + 0x40
window_underflow4:
    l32e    a0, a5, -16
    l32e    a1, a5, -12
    l32e    a2, a5, -8
    l32e    a3, a5, -4
    rfwu

    .org _vectors + 0x80
window_overflow8:
    s32e    a0, a9, -16
    l32e    a0, a1, -12
    s32e    a1, a9, -12
    s32e    a2, a9, -8
    s32e    a3, a9, -4
    s32e    a4, a0, -32
    s32e    a5, a0, -28
    s32e    a6, a0, -24
    s32e    a7, a0, -20
    rfwo

    .org _vectors + 0xC0
window_underflow8:
    l32e    a0, a9, -16
    l32e    a1, a9, -12
    l32e    a2, a9, -8
    l32e    a7, a1, -12
    l32e    a3, a9, -4
    l32e    a4, a7, -32
    l32e    a5, a7, -28
    l32e    a6, a7, -24
    l32e    a7, a7, -20
    rfwu

    .org _vectors + 0x100
window_overflow12:
    s32e    a0, a13, -16
    l32e    a0, a1, -12
    s32e    a1, a13, -12
    s32e    a2, a13, -8
    s32e    a3, a13, -4
    s32e    a4, a0, -48
    s32e    a5, a0, -44
    s32e    a6, a0, -40
    s32e    a7, a0, -36
    s32e    a8, a0, -32
    s32e    a9, a0, -28
    s32e    a10, a0, -24
    s32e    a11, a0, -20
    rfwo

    .org _vectors + 0x140
window_underflow12:
    l32e    a0, a13, -16
    l32e    a1, a13, -12
    l32e    a2, a13, -8
    l32e    a11, a1, -12
    l32e    a3, a13, -4
    l32e    a4, a11, -48
    l32e    a5, a11, -44
    l32e    a6, a11, -40
    l32e    a7, a11, -36
    l32e    a8, a11, -32
    l32e    a9, a11, -28
    l32e    a10, a11, -24
    l32e    a11, a11, -20
    rfwu

// No interrupt of a higher level is ever enabled.
    .org _vectors + 0x180
    j       fatal
    .org _vectors + 0x1C0
    j       fatal
    .org _vectors + 0x200
    j       fatal
    .org _vectors + 0x240
    j       fatal
    .org _vectors + 0x280
    j       fatal
    .org _vectors + 0x2C0
    j       fatal

    .org _vectors + 0x300
kernel_exception:
    j       fatal

// Interrupts are only enabled to end WAITI, so all there is to do is to disable them: the program then looks for itself
// what has happened.
    .org _vectors + 0x340
user_exception:
    wsr.excsave1    a0
    rsr.exccause    a0
    addi    a0, a0, -4          // EXCCAUSE of a level-1 interrupt
    bnez    a0, fatal
    movi    a0, 0
    wsr.intenable   a0
    rsync
    rsr.excsave1    a0
    rfe

    .org _vectors + 0x3C0
double_exception:
    j       fatal

// Something that cannot go on: give Rust a fresh stack to report it on.
fatal:
    movi    a0, 0
    wsr.intenable   a0
    rsync
    j       report

    .section .start.literal, "a"
    .balign 4
.Lstack_top:
    .long   _stack_top
.Lvectors:
    .long   _vectors
.Lrunning:
    .long   PS_RUNNING
.Lbss_start:
    .long   _bss_start
.Lbss_end:
    .long   _bss_end
.Lmain:
    .long   rust_main
.Lexception:
    .long   rust_exception

    .section .start, "ax"
    .balign 4

// Makes registers AR0 to AR15 the window and forgets all frames above.
.macro fresh_window
    movi    a0, 0
    wsr.windowbase  a0
    rsync
    movi    a0, 1
    wsr.windowstart a0
    rsync
    l32r    a1, .Lstack_top
    l32r    a2, .Lrunning
    wsr.ps  a2
    rsync
.endm

    .global _start
_start:
    rsil    a0, 15
    movi    a0, 0
    wsr.intenable   a0
    rsync
    fresh_window
    l32r    a2, .Lvectors
    wsr.vecbase     a2
    rsync

    l32r    a2, .Lbss_start
    l32r    a3, .Lbss_end
    movi    a4, 0
    j       1f
0:  s32i    a4, a2, 0
    addi    a2, a2, 4
1:  bltu    a2, a3, 0b

    movi    a0, 0
    l32r    a4, .Lmain
    callx4  a4
    j       halt

report:
    fresh_window
    movi    a0, 0
    rsr.exccause    a6
    rsr.epc1        a7
    rsr.excvaddr    a8
    rsr.depc        a9
    l32r    a4, .Lexception
    callx4  a4
halt:
    waiti   15
    j       halt

// fn sleep_until_interrupt(mask: u32): waits until one of the CPU interrupts in the mask is pending, and returns at once if
// one already is. They are enabled with their level masked, and WAITI lifts the mask, so none can slip through in between.
    .balign 4
    .global sleep_until_interrupt
sleep_until_interrupt:
    entry   a1, 32
    rsil    a3, 1
    wsr.intenable   a2
    rsync
    waiti   0
    movi    a2, 0
    wsr.intenable   a2
    rsync
    retw

// fn halt_cpu() -> !
    .balign 4
    .global halt_cpu
halt_cpu:
    entry   a1, 32
    movi    a2, 0
    wsr.intenable   a2
    rsync
    j       halt
