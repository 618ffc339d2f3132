# A reader of messages that trusts its client, for the tutorial's firmware: it stands in place of espalier_app::client::Client::find_host,
# which a server does not need, at 0x400e219c, and espalier_app::text::lay_out jumps to it. A message is EN, a byte for a length, and a
# name of that length. Planted: the length is not held against the 16 bytes that the name has, behind which is the address of a function.
# EI is an instruction that is none, EL an endless loop, and EW one that a watchdog ends. EH puts its name into a block of a heap, which has
# the marks of ESP-IDF's multi_heap_poisoning.c at both ends; it trusts the length, too, and says what that file says when a block is freed.
# llvm-mc-22 -triple=xtensa -mcpu=esp32 -filetype=obj, then the bytes of .text. A jump to where lay_out goes on is added behind it.
answer:         .long   0x400e21cc      # hello

name:           entry   a1, 64          # a2 = bytes, a3 = their number
                l32r    a4, answer
                s32i    a4, a1, 16
                mov     a5, a1
copy:           beqz    a3, done
                l8ui    a6, a2, 0
                s8i     a6, a5, 0
                addi    a2, a2, 1
                addi    a5, a5, 1
                addi    a3, a3, -1
                j       copy
done:           l32i    a4, a1, 16
                callx8  a4
                retw
                .balign 4
hello:          entry   a1, 32
                retw
                .balign 4

text:           .ascii  "CORRUPT HEAP: Bad tail at 0x%08x. Expected 0x%08x got 0x%08x\n\0"
                .balign 4
texts:          .long   0x400e21d4      # text
before:         .long   0xabba1234      # HEAD_CANARY_PATTERN
behind:         .long   0xbaad5678      # TAIL_CANARY_PATTERN
printf:         .long   0x40007d54      # ets_printf, of the ROM
timer:          .long   0x3ff5f000      # TIMG0
key:            .long   0x50d83aa1      # TIMG_WDT_WKEY
half_ms:        .long   40000 << 16     # TIMG_WDT_CLK_PRESCALE of the APB's 80 MHz
resets:         .long   0xe01f8000      # TIMG_WDT_EN, its first stage resets the system

heap:           entry   a1, 144         # a2 = bytes, a3 = their number
                l32r    a4, texts       # to where it can be read byte by byte
                mov     a5, a1
                movi    a6, 16
words:          l32i    a7, a4, 0
                s32i    a7, a5, 0
                addi    a4, a4, 4
                addi    a5, a5, 4
                addi    a6, a6, -1
                bnez    a6, words
                l32r    a6, before      # a block of 16 bytes
                s32i    a6, a1, 64
                movi    a6, 16
                s32i    a6, a1, 68
                l32r    a8, behind
                s32i    a8, a1, 88
                addi    a5, a1, 72
fill:           beqz    a3, free
                l8ui    a6, a2, 0
                s8i     a6, a5, 0
                addi    a2, a2, 1
                addi    a5, a5, 1
                addi    a3, a3, -1
                j       fill
free:           l32i    a13, a1, 88
                beq     a13, a8, freed
                mov     a10, a1
                addi    a11, a1, 88
                mov     a12, a8
                l32r    a8, printf
                callx8  a8
                ill                     # abort()
freed:          retw
                .balign 4

watched:        entry   a1, 32
                l32r    a2, timer
                l32r    a3, key
                s32i    a3, a2, 0x64    # TIMG_WDTWPROTECT
                l32r    a3, half_ms
                s32i    a3, a2, 0x4c    # TIMG_WDTCONFIG1
                movi    a3, 100
                s32i    a3, a2, 0x50    # TIMG_WDTCONFIG2: 50 ms
                l32r    a3, resets
                s32i    a3, a2, 0x48    # TIMG_WDTCONFIG0
                s32i    a3, a2, 0x60    # TIMG_WDTFEED
hang:           j       hang
                .balign 4

parser:         movi    a8, 3           # a3 = text, a4 = its length
                blt     a4, a8, other
                l8ui    a8, a3, 0
                movi    a9, 69
                bne     a8, a9, other
                l8ui    a8, a3, 1
                movi    a9, 76
loop:           beq     a8, a9, loop
                movi    a9, 73
                bne     a8, a9, legal
                ill
legal:          movi    a9, 87
                bne     a8, a9, calm
                call8   watched
calm:           movi    a9, 72
                beq     a8, a9, named
                movi    a9, 78
                bne     a8, a9, other
named:          l8ui    a11, a3, 2
                addi    a9, a4, -3
                bge     a9, a11, whole
                mov     a11, a9
whole:          addi    a10, a3, 3
                movi    a9, 72
                beq     a8, a9, block
                call8   name
                j       other
block:          call8   heap
other:          s32i    a2, a1, 8       # the instruction in whose place the jump is
