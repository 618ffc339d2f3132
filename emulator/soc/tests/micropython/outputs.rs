//! Outputs that MicroPython drives: LEDs, a buzzer, pulses. On the mPython board, whose LEDs are at GPIO17 and whose buzzer is at GPIO16.

use std::path::Path;

use espalier_core::{Rgb, Signal, Span, Time};
use espalier_parts::Speaker;
use espalier_soc::{BoardDefinition, MachineConfig};

use crate::cases::Case;
use crate::repl::Repl;

pub const ALL: &[(&str, Case)] = &[
    ("neopixels_show_their_colours", neopixels_show_their_colours),
    ("neopixels_by_bit_banging_show_them_too", neopixels_by_bit_banging_show_them_too),
    ("pwm_makes_a_tone", pwm_makes_a_tone),
    ("pwm_at_many_frequencies", pwm_at_many_frequencies),
    ("a_pin_that_is_toggled_makes_a_tone", a_pin_that_is_toggled_makes_a_tone),
    ("rmt_sends_pulses_as_long_as_asked", rmt_sends_pulses_as_long_as_asked),
    ("rmt_repeats_in_a_loop", rmt_repeats_in_a_loop),
    ("rmt_measures_what_it_sends", rmt_measures_what_it_sends),
    ("rmt_measures_what_comes_from_outside", rmt_measures_what_comes_from_outside),
    ("the_pulse_counter_counts_what_pads_carry", the_pulse_counter_counts_what_pads_carry),
    ("i2s_plays_what_is_written", i2s_plays_what_is_written),
    ("i2s_records_what_a_microphone_says", i2s_records_what_a_microphone_says),
    ("the_dacs_give_voltages", the_dacs_give_voltages),
];

const LEDS: usize = 17;

/// Runs a script that must not touch anything that the model lacks.
fn run(repl: &mut Repl, script: &str) -> String {
    let before = repl.machine.unmodelled();
    let printed = repl.run(script);
    assert_eq!(repl.machine.unmodelled(), before, "{script}");
    printed
}

fn colours(repl: &mut Repl) -> Vec<Rgb> {
    repl.machine.run_for(Span::from_millis(1));
    repl.machine.leds(None).expect("the board has LEDs").0
}

const NEOPIXEL: &str = "from machine import Pin\n\
    from neopixel import NeoPixel\n\
    np = NeoPixel(Pin(17, Pin.OUT), 3)\n\
    np[0] = (255, 0, 0)\n\
    np[1] = (0, 128, 3)\n\
    np[2] = (10, 20, 30)\n\
    np.write()\n";

fn neopixels_show_their_colours(image: &[u8]) {
    let mut repl = Repl::booted_mpython(image);
    assert_eq!(colours(&mut repl), [(0, 0, 0); 3]);
    run(&mut repl, NEOPIXEL);
    assert_eq!(colours(&mut repl), [(255, 0, 0), (0, 128, 3), (10, 20, 30)]);
    run(&mut repl, "np[1] = (1, 2, 3)\nnp.write()\n");
    assert_eq!(colours(&mut repl), [(255, 0, 0), (1, 2, 3), (10, 20, 30)]);
    // More LEDs than the board has, and more bits than fit into the RMT's memory: the rest leaves the chain at its end.
    run(
        &mut repl,
        "np = NeoPixel(Pin(17, Pin.OUT), 50)\nfor i in range(50): np[i] = (i, 100 + i, 200 + i)\nnp.write()\n",
    );
    assert_eq!(colours(&mut repl), [(0, 100, 200), (1, 101, 201), (2, 102, 202)]);
}

/// This version sends with code in flash, although its source asks for IRAM: the function is static, and the compiler has put it
/// into its caller, at 0x4011_73C0. So the first write after power-on fetches two lines in the middle of a bit, 3.9 us each from a
/// flash at 40 MHz on two lines, which makes that bit too long here as on silicon; and this sends twice.
fn neopixels_by_bit_banging_show_them_too(image: &[u8]) {
    let mut repl = Repl::booted_mpython(image);
    repl.machine.attach_probe(LEDS);
    run(&mut repl, "import esp32\nesp32.RMT.bitstream_channel(None)\n");
    run(&mut repl, NEOPIXEL);
    run(&mut repl, "np.write()\n");
    assert_eq!(colours(&mut repl), [(255, 0, 0), (0, 128, 3), (10, 20, 30)]);
    let edges = repl.machine.take_probed(LEDS);
    assert!(edges.len() >= 2 * 72, "{} edges", edges.len());
    assert!(edges.is_sorted_by_key(|(at, _)| *at));
}

