//! I2S beyond what MicroPython's driver of it does, by programs that set the registers as ESP-IDF's drivers do: `dac_continuous`, `i2s_pdm`
//! and the driver of displays on a parallel bus (`esp_lcd`).

use std::path::Path;

use espalier_core::{AudioFrame, Rgb, Signal, Span};
use espalier_parts::{Speaker, Tft};
use espalier_soc::{BoardDefinition, MachineConfig};

use crate::cases::Case;
use crate::repl::Repl;

pub const ALL: &[(&str, Case)] = &[
    ("the_dacs_play_what_i2s_sends", the_dacs_play_what_i2s_sends),
    ("the_audio_pll_sets_the_pace", the_audio_pll_sets_the_pace),
    ("pulses_carry_sound_in_both_directions", pulses_carry_sound_in_both_directions),
    ("a_display_on_a_parallel_bus_shows_what_i2s_sends", a_display_on_a_parallel_bus_shows_what_i2s_sends),
];

fn booted(image: &[u8], parts: &str) -> Repl {
    let board = BoardDefinition::from_toml(parts, Path::new("sound.toml")).expect("a board");
    Repl::booted_on(image, &MachineConfig { board, ..MachineConfig::default() })
}

/// Runs a script that must not touch anything that the model lacks.
fn run(repl: &mut Repl, script: &str) -> String {
    let before = repl.machine.unmodelled();
    let printed = repl.run(script);
    assert_eq!(repl.machine.unmodelled(), before, "{script}");
    printed
}

/// Registers of I2S0, and lists of one buffer: in a circle, or with an end.
const I2S: &str = "
from machine import mem32, DAC, Pin
import math, struct, time, uctypes
at = uctypes.addressof
class Registers:
    def __getitem__(self, offset): return mem32[0x3ff4f000 + offset] & 0xffffffff
    def __setitem__(self, offset, value): mem32[0x3ff4f000 + offset] = value
r = Registers()
CONF, INT_RAW, INT_CLR, FIFO, RXEOF, CHAN, OUT, IN, LC, CONF1, CONF2, CLKM, RATE, PDM, FREQ = (
    0x08, 0x0c, 0x18, 0x20, 0x24, 0x2c, 0x30, 0x34, 0x60, 0xa0, 0xa8, 0xac, 0xb0, 0xb4, 0xb8)
mem32[0x3ff000c0] |= 1 << 4
mem32[0x3ff000c4] &= ~(1 << 4)
def buffer(data, circle):
    d = bytearray(12)
    struct.pack_into('<III', d, 0, 3 << 30 | len(data) << 12 | len(data), at(data), at(d) if circle else 0)
    return d
def play(data, circle=True):
    global kept
    kept = buffer(data, circle), data
    r[OUT] = 1 << 29 | at(kept[0]) & 0xfffff
    r[CONF] |= 1 << 4
def stop():
    r[CONF] &= ~(1 << 4)
    r[OUT] = 1 << 28
def drive(pad, signal, inverted=0):
    Pin(pad, Pin.OUT)
    mem32[0x3ff44530 + 4 * pad] = signal | inverted << 9
";

