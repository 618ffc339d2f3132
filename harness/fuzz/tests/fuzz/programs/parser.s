# A reader of messages that trusts its client, for the tutorial's firmware: it stands in place of espalier_app::client::Client::find_host,
# which a server does not need, at 0x400e219c, and espalier_app::text::lay_out jumps to it. A message is EN, a byte for a length, and a
# name of that length. Planted: the length is not held against the 16 bytes that the name has, behind which is the address of a function.
# EI is an instruction that is none, and EL an endless loop.
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
legal:          movi    a9, 78
                bne     a8, a9, other
                l8ui    a11, a3, 2
                addi    a9, a4, -3
                bge     a9, a11, whole
                mov     a11, a9
whole:          addi    a10, a3, 3
                call8   name
other:          s32i    a2, a1, 8       # the instruction in whose place the jump is
