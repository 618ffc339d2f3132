//! The parts of the mPython board as MicroPython sees them.

use std::path::Path;

use espalier_core::Span;
use espalier_soc::{BoardDefinition, MachineConfig, Strap};

use crate::cases::Case;
use crate::repl::Repl;

pub const ALL: &[(&str, Case)] = &[
    ("board_buttons_are_pressed_by_name", buttons_are_pressed_by_name),
    ("board_button_a_at_reset_enters_the_download_mode", button_a_at_reset_enters_the_download_mode),
    ("board_sensors_share_the_bus_of_the_oled", sensors_share_the_bus_of_the_oled),
    ("board_analog_sensors_are_read_and_calibrated", analog_sensors_are_read_and_calibrated),
    ("board_microphone_is_sampled_through_dma", microphone_is_sampled_through_dma),
    ("board_touch_pads_feel_a_finger", touch_pads_feel_a_finger),
    ("board_touch_interrupts_and_wakes", touch_interrupts_and_wakes),
    ("board_button_a_wakes", button_a_wakes),
    ("board_networks_of_its_definition_are_in_the_air", networks_of_its_definition_are_in_the_air),
];

/// Neither pin needs a pull-up of the chip, as the board has resistors.
fn buttons_are_pressed_by_name(image: &[u8]) {
    let mut repl = Repl::booted_mpython(image);
    let script = "from machine import Pin\n\
        n = []\n\
        a, b = Pin(0, Pin.IN), Pin(2, Pin.IN)\n\
        a.irq(lambda p: n.append('a'), Pin.IRQ_FALLING)\n\
        b.irq(lambda p: n.append('b'), Pin.IRQ_RISING)\n\
        print(a.value(), b.value())\n";
    assert_eq!(repl.run(script), "1 1\n");
    repl.machine.set_button("a", true).unwrap();
    assert_eq!(repl.run("print(a.value(), b.value(), n)\n"), "0 1 ['a']\n");
    repl.machine.set_button("a", false).unwrap();
    repl.machine.set_button("b", true).unwrap();
    assert_eq!(repl.run("print(a.value(), b.value(), n)\n"), "1 0 ['a']\n");
    repl.machine.set_button("b", false).unwrap();
    assert_eq!(repl.run("print(a.value(), b.value(), n)\n"), "1 1 ['a', 'b']\n");
    let error = repl.machine.set_button("c", true).unwrap_err().to_string();
    assert_eq!(error, "board mpython has no button \"c\"; it has a, b");
}

fn button_a_at_reset_enters_the_download_mode(image: &[u8]) {
    let mut repl = Repl::booted_mpython(image);
    repl.machine.set_button("a", true).unwrap();
    repl.machine.reset(Strap::FlashBoot);
    repl.wait_for("waiting for download", Span::from_secs(1));
    repl.machine.set_button("a", false).unwrap();
    repl.machine.reset(Strap::FlashBoot);
    repl.wait_for(">>> ", Span::from_secs(5));
}