/// Frequency in Hz and duty of the tone that goes on.
fn tone(repl: &mut Repl) -> Option<(f64, f64)> {
    repl.machine.run_for(Span::from_millis(20));
    let sounds = repl.machine.sounds().expect("the board has a buzzer");
    let sound = sounds.last().filter(|sound| sound.end.is_none())?;
    Some((1.0 / sound.period.as_secs_f64(), sound.high.ticks() as f64 / sound.period.ticks() as f64))
}

fn assert_tone(repl: &mut Repl, frequency: f64, duty: f64) {
    let found = tone(repl).unwrap_or_else(|| panic!("no tone, where one of {frequency} Hz was expected"));
    let near = (found.0 - frequency).abs() < frequency / 500.0 && (found.1 - duty).abs() < 0.01;
    assert!(near, "{found:?} instead of {:?}", (frequency, duty));
}

fn pwm_makes_a_tone(image: &[u8]) {
    let mut repl = Repl::booted_mpython(image);
    assert_eq!(tone(&mut repl), None);
    run(&mut repl, "from machine import PWM, Pin\np = PWM(Pin(16), freq=440, duty_u16=32768)\n");
    assert_tone(&mut repl, 440.0, 0.5);
    run(&mut repl, "p.freq(880)\n");
    assert_tone(&mut repl, 880.0, 0.5);
    run(&mut repl, "p.duty_u16(16384)\n");
    assert_tone(&mut repl, 880.0, 0.25);
    run(&mut repl, "p.deinit()\n");
    assert_eq!(tone(&mut repl), None);
    let script = "import time\n\
        p = PWM(Pin(16), freq=523, duty_u16=32768)\n\
        time.sleep_ms(200)\n\
        p.freq(659)\n\
        time.sleep_ms(300)\n\
        p.deinit()\n";
    let begun = repl.machine.now();
    run(&mut repl, script);
    let sounds = repl.machine.sounds().expect("a buzzer");
    let song: Vec<_> = sounds
        .iter()
        .filter(|sound| sound.start > begun)
        .map(|sound| {
            let length = sound.end.expect("it is over").since(sound.start);
            ((1.0 / sound.period.as_secs_f64()).round() as u32, (length.as_micros() + 5_000) / 10_000)
        })
        .collect();
    assert_eq!(song, [(523, 20), (659, 30)]);
}

fn pwm_at_many_frequencies(image: &[u8]) {
    let mut repl = Repl::booted_mpython(image);
    run(&mut repl, "from machine import PWM, Pin\np = PWM(Pin(16), freq=100, duty_u16=32768)\n");
    for frequency in [100, 262, 1000, 2637, 4186, 20_000, 1_000_000] {
        let printed = run(&mut repl, &format!("p.freq({frequency})\nprint(p.freq())\n"));
        let reported: f64 = printed.trim().parse().expect("a number");
        // MicroPython reports the timer's frequency, rounded to whole hertz.
        assert_tone(&mut repl, reported, 0.5);
    }
    for duty in [1_u32, 100, 1000, 32_768, 65_000] {
        run(&mut repl, &format!("p.freq(1000)\np.duty_u16({duty})\n"));
        assert_tone(&mut repl, 1000.0, f64::from(duty) / 65_536.0);
    }
    run(&mut repl, "p.duty_u16(0)\n");
    assert_eq!(tone(&mut repl), None);
    run(&mut repl, "p.duty_u16(65535)\n");
    assert!(tone(&mut repl).is_none_or(|(_, duty)| duty > 0.99));
}

