//! Signals on pads, as scripts see them: pulls, outputs of peripherals read back, interrupts, inputs through the matrix, wires.
//! The drivers of the PWM and of RMT make a pad an output only; scripts that read it back switch its input buffer on (FUN_IE, bit 9).

use std::path::Path;

use espalier_core::{Signal, Span, Time};
use espalier_soc::{BoardDefinition, MachineConfig};

use crate::cases::Case;
use crate::repl::Repl;

pub const ALL: &[(&str, Case)] = &[
    ("pulls_of_all_pads_are_read", pulls_of_all_pads_are_read),
    ("an_input_whose_buffer_is_off_reads_low", an_input_whose_buffer_is_off_reads_low),
    ("a_pwm_is_read_back_from_its_pad", a_pwm_is_read_back_from_its_pad),
    ("interrupts_of_a_pwm_are_counted_exactly", interrupts_of_a_pwm_are_counted_exactly),
    (
        "a_fast_pwm_with_an_interrupt_costs_no_more_than_it_is_served",
        a_fast_pwm_with_an_interrupt_costs_no_more_than_it_is_served,
    ),
    ("uarts_reach_each_other_through_the_matrix", uarts_reach_each_other_through_the_matrix),
    ("inverted_uarts_idle_low", inverted_uarts_idle_low),
    ("the_pulse_counter_counts_a_uart", the_pulse_counter_counts_a_uart),
    ("rmt_measures_a_pwm", rmt_measures_a_pwm),
    ("wires_join_pads", wires_join_pads),
    ("flow_control_goes_over_wires", flow_control_goes_over_wires),
];

const PATIENCE: Span = Span::from_secs(40);

pub fn run(repl: &mut Repl, script: &str) -> String {
    let output = repl.run_within(script, PATIENCE);
    assert_eq!(output.error, "", "{script}");
    output.printed
}

/// A chip with nothing around it but wires.
pub fn wired(image: &[u8], wires: &[(u8, u8)]) -> Repl {
    let wires: String = wires.iter().map(|(from, to)| format!("[[wire]]\nfrom = {from}\nto = {to}\n")).collect();
    let board = BoardDefinition::from_toml(&wires, Path::new("wired.toml")).expect("a board");
    Repl::booted_on(image, &MachineConfig { board, ..MachineConfig::default() })
}

fn pulls_of_all_pads_are_read(image: &[u8]) {
    let script = "from machine import Pin\n\
        bad = []\n\
        for n in (0, 2, 4, 5, 12, 13, 14, 15, 18, 19, 21, 22, 23, 25, 26, 27, 32, 33):\n \
          up = Pin(n, Pin.IN, Pin.PULL_UP).value()\n \
          down = Pin(n, Pin.IN, Pin.PULL_DOWN).value()\n \
          if (up, down) != (1, 0): bad.append((n, up, down))\n\
        print(bad)\n";
    assert_eq!(run(&mut wired(image, &[]), script), "[]\n");
}

/// FUN_IE of GPIO18, whose register is at 0x70 of IO_MUX: software and the pulse counter hear nothing while it is off.
fn an_input_whose_buffer_is_off_reads_low(image: &[u8]) {
    let script = "from machine import Pin, mem32\n\
        p = Pin(18, Pin.OUT, value=0)\n\
        mem32[0x3FF000C0] |= 1 << 10\n\
        mem32[0x3FF000C4] &= ~(1 << 10)\n\
        mem32[0x3FF44130 + 4 * 39] = 18 | 1 << 7\n\
        mem32[0x3FF57000] = 1 << 18\n\
        mem32[0x3FF570B0] = 0x55554\n\
        def pulses():\n \
          before = mem32[0x3FF57060]\n \
          for i in range(5): p(1); p(0)\n \
          return mem32[0x3FF57060] - before\n\
        p(1)\n\
        on = p.value()\n\
        mem32[0x3FF49070] &= ~(1 << 9)\n\
        off = p.value()\n\
        p(0)\n\
        unheard = pulses()\n\
        mem32[0x3FF49070] |= 1 << 9\n\
        print(on, off, unheard, pulses())\n";
    assert_eq!(run(&mut wired(image, &[]), script), "1 0 0 5\n");
}

