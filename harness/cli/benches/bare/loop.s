# Steps of a multiplication, an exclusive or and a sum, then a word to UART0.
key:
  .long 0x50D83AA1
rtc:
  .long 0x3FF48000
group:
  .long 0x3FF5F000
uart:
  .long 0x3FF40000
count:
  .long 10000000
  # The watchdogs that guard a start from flash are stopped.
  entry a1, 32
  l32r a5, key
  l32r a4, rtc
  movi a6, 0
  s32i a5, a4, 0xA4
  s32i a6, a4, 0x8C
  l32r a4, group
  s32i a5, a4, 0x64
  s32i a6, a4, 0x48
  l32r a4, uart
  l32r a3, count
  movi a7, 1664
  movi a8, 1013
  movi a2, 0
step:
  mull a2, a2, a7
  xor a2, a2, a3
  add a2, a2, a8
  addi a3, a3, -1
  bnez a3, step
  movi a5, 'd'
  s32i a5, a4, 0
  movi a5, 'o'
  s32i a5, a4, 0
  movi a5, 'n'
  s32i a5, a4, 0
  movi a5, 'e'
  s32i a5, a4, 0
end:
  j end