/// 40000 pairs a second: 160 MHz / 125 / 16 / 2. The channels are one tone and half of it, then the first one alone on both.
fn the_dacs_play_what_i2s_sends(image: &[u8]) {
    let mut repl = booted(image, "[[part]]\nkind = \"speaker\"\nleft = 25\nright = 26\n");
    run(&mut repl, I2S);
    run(
        &mut repl,
        "dacs = [DAC(Pin(25)), DAC(Pin(26))]\n\
         mem32[0x3ff48898] |= 1 << 22 | 1 << 25\n\
         r[CLKM], r[RATE], r[CONF2] = 125 | 1 << 20, 16 << 12 | 16, 1 << 5\n\
         r[CONF], r[LC] = 1 << 8, 1 << 6\n\
         wave = [int(100 * math.sin(2 * math.pi * i / 100)) for i in range(100)]\n\
         pairs = b''.join(struct.pack('<HH', 128 + w << 8, 128 + w // 2 << 8) for w in wave)\n\
         r[FIFO], r[CHAN] = 1 << 12 | 1 << 19, 0\n\
         play(pairs)\n\
         time.sleep_ms(50)\n\
         stop()\n",
    );
    let heard = |repl: &mut Repl, skip: usize| -> Vec<AudioFrame> {
        let speaker = repl.machine.part::<Speaker>("speaker").expect("a speaker");
        assert_eq!(speaker.millihertz(), 40_000_000);
        speaker.frames().skip(skip).take(100).map(|frame| frame.map(|sample| sample >> 24)).collect()
    };
    let wave = |i: usize| (100.0 * (std::f64::consts::TAU * i as f64 / 100.0).sin()) as i32;
    let pairs: Vec<AudioFrame> = (0..100).map(|i| [wave(i), wave(i).div_euclid(2)]).collect();
    assert_eq!(heard(&mut repl, 0), pairs);
    let count = repl.machine.part::<Speaker>("speaker").expect("a speaker").frames().count();
    assert!((2_000..2_600).contains(&count), "{count} frames in about 50 ms");

    // One channel: of two samples in a word, the upper one is earlier.
    run(
        &mut repl,
        "single = b''.join(struct.pack('<HH', 128 + wave[i + 1] << 8, 128 + wave[i] << 8) for i in range(0, 100, 2))\n\
         r[FIFO], r[CHAN] = 1 << 12 | 1 << 13 | 1 << 19, 1\n\
         play(single)\n\
         time.sleep_ms(5)\n\
         stop()\n",
    );
    assert_eq!(heard(&mut repl, count), (0..100).map(|i| [wave(i); 2]).collect::<Vec<_>>());

    // The last codes stay; without I2S the registers' own are given again.
    run(
        &mut repl,
        "r[FIFO], r[CHAN] = 1 << 12 | 1 << 19, 0\n\
         play(struct.pack('<HH', 200 << 8, 60 << 8))\n\
         time.sleep_ms(5)\n\
         stop()\n",
    );
    let codes =
        |repl: &mut Repl| [25, 26].map(|pin| (repl.machine.analog_out(pin).expect("it is on") * 255.0 / 3.3).round());
    assert_eq!(codes(&mut repl), [200.0, 60.0]);
    run(&mut repl, "mem32[0x3ff48898] &= ~(1 << 22)\nfor dac in dacs: dac.write(77)\n");
    assert_eq!(codes(&mut repl), [77.0; 2]);
}

/// As `clk_ll_apll_set_config` and `clk_ll_apll_set_calibration` do it, for 24.576 MHz: 40 MHz * 12.288 / 20. I2S divides that by 2, 8 and 32.
fn the_audio_pll_sets_the_pace(image: &[u8]) {
    let mut repl = booted(image, "[[part]]\nkind = \"i2s-speaker\"\nname = \"speaker\"\nsck = 14\nws = 13\ndin = 12\n");
    run(&mut repl, I2S);
    run(
        &mut repl,
        "master = 0x3ff4e00c\n\
         def write(register, value): mem32[master] = 1 << 24 | value << 16 | register << 8 | 0x6d\n\
         def read(register):\n    \
             mem32[master] = register << 8 | 0x6d\n    \
             return mem32[master] >> 16 & 0xff\n\
         for register, value in ((7, 8), (9, 186), (8, 73), (5, 9), (5, 0x49), (4, 8), (0, 0xf), (0, 0x3f), (0, 0x1f)):\n    \
             write(register, value)\n\
         while not read(3) & 0x80: pass\n\
         drive(14, 23)\n\
         drive(13, 25)\n\
         drive(12, 163)\n\
         r[CLKM], r[RATE], r[CONF] = 2 | 1 << 20 | 1 << 21, 8 | 16 << 12, 1 << 10\n\
         r[FIFO], r[CHAN] = 1 << 12 | 1 << 19, 0\n\
         play(struct.pack('<hh', 1000, -1000) * 100)\n\
         time.sleep_ms(20)\n\
         stop()\n",
    );
    let speaker = repl.machine.part::<Speaker>("speaker").expect("a speaker");
    assert!(speaker.millihertz().abs_diff(48_000_000) < 50, "{} mHz", speaker.millihertz());
    assert_eq!(speaker.frames().next(), Some([-1000 << 16, 1000 << 16]));
}