fn a_pwm_is_read_back_from_its_pad(image: &[u8]) {
    let mut repl = Repl::booted(image);
    let script = "from machine import Pin, PWM, mem32\n\
        import time\n\
        p = Pin(26, Pin.OUT, value=0)\n\
        w = PWM(p, freq=10, duty_u16=32768)\n\
        mem32[0x3FF49028] |= 1 << 9\n\
        seen = []\n\
        for i in range(40):\n \
          seen.append(p.value()); time.sleep_ms(10)\n\
        print(sum(a != b for a, b in zip(seen, seen[1:])))\n";
    let toggles: u32 = run(&mut repl, script).trim().parse().expect("a number");
    // The first duty waits for an overflow, which is 100 ms away.
    assert!((6..=9).contains(&toggles), "{toggles}");
    let Signal::Pulses { period, high, .. } = repl.machine.pad(26) else { panic!("{:?}", repl.machine.pad(26)) };
    let (period, high) = (period.as_micros(), high.as_micros());
    assert!((99_900..100_100).contains(&period) && period.abs_diff(2 * high) <= 1, "{period} {high}");
}

/// MicroPython calls the handler of an interrupt between two bytecodes, often enough for 20 kHz.
fn interrupts_of_a_pwm_are_counted_exactly(image: &[u8]) {
    let script = "from machine import Pin, PWM, mem32\n\
        import time\n\
        n = 0\n\
        def rise(p):\n \
          global n\n \
          n += 1\n\
        p = Pin(18, Pin.OUT, value=0)\n\
        mem32[0x3FF000C0] |= 1 << 10\n\
        mem32[0x3FF000C4] &= ~(1 << 10)\n\
        mem32[0x3FF44130 + 4 * 39] = 18 | 1 << 7\n\
        mem32[0x3FF57000] = 1 << 18\n\
        mem32[0x3FF570B0] = 0x55554\n\
        w = PWM(p, freq=20000, duty_u16=0)\n\
        mem32[0x3FF49070] |= 1 << 9\n\
        p.irq(rise, Pin.IRQ_RISING)\n\
        time.sleep_ms(1)\n\
        n, base = 0, mem32[0x3FF57060]\n\
        def wait():\n \
          t = time.ticks_us()\n \
          w.duty_u16(32768)\n \
          while time.ticks_diff(time.ticks_us(), t) < 200000: pass\n\
        wait()\n\
        def just_after_an_edge():\n \
          m = n\n \
          while n == m: pass\n \
          return n, mem32[0x3FF57060] - base\n\
        print(*just_after_an_edge())\n";
    let printed = run(&mut Repl::booted(image), script);
    let counts: Vec<u32> = printed.split_whitespace().map_while(|count| count.parse().ok()).collect();
    assert_eq!(counts[0], counts[1], "{printed}");
    assert!((4000..4020).contains(&counts[0]), "{printed}");
}

/// Forty million edges a second, of which each interrupt that software acknowledges is one; none of them while the input buffer of the
/// pad is off, as the driver leaves it.
fn a_fast_pwm_with_an_interrupt_costs_no_more_than_it_is_served(image: &[u8]) {
    let mut repl = Repl::booted(image);
    let script = "from machine import Pin, PWM, mem32\n\
        p = Pin(18, Pin.OUT, value=0)\n\
        w = PWM(p, freq=20000000, duty_u16=32768)\n\
        mem32[0x3FF44088 + 4 * 18] = 3 << 7 | 1 << 15\n";
    for script in [script, "mem32[0x3FF49070] |= 1 << 9\n"] {
        run(&mut repl, script);
        let before = repl.machine.device_work();
        repl.machine.run_for(Span::from_millis(100));
        let work = repl.machine.device_work() - before;
        assert!(work < 1_000, "the PRO CPU serves nothing: {work}");
    }
}

