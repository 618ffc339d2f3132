//! Abilities of MicroPython.

use espalier_core::{Bitmap, Span};
use espalier_net::AccessPoint;
use espalier_soc::{Machine, Stop};
use sha2::{Digest, Sha256};

use crate::repl::Repl;

pub type Case = fn(&[u8]);

pub const ALL: &[(&str, Case)] = &[
    ("boots_to_its_prompt", boots_to_its_prompt),
    ("computes_as_python_does", computes_as_python_does),
    ("accelerators_agree_with_software", accelerators_agree_with_software),
    ("draws_on_the_oled_over_i2c", draws_on_the_oled_over_i2c),
    ("draws_on_the_oled_over_i2c_in_software", draws_on_the_oled_over_i2c_in_software),
    ("i2c_reports_silence_and_stretching", i2c_reports_silence_and_stretching),
    ("both_cores_execute", both_cores_execute),
    ("sleeping_takes_its_time", sleeping_takes_its_time),
    ("reset_starts_it_again_and_keeps_its_files", reset_starts_it_again_and_keeps_its_files),
    ("deep_sleep_keeps_rtc_memory", deep_sleep_keeps_rtc_memory),
    ("light_sleep_goes_on_where_it_stopped", light_sleep_goes_on_where_it_stopped),
    ("a_watchdog_bites", a_watchdog_bites),
    ("pins_and_timers_interrupt", pins_and_timers_interrupt),
    ("a_button_is_read_and_interrupts", a_button_is_read_and_interrupts),
    ("an_exception_has_its_traceback", an_exception_has_its_traceback),
    ("ctrl_c_interrupts_a_loop", ctrl_c_interrupts_a_loop),
    ("two_runs_are_the_same_run", two_runs_are_the_same_run),
    ("a_fork_goes_on_as_its_original_does", a_fork_goes_on_as_its_original_does),
    ("a_board_out_of_a_file_goes_on_as_its_original_does", a_board_out_of_a_file_goes_on_as_its_original_does),
    ("a_debugged_run_is_the_same_run", a_debugged_run_is_the_same_run),
    ("small_steps_are_the_same_run", small_steps_are_the_same_run),
];

fn boots_to_its_prompt(image: &[u8]) {
    let repl = Repl::booted(image);
    let console = repl.console();
    for line in [
        "ets Jul 29 2019 12:21:46",
        "rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)",
        "entry 0x400805cc",
        "MicroPython v1.23.0 on 2024-06-02; Generic ESP32 module with ESP32",
    ] {
        assert!(console.contains(line), "no {line:?} in:\n{console}");
    }
}

fn computes_as_python_does(image: &[u8]) {
    let script = "import math\n\
        s = 0\n\
        for i in range(2000): s += i * i ^ (i >> 3)\n\
        print(s, 7 ** 77, -17 // 5, -17 % 5)\n\
        print('%.5f %.5f %.3e' % (math.sqrt(2), math.atan2(1, 3), 1 / 3e20))\n\
        print(sorted([3, 1, 2]), '掌控板'.encode(), {'a': 1}['a'])\n";
    let sum: i64 = (0..2000_i64).map(|i| (i * i) ^ (i >> 3)).sum();
    let expected = format!(
        "{sum} 118181386580595879976868414312001964434038548836769923458287039207 -4 3\n\
         1.41421 0.32175 3.333e-21\n\
         [1, 2, 3] b'\\xe6\\x8e\\x8c\\xe6\\x8e\\xa7\\xe6\\x9d\\xbf' 1\n"
    );
    assert_eq!(Repl::booted(image).run(script), expected);
}

fn accelerators_agree_with_software(image: &[u8]) {
    let script = "import hashlib, binascii, cryptolib\n\
        d = bytes(range(200)) * 7\n\
        print(binascii.hexlify(hashlib.sha256(d).digest()).decode())\n\
        c = cryptolib.aes(bytes(range(16)), 1)\n\
        print(binascii.hexlify(c.encrypt(bytes.fromhex('00112233445566778899aabbccddeeff'))).decode())\n";
    let data: Vec<u8> = (0..200).collect::<Vec<u8>>().repeat(7);
    let digest: String = Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect();
    // FIPS 197, appendix C.1.
    let expected = format!("{digest}\n69c4e0d86a7b0430d8cdb78070b4c55a\n");
    assert_eq!(Repl::booted(image).run(script), expected);
}

