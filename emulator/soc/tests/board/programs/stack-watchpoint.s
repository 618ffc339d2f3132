# Watches the end of a stack on both cores as FreeRTOS does in the Arduino core, then stores down the stack past its end.
# Loaded to 0x40080400. Where the watchpoint is and what it watches are the last two literals, for a test to change.
# llvm-mc-22 -triple=xtensa -mcpu=esp32 -filetype=obj, then the bytes of .text.
vectors:        .long 0x40080400
stacks:         .long 0x3ffb8000
app_cpu:        .long 0x3ff0002c        # DPORT_APPCPU_CTRL_A, and B, C, D after it
boot_address:   .long 0x40080420
distance:       .long 0                 # of the watchpoint from the end of the stack
control:        .long 0x80000020        # DBREAKC1: stores to 32 bytes
                .long 0, 0

entry:          movi    a2, 0x20        # user mode, no interrupt level, no windows
                wsr     a2, ps
                rsync
                l32r    a2, vectors
                wsr     a2, vecbase
                rsr     a4, prid
                extui   a4, a4, 13, 1   # 0 on the PRO CPU, 1 on the APP CPU
                slli    a5, a4, 12
                l32r    a3, stacks
                add     a3, a3, a5
                bnez    a4, watch
                l32r    a6, app_cpu
                l32r    a7, boot_address
                movi    a8, 1
                movi    a9, 0
                s32i    a7, a6, 12
                s32i    a8, a6, 4
                s32i    a8, a6, 0
                s32i    a9, a6, 0
watch:          l32r    a6, distance
                add     a6, a3, a6
                wsr     a6, dbreaka1
                l32r    a6, control
                wsr     a6, dbreakc1
                movi    a8, 0
                addmi   a7, a3, 0x400
store:          addi    a7, a7, -4
                l32i    a9, a7, 0
                add     a9, a9, a8
                s32i    a9, a7, 0
                addi    a8, a8, 1
                bne     a7, a3, store
                movi    a11, 0
                movi    a12, 0
                j       report

                .org    0x280           # the debug vector
debug:          rsr     a11, debugcause
                rsr     a12, epc6
report:         addmi   a10, a3, 0x800
                s32i    a7, a10, 0
                s32i    a8, a10, 4
                s32i    a11, a10, 8
                s32i    a12, a10, 12
stop:           waiti   15
                j       stop