/// The transmitter's clock is fixed at 6.144 MHz (FP 960, FS a hundredth of the rate), the receiver's is 64 times the rate.
fn pulses_carry_sound_in_both_directions(image: &[u8]) {
    let parts = "[[part]]\nkind = \"pdm-speaker\"\nname = \"speaker\"\nclk = 14\ndin = 12\n\
        [[part]]\nkind = \"pdm-microphone\"\nname = \"ear\"\nclk = 26\ndata = 34\nchannel = \"right\"\ntone = 500\n";
    let mut repl = booted(image, parts);
    run(&mut repl, I2S);
    run(
        &mut repl,
        "drive(14, 25)\n\
         drive(12, 163)\n\
         r[CLKM], r[RATE] = 3 | 16 << 8 | 63 << 14 | 1 << 20, 8 | 16 << 12 | 16 << 18 | 8 << 6\n\
         r[PDM], r[FREQ], r[CONF] = 0x1550000 | 6 << 4 | 1 << 2 | 1, 160 | 960 << 10, 0\n\
         r[FIFO], r[CHAN] = 1 << 12 | 1 << 19 | 1 << 20, 0\n\
         ramp = b''.join(struct.pack('<hh', -i, i) for i in range(500))\n\
         play(ramp)\n\
         time.sleep_ms(40)\n\
         stop()\n",
    );
    let speaker = repl.machine.part::<Speaker>("speaker").expect("a speaker");
    assert!(speaker.millihertz().abs_diff(16_000_000) < 16_000, "{} mHz", speaker.millihertz());
    let heard: Vec<AudioFrame> = speaker.frames().take(500).collect();
    assert_eq!(heard, (0..500).map(|i| [i << 16, -i << 16]).collect::<Vec<_>>());

    // On the pad, a steady quarter of full scale is a line that is high for five eighths of the time.
    run(&mut repl, "play(struct.pack('<hh', 0x2000, 0x2000) * 100)\ntime.sleep_ms(10)\n");
    repl.machine.attach_probe(12);
    let begin = repl.machine.now();
    repl.machine.run_for(Span::from_millis(20));
    let edges: Vec<_> = repl.machine.take_probed(12).into_iter().filter(|(at, _)| *at > begin).collect();
    let mut high = Span::ZERO;
    for pair in edges.windows(2) {
        if pair[0].1 == Signal::Level(true) {
            high = high + pair[1].0.since(pair[0].0);
        }
    }
    let whole = edges[edges.len() - 1].0.since(edges[0].0);
    let share = high.ticks() as f64 / whole.ticks() as f64;
    assert!((share - 0.625).abs() < 0.005, "{share}");
    assert!(edges.len() > 1000);
    run(&mut repl, "stop()\n");

    let printed = run(
        &mut repl,
        "drive(26, 28)\n\
         Pin(34, Pin.IN)\n\
         mem32[0x3ff44130 + 4 * 155] = 1 << 7 | 34\n\
         r[CLKM], r[PDM] = 19 | 17 << 8 | 32 << 14 | 1 << 20, 0x550000 | 1 << 3 | 2\n\
         r[FIFO], r[CHAN], r[RXEOF] = 1 << 12 | 1 << 16 | 1 << 19 | 1 << 20, 1 << 3, 1000\n\
         data = bytearray(4000)\n\
         kept = bytearray(12)\n\
         struct.pack_into('<III', kept, 0, 1 << 31 | 4000, at(data), 0)\n\
         r[IN] = 1 << 29 | at(kept) & 0xfffff\n\
         r[CONF] |= 1 << 5\n\
         time.sleep_ms(130)\n\
         words = struct.unpack('<2000h', data)\n\
         s = [words[i ^ 1] for i in range(2000)]\n\
         print(sum(s[i] < 0 <= s[i + 1] for i in range(1999)), max(s))\n",
    );
    let (rises, peak) = printed.trim().split_once(' ').expect("two numbers");
    assert!((61..=63).contains(&rises.parse::<u32>().expect("a number")), "an eighth of a second: {printed}");
    assert!((16_000..=16_384).contains(&peak.parse::<u32>().expect("a number")), "{printed}");
}