fn sensors_share_the_bus_of_the_oled(image: &[u8]) {
    let mut repl = Repl::booted_mpython(image);
    repl.machine.set_acceleration("accelerometer", [0.0, -0.5, 0.25]).unwrap();
    repl.machine.set_magnetic_field("magnetometer", [0.25, 0.0, -0.5]).unwrap();
    let script = "from machine import I2C, Pin\n\
        import struct, time\n\
        i2c = I2C(0, scl=Pin(22), sda=Pin(23), freq=400000)\n\
        print([hex(a) for a in i2c.scan()])\n\
        print(i2c.readfrom_mem(0x26, 1, 1), i2c.readfrom_mem(0x30, 0x2f, 1))\n\
        i2c.writeto_mem(0x26, 0x11, b'\\x00')\n\
        def g(): return [v / 16384 for v in struct.unpack('<3h', i2c.readfrom_mem(0x26, 2, 6))]\n\
        def gauss():\n \
          i2c.writeto_mem(0x30, 9, b'\\x01')\n \
          n = 0\n \
          while not i2c.readfrom_mem(0x30, 8, 1)[0] & 1:\n  \
            time.sleep_ms(1)\n  \
            n += 1\n \
          v = struct.unpack('>3H', i2c.readfrom_mem(0x30, 0, 6))\n \
          return 6 <= n <= 9, [(x - 32768) / 4096 for x in v]\n\
        print(g(), gauss())\n";
    let expected = "['0x26', '0x30', '0x3c']\nb'\\x13' b'0'\n[0.0, -0.5, 0.25] (True, [0.25, 0.0, -0.5])\n";
    assert_eq!(repl.run(script), expected);
    repl.machine.set_acceleration("accelerometer", [1.0, 0.0, 0.0]).unwrap();
    assert_eq!(repl.run("print(g())\n"), "[1.0, 0.0, 0.0]\n");
    assert_eq!(repl.machine.unmodelled(), []);
}

/// Readings of `machine.ADC`, and their values after ESP-IDF's calibration.
fn analog_sensors_are_read_and_calibrated(image: &[u8]) {
    let mut repl = Repl::booted_mpython(image);
    repl.run(
        "from machine import ADC, Pin\n\
         light = ADC(Pin(39), atten=ADC.ATTN_11DB)\n\
         microphone = ADC(Pin(36), atten=ADC.ATTN_0DB)\n",
    );
    let mut read = |light: f64, microphone: f64| {
        repl.machine.set_volts("light", light).unwrap();
        repl.machine.set_volts("microphone", microphone).unwrap();
        let printed = repl.run("print(light.read_u16(), light.read_uv(), microphone.read_uv())\n");
        let numbers: Vec<u32> = printed.split_whitespace().map(|number| number.parse().expect("a number")).collect();
        <[u32; 3]>::try_from(numbers).expect("three numbers")
    };
    for (light, microphone) in [(0.5, 0.2), (1.65, 0.5), (2.4, 0.9), (3.0, 0.7)] {
        let [raw, light_uv, microphone_uv] = read(light, microphone);
        let error = |microvolts: u32, volts: f64| (f64::from(microvolts) / 1e6 - volts).abs();
        assert!(error(light_uv, light) < 0.006, "{light} V at 11 dB reads {light_uv} uV");
        assert!(error(microphone_uv, microphone) < 0.002, "{microphone} V at 0 dB reads {microphone_uv} uV");
        assert!(raw > 0 && raw < 65_535);
    }
    assert_eq!(read(0.0, 3.3)[0], 0);
    assert_eq!(read(3.3, 0.0)[0], 65_535);
    repl.machine.set_level("light", 0.5).unwrap();
    let printed = repl.run("print(1640000 < light.read_uv() < 1660000, light.read())\n");
    assert!(printed.starts_with("True "), "{printed}");
    // The second converter, at the pin of a button.
    let script = "b = ADC(Pin(2), atten=ADC.ATTN_11DB)\nprint(b.read_u16())\n";
    assert_eq!(repl.run(script), "65535\n");
    repl.machine.set_button("b", true).unwrap();
    assert_eq!(repl.run("print(b.read_u16())\n"), "0\n");
    let error = repl.machine.set_volts("dark", 1.0).unwrap_err().to_string();
    assert_eq!(error, "board mpython has no analog sensor \"dark\"; it has light, microphone");
    assert_eq!(repl.machine.unmodelled(), []);
}

