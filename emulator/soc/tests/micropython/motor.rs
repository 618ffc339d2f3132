//! Motor control PWM, which MicroPython has no driver for: scripts set its registers, as ESP-IDF's driver does.

use espalier_core::{Signal, Span, Time};

use crate::cases::Case;
use crate::pads::{run, wired};
use crate::repl::Repl;

pub const ALL: &[(&str, Case)] = &[
    ("a_half_bridge_has_its_dead_time_and_stops_at_a_fault", a_half_bridge_has_its_dead_time_and_stops_at_a_fault),
    ("a_capture_measures_a_pwm_through_a_wire", a_capture_measures_a_pwm_through_a_wire),
];

/// MCPWM0 clocked, out of reset and with 10 MHz: both outputs of operator 0 at GPIO18 and GPIO19, complementary, 10 kHz, with a duty
/// of 40 percent, 5 us before a rise and 10 us behind a fall. A fault at GPIO21 forces both low until software lets go.
const HALF_BRIDGE: &str = "from machine import Pin, mem32\n\
    M = 0x3FF5E000\n\
    mem32[0x3FF000C0] |= 1 << 17\n\
    mem32[0x3FF000C4] &= ~(1 << 17)\n\
    for pin, signal in ((18, 32), (19, 33)):\n \
      Pin(pin, Pin.OUT)\n \
      mem32[0x3FF44530 + 4 * pin] = signal\n\
    fault = Pin(21, Pin.IN, Pin.PULL_DOWN)\n\
    mem32[0x3FF44130 + 4 * 34] = 21 | 1 << 7\n\
    mem32[M] = 15\n\
    mem32[M + 0x04] = 99 << 8 | 9\n\
    mem32[M + 0x3C] = 1\n\
    mem32[M + 0x40] = 40\n\
    mem32[M + 0x10C] ^= 1 << 3\n\
    mem32[M + 0x50] = 2 | 1 << 4\n\
    mem32[M + 0x58] = 1 << 14 | 1 << 17\n\
    mem32[M + 0x5C] = 9\n\
    mem32[M + 0x60] = 4\n\
    mem32[M + 0x68] = 1 << 7 | 1 << 14 | 1 << 22\n\
    mem32[M + 0xE4] = 1 | 1 << 3\n\
    mem32[M + 0x08] = 1 << 3 | 2\n";

/// Period, time high and lag behind the first pad in microseconds.
fn waves(repl: &mut Repl, pads: [usize; 2]) -> [(u64, u64, u64); 2] {
    repl.machine.run_for(Span::from_millis(2));
    let [first, second] = pads.map(|pad| match repl.machine.pad(pad) {
        Signal::Pulses { period, high, phase } => (period, high, phase),
        signal => panic!("{signal:?} at {pad}"),
    });
    let lag = Span::from_ticks((second.2.ticks() + second.0.ticks() - first.2.ticks()) % first.0.ticks());
    let micros =
        |(period, high, _): (Span, Span, Span), lag: Span| (period.as_micros(), high.as_micros(), lag.as_micros());
    [micros(first, Span::ZERO), micros(second, lag)]
}

