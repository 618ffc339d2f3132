//! Bluetooth Low Energy in an empty air: MicroPython's `bluetooth`, NimBLE and Espressif's closed controller on the baseband.

use espalier_core::Span;

use crate::cases::Case;
use crate::repl::Repl;

pub const ALL: &[(&str, Case)] = &[
    ("bluetooth_advertises_and_scans_an_empty_air", advertises_and_scans),
    ("bluetooth_scans_until_it_is_told_to_stop", scans_until_told),
    ("bluetooth_is_switched_off_and_on_again", switched_off_and_on),
    ("bluetooth_runs_the_same_in_one_go_and_in_small_steps", same_in_small_steps),
];

/// Switches it on, with a list of what its interrupt handler was called for: 5 is a scan's result, 6 its end.
const ACTIVE: &str = "\
import bluetooth, time
events = []
ble = bluetooth.BLE()
ble.irq(lambda event, data: events.append(event))
print(ble.active(True))
";

fn advertises_and_scans(image: &[u8]) {
    let mut repl = Repl::booted(image);
    assert_eq!(repl.run(&format!("{ACTIVE}print(ble.config('mac')[1].hex())\n")), "True\n240ac4000112\n");
    let output = repl.run(
        "ble.gap_advertise(100000, b'\\x02\\x01\\x06')\n\
         time.sleep(1)\n\
         ble.gap_scan(2000)\n\
         begun = time.ticks_ms()\n\
         while 6 not in events: time.sleep_ms(10)\n\
         print(time.ticks_diff(time.ticks_ms(), begun) // 50, 5 in events)\n\
         ble.gap_advertise(None)\n",
    );
    assert_eq!(output, "40 False\n");
    assert_eq!(repl.machine.unmodelled(), []);
}

fn scans_until_told(image: &[u8]) {
    let mut repl = Repl::booted(image);
    let output = repl.run(&format!(
        "{ACTIVE}ble.gap_scan(0, 30000, 30000)\ntime.sleep(3)\nprint(6 in events)\n\
         ble.gap_scan(None)\ntime.sleep_ms(100)\nprint(events.count(6))\n"
    ));
    assert_eq!(output, "True\nFalse\n1\n");
}

fn switched_off_and_on(image: &[u8]) {
    let mut repl = Repl::booted(image);
    for _ in 0..3 {
        let output = repl.run(&format!(
            "{ACTIVE}ble.gap_advertise(20000, b'\\x02\\x01\\x06')\ntime.sleep_ms(200)\n\
             ble.gap_scan(300)\ntime.sleep_ms(400)\nprint(events.count(6))\nble.active(False)\nprint(ble.active())\n"
        ));
        assert_eq!(output, "True\n1\nFalse\n");
    }
}

fn same_in_small_steps(image: &[u8]) {
    let mut repl = Repl::booted(image);
    repl.run(&format!("{ACTIVE}ble.gap_advertise(30000, b'\\x02\\x01\\x06')\nble.gap_scan(0)\n"));
    let (mut straight, mut stepped) = (repl.machine.clone(), repl.machine.clone());
    straight.run_for(Span::from_secs(1));
    for _ in 0..2000 {
        stepped.run_for(Span::from_micros(500));
    }
    let end = straight.now().max(stepped.now()) + Span::from_millis(1);
    for machine in [&mut straight, &mut stepped] {
        machine.run_for(end.since(machine.now()));
    }
    assert_eq!((straight.now(), straight.trace_hash()), (stepped.now(), stepped.trace_hash()));
}