fn touch_pads_feel_a_finger(image: &[u8]) {
    let mut repl = Repl::booted_mpython(image);
    repl.run(
        "from machine import TouchPad, Pin\n\
         import time\n\
         pads = [TouchPad(Pin(n)) for n in (27, 14, 12, 13, 15, 4)]\n\
         def read():\n \
           time.sleep_ms(100)\n \
           return [p.read() for p in pads]\n",
    );
    let free = |count: &u32| (900..1100).contains(count);
    let touched = |count: &u32| (100..400).contains(count);
    let read = |repl: &mut Repl| -> Vec<u32> {
        let printed = repl.run("print(*read())\n");
        printed.split_whitespace().map(|number| number.parse().expect("a number")).collect()
    };
    assert!(read(&mut repl).iter().all(free), "{:?}", read(&mut repl));
    for (name, index) in [("P", 0), ("N", 5)] {
        repl.machine.set_touched(name, true).unwrap();
        let counts = read(&mut repl);
        assert!(touched(&counts[index]) && counts.iter().filter(|count| free(count)).count() == 5, "{counts:?}");
        repl.machine.set_touched(name, false).unwrap();
    }
    assert!(read(&mut repl).iter().all(free));
    assert_eq!(repl.machine.unmodelled(), []);
}

/// The registers as ESP-IDF's continuous mode sets them: one pattern (channel 0, 12 bits, 11 dB), 20000 samples a second, two
/// buffers of 128 samples in a circle.
fn microphone_is_sampled_through_dma(image: &[u8]) {
    let mut repl = Repl::booted_mpython(image);
    repl.machine.set_volts("microphone", 1.0).unwrap();
    let start = "from machine import mem32, ADC, Pin\n\
        import uctypes, struct, time\n\
        one = ADC(Pin(36), atten=ADC.ATTN_11DB).read_u16() >> 4\n\
        DPORT, SENS, SYSCON, I2S = 0x3ff00000, 0x3ff48800, 0x3ff66000, 0x3ff4f000\n\
        bufs = [bytearray(256), bytearray(256)]\n\
        descs = [bytearray(12), bytearray(12)]\n\
        at = [uctypes.addressof(d) for d in descs]\n\
        for i in (0, 1): struct.pack_into('<III', descs[i], 0, 1 << 31 | 256, uctypes.addressof(bufs[i]), at[1 - i])\n\
        mem32[DPORT + 0xc0] |= 1 << 4\n\
        mem32[DPORT + 0xc4] &= ~(1 << 4)\n\
        mem32[SENS] |= 1 << 27\n\
        mem32[SYSCON + 0x1c] = 0x0f000000\n\
        mem32[SYSCON + 0x14] |= 1 << 9\n\
        mem32[SYSCON + 0x10] = 1 << 26 | 1 << 23 | 1 << 6 | 8 << 7\n\
        mem32[SYSCON + 0x10] &= ~(1 << 23)\n\
        mem32[I2S + 0xa8] = 1 << 5\n\
        mem32[I2S + 0x20] = 1 << 16 | 1 << 12 | 32\n\
        mem32[I2S + 0xac] = 250\n\
        mem32[I2S + 0xb0] = 16 << 6\n\
        mem32[I2S + 0x24] = 64\n\
        mem32[I2S + 0x34] = 1 << 29 | at[0] & 0xfffff\n\
        def wait():\n \
          mem32[I2S + 0x18] = 0x1ffff\n \
          while not mem32[I2S + 0xc] & 1 << 9: pass\n\
        def buffer():\n \
          wait()\n \
          return set(struct.unpack('<128H', bufs[at.index(mem32[I2S + 0x3c])]))\n\
        mem32[I2S + 8] |= 1 << 5\n\
        wait()\n\
        a = time.ticks_us()\n\
        for i in range(4): wait()\n\
        t = time.ticks_diff(time.ticks_us(), a)\n\
        print(25500 < t < 25700, buffer() == {one}, one)\n";
    let printed = repl.run(start);
    assert!(printed.starts_with("True True "), "{printed}");
    repl.machine.set_volts("microphone", 2.0).unwrap();
    let code: u16 = repl.run("buffer()\nprint(buffer().pop())\n").trim().parse().expect("a number");
    assert!((2280..2340).contains(&code), "2 V at 11 dB reads {code}");
    repl.run("mem32[I2S + 8] &= ~(1 << 5)\nmem32[SENS] &= ~(1 << 27)\n");
    assert_eq!(repl.machine.unmodelled(), []);
}