fn a_half_bridge_has_its_dead_time_and_stops_at_a_fault(image: &[u8]) {
    let mut repl = wired(image, &[]);
    repl.machine.attach_probe(18);
    run(&mut repl, HALF_BRIDGE);
    // A rises 5 us late; B is the other way round, and rises 10 us after the generator's fall, 45 us after A.
    assert_eq!(waves(&mut repl, [18, 19]), [(100, 35, 0), (100, 50, 45)]);
    let edges = repl.machine.take_probed(18);
    assert!(edges.len() < 20, "a wave is told once: {} edges", edges.len());
    // A duty that is taken over at zero: no pulse is cut.
    run(&mut repl, "mem32[M + 0x40] = 70\n");
    assert_eq!(waves(&mut repl, [18, 19]), [(100, 65, 0), (100, 20, 75)]);
    let recorded = [&edges[edges.len() - 1..], &repl.machine.take_probed(18)].concat();
    let pulses = pulses(&recorded, repl.machine.now());
    assert!(pulses.len() > 30 && pulses.iter().skip(1).all(|micros| [35, 65].contains(micros)), "{pulses:?}");
    repl.machine.drive_pin(21, Some(true));
    repl.machine.run_for(Span::from_micros(100));
    let low = Signal::Level(false);
    assert_eq!([18, 19].map(|pad| repl.machine.pad(pad)), [low; 2]);
    let status =
        "print(mem32[M + 0x70], mem32[M + 0xE4] >> 6 & 7, mem32[M + 0x114] >> 9 & 1, mem32[M + 0x114] >> 24 & 1)\n";
    assert_eq!(run(&mut repl, status), "2 1 1 1\n");
    repl.machine.drive_pin(21, None);
    repl.machine.run_for(Span::from_millis(1));
    assert_eq!([18, 19].map(|pad| repl.machine.pad(pad)), [low; 2], "the fault is gone, the trip is not");
    run(&mut repl, "mem32[M + 0x6C] = 1\n");
    assert_eq!(waves(&mut repl, [18, 19]), [(100, 65, 0), (100, 20, 75)]);
}

/// The length of each pulse that a probe recorded up to `end`, in microseconds.
fn pulses(recorded: &[(Time, Signal)], end: Time) -> Vec<u64> {
    let (mut rise, mut level, mut pulses) = (None, false, Vec::new());
    for (index, (start, signal)) in recorded.iter().enumerate() {
        let until = recorded.get(index + 1).map_or(end, |(next, _)| *next);
        let mut edge = Some((*start, signal.level_at(*start)));
        while let Some((at, now)) = edge.filter(|(at, _)| *at < until) {
            match (std::mem::replace(&mut level, now), now) {
                (false, true) => rise = Some(at),
                (true, false) => pulses.extend(rise.map(|rise| at.since(rise).as_micros())),
                _ => {}
            }
            edge = signal.next_edge(at);
        }
    }
    pulses
}

fn a_capture_measures_a_pwm_through_a_wire(image: &[u8]) {
    let mut repl = wired(image, &[(18, 23)]);
    // CAP0 of MCPWM1 hears GPIO23; LEDC drives GPIO18. The capture timer counts cycles of 80 MHz.
    let script = "from machine import Pin, PWM, mem32\n\
        import time\n\
        M = 0x3FF6C000\n\
        mem32[0x3FF000C0] |= 1 << 20\n\
        mem32[0x3FF000C4] &= ~(1 << 20)\n\
        Pin(23, Pin.IN)\n\
        mem32[0x3FF44130 + 4 * 112] = 23 | 1 << 7\n\
        pwm = PWM(Pin(18), freq=50, duty_u16=16384)\n\
        time.sleep_ms(50)\n\
        mem32[M + 0xE8] = 1\n\
        mem32[M + 0xF0] = 1 | 3 << 1\n\
        def edge():\n \
          mem32[M + 0x11C] = 1 << 27\n \
          while not mem32[M + 0x114] & 1 << 27: pass\n \
          return mem32[M + 0x108] & 1, mem32[M + 0xFC]\n\
        while edge()[0]: pass\n\
        seen = [edge() for i in range(4)]\n\
        print([falls for falls, at in seen])\n\
        print([b[1] - a[1] & 0xFFFFFFFF for a, b in zip(seen, seen[1:])])\n";
    let printed = run(&mut repl, script);
    let (edges, spans) = printed.split_once('\n').expect("two lines");
    assert_eq!(edges, "[1, 0, 1, 0]");
    let numbers = spans.trim().trim_matches(['[', ']']).split(", ");
    let spans: Vec<u32> = numbers.map(|span| span.parse().expect("a number")).collect();
    // 20 ms, of which it is high for a quarter; LEDC's divider is rounded.
    for (span, expected) in spans.iter().zip([1_200_000_u32, 400_000, 1_200_000]) {
        assert!(span.abs_diff(expected) < expected / 1000, "{spans:?}");
    }
}
