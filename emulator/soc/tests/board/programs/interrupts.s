# Takes interrupts of the core's first timer, at level 1, every 4096 cycles, and of its software, at level 3. Loaded to 0x40080400,
# where its vectors are as well. Reports from 0x3ffb8000 on: interrupts of level 1, of level 3, and from 0x3ffb8100 on CCOUNT as each
# handler of level 1 found it.
# llvm-mc-22 -triple=xtensa -mcpu=esp32 -filetype=obj, then the bytes of .text.
vectors:        .long 0x40080400
report:         .long 0x3ffb8000
enabled:        .long 0x20000040        # INTENABLE: timer 0 and software, internal interrupts 6 and 29
software:       .long 0x20000000

entry:          movi    a2, 0
                wsr     a2, intenable
                movi    a2, 0x20        # user mode, no interrupt level, no windows
                wsr     a2, ps
                rsync
                l32r    a2, vectors
                wsr     a2, vecbase
                l32r    a3, report
                movi    a4, 0
                s32i    a4, a3, 0
                s32i    a4, a3, 4
                rsr     a5, ccount
                addmi   a5, a5, 0x1000
                wsr     a5, ccompare0
                l32r    a7, software
                wsr     a7, intclear
                l32r    a6, enabled
                wsr     a6, intenable
                rsync
round:          movi    a8, 300
wait:           addi    a8, a8, -1
                bnez    a8, wait
                wsr     a7, intset
                rsync
                j       round

                .org    0x1c0           # level 3
                wsr     a7, intclear
                l32i    a9, a3, 4
                addi    a9, a9, 1
                s32i    a9, a3, 4
                rfi     3

                .org    0x340           # user exceptions, which interrupts of level 1 are
                rsr     a10, ccount
                l32i    a11, a3, 0
                addx4   a12, a11, a3
                s32i    a10, a12, 0x100
                addi    a11, a11, 1
                s32i    a11, a3, 0
                addmi   a10, a10, 0x1000
                wsr     a10, ccompare0
                esync
                rfe