/// A picture that is easy to describe twice: a frame, a diagonal and a block.
fn drawing() -> Bitmap {
    let mut picture = Bitmap::new(128, 64);
    for x in 0..128 {
        picture.set(x, 0, true);
        picture.set(x, 63, true);
    }
    for y in 0..64 {
        picture.set(0, y, true);
        picture.set(127, y, true);
        picture.set(y, y, true);
    }
    for (x, y) in (80..100).flat_map(|x| (20..30).map(move |y| (x, y))) {
        picture.set(x, y, true);
    }
    picture
}

fn draws_on_the_oled_over_i2c(image: &[u8]) {
    draw(image, "from machine import I2C, Pin\ni2c = I2C(0, scl=Pin(22), sda=Pin(21), freq=400000)\n");
}

/// The pads' own outputs as SCL and SDA, which needs the acknowledge on the wire and the resistors that pull it up.
fn draws_on_the_oled_over_i2c_in_software(image: &[u8]) {
    draw(image, "from machine import SoftI2C, Pin\ni2c = SoftI2C(scl=Pin(22), sda=Pin(21), freq=400000)\n");
}

fn draw(image: &[u8], bus: &str) {
    let script = "import framebuf\n\
        print(i2c.scan())\n\
        for c in b'\\xae\\x20\\x00\\x40\\xa1\\xc8\\xa8\\x3f\\xd3\\x00\\xda\\x12\\xa4\\xa6\\x8d\\x14\\xaf':\n \
          i2c.writeto(0x3c, bytes([0x80, c]))\n\
        b = bytearray(1024)\n\
        f = framebuf.FrameBuffer(b, 128, 64, framebuf.MONO_VLSB)\n\
        f.rect(0, 0, 128, 64, 1)\n\
        f.line(0, 0, 63, 63, 1)\n\
        f.fill_rect(80, 20, 20, 10, 1)\n\
        for c in b'\\x21\\x00\\x7f\\x22\\x00\\x07': i2c.writeto(0x3c, bytes([0x80, c]))\n\
        i2c.writevto(0x3c, [b'\\x40', b])\n";
    let mut repl = Repl::booted(image);
    repl.run(bus);
    assert_eq!(repl.run(script), "[60]\n");
    assert_eq!(repl.machine.oled().expect("the board has a display").picture(), drawing());
}

fn i2c_reports_silence_and_stretching(image: &[u8]) {
    let mut repl = Repl::booted(image);
    let script = "from machine import I2C, Pin\n\
        i2c = I2C(0, scl=Pin(22), sda=Pin(21), freq=400000, timeout=1000)\n\
        def attempt(address):\n \
          try: print(i2c.writeto(address, b'\\x80\\xe3'))\n \
          except OSError as e: print(e.errno)\n\
        attempt(0x3c)\n\
        attempt(0x11)\n";
    const ENODEV: u32 = 19;
    const ETIMEDOUT: u32 = 116;
    assert_eq!(repl.run(script), format!("2\n{ENODEV}\n"));
    repl.machine.set_i2c_stretch("I2C0", Span::from_millis(50));
    assert_eq!(repl.run("attempt(0x3c)\n"), format!("{ETIMEDOUT}\n"));
    repl.machine.set_i2c_stretch("I2C0", Span::ZERO);
    assert_eq!(repl.run("attempt(0x3c)\n"), "2\n");
}

fn both_cores_execute(image: &[u8]) {
    let mut repl = Repl::booted(image);
    repl.start("import _thread\nimport time\ndef f():\n  while True: time.sleep_ms(1)\n_thread.start_new_thread(f, ())\nwhile True: pass\n");
    let mut busy = [false; 2];
    for _ in 0..2000 {
        repl.machine.run_for(Span::from_micros(50));
        for (core, seen) in busy.iter_mut().enumerate() {
            *seen |= !repl.machine.cpu(core).is_waiting();
        }
    }
    assert_eq!(busy, [true, true]);
}

fn sleeping_takes_its_time(image: &[u8]) {
    let script = "import time\n\
        a = time.ticks_us()\n\
        time.sleep_ms(1500)\n\
        b = time.ticks_us()\n\
        time.sleep_us(2500)\n\
        print(time.ticks_diff(b, a), time.ticks_diff(time.ticks_us(), b))\n";
    let printed = Repl::booted(image).run(script);
    let times: Vec<u64> = printed.split_whitespace().map(|time| time.parse().expect("a number")).collect();
    assert!((1_500_000..1_502_000).contains(&times[0]) && (2_500..2_700).contains(&times[1]), "{times:?}");
}