/// Commands and parameters by words of 32 bits, one each; pixels by words with two of 16 bits. The display is on data lines 8 to 15.
fn a_display_on_a_parallel_bus_shows_what_i2s_sends(image: &[u8]) {
    let parts = "[[part]]\nkind = \"st7789\"\nname = \"panel\"\nbus = \"i8080\"\ncs = 26\ndc = 25\nwr = 23\n\
        data = [12, 13, 14, 15, 18, 19, 21, 22]\nheight = 240\n";
    let mut repl = booted(image, parts);
    repl.machine.attach_probe(23);
    run(&mut repl, I2S);
    run(
        &mut repl,
        "cs, dc = Pin(26, Pin.OUT, value=1), Pin(25, Pin.OUT, value=1)\n\
         for i, pad in enumerate((12, 13, 14, 15, 18, 19, 21, 22)): drive(pad, 148 + i)\n\
         drive(23, 25, 1)\n\
         r[CLKM], r[CONF2], r[CONF1], r[CHAN], r[CONF] = 2 | 1 << 20, 1 << 5, 1 << 8 | 1 << 3, 1, 1 << 8\n\
         r[FIFO], r[LC] = r[FIFO] & ~(1 << 19) | 1 << 12, 1 << 12 | 1 << 9 | 1 << 6\n\
         def send(level, bits, words):\n    \
             dc(level)\n    \
             r[RATE], r[INT_CLR] = bits << 12 | 4, 0xffffffff\n    \
             r[CONF] &= ~(1 << 4)\n    \
             r[CONF] |= 1\n    \
             r[CONF] &= ~1\n    \
             play(b''.join(struct.pack('<I', word) for word in words), False)\n    \
             while not r[INT_RAW] & 1 << 12: pass\n\
         def command(code, *arguments):\n    \
             send(0, 32, [code << 16])\n    \
             if arguments: send(1, 32, [byte << 16 for byte in arguments])\n\
         cs(0)\n\
         command(0x11)\n\
         command(0x21)\n\
         command(0x3a, 0x55)\n\
         command(0x2a, 0, 2, 0, 9)\n\
         command(0x2b, 0, 3, 0, 6)\n\
         command(0x2c)\n\
         send(1, 16, [0xf8 << 16 | 0x1f] * 32)\n\
         command(0x29)\n\
         cs(1)\n",
    );
    let panel = repl.machine.part::<Tft>("panel").expect("a display");
    let picture = panel.picture();
    for y in 0..240 {
        for x in 0..240 {
            let inside = (2..10).contains(&x) && (3..7).contains(&y);
            let expected = if inside { Rgb::new(255, 0, 255) } else { Rgb::default() };
            assert_eq!(picture.get(x, y), expected, "({x}, {y})");
        }
    }
    // 10 MHz while it sends: a fall and a rise of WR for each of 7 + 1 + 4 + 4 + 64 bytes.
    let edges = repl.machine.take_probed(23);
    let strobes: Vec<_> = edges.iter().skip_while(|(_, signal)| *signal != Signal::Level(true)).collect();
    assert_eq!(strobes.len() - 1, 2 * (7 + 1 + 4 + 4 + 64));
    let pixels = &strobes[strobes.len() - 2 - 128..]; // before DISPON
    assert_eq!(pixels[2].0.since(pixels[0].0), Span::from_nanos(100));
}
