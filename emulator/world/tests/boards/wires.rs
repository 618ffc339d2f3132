//! Wires between boards, as scripts on both see them.

use espalier_core::{Signal, Span};
use espalier_world::World;

use crate::cases::{Case, goes_on_out_of_a_file};
use crate::repl::Boards;

pub const ALL: &[(&str, Case)] = &[
    ("uarts_of_two_boards_exchange_bytes_at_any_rate", uarts_exchange_bytes),
    ("flow_control_goes_from_board_to_board", flow_control_goes_from_board_to_board),
    ("a_pin_drives_an_input_and_interrupts_of_another_board", a_pin_drives_an_input_and_interrupts),
    ("waves_of_one_board_are_measured_and_counted_by_another", waves_are_measured_and_counted),
    ("a_line_is_shared_by_open_drains_of_three_boards", a_line_is_shared_by_open_drains),
    ("a_spi_slave_of_another_board_answers", a_spi_slave_of_another_board_answers),
    ("an_i2c_slave_of_another_board_answers", an_i2c_slave_of_another_board_answers),
    ("boards_share_a_can_bus", boards_share_a_can_bus),
    ("a_world_with_wires_has_one_trace", a_world_with_wires_has_one_trace),
];

/// Two boards with these wires between them, from a pad of the first to one of the second.
fn wired(image: &[u8], wires: &[(usize, usize)]) -> Boards {
    let mut boards = Boards::two(image);
    let (one, other) = (boards.id(0), boards.id(1));
    for (from, to) in wires {
        boards.world.wire((one, *from), (other, *to)).expect("a wire");
    }
    boards
}

const CROSSED: [(usize, usize); 2] = [(17, 16), (16, 17)];
const DATA: &str = "from machine import UART, Pin\n\
    import time\n\
    data = bytes((i * 7 + (i >> 8)) & 255 for i in range(3000))\n\
    def read(u, length):\n \
      got, t = b'', time.ticks_ms()\n \
      while len(got) < length and time.ticks_diff(time.ticks_ms(), t) < 5000: got += u.read() or b''\n \
      return got\n";

/// Both ways at once.
fn uarts_exchange_bytes(image: &[u8]) {
    let mut boards = wired(image, &CROSSED);
    for place in 0..2 {
        boards.run(place, DATA);
        boards.run(place, "u = UART(2, 115200, rxbuf=4096, txbuf=4096)\ntime.sleep_ms(5)\nu.read()\n");
    }
    for (baud, length) in [(9600, 200), (115_200, 2000), (460_800, 3000), (921_600, 3000), (2_000_000, 3000)] {
        for place in 0..2 {
            boards.run(place, &format!("u.init({baud}, rxbuf=4096, txbuf=4096)\ntime.sleep_ms(50)\nu.read()\n"));
        }
        for place in 0..2 {
            boards.start(place, &format!("u.write(data[:{length}])\nprint(read(u, {length}) == data[:{length}])\n"));
        }
        assert_eq!([0, 1].map(|place| boards.finish(place)), ["True\n"; 2], "at {baud} baud");
    }
    // A receiver with another rate reads garbage.
    boards.run(1, "u.init(115200)\ntime.sleep_ms(20)\nu.read()\n");
    boards.run(0, "u.init(9600)\nu.write(b'hello')\ntime.sleep_ms(50)\n");
    assert_eq!(boards.run(1, "print(u.read() != b'hello')\n"), "True\n");
}

/// A receiver that is read seldom loses nothing, because its RTS stops the sender's CTS.
fn flow_control_goes_from_board_to_board(image: &[u8]) {
    let mut boards = wired(image, &[(17, 16), (19, 18)]);
    (0..2).for_each(|place| drop(boards.run(place, DATA)));
    for (flow, whole) in [(true, "True\n"), (false, "False\n")] {
        let (cts, rts) = if flow { (", cts=19, flow=UART.CTS", ", rts=18, flow=UART.RTS") } else { ("", "") };
        boards.run(1, &format!("u = UART(2, 460800, rxbuf=512{rts})\ntime.sleep_ms(5)\nu.read()\n"));
        boards.run(0, &format!("u = UART(2, 460800, txbuf=4096{cts})\n"));
        let seldom = "got = b''\n\
            for i in range(60):\n \
              time.sleep_ms(20)\n \
              got += u.read() or b''\n\
            print(got == data)\n";
        boards.start(1, seldom);
        boards.start(0, "u.write(data)\n");
        assert_eq!(boards.finish(1), whole, "flow control: {flow}");
        boards.finish(0);
        (0..2).for_each(|place| drop(boards.run(place, "u.deinit()\n")));
    }
}

