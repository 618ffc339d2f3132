//! Controllers as slaves of others of the same chip, over wires of the board.

use crate::cases::Case;
use crate::pads::{run, wired};

pub const ALL: &[(&str, Case)] = &[
    ("one_spi_controller_is_the_slave_of_another", one_spi_controller_is_the_slave_of_another),
    ("a_spi_slave_moves_its_lists", a_spi_slave_moves_its_lists),
    ("one_i2c_controller_is_the_slave_of_another", one_i2c_controller_is_the_slave_of_another),
    ("an_i2c_slave_answers_a_master_in_software", an_i2c_slave_answers_a_master_in_software),
];

/// VSPI, set up by its registers.
const SLAVE: &str = include_str!("../scripts/spi_slave.py");
/// HSPI on its own pads, joined with those of VSPI.
const WIRES: &[(u8, u8)] = &[(14, 18), (13, 23), (12, 19), (15, 5)];
const MASTER: &str = "from machine import SPI\n\
    cs = Pin(15, Pin.OUT, value=1)\n\
    def master(mode, baud):\n \
      return SPI(1, baudrate=baud, polarity=mode >> 1, phase=mode & 1, sck=Pin(14), mosi=Pin(13), miso=Pin(12))\n\
    def exchange(spi, data):\n \
      got = bytearray(len(data))\n \
      cs(0)\n \
      spi.write_readinto(data, got)\n \
      cs(1)\n \
      return bytes(got)\n";

/// In each mode, at different rates and lengths.
fn one_spi_controller_is_the_slave_of_another(image: &[u8]) {
    let mut repl = wired(image, WIRES);
    run(&mut repl, SLAVE);
    run(&mut repl, MASTER);
    let script = "for mode in range(4):\n \
        slave(mode, False)\n \
        spi = master(mode, (100000, 1000000, 4000000, 10000000)[mode])\n \
        exchange(spi, b'x')\n \
        for n in (1, 7, 32, 64):\n  \
          mine, its = bytes((i * 37 + mode) & 255 for i in range(n)), bytes((255 - i * 11) & 255 for i in range(n))\n  \
          answer(its)\n  \
          before = received(n)\n  \
          got = exchange(spi, mine)\n  \
          if (before, got, received(n)) != (None, its, (mine, 8 * n)): print(mode, n, before, got, received(n))\n \
        spi.deinit()\n\
        print('done')\n";
    assert_eq!(run(&mut repl, script), "done\n");
}

fn a_spi_slave_moves_its_lists(image: &[u8]) {
    let mut repl = wired(image, WIRES);
    run(&mut repl, SLAVE);
    run(&mut repl, MASTER);
    let script = "for mode in range(4):\n \
        slave(mode, True)\n \
        spi = master(mode, 2000000)\n \
        exchange(spi, b'x')\n \
        mine, its = bytes((i * 37 + mode) & 255 for i in range(1000)), bytearray((255 - i * 11) & 255 for i in range(1000))\n \
        into = bytearray(1000)\n \
        lists = answer_by_dma(its, into)\n \
        got = exchange(spi, mine)\n \
        print(got == its, into == mine, m[VSPI + 0x38] >> 4 & 1, m[VSPI + 0x114] >> 5 & 1)\n \
        spi.deinit()\n";
    assert_eq!(run(&mut repl, script), "True True 1 1\n".repeat(4));
}

/// I2C1, set up by its registers, on the wires of I2C0.
const I2C_SLAVE: &str = include_str!("../scripts/i2c_slave.py");
const I2C_WIRES: &[(u8, u8)] = &[(22, 26), (21, 27)];
const TALK: &str = "slave(0x28)\n\
    print([hex(address) for address in i2c.scan()], received())\n\
    for n in (1, 8, 27):\n \
      data = bytes((i * 37 + n) & 255 for i in range(n))\n \
      i2c.writeto(0x28, data)\n \
      print(received() == data)\n \
      answer(data)\n \
      print(i2c.readfrom(0x28, n) == data, received())\n\
    answer(b'register')\n\
    print(i2c.readfrom_mem(0x28, 0x11, 8), received())\n\
    try: i2c.writeto(0x29, b'x')\n\
    except OSError as e: print(e)\n";
const TALKED: &str = "['0x28'] b''\n\
    True\nTrue b''\nTrue\nTrue b''\nTrue\nTrue b''\n\
    b'register' b'\\x11'\n\
    [Errno 19] ENODEV\n";

fn one_i2c_controller_is_the_slave_of_another(image: &[u8]) {
    let mut repl = wired(image, I2C_WIRES);
    run(&mut repl, I2C_SLAVE);
    for rate in [100_000, 400_000] {
        run(&mut repl, &format!("from machine import I2C\ni2c = I2C(0, scl=Pin(22), sda=Pin(21), freq={rate})\n"));
        assert_eq!(run(&mut repl, TALK), TALKED, "at {rate} Hz");
    }
}

fn an_i2c_slave_answers_a_master_in_software(image: &[u8]) {
    let mut repl = wired(image, I2C_WIRES);
    run(&mut repl, I2C_SLAVE);
    run(&mut repl, "from machine import SoftI2C\ni2c = SoftI2C(scl=Pin(22), sda=Pin(21), freq=100000)\n");
    assert_eq!(run(&mut repl, TALK), TALKED);
}