/// RTC_CNTL_TOUCH_INT_RAW, as the driver's interrupt handler would see it, and both kinds of sleep.
fn touch_interrupts_and_wakes(image: &[u8]) {
    let mut repl = Repl::booted_mpython(image);
    let script = "import esp32, machine, time\n\
        from machine import mem32, Pin, TouchPad\n\
        p = TouchPad(Pin(27))\n\
        p.config(500)\n\
        esp32.wake_on_touch(True)\n\
        def touched():\n \
          mem32[0x3ff48048] = 1 << 6\n \
          time.sleep_ms(100)\n \
          return mem32[0x3ff48040] >> 6 & 1\n\
        print(touched())\n";
    assert_eq!(repl.run(script), "0\n");
    repl.machine.set_touched("P", true).unwrap();
    assert_eq!(repl.run("print(touched())\n"), "1\n");
    repl.machine.set_touched("P", false).unwrap();
    assert_eq!(repl.run("print(touched())\n"), "0\n");
    repl.start("a = time.ticks_ms()\nmachine.lightsleep(5000)\nprint(time.ticks_diff(time.ticks_ms(), a))\n");
    repl.machine.run_for(Span::from_secs(1));
    repl.machine.set_touched("P", true).unwrap();
    let slept: u64 = repl.wait_for("\r\n", Span::from_secs(6)).trim().parse().expect("a number");
    assert!((900..1200).contains(&slept), "slept {slept} ms");
    repl.machine.set_touched("P", false).unwrap();
    repl.wait_for(">", Span::from_secs(1));
    repl.start("machine.deepsleep()\n");
    repl.machine.run_for(Span::from_secs(1));
    repl.machine.set_touched("P", true).unwrap();
    repl.wait_for_restart();
    assert_eq!(repl.run("import machine\nprint(machine.wake_reason() == machine.TOUCHPAD_WAKE)\n"), "True\n");
}

fn button_a_wakes(image: &[u8]) {
    let mut repl = Repl::booted_mpython(image);
    let script = "import esp32, machine\n\
        from machine import Pin\n\
        esp32.wake_on_ext0(Pin(0, Pin.IN), esp32.WAKEUP_ALL_LOW)\n\
        machine.deepsleep()\n";
    repl.start(script);
    repl.machine.run_for(Span::from_secs(3));
    assert!(!repl.console().contains("DEEPSLEEP_RESET"));
    repl.machine.set_button("a", true).unwrap();
    repl.wait_for_restart();
    assert!(repl.console().contains("rst:0x5 (DEEPSLEEP_RESET)"), "{}", repl.console());
    assert_eq!(repl.run("import machine\nprint(machine.wake_reason() == machine.PIN_WAKE)\n"), "True\n");
}

fn networks_of_its_definition_are_in_the_air(image: &[u8]) {
    let text = "extends = \"mpython\"\n\
        [[access-point]]\nssid = \"workshop\"\npassword = \"12345678\"\nchannel = 6\nrssi = -63\n\
        [[access-point]]\nssid = \"garden\"\nbssid = \"02:11:22:33:44:55\"\n";
    let board = BoardDefinition::from_toml(text, Path::new("mine.toml")).unwrap();
    let mut repl = Repl::booted_on(image, &MachineConfig { board, ..MachineConfig::default() });
    let script = "import network\n\
        w = network.WLAN(network.STA_IF)\n\
        w.active(True)\n\
        for n in sorted(w.scan()): print(n[0].decode(), n[2], n[3], n[4])\n\
        print([n[1].hex() for n in w.scan() if n[0] == b'garden'])\n";
    let output = repl.run_within(script, Span::from_secs(30));
    assert_eq!(output.printed, "garden 1 -40 0\nworkshop 6 -63 3\n['021122334455']\n");
}