fn a_pin_drives_an_input_and_interrupts(image: &[u8]) {
    let mut boards = wired(image, &[(4, 25)]);
    boards.run(0, "from machine import Pin\nimport time\np = Pin(4, Pin.OUT, value=0)\n");
    let listen = "from machine import Pin\n\
        n = 0\n\
        def rose(p):\n \
          global n\n \
          n += 1\n\
        p = Pin(25, Pin.IN)\n\
        p.irq(rose, Pin.IRQ_RISING)\n";
    boards.run(1, listen);
    for (level, rises) in [(1, 1), (0, 1), (1, 2)] {
        boards.run(0, &format!("p({level})\n"));
        assert_eq!(boards.run(1, "print(p(), n)\n"), format!("{level} {rises}\n"));
    }
    boards.run(0, "p(0)\nfor i in range(200):\n p(1); time.sleep_us(50); p(0); time.sleep_us(50)\n");
    assert_eq!(boards.run(1, "print(p(), n)\n"), "0 202\n");
    // It sleeps until the other board wakes it.
    boards.run(1, "import esp32, machine\nesp32.wake_on_ext0(p, esp32.WAKEUP_ANY_HIGH)\n");
    boards.start(1, "machine.lightsleep(60000)\nprint(machine.wake_reason() == machine.EXT0_WAKE)\n");
    let slept = boards.world.now();
    boards.run_for(Span::from_millis(500));
    boards.run(0, "p(1)\n");
    assert_eq!(boards.finish(1), "True\n");
    assert!(boards.world.now().since(slept) < Span::from_secs(10));
}

/// A wave of a fast peripheral is told once and goes on by itself; what the RMT sends comes edge by edge.
fn waves_are_measured_and_counted(image: &[u8]) {
    let mut boards = wired(image, &[(18, 19), (22, 23)]);
    let count = "from machine import Pin, mem32 as m\n\
        import time\n\
        m[0x3FF000C0] |= 1 << 10\n\
        m[0x3FF000C4] &= ~(1 << 10)\n\
        Pin(19, Pin.IN); Pin(23, Pin.IN)\n\
        def listen(pin):\n \
          m[0x3FF44130 + 4 * 39] = pin | 1 << 7\n \
          m[0x3FF57000] = 1 << 18\n \
          m[0x3FF570B0] = 0x55555\n \
          m[0x3FF570B0] = 0x55554\n";
    boards.run(1, count);
    boards.run(1, "listen(19)\n");
    boards.run(0, "from machine import Pin, PWM\nimport esp32, time\nw = PWM(Pin(18), freq=20000, duty_u16=16384)\n");
    boards.run_for(Span::from_millis(5));
    let far = boards.id(1);
    let Signal::Pulses { period, high, .. } = boards.world.board_mut(far).pad(19) else { panic!("no wave") };
    assert_eq!((period.as_micros(), high.as_micros()), (50, 12));
    let printed = boards.run(
        1,
        "t, b = time.ticks_us(), m[0x3FF57060]\n\
         while time.ticks_diff(time.ticks_us(), t) < 100000: pass\n\
         print((m[0x3FF57060] - b) & 0xffff)\n",
    );
    let counted: u32 = printed.trim().parse().expect("a number");
    assert!((1995..=2010).contains(&counted), "{counted}");
    boards.run(0, "w.deinit()\n");
    boards.run(1, "listen(23)\n");
    boards.run(0, "r = esp32.RMT(0, pin=Pin(22), clock_div=80)\nr.write_pulses([20, 30] * 30, 1)\ntime.sleep_ms(5)\n");
    let rises: u32 = boards.run(1, "print(m[0x3FF57060] & 0xffff)\n").trim().parse().expect("a number");
    assert_eq!(rises, 30);
}

