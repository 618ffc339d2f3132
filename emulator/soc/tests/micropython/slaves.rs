//! Controllers as slaves of others of the same chip, over wires of the board, a UART that DMA serves, and the I2C of the
//! ULP coprocessor.

use std::path::Path;

use espalier_soc::{BoardDefinition, MachineConfig};

use crate::cases::Case;
use crate::pads::{run, wired};
use crate::repl::Repl;

pub const ALL: &[(&str, Case)] = &[
    ("one_spi_controller_is_the_slave_of_another", one_spi_controller_is_the_slave_of_another),
    ("a_spi_slave_moves_its_lists", a_spi_slave_moves_its_lists),
    ("one_i2c_controller_is_the_slave_of_another", one_i2c_controller_is_the_slave_of_another),
    ("an_i2c_slave_answers_a_master_in_software", an_i2c_slave_answers_a_master_in_software),
    ("a_uart_sends_and_receives_by_dma", a_uart_sends_and_receives_by_dma),
    ("the_ulp_reads_and_writes_a_clock_over_i2c", the_ulp_reads_and_writes_a_clock_over_i2c),
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

/// UHCI0 with UART1, whose output is wired to its input, by the registers that ESP-IDF's `uhci` driver writes: plain bytes that an idle
/// line ends, and frames between separators.
fn a_uart_sends_and_receives_by_dma(image: &[u8]) {
    let mut repl = wired(image, &[(25, 26)]);
    let script = "from machine import UART, mem32 as m\n\
        import time, uctypes\n\
        u = UART(1, 921600, tx=25, rx=26)\n\
        m[0x3FF5000C] = 0\n\
        U = 0x3FF54000\n\
        m[0x3FF000C0] |= 1 << 8\n\
        m[0x3FF000C4] &= ~(1 << 8)\n\
        lists = bytearray(36)\n\
        at = uctypes.addressof(lists)\n\
        def link(place, control, buffer, next):\n \
          for i, word in enumerate((control, uctypes.addressof(buffer), next)): m[at + 12 * place + 4 * i] = word\n\
        def exchange(conf, data):\n \
          first, second = bytearray(300), bytearray(3000)\n \
          n = len(data)\n \
          m[U] = 1 << 10 | 3\n \
          m[U] = 1 << 10 | conf\n \
          m[U + 0x10] = 0x1FFFF\n \
          link(0, 3 << 30 | n << 12 | n, data, 0)\n \
          link(1, 1 << 31 | 300, first, at + 24)\n \
          link(2, 1 << 31 | 3000, second, 0)\n \
          m[U + 0x28] = 1 << 29 | (at + 12) & 0xFFFFF\n \
          m[U + 0x24] = 1 << 29 | at & 0xFFFFF\n \
          t = time.ticks_us()\n \
          while not m[U + 4] & 1 << 5: pass\n \
          t = time.ticks_diff(time.ticks_us(), t)\n \
          length = [m[at + 12 * place] >> 12 & 0xFFF for place in (1, 2)]\n \
          got = bytes(first[:length[0]]) + bytes(second[:length[1]])\n \
          return got == bytes(data), length, m[U + 0x3C] - at, t\n\
        data = bytearray((i * 7) & 255 for i in range(2000))\n\
        print(*exchange(1 << 19, data))\n\
        print(*exchange(1 << 16, bytearray(data[:1000])))\n";
    let printed = run(&mut repl, script);
    let mut lines = printed.lines();
    let mut timed = |expected: &str, bytes: u64| {
        let (rest, time) = lines.next().and_then(|line| line.rsplit_once(' ')).expect("a line");
        assert_eq!(rest, expected);
        let (time, line): (u64, u64) = (time.parse().expect("a time"), bytes * 10 * 1_000_000 / 921_600);
        assert!((line * 99 / 100..line + 500).contains(&time), "{time} us for {line} us on the line");
    };
    timed("True [300, 1700] 24", 2000);
    // Bytes that look like a separator or an escape are two on the line.
    let escaped = (0..1000_u32).filter(|i| [0xC0, 0xDB].contains(&(i * 7 % 256))).count() as u64;
    timed("True [300, 700] 24", 1000 + escaped + 2);
}

/// The settings of the RTC's I2C controller as in the TRM's example and in ESP-IDF's header of instructions, `ulp.h`.
fn the_ulp_reads_and_writes_a_clock_over_i2c(image: &[u8]) {
    let parts = "[[part]]\nkind = \"ds3231\"\nname = \"clock\"\nscl = 4\nsda = 0\n";
    let board = BoardDefinition::from_toml(parts, Path::new("clock.toml")).expect("a board");
    let mut repl = Repl::booted_on(image, &MachineConfig { board, ..MachineConfig::default() });
    let script = "import esp32, struct, time\n\
        from machine import mem32 as m\n\
        def i2c(register, data, low, high, device, writes): return 3 << 28 | writes << 27 | device << 22 | high << 19 | low << 16 | data << 8 | register\n\
        def mov(r, v): return 7 << 28 | 1 << 25 | 4 << 21 | v << 4 | r\n\
        def st(r, a, offset): return 6 << 28 | 4 << 25 | offset << 10 | a << 2 | r\n\
        for pad in (0x3FF48494, 0x3FF48498): m[pad] |= 1 << 27 | 1 << 19 | 3 << 17 | 1 << 13\n\
        for register, value in ((0x00, 40), (0x38, 40), (0x30, 16), (0x40, 30), (0x44, 44), (0x0C, 200), (0x04, 1 << 4)): m[0x3FF48C00 + register] = value\n\
        m[0x3FF4883C] = 0x68 << 11 | 0x50\n\
        code = [mov(1, 100), i2c(7, 0x59, 0, 7, 0, 1), i2c(7, 0, 0, 7, 0, 0), st(0, 1, 0), i2c(7, 0, 4, 7, 0, 0), st(0, 1, 1), i2c(7, 0, 0, 7, 1, 0), st(0, 1, 2), 11 << 28]\n\
        for word in range(3): m[0x50000000 + 4 * (100 + word)] = 0\n\
        ulp = esp32.ULP()\n\
        ulp.load_binary(0, struct.pack('<IHHHH', 0x00706c75, 12, 4 * len(code), 0, 0) + struct.pack('<9I', *code))\n\
        ulp.set_wakeup_period(0, 20000)\n\
        ulp.run(0)\n\
        time.sleep_ms(100)\n\
        print([hex(m[0x50000000 + 4 * (100 + word)] & 0xffff) for word in range(3)])\n\
        from machine import SoftI2C, Pin\n\
        m[0x3FF48494] &= ~(1 << 19); m[0x3FF48498] &= ~(1 << 19)\n\
        print(SoftI2C(scl=Pin(4), sda=Pin(0)).readfrom_mem(0x68, 7, 1))\n";
    assert_eq!(run(&mut repl, script), "['0x59', '0x50', '0xff']\nb'Y'\n");
}
