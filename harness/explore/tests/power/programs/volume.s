# Keeps a volume in raw flash, in a log of records of a mark and a number. It tells the last number after a reset; the letter w on the
# console has the next one written with its mark first, which is the fault, and the letter v with its mark last. Loaded to 0x40080400.
# llvm-mc-22 -triple=xtensa -mcpu=esp32 -filetype=obj, then the bytes of .text. Functions of the ROM are those of ESP-IDF's
# esp32.rom.ld, which are called by windows.
log:            .long 0xf000
mark:           .long 0xa5
read:           .long 0x40062ed8        # esp_rom_spiflash_read(address, to, length)
write:          .long 0x40062d50        # esp_rom_spiflash_write(address, from, length)
getc:           .long 0x400092d0        # uart_rx_one_char(to)
printf:         .long 0x40007d54        # ets_printf
key:            .long 0x50d83aa1        # unlocks a watchdog
rtc:            .long 0x3ff48000
timer:          .long 0x3ff5f000
volume:         .ascii "@volume %d\n\0"
saved:          .ascii "@saved %d\n\0\0"

# The stack: a word or two for flash at 0, a letter at 8, texts at 16 and 32, since the ROM reads them byte by byte.
entry:          entry   a1, 80
                l32r    a4, key         # the watchdogs of the ROM's start
                movi    a5, 0
                l32r    a3, rtc
                s32i    a4, a3, 0xa4    # RTC_CNTL_WDTWPROTECT
                s32i    a5, a3, 0x8c    # RTC_CNTL_WDTCONFIG0
                l32r    a3, timer
                s32i    a4, a3, 0x64    # TIMG0_T0_WDTWPROTECT
                s32i    a5, a3, 0x48    # TIMG0_T0_WDTCONFIG0
                l32r    a4, volume
                s32i    a4, a1, 16
                l32r    a4, volume+4
                s32i    a4, a1, 20
                l32r    a4, volume+8
                s32i    a4, a1, 24
                l32r    a4, saved
                s32i    a4, a1, 32
                l32r    a4, saved+4
                s32i    a4, a1, 36
                l32r    a4, saved+8
                s32i    a4, a1, 40
                l32r    a2, log
                movi    a3, 0
                l32r    a5, mark

scan:           mov     a10, a2
                mov     a11, a1
                movi    a12, 8
                l32r    a8, read
                callx8  a8
                l32i    a4, a1, 0
                bne     a4, a5, tell
                l32i    a3, a1, 4
                addi    a2, a2, 8
                j       scan
tell:           addi    a10, a1, 16
                mov     a11, a3
                l32r    a8, printf
                callx8  a8

wait:           addi    a10, a1, 8
                l32r    a8, getc
                callx8  a8
                bnez    a10, wait
                l8ui    a4, a1, 8
                movi    a6, 0           # the mark is first
                movi    a7, 119
                beq     a4, a7, store
                movi    a6, 4           # the mark is last
                movi    a7, 118
                bne     a4, a7, wait

store:          addi    a3, a3, 1
                movi    a7, 2
half:           mov     a4, a5
                beqz    a6, put
                mov     a4, a3
put:            s32i    a4, a1, 0
                add     a10, a2, a6
                mov     a11, a1
                movi    a12, 4
                l32r    a8, write
                callx8  a8
                movi    a4, 4
                xor     a6, a6, a4
                addi    a7, a7, -1
                bnez    a7, half
                addi    a2, a2, 8
                addi    a10, a1, 32
                mov     a11, a3
                l32r    a8, printf
                callx8  a8
                j       wait