fn a_pin_that_is_toggled_makes_a_tone(image: &[u8]) {
    let mut repl = Repl::booted_mpython(image);
    let script = "from machine import Pin\n\
        from time import sleep_us\n\
        p = Pin(16, Pin.OUT)\n\
        for i in range(100):\n \
          p(1)\n \
          sleep_us(500)\n \
          p(0)\n \
          sleep_us(500)\n";
    run(&mut repl, script);
    repl.machine.run_for(Span::from_millis(20));
    let sounds = repl.machine.sounds().expect("a buzzer");
    assert_eq!(sounds.len(), 1, "{sounds:?}");
    let (period, end) = (sounds[0].period.as_micros(), sounds[0].end.expect("it is over"));
    assert!((1000..1100).contains(&period), "{period} us");
    assert!((99_000..110_000).contains(&end.since(sounds[0].start).as_micros()));
}

/// Levels, and how long each of them lasted in nanoseconds.
fn pulses(changes: &[(Time, Signal)]) -> Vec<(bool, u64)> {
    let lasting = |pair: &[(Time, Signal)]| {
        let nanos = pair[1].0.since(pair[0].0).ticks() * 1000 / Span::from_micros(1).ticks();
        (pair[0].1 == Signal::Level(true), nanos)
    };
    changes.windows(2).map(lasting).collect()
}

fn rmt_sends_pulses_as_long_as_asked(image: &[u8]) {
    let mut repl = Repl::booted_mpython(image);
    repl.machine.attach_probe(18);
    // 80 MHz / 8: cycles of 100 ns.
    let script = "import esp32\n\
        from machine import Pin\n\
        r = esp32.RMT(0, pin=Pin(18), clock_div=8)\n\
        r.write_pulses((1, 20, 2, 40, 300, 1000), 1)\n\
        print(r.wait_done(timeout=1000))\n\
        r.write_pulses([500, 700] * 100, 1)\n\
        print(r.wait_done(timeout=1000))\n";
    assert_eq!(run(&mut repl, script), "True\nTrue\n");
    let changes = repl.machine.take_probed(18);
    let found = pulses(&changes);
    let expected = [(true, 100), (false, 2000), (true, 200), (false, 4000), (true, 30_000)];
    assert_eq!(found[..5], expected);
    let rest = &found[6..];
    assert_eq!(rest.len(), 199);
    assert!(rest.iter().all(|(level, length)| *length == if *level { 50_000 } else { 70_000 }), "{rest:?}");
}

fn rmt_repeats_in_a_loop(image: &[u8]) {
    let mut repl = Repl::booted_mpython(image);
    let script = "import esp32\n\
        from machine import Pin\n\
        r = esp32.RMT(0, pin=Pin(16), clock_div=80)\n\
        r.loop(True)\n\
        r.write_pulses((400, 600), 1)\n";
    run(&mut repl, script);
    assert_tone(&mut repl, 1000.0, 0.4);
    run(&mut repl, "r.loop(False)\nr.deinit()\n");
    assert_eq!(tone(&mut repl), None);
}

/// MicroPython has no receiver, so the script sets one up by its registers: channel 1, listening to the pin that channel 0 sends
/// to (TRM, registers GPIO_FUNCm_IN_SEL_CFG, RMT_CHnCONF0, RMT_CHnCONF1).
fn rmt_measures_what_it_sends(image: &[u8]) {
    let script = "import esp32, time\n\
        from machine import Pin, mem32 as m\n\
        r = esp32.RMT(0, pin=Pin(18), clock_div=8)\n\
        m[0x3ff49070] |= 1 << 9\n\
        r.write_pulses((1, 1), 1)\n\
        r.wait_done(timeout=1000)\n\
        m[0x3ff44130 + 4 * 84] = 1 << 7 | 18\n\
        m[0x3ff56028] = 1 << 24 | 5000 << 8 | 8\n\
        m[0x3ff5602c] = 1 << 17 | 1 << 5 | 1 << 2 | 1 << 1\n\
        r.write_pulses((100, 200, 300, 400, 50), 1)\n\
        r.wait_done(timeout=1000)\n\
        time.sleep_ms(2)\n\
        words = [m[0x3ff56900 + 4 * i] for i in range(3)]\n\
        print([(w & 0x7fff, w >> 15 & 1, w >> 16 & 0x7fff, w >> 31) for w in words])\n\
        print(m[0x3ff560a0] >> 3 & 7)\n";
    const RX_END_ONLY: u32 = 0b010;
    let words = "[(100, 1, 200, 0), (300, 1, 400, 0), (50, 1, 0, 0)]";
    assert_eq!(run(&mut Repl::booted_mpython(image), script), format!("{words}\n{RX_END_ONLY}\n"));
}