fn reset_starts_it_again_and_keeps_its_files(image: &[u8]) {
    let mut repl = Repl::booted(image);
    repl.run("with open('kept.txt', 'w') as f: f.write('over the reset')\n");
    repl.start("import machine\nmachine.reset()\n");
    repl.wait_for_restart();
    assert!(repl.console().contains("rst:0xc (SW_CPU_RESET)"), "{}", repl.console());
    assert_eq!(repl.run("print(open('kept.txt').read())\n"), "over the reset\n");
}

fn deep_sleep_keeps_rtc_memory(image: &[u8]) {
    let mut repl = Repl::booted(image);
    repl.run("import machine\nmachine.RTC().memory(b'kept')\n");
    repl.start("machine.deepsleep(100)\n");
    let asleep = repl.machine.now();
    repl.wait_for_restart();
    assert!(repl.console().contains("rst:0x5 (DEEPSLEEP_RESET)"), "{}", repl.console());
    assert!(repl.machine.now().since(asleep) >= Span::from_millis(100));
    let script = "import machine\n\
        print(machine.reset_cause() == machine.DEEPSLEEP_RESET, machine.wake_reason() == machine.TIMER_WAKE)\n\
        print(machine.RTC().memory())\n";
    assert_eq!(repl.run(script), "True True\nb'kept'\n");
}

fn light_sleep_goes_on_where_it_stopped(image: &[u8]) {
    let script = "import machine, time\n\
        a = time.ticks_ms()\n\
        machine.lightsleep(250)\n\
        print(240 <= time.ticks_diff(time.ticks_ms(), a) <= 300)\n";
    assert_eq!(Repl::booted(image).run(script), "True\n");
}

fn a_watchdog_bites(image: &[u8]) {
    let mut repl = Repl::booted(image);
    repl.start("import machine\nw = machine.WDT(timeout=1000)\nwhile True: pass\n");
    repl.wait_for_restart();
    let printed = repl.run("import machine\nprint(machine.reset_cause() == machine.WDT_RESET)\n");
    assert_eq!(printed, "True\n");
}

fn pins_and_timers_interrupt(image: &[u8]) {
    let script = "from machine import Pin, Timer\n\
        import time\n\
        n = [0, 0]\n\
        def on_pin(p): n[0] += 1\n\
        def on_timer(t): n[1] += 1\n\
        p = Pin(4, Pin.OUT, value=0)\n\
        p.irq(on_pin, Pin.IRQ_RISING)\n\
        t = Timer(0, period=10, callback=on_timer)\n\
        for i in range(5):\n \
          p(1)\n \
          time.sleep_ms(20)\n \
          p(0)\n\
        t.deinit()\n\
        print(n[0], 9 <= n[1] <= 11)\n";
    assert_eq!(Repl::booted(image).run(script), "5 True\n");
}

fn a_button_is_read_and_interrupts(image: &[u8]) {
    let mut repl = Repl::booted(image);
    let script = "from machine import Pin\n\
        n = [0]\n\
        def pressed(p): n[0] += 1\n\
        b = Pin(0, Pin.IN, Pin.PULL_UP)\n\
        b.irq(pressed, Pin.IRQ_FALLING)\n\
        print(b.value())\n";
    assert_eq!(repl.run(script), "1\n");
    repl.machine.drive_pin(0, Some(false));
    repl.machine.run_for(Span::from_millis(5));
    assert_eq!(repl.run("print(b.value(), n[0])\n"), "0 1\n");
    repl.machine.drive_pin(0, None);
    assert_eq!(repl.run("print(b.value(), n[0])\n"), "1 1\n");
}

fn an_exception_has_its_traceback(image: &[u8]) {
    let output = Repl::booted(image).run_within("print('before')\n1 / 0\n", Span::from_secs(2));
    assert_eq!(output.printed, "before\n");
    assert!(output.error.contains("line 2") && output.error.contains("ZeroDivisionError"), "{}", output.error);
}

fn ctrl_c_interrupts_a_loop(image: &[u8]) {
    let mut repl = Repl::booted(image);
    repl.start("while True: pass\n");
    repl.machine.run_for(Span::from_millis(50));
    repl.machine.uart_send(0, b"\x03");
    repl.wait_for("KeyboardInterrupt", Span::from_secs(1));
}