/// An answer takes the way there and back within half a bit. One that goes without is heard at any rate.
fn a_spi_slave_of_another_board_answers(image: &[u8]) {
    let mut boards = wired(image, &[(14, 18), (13, 23), (12, 19), (15, 5)]);
    boards.run(1, include_str!("../../../soc/tests/scripts/spi_slave.py"));
    boards.run(0, "from machine import Pin, SPI\ncs = Pin(15, Pin.OUT, value=1)\n");
    let master = |baud: u32, what: &str| {
        format!(
            "s = SPI(1, baudrate={baud}, sck=Pin(14), mosi=Pin(13), miso=Pin(12))\n\
             got = bytearray(24)\n\
             cs(0); s.{what}; cs(1)\n\
             s.deinit()\n\
             print(bytes(got))\n"
        )
    };
    boards.run(1, "slave(0, False)\nanswer(b'and the other answers it')\n");
    let answered = boards.run(0, &master(40_000, "write_readinto(b'one board sends a text..', got)"));
    assert_eq!(answered, "b'and the other answers it'\n");
    assert_eq!(boards.run(1, "print(received(24))\n"), "(b'one board sends a text..', 192)\n");
    // The slave waits for the edges of its chip select.
    boards.run(1, "its, into = bytearray(64), bytearray(64)\nslave(0, True)\nlists = answer_by_dma(its, into)\n");
    boards.start(1, "while received(0) is None: pass\nprint(bytes(into) == bytes(range(64)))\n");
    boards.run(0, &master(2_000_000, "write(bytes(range(64)))"));
    assert_eq!(boards.finish(1), "True\n");
}

/// An acknowledge takes the way there and back before it is sampled. The OLED of the first board is on the same bus.
fn an_i2c_slave_of_another_board_answers(image: &[u8]) {
    let mut boards = wired(image, &[(22, 26), (21, 27)]);
    boards.run(1, include_str!("../../../soc/tests/scripts/i2c_slave.py"));
    boards.run(0, "from machine import Pin, I2C\ni2c = I2C(0, scl=Pin(22), sda=Pin(21), freq=40000)\n");
    boards.run(1, "slave(0x28)\nanswer(b'the other answers')\n");
    let printed = boards.run(0, "print(i2c.scan(), i2c.writeto(0x28, b'one board asks'), i2c.readfrom(0x28, 17))\n");
    assert_eq!(printed, "[40, 60] 14 b'the other answers'\n");
    assert_eq!(boards.run(1, "print(received())\n"), "b'one board asks'\n");
}

/// Three boards at 50 kbit/s, on open drains with a pull-up in place of transceivers: an acknowledgement and the bits of an arbitration go
/// there and back before they are sampled.
fn boards_share_a_can_bus(image: &[u8]) {
    let mut boards = wired(image, &[(5, 5)]);
    let third = boards.add(image);
    let (one, other) = (boards.id(0), boards.id(third));
    boards.world.wire((one, 5), (other, 5)).expect("a wire");
    for place in 0..3 {
        boards.run(place, include_str!("../../../soc/tests/scripts/twai.py"));
        boards.run(place, "Pin(5, Pin.OPEN_DRAIN, Pin.PULL_UP)\njoin(5, 5, 100, Pin.OPEN_DRAIN)\n");
    }
    boards.run(0, "send(0x123, b'\\xde\\xad')\nassert sent() == 3\n");
    for place in 1..3 {
        assert_eq!(boards.run(place, "print(received())\n"), "['022460dead']\n");
    }

    // Two boards that wait while the third one sends begin together: the lower number goes first, and the other board tries again.
    let waits = |id: u32| {
        format!(
            "while not rd(0x08) & 0x10: pass\n\
             send({id}, b'x')\n\
             time.sleep_ms(20)\n\
             print(rd(0x08) >> 2 & 3, rd(0x2c) & 31, received())\n"
        )
    };
    boards.start(0, &waits(0x2AA));
    boards.start(1, &waits(0x2A9));
    boards.run(2, "send(0x001, bytes(8))\ntime.sleep_ms(20)\n");
    let long = "08002000000000000000".to_owned() + "00";
    assert_eq!(boards.finish(0), format!("3 9 ['{long}', '01552078']\n"), "the tenth bit of the number decides");
    assert_eq!(boards.finish(1), format!("3 0 ['{long}', '01554078']\n"));
    assert_eq!(boards.run(2, "print(received())\n"), "['01552078', '01554078']\n");

    // A board without acknowledgements becomes passive and goes on, until one that was away comes back.
    for place in 1..3 {
        boards.run(place, "wr(0x00, 0x09)\n");
    }
    boards.run(0, "send(0x124, b'')\ntime.sleep_ms(50)\n");
    assert_eq!(boards.run(0, "print(rd(0x3c), rd(0x08) >> 6 & 3, rd(0x08) >> 2 & 3)\n"), "128 1 0\n");
    boards.run(1, "wr(0x00, 0x08)\ntime.sleep_ms(20)\n");
    assert_eq!(boards.run(1, "print(received())\n"), "['002480']\n");
    assert_eq!(boards.run(0, "print(rd(0x3c), rd(0x08) >> 2 & 3)\n"), "127 3\n");
}

