//! Single steps are the oracle of blocks, of debugged blocks and of translated code, on official firmware.

use espalier_core::Span;
use espalier_net::AccessPoint;

use crate::agreement::{Input, agree};
use crate::cases::Case;
use crate::repl::Repl;

pub const ALL: &[(&str, Case)] = &[
    ("single_steps_are_the_oracle_of_a_boot", |image| boot(image, 5_000_000, "POWERON_RESET")),
    ("single_steps_are_the_oracle_of_a_wifi_join", |image| join(image, 10_000_000, "")),
];

/// Minutes of work, to be asked for after a change to how code is executed: `cargo test -p espalier-soc --test micropython -- --ignored`.
pub const LONG: &[(&str, Case)] = &[
    ("single_steps_are_the_oracle_of_100_million_instructions_from_power_on", |image| {
        boot(image, HUNDRED_MILLION, "328350")
    }),
    ("single_steps_are_the_oracle_of_100_million_instructions_of_wifi", |image| {
        join(image, HUNDRED_MILLION, "joined 1010")
    }),
];

const HUNDRED_MILLION: u64 = 100_000_000;
/// When each line is typed after the one before.
const PACE: Span = Span::from_millis(60);
/// When the prompt is there.
const BOOTED: Span = Span::from_millis(1500);

fn lines(start: Span, script: &[&str]) -> Vec<Input> {
    let times = (0..).map(|count: u64| Span::from_ticks(start.ticks() + count * PACE.ticks()));
    times.zip(script).map(|(at, line)| (at, format!("{line}\r").into_bytes())).collect()
}

/// Through the ROM, the bootloader and FreeRTOS to the prompt, and on in scripts with floats, exceptions, timers and memory.
fn boot(image: &[u8], instructions: u64, expected: &str) {
    const SCRIPT: [&str; 6] = [
        "print(sum(i*i for i in range(100)))",
        "print([1/(n+1) for n in range(50)])",
        "from machine import Timer; t = Timer(0); t.init(period=7, callback=lambda t: None)",
        "l = [bytes(n) for n in range(300)]; l = None; import gc; gc.collect()",
        "[][1]",
        "while 1: sum(i*i^(i>>3) for i in range(300)); [str(n) for n in range(50)]\r",
    ];
    agree(&Repl::power_on(image).machine, &lines(BOOTED, &SCRIPT), instructions, expected);
}

/// Espressif's Wi-Fi library scans, joins a WPA2 network and asks for an address, then sends.
fn join(image: &[u8], instructions: u64, expected: &str) {
    const SCRIPT: [&str; 6] = [
        "import network, socket, time; w = network.WLAN(network.STA_IF); w.active(True)",
        "w.connect('net', 'correct horse')",
        "while not w.isconnected(): time.sleep_ms(20)\r",
        "print('joined', w.status())",
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); a = (w.ifconfig()[2], 9)",
        "while 1: s.sendto(b'x'*400, a); sum(range(500))\r",
    ];
    let mut repl = Repl::booted(image);
    let network = AccessPoint::wpa2("net", "correct horse");
    repl.machine.air_mut().add_access_point(network).expect("a possible network");
    agree(&repl.machine, &lines(PACE, &SCRIPT), instructions, expected);
}
