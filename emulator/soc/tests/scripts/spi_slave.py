# VSPI as a slave, by the registers that ESP-IDF's spi_slave driver writes (components/hal/esp32/include/hal/spi_ll.h).
from machine import mem32 as m, Pin
import uctypes

VSPI = 0x3FF65000
EDGES = ((1, 0), (1, 1), (0, 1), (0, 0))
DMA_EDGES = ((0, 1), (1, 1), (1, 0), (0, 0))


def slave(mode, dma, sck=18, mosi=23, miso=19, cs=5):
    m[0x3FF000C0] |= 1 << 16
    m[0x3FF000C4] |= 1 << 16
    m[0x3FF000C4] &= ~(1 << 16)
    for pin, signal in ((sck, 63), (mosi, 65), (cs, 68)):
        Pin(pin, Pin.IN)
        m[0x3FF44130 + 4 * signal] = pin | 1 << 7
    Pin(miso, Pin.OUT)
    m[0x3FF44530 + 4 * miso] = 64
    idle, edge = (DMA_EDGES if dma else EDGES)[mode]
    m[VSPI + 0x18] = m[VSPI + 0x08] = 0
    m[VSPI + 0x1C] = 1 << 28 | 1 << 27 | edge << 6 | 1
    m[VSPI + 0x34] = idle << 29
    m[VSPI + 0x38] = 1 << 31 | 1 << 30 | 1 << 29
    m[VSPI + 0x38] = 1 << 30 | 1 << 29 | 1 << 9


def start(length):
    m[VSPI + 0x48] = m[VSPI + 0x4C] = 8 * length - 1
    m[VSPI + 0x38] &= ~0x1F
    m[VSPI] = 1 << 18


def answer(data):
    # By the buffer.
    for i in range(0, len(data), 4):
        m[VSPI + 0x80 + i] = int.from_bytes(data[i : i + 4], "little")
    start(len(data))


def answer_by_dma(data, into):
    # By lists of one buffer each; what is returned has to live as long as the transfer.
    out = bytearray(24)
    at = uctypes.addressof(out)
    n = len(data)
    for word, value in enumerate((3 << 30 | n << 12 | n, uctypes.addressof(data), 0, 1 << 31 | n, uctypes.addressof(into), 0)):
        m[at + 4 * word] = value
    m[VSPI + 0x100] |= 0x3C
    m[VSPI + 0x100] &= ~0x3C
    m[VSPI + 0x108] = 1 << 29 | (at + 12) & 0xFFFFF
    m[VSPI + 0x104] = 1 << 29 | at & 0xFFFFF
    start(n)
    return out


def received(length):
    # Received bytes, and the number of bits; None while the transfer is not over.
    if not m[VSPI + 0x38] & 1 << 4:
        return None
    words = b"".join(m[VSPI + 0x80 + i].to_bytes(4, "little") for i in range(0, length, 4))
    return words[:length], m[VSPI + 0x64] + 1
