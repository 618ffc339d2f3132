//! Scripts that once brought the emulator down or out of step with silicon, each with its right answer.

use std::path::Path;

use espalier_core::{Bitmap, Span};
use espalier_soc::{BoardDefinition, MachineConfig, SERIAL_OUTPUT_BYTES};

use crate::cases::Case;
use crate::repl::Repl;

pub const ALL: &[(&str, Case)] = &[
    ("rmt_without_end_is_not_followed", rmt_without_end_is_not_followed),
    ("uart1_keeps_what_it_sent_last", uart1_keeps_what_it_sent_last),
    ("pulls_of_all_pads", pulls_of_all_pads),
    ("a_pulled_pad_wakes_when_it_is_driven", a_pulled_pad_wakes_when_it_is_driven),
    ("light_sleep_takes_as_long_as_asked", light_sleep_takes_as_long_as_asked),
    ("oled_of_64x32_shows_its_rows_in_order", oled_of_64x32_shows_its_rows_in_order),
];

/// A channel of the RMT in continuous mode, 63 words of the shortest pulses, while MicroPython sleeps.
fn rmt_without_end_is_not_followed(image: &[u8]) {
    let mut repl = Repl::booted(image);
    let before = repl.machine.device_work();
    let script = "import machine, time\n\
        m = machine.mem32\n\
        m[0x3ff000c0] = m[0x3ff000c0] | 1 << 9\n\
        m[0x3ff000c4] = m[0x3ff000c4] & ~(1 << 9)\n\
        b = 0x3ff56000\n\
        m[b + 0xf0] = 3\n\
        for i in range(63): m[b + 0x800 + 4 * i] = 0x00018001\n\
        m[b + 0x800 + 4 * 63] = 0\n\
        m[b + 0x20] = 1 | 1 << 24\n\
        m[b + 0x24] = 1 << 17 | 1 << 6 | 1 << 3\n\
        m[b + 0x24] = 1 << 17 | 1 << 6 | 1\n\
        time.sleep(5)\n\
        print(hex(m[b + 0x60] >> 24))\n";
    assert_eq!(repl.run(script), "0x1\n");
    let work = repl.machine.device_work() - before;
    assert!(work < 100_000, "{work} calls and pulses, of 400 million that were sent");
}

fn uart1_keeps_what_it_sent_last(image: &[u8]) {
    let mut repl = Repl::booted(image);
    let script = "from machine import UART\n\
        import time\n\
        u = UART(1, baudrate=5000000, tx=4, rx=5)\n\
        t = time.ticks_ms()\n\
        n = 0\n\
        while time.ticks_diff(time.ticks_ms(), t) < 1000:\n  \
          n += u.write(b'x' * 4095 + b'y')\n\
        print(n)\n";
    let sent: u64 = repl.run(script).trim().parse().expect("a number");
    // The bytes in the driver's buffer are sent.
    repl.machine.run_for(Span::from_millis(100));
    let kept = repl.machine.uart_take(1);
    assert_eq!(kept.len(), SERIAL_OUTPUT_BYTES);
    assert_eq!(kept.len() as u64 + repl.machine.uart_lost(1), sent);
    assert_eq!(kept.last().map(|(_, byte)| *byte), Some(b'y'));
    assert_eq!(repl.machine.dropped(), [format!("{} bytes that UART1 sent", repl.machine.uart_lost(1))]);
}

/// Nothing is connected to any pad: a pull-up reads 1 and a pull-down 0.
fn pulls_of_all_pads(image: &[u8]) {
    let board = BoardDefinition::from_toml("", Path::new("bare.toml")).unwrap();
    let mut repl = Repl::booted_on(image, &MachineConfig { board, ..MachineConfig::default() });
    let script = "from machine import Pin\n\
        bad = []\n\
        for n in (0, 2, 4, 5, 12, 13, 14, 15, 18, 19, 21, 22, 23, 25, 26, 27, 32, 33):\n  \
          up = Pin(n, Pin.IN, Pin.PULL_UP).value()\n  \
          down = Pin(n, Pin.IN, Pin.PULL_DOWN).value()\n  \
          if (up, down) != (1, 0): bad.append((n, up, down))\n\
        print(bad)\n";
    assert_eq!(repl.run(script), "[]\n");
}