/// Likewise on GPIO4, which the test drives.
fn rmt_measures_what_comes_from_outside(image: &[u8]) {
    let mut repl = Repl::booted_mpython(image);
    let script = "import esp32\n\
        from machine import Pin, mem32 as m\n\
        r = esp32.RMT(0, pin=Pin(18), clock_div=8)\n\
        p = Pin(4, Pin.IN)\n\
        m[0x3ff44130 + 4 * 84] = 1 << 7 | 4\n\
        m[0x3ff56028] = 1 << 24 | 20000 << 8 | 8\n\
        m[0x3ff5602c] = 1 << 17 | 1 << 5 | 1 << 2 | 1 << 1\n";
    run(&mut repl, script);
    let mut edges = Vec::new();
    for (level, micros) in [(true, 321), (false, 987), (true, 55), (false, 0)] {
        repl.machine.drive_pin(4, Some(level));
        edges.push(repl.machine.now());
        repl.machine.run_for(Span::from_micros(micros));
    }
    let cycles: Vec<_> =
        edges.windows(2).map(|pair| pair[1].since(pair[0]).ticks() * 10 / Span::from_micros(1).ticks()).collect();
    let words = "print([m[0x3ff56900 + 4 * i] >> s & 0x7fff for i in range(2) for s in (0, 16)])\n";
    repl.machine.run_for(Span::from_millis(3));
    assert_eq!(run(&mut repl, words), format!("[{}, {}, {}, 0]\n", cycles[0], cycles[1], cycles[2]));
}

/// Unit 0 counts the rising edges of GPIO18: those that software makes, and those of a PWM.
fn the_pulse_counter_counts_what_pads_carry(image: &[u8]) {
    let mut repl = Repl::booted_mpython(image);
    let printed = run(
        &mut repl,
        "from machine import Pin, PWM, mem32\n\
         import time\n\
         p = Pin(18, Pin.OUT, value=0)\n\
         mem32[0x3FF000C0] |= 1 << 10\n\
         mem32[0x3FF000C4] &= ~(1 << 10)\n\
         mem32[0x3FF44130 + 4 * 39] = 18 | 1 << 7\n\
         mem32[0x3FF57000] = 1 << 18\n\
         mem32[0x3FF570B0] = 0x55554\n\
         for i in range(10):\n    p(1)\n    p(0)\n\
         print(mem32[0x3FF57060])\n\
         pwm = PWM(p, freq=10000, duty=300)\n\
         mem32[0x3FF49070] |= 1 << 9\n\
         before = mem32[0x3FF57060]\n\
         time.sleep_ms(100)\n\
         print(mem32[0x3FF57060] - before)\n",
    );
    let counts: Vec<u32> = printed.split_whitespace().map(|count| count.parse().expect(&printed)).collect();
    assert_eq!(counts[0], 10);
    assert!((990..=1020).contains(&counts[1]), "{printed}");
}

/// A speaker and a microphone at the pads that `SOUND` uses.
fn sound_board(image: &[u8]) -> Repl {
    let text = "[[part]]\nkind = \"i2s-speaker\"\nname = \"speaker\"\nsck = 14\nws = 13\ndin = 12\n\
        [[part]]\nkind = \"i2s-microphone\"\nname = \"ear\"\nsck = 26\nws = 25\ndout = 34\ntone = 500\nlevel = 0.5\n";
    let board = BoardDefinition::from_toml(text, Path::new("sound.toml")).expect("a board");
    Repl::booted_on(image, &MachineConfig { board, ..MachineConfig::default() })
}