const PAIR: &str = "from machine import UART, Pin, mem32\n\
    import time\n\
    IN = lambda sig: 0x3FF44130 + 4 * sig\n\
    def pair(baud, rxbuf, txi=0, rxi=0):\n \
      a = UART(1, baud, tx=4, rx=34, txbuf=8192, invert=txi)\n \
      b = UART(2, baud, tx=5, rx=35, rxbuf=rxbuf, invert=rxi)\n \
      mem32[0x3FF49048] |= 1 << 9\n \
      mem32[IN(198)] = (1 << 7) | 4\n \
      time.sleep_ms(5); b.read()\n \
      return a, b\n";

/// Nothing of a burst is lost if the buffer is large; what is too much for a small one is, and later bytes still arrive.
fn uarts_reach_each_other_through_the_matrix(image: &[u8]) {
    let script = "data = bytes((i * 7 + (i >> 8)) & 255 for i in range(4096))\n\
        for baud in (9600, 115200, 460800, 921600, 2000000):\n \
          a, b = pair(baud, 8192)\n \
          t0 = time.ticks_us()\n \
          a.write(data)\n \
          got = b''\n \
          while len(got) < len(data) and time.ticks_diff(time.ticks_us(), t0) < 6_000_000:\n  \
            x = b.read()\n  \
            if x: got += x\n  \
            else: time.sleep_ms(1)\n \
          dt = time.ticks_diff(time.ticks_us(), t0)\n \
          ideal = len(data) * 10 * 1000000 // baud\n \
          print(got == data, dt >= ideal)\n\
        a, b = pair(115200, 256)\n\
        a.write(data); time.sleep_ms(500)\n\
        got = b.read() or b''\n\
        print(len(got) < 1000, got[:256] == data[:256])\n\
        a.write(b'after'); time.sleep_ms(50)\n\
        print(b.read())\n";
    let printed = run(&mut Repl::booted(image), &format!("{PAIR}{script}"));
    let (bursts, rest) = printed.split_at("True True\n".len() * 5);
    assert_eq!((bursts, rest.lines().next()), ("True True\n".repeat(5).as_str(), Some("True True")), "{printed}");
    assert!(rest.ends_with("after'\n"), "{printed}");
}

fn inverted_uarts_idle_low(image: &[u8]) {
    let script = "def level(): return mem32[0x3FF4403C] >> 4 & 1\n\
        for txi, rxi in ((0, 0), (UART.INV_TX, UART.INV_RX), (UART.INV_TX, 0)):\n \
          a, b = pair(115200, 256, txi, rxi)\n \
          idle = level()\n \
          a.write(b'hello'); time.sleep_ms(20)\n \
          print(idle, b.read() == b'hello')\n";
    let printed = run(&mut Repl::booted(image), &format!("{PAIR}{script}"));
    assert_eq!(printed, "1 True\n0 True\n0 False\n");
}

/// Each U is five times low and high.
fn the_pulse_counter_counts_a_uart(image: &[u8]) {
    let script = "from machine import UART, mem32\n\
        import time\n\
        a = UART(1, 115200, tx=4, rx=34)\n\
        mem32[0x3FF000C0] |= 1 << 10\n\
        mem32[0x3FF000C4] &= ~(1 << 10)\n\
        mem32[0x3FF44130 + 4 * 39] = 4 | 1 << 7\n\
        mem32[0x3FF57000] = 1 << 18\n\
        mem32[0x3FF570B0] = 0x55554\n\
        a.write(b'U' * 100)\n\
        time.sleep_ms(20)\n\
        print(mem32[0x3FF57060])\n";
    assert_eq!(run(&mut Repl::booted(image), script), "500\n");
}