fn a_line_is_shared_by_open_drains(image: &[u8]) {
    let mut boards = Boards::two(image);
    let third = boards.add(image);
    let ids = [0, 1, third].map(|place| boards.id(place));
    boards.world.wire((ids[0], 4), (ids[1], 19)).expect("a wire");
    boards.world.wire((ids[1], 19), (ids[2], 18)).expect("a wire");
    let pins = [(0, 4), (1, 19), (third, 18)];
    for (place, pin) in pins {
        boards.run(place, &format!("from machine import Pin\np = Pin({pin}, Pin.OPEN_DRAIN, value=1)\n"));
    }
    let levels = |boards: &mut Boards| pins.map(|(place, _)| boards.run(place, "print(p())\n").trim().to_owned());
    assert_eq!(levels(&mut boards), ["0"; 3], "nothing makes it high");
    boards.run(1, "p = Pin(19, Pin.OPEN_DRAIN, Pin.PULL_UP, value=1)\n");
    assert_eq!(levels(&mut boards), ["1"; 3], "one pull is enough for all");
    for (place, _) in pins {
        boards.run(place, "p(0)\n");
        assert_eq!(levels(&mut boards), ["0"; 3]);
        boards.run(place, "p(1)\n");
        assert_eq!(levels(&mut boards), ["1"; 3]);
    }
    let conflicts: Vec<_> = ids.iter().map(|id| boards.world.board(*id).conflicts()).collect();
    assert_eq!(conflicts, [None; 3]);
}

/// In the middle of bytes that go both ways: whatever the number of threads and the steps, from a file, and in a fork.
fn a_world_with_wires_has_one_trace(image: &[u8]) {
    let mut boards = wired(image, &CROSSED);
    for place in 0..2 {
        boards.run(place, DATA);
        boards.run(place, "u = UART(2, 921600, rxbuf=4096, txbuf=4096)\ntime.sleep_ms(5)\nu.read()\n");
    }
    (0..2).for_each(|place| boards.start(place, "u.write(data)\nprint(read(u, len(data)) == data)\n"));
    for step in 0..4 {
        boards.run_for(Span::from_micros(1_777));
        goes_on_out_of_a_file(&boards, &format!("step {step} of the bytes"));
    }
    let run = |threads: usize, step: Option<Span>| {
        let mut boards = boards.clone();
        boards.world.set_threads(threads);
        let end = boards.world.now() + Span::from_millis(60);
        while boards.world.now() < end {
            let left = end.since(boards.world.now());
            boards.run_for(step.map_or(left, |step| step.min(left)));
        }
        (boards.world.trace_hash(), boards.world.now(), boards.console(1).to_owned())
    };
    let one = run(1, None);
    assert!(one.2.ends_with("True\r\n\x04\x04>"), "{}", one.2);
    assert_eq!(run(2, None), one);
    assert_eq!(run(4, Some(Span::from_micros(777))), one);
    let mut fork: World = boards.world.clone();
    fork.run_for(Span::from_millis(60));
    assert_eq!(fork.trace_hash(), one.0);
}
