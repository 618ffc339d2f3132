# Counts a word of RAM up and toggles GPIO2, for ever. Loaded to 0x40080400.
# llvm-mc-22 -triple=xtensa -mcpu=esp32 -filetype=obj, then the bytes of .text.
counter:        .long 0x3ffb8000
gpio:           .long 0x3ff44000
pad:            .long 4
                .long 0

entry:          l32r    a2, counter
                l32r    a3, gpio
                l32r    a5, pad
                s32i    a5, a3, 0x24    # GPIO_ENABLE_W1TS
round:          l32i    a4, a2, 0
                addi    a4, a4, 1
                s32i    a4, a2, 0
                s32i    a5, a3, 8       # GPIO_OUT_W1TS
                s32i    a5, a3, 12      # GPIO_OUT_W1TC
                j       round