/// Channel 1 of the RMT listens to GPIO19, which a PWM of 1 kHz drives, in cycles of a microsecond.
fn rmt_measures_a_pwm(image: &[u8]) {
    let script = "import esp32, time\n\
        from machine import Pin, PWM, mem32 as m\n\
        r = esp32.RMT(0, pin=Pin(18), clock_div=80)\n\
        w = PWM(Pin(19), freq=1000, duty_u16=16384)\n\
        m[0x3ff49074] |= 1 << 9\n\
        time.sleep_ms(5)\n\
        m[0x3ff44130 + 4 * 84] = 1 << 7 | 19\n\
        m[0x3ff56028] = 1 << 24 | 20000 << 8 | 80\n\
        m[0x3ff5602c] = 1 << 17 | 1 << 5 | 1 << 2 | 1 << 1\n\
        time.sleep_ms(10)\n\
        print([(m[0x3ff56900 + 4 * i] & 0x7fff, m[0x3ff56900 + 4 * i] >> 16 & 0x7fff) for i in (1, 2, 3)])\n";
    let mut repl = Repl::booted(image);
    let printed = run(&mut repl, script);
    let Signal::Pulses { period, high, .. } = repl.machine.pad(19) else { panic!("{:?}", repl.machine.pad(19)) };
    let (high, low) = (high.as_micros(), period.as_micros() - high.as_micros());
    let expected = [(high, low), (low, high)].map(|pair| format!("{:?}\n", [pair; 3]));
    assert!(expected.contains(&printed), "{printed} {expected:?}");
}

fn wires_join_pads(image: &[u8]) {
    let mut repl = wired(image, &[(4, 5), (5, 18), (19, 21)]);
    repl.machine.attach_probe(18);
    let script = "from machine import Pin, PWM\n\
        import time\n\
        n = 0\n\
        def fell(p):\n \
          global n\n \
          n += 1\n\
        a, b, c = Pin(4, Pin.OUT, value=1), Pin(5, Pin.IN), Pin(18, Pin.IN)\n\
        c.irq(fell, Pin.IRQ_FALLING)\n\
        print(b(), c())\n\
        for i in range(5): a(0); a(1)\n\
        a(0)\n\
        time.sleep_ms(1)\n\
        print(b(), c(), n)\n\
        a.init(Pin.OPEN_DRAIN, value=1)\n\
        b.init(Pin.IN, Pin.PULL_UP)\n\
        print(a(), b(), c())\n\
        c.init(Pin.OPEN_DRAIN, value=0)\n\
        print(a(), b(), c())\n";
    assert_eq!(run(&mut repl, script), "1 1\n0 0 6\n1 1 1\n0 0 0\n");
    assert_eq!(repl.machine.conflicts(), None);
    let edges = repl.machine.take_probed(18);
    assert!(edges.len() >= 12 && edges.is_sorted_by_key(|(at, _)| *at), "{edges:?}");
    // Two outputs against each other: low prevails, and it is told.
    let before = repl.machine.now();
    assert_eq!(run(&mut repl, "a.init(Pin.OUT, value=1)\nb.init(Pin.OUT, value=0)\nprint(a(), b(), c())\n"), "0 0 0\n");
    let (_, at, pin) = repl.machine.conflicts().expect("a conflict");
    assert!(at > before && [4, 5, 18].contains(&pin), "{at} {pin}");
    // From outside.
    run(&mut repl, "d, e = Pin(19, Pin.IN), Pin(21, Pin.IN)\n");
    repl.machine.drive_pin(21, Some(true));
    assert_eq!(run(&mut repl, "print(d(), e())\n"), "1 1\n");
    assert_eq!(repl.machine.pad(19), Signal::Level(true));
    repl.machine.drive_pin(21, None);
    assert_eq!(run(&mut repl, "print(d(), e())\n"), "0 0\n");
    assert!(repl.machine.now() > Time::ZERO);
}

/// A receiver that is read seldom loses nothing, because its RTS stops the sender's CTS.
fn flow_control_goes_over_wires(image: &[u8]) {
    let mut repl = wired(image, &[(4, 5), (18, 19)]);
    let script = "from machine import UART\n\
        import time\n\
        data = bytes(i & 255 for i in range(3000))\n\
        def send(flow):\n \
          a = UART(1, 460800, tx=4, rx=34, cts=19, txbuf=4096, flow=UART.CTS if flow else 0)\n \
          b = UART(2, 460800, tx=22, rx=5, rts=18, rxbuf=512, flow=UART.RTS if flow else 0)\n \
          time.sleep_ms(5); b.read()\n \
          a.write(data)\n \
          got = b''\n \
          for i in range(60):\n  \
            time.sleep_ms(20)\n  \
            got += b.read() or b''\n \
          a.deinit(); b.deinit()\n \
          return got == data\n\
        print(send(True), send(False))\n";
    assert_eq!(run(&mut repl, script), "True False\n");
}