const SCRIPT: &str = "import os, time\nfor i in range(20):\n  time.sleep_ms(3)\n  print(i, os.urandom(4))\n";

fn two_runs_are_the_same_run(image: &[u8]) {
    let run = || {
        let mut repl = Repl::power_on(image);
        repl.wait_for(">>> ", Span::from_secs(5));
        let printed = repl.run(SCRIPT);
        (printed, repl.machine.trace_hash(), repl.machine.now())
    };
    assert_eq!(run(), run());
}

/// Saved and loaded halfway to its prompt, in the middle of a script, and again and again while it joins a protected network.
fn a_board_out_of_a_file_goes_on_as_its_original_does(image: &[u8]) {
    let reloaded = |machine: &Machine| Machine::load(&machine.save()).expect("a file of this build");
    let mut straight = Repl::power_on(image);
    straight.machine.run_for(Span::from_millis(400));
    let mut loaded = straight.clone();
    loaded.machine = reloaded(&loaded.machine);
    for repl in [&mut straight, &mut loaded] {
        repl.wait_for(">>> ", Span::from_secs(5));
    }
    assert_eq!(loaded.machine.trace_hash(), straight.machine.trace_hash());
    let file = straight.machine.save();
    assert!(file.len() <= 4 << 20, "{} bytes", file.len());

    for repl in [&mut straight, &mut loaded] {
        repl.machine.air_mut().add_access_point(AccessPoint::wpa2("home", "correct horse")).expect("a network");
        let script = b"import network;w=network.WLAN(0);w.active(True);w.connect('home','correct horse')\r";
        repl.machine.uart_send(0, script);
    }
    for _ in 0..60 {
        loaded.machine = reloaded(&loaded.machine);
        for repl in [&mut straight, &mut loaded] {
            repl.machine.run_for(Span::from_millis(53));
        }
        assert_eq!(loaded.machine.trace_hash(), straight.machine.trace_hash(), "at {}", straight.machine.now());
    }
    assert_eq!(straight.run("print(w.isconnected())\n"), "True\n");
    assert_eq!(loaded.run("print(w.isconnected())\n"), "True\n");
    assert_eq!(loaded.machine.trace_hash(), straight.machine.trace_hash());
}

fn a_fork_goes_on_as_its_original_does(image: &[u8]) {
    let mut original = Repl::booted(image);
    let mut fork = original.clone();
    assert_eq!(original.run(SCRIPT), fork.run(SCRIPT));
    assert_eq!(original.machine.trace_hash(), fork.machine.trace_hash());
}

fn a_debugged_run_is_the_same_run(image: &[u8]) {
    let mut original = Repl::booted(image);
    original.start(SCRIPT);
    let (mut debugged, mut sample) = (original.clone(), original.clone());
    let mut breakpoints = Vec::new();
    for _ in 0..200 {
        sample.machine.run_for(Span::from_micros(97));
        breakpoints.extend((0..2).map(|core| sample.machine.cpu(core).pc()));
    }
    debugged.machine.set_breakpoints(&breakpoints);
    let end = original.machine.now() + Span::from_millis(100);
    let mut stops = [0; 2];
    for (repl, stops) in [&mut original, &mut debugged].into_iter().zip(&mut stops) {
        while repl.machine.now() < end {
            *stops += u32::from(matches!(repl.machine.run_until(end), Stop::Debug { .. }));
        }
    }
    assert!(stops[0] == 0 && stops[1] > 1000, "{stops:?}");
    let bytes = |repl: &mut Repl| repl.machine.uart_take(0);
    assert_eq!(bytes(&mut original), bytes(&mut debugged));
    assert_eq!(original.machine.trace_hash(), debugged.machine.trace_hash());
}

fn small_steps_are_the_same_run(image: &[u8]) {
    let mut straight = Repl::booted(image);
    straight.start(SCRIPT);
    let mut stepped = straight.clone();
    let end = straight.machine.now() + Span::from_millis(100);
    while straight.machine.now() < end {
        straight.machine.run_until(end);
    }
    while stepped.machine.now() < end {
        stepped.machine.run_until(end.min(stepped.machine.now() + Span::from_micros(7)));
    }
    let bytes = |repl: &mut Repl| repl.machine.uart_take(0);
    assert_eq!(bytes(&mut straight), bytes(&mut stepped));
    assert_eq!(straight.machine.trace_hash(), stepped.machine.trace_hash());
}
