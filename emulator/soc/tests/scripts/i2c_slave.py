# I2C1 as a slave, by the registers that ESP-IDF's i2c driver writes (components/hal/esp32/include/hal/i2c_ll.h).
from machine import mem32 as m, Pin

I2C1 = 0x3FF67000
FIFO = 0x6002701C


def slave(address, scl=26, sda=27):
    m[0x3FF000C0] |= 1 << 18
    m[0x3FF000C4] |= 1 << 18
    m[0x3FF000C4] &= ~(1 << 18)
    for pin, signal in ((scl, 95), (sda, 96)):
        Pin(pin, Pin.OPEN_DRAIN, Pin.PULL_UP, value=1)
        m[0x3FF44530 + 4 * pin] = signal
        m[0x3FF44130 + 4 * signal] = pin | 1 << 7
    m[I2C1 + 0x04] = 3
    m[I2C1 + 0x18] = 28 | 5 << 5 | 1 << 12 | 1 << 13
    m[I2C1 + 0x18] = 28 | 5 << 5
    m[I2C1 + 0x10] = address
    m[I2C1 + 0x0C] = 32000
    m[I2C1 + 0x30] = m[I2C1 + 0x34] = 10
    m[I2C1 + 0x24] = 0x1FFF


def answer(data):
    for byte in data:
        m[FIFO] = byte


def received():
    # The bytes up to the STOP; None if there was none.
    if not m[I2C1 + 0x20] & 1 << 7:
        return None
    data = bytes(m[I2C1 + 0x1C] & 0xFF for i in range(m[I2C1 + 0x08] >> 8 & 0x3F))
    m[I2C1 + 0x24] = 0x1FFF
    return data