/// ESP-IDF leaves the pulls on for EXT0 only.
fn a_pulled_pad_wakes_when_it_is_driven(image: &[u8]) {
    for (gpio, pull, wakes_at, level) in
        [(32, "PULL_UP", "ALL_LOW", false), (27, "PULL_UP", "ALL_LOW", false), (33, "PULL_DOWN", "ANY_HIGH", true)]
    {
        let mut repl = Repl::booted(image);
        repl.start(&format!(
            "import esp32, machine, time\n\
             from machine import Pin\n\
             esp32.wake_on_ext0(Pin({gpio}, Pin.IN, Pin.{pull}), esp32.WAKEUP_{wakes_at})\n\
             t = time.ticks_ms()\n\
             machine.lightsleep(3000)\n\
             print(time.ticks_diff(time.ticks_ms(), t))\n"
        ));
        repl.machine.run_for(Span::from_millis(1500));
        repl.machine.drive_pin(gpio, Some(level));
        let slept: u64 = repl.wait_for("\r\n", Span::from_secs(4)).trim().parse().expect("a number");
        assert!((1400..1600).contains(&slept), "GPIO{gpio}: slept {slept} ms");
    }
}

/// ESP-IDF takes from the time that is asked for what it expects waking to take, and refuses to sleep for less than that.
fn light_sleep_takes_as_long_as_asked(image: &[u8]) {
    let mut repl = Repl::booted(image);
    let script = "import machine, time\n\
        for ms in (5, 5, 10, 20, 100, 1000):\n  \
          t = time.ticks_us()\n  \
          machine.lightsleep(ms)\n  \
          print(ms, time.ticks_diff(time.ticks_us(), t))\n";
    let printed = repl.run(script);
    for line in printed.lines() {
        let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().expect("a number")).collect();
        let (asked, slept) = (1000 * numbers[0], numbers[1]);
        assert!((asked - 100..asked + 1000).contains(&slept), "milliseconds asked for, microseconds slept:\n{printed}");
    }
}

/// A 0.49 inch OLED: 64x32 pixels of an SSD1306, the middle 64 of its 128 columns, wired to both sides of the controller.
fn oled_of_64x32_shows_its_rows_in_order(image: &[u8]) {
    let text = "extends = \"esp32-devkit\"\n\
        [[part]]\nkind = \"ssd1306\"\nname = \"display\"\nscl = 22\nsda = 21\nwidth = 64\nheight = 32\nvisible-column = 32\n";
    let board = BoardDefinition::from_toml(text, Path::new("oled.toml")).unwrap();
    let mut repl = Repl::booted_on(image, &MachineConfig { board, ..MachineConfig::default() });
    let script = "from machine import I2C, Pin\n\
        import framebuf\n\
        i2c = I2C(0, scl=Pin(22), sda=Pin(21), freq=400000)\n\
        cmd = lambda *v: [i2c.writeto(0x3C, bytes((0x80, x))) for x in v]\n\
        W, H, X = 64, 32, 32\n\
        buf = bytearray(W * H // 8)\n\
        fb = framebuf.FrameBuffer(buf, W, H, framebuf.MONO_VLSB)\n\
        cmd(0xAE, 0x20, 0, 0x40, 0xA1, 0xA8, H - 1, 0xC8, 0xD3, 0, 0xDA, 0x12, 0xD5, 0x80, 0xD9, 0xF1)\n\
        cmd(0xDB, 0x30, 0x81, 0xFF, 0xA4, 0xA6, 0x8D, 0x14, 0xAF)\n\
        fb.rect(0, 0, W, H, 1)\n\
        fb.text('64x32', 12, 12)\n\
        cmd(0x21, X, X + W - 1, 0x22, 0, H // 8 - 1)\n\
        i2c.writevto(0x3C, (b'\\x40', buf))\n\
        print(' '.join(str(b) for b in buf))\n";
    let drawn: Vec<u8> = repl.run(script).split_whitespace().map(|byte| byte.parse().expect("a byte")).collect();
    let mut expected = Bitmap::new(64, 32);
    for (index, byte) in (0u32..).zip(&drawn) {
        (0..8).for_each(|bit| expected.set(index % 64, index / 64 * 8 + bit, byte >> bit & 1 != 0));
    }
    let oled = repl.machine.oled().expect("the board has a display");
    assert!(drawn.iter().filter(|byte| **byte != 0).count() > 100);
    assert_eq!(oled.picture(), expected);
}