/// A ramp on the left channel and one downwards on the right, in each format of the driver.
fn i2s_plays_what_is_written(image: &[u8]) {
    let mut repl = sound_board(image);
    for (bits, format, pack, value) in [
        (16, "STEREO", "'<hh', i, -i", 16),
        (16, "MONO", "'<h', i", 16),
        (32, "STEREO", "'<ii', i << 16, -i << 16", 16),
        (32, "MONO", "'<i', i << 16", 16),
    ] {
        let script = format!(
            "from machine import I2S, Pin\n\
             import struct, time\n\
             out = I2S(0, sck=Pin(14), ws=Pin(13), sd=Pin(12), mode=I2S.TX, bits={bits}, format=I2S.{format}, rate=16000, ibuf=16000)\n\
             data = bytearray()\n\
             for i in range(1, 1001): data += struct.pack({pack})\n\
             print(out.write(data) == len(data))\n\
             time.sleep_ms(500)\n\
             out.deinit()\n"
        );
        let start = repl.machine.part::<Speaker>("speaker").expect("a speaker").frames().count();
        assert_eq!(run(&mut repl, &script).trim(), "True");
        let speaker = repl.machine.part::<Speaker>("speaker").expect("a speaker");
        let heard: Vec<_> = speaker.frames().skip(start).skip_while(|frame| *frame == [0, 0]).take(1000).collect();
        let down = |i: i32| if format == "STEREO" { -i } else { i };
        let mut expected: Vec<_> = (1..=1000).map(|i| [i << value, down(i) << value]).collect();
        if (bits, format) == (16, "MONO") {
            // As on silicon: the upper half of a word comes first, and the driver puts the earlier sample below.
            expected.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
        }
        assert_eq!(heard, expected, "{bits} {format}");
        assert!(speaker.millihertz().abs_diff(16_000_000) < 8_000, "{} mHz", speaker.millihertz());
        assert!(speaker.frames().count() - start > 7_000, "it goes on with silence for half a second");
    }
}

/// Rises through zero of a tone of 500 Hz in a quarter of a second.
fn i2s_records_what_a_microphone_says(image: &[u8]) {
    let mut repl = sound_board(image);
    for (bits, format, frame, read) in [
        (16, "STEREO", 4, "'<h', buf, i"),
        (16, "MONO", 2, "'<h', buf, i"),
        (32, "STEREO", 8, "'<i', buf, i"),
        (32, "MONO", 4, "'<i', buf, i"),
    ] {
        let script = format!(
            "from machine import I2S, Pin\n\
             import struct\n\
             ear = I2S(1, sck=Pin(26), ws=Pin(25), sd=Pin(34), mode=I2S.RX, bits={bits}, format=I2S.{format}, rate=8000, ibuf=20000)\n\
             buf = bytearray(2000 * {frame})\n\
             print(ear.readinto(buf) == len(buf))\n\
             ear.deinit()\n\
             s = [struct.unpack_from({read})[0] for i in range(0, len(buf), {frame})]\n\
             print(sum(s[i] < 0 <= s[i + 1] for i in range(len(s) - 1)), max(s) >> ({bits} - 16))\n"
        );
        let printed = run(&mut repl, &script);
        let lines: Vec<&str> = printed.lines().collect();
        assert_eq!(lines[0], "True", "{bits} {format}");
        let (rises, peak) = lines[1].split_once(' ').expect("two numbers");
        assert!((124..=125).contains(&rises.parse::<u32>().expect("a number")), "{bits} {format}: {rises} rises");
        assert!((16_000..=16_384).contains(&peak.parse::<u32>().expect("a number")), "{bits} {format}: {peak}");
    }
}

/// The driver of an ADC switches the DAC of its pad off (CONFIG_ADC_DISABLE_DAC).
fn the_dacs_give_voltages(image: &[u8]) {
    let mut repl = Repl::booted(image);
    assert_eq!(repl.machine.analog_out(25), None);
    run(
        &mut repl,
        "from machine import ADC, DAC, Pin\nd = [DAC(Pin(25)), DAC(Pin(26))]\nd[0].write(180)\nd[1].write(40)\n",
    );
    let volts = [25, 26].map(|pin| repl.machine.analog_out(pin).expect("a DAC that is on"));
    assert!((volts[0] - 3.3 * 180.0 / 255.0).abs() < 0.01 && (volts[1] - 3.3 * 40.0 / 255.0).abs() < 0.01, "{volts:?}");
    assert_eq!(repl.machine.analog_out(27), None);
    run(&mut repl, "ADC(Pin(25), atten=ADC.ATTN_11DB).read_u16()\n");
    assert!(repl.machine.analog_out(25).is_none() && repl.machine.analog_out(26).is_some());
}
