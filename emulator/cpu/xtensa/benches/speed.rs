//! Instructions per second on flat memory, translated and interpreted.
//!
//! The programs are in `programs/`: the source, and its bytes as `llvm-mc -triple=xtensa -mcpu=esp32` assembles it.

use std::time::Instant;

use espalier_xtensa::{Config, Cpu, Exit, SpecialRegister, Translation};
use flat::Flat;

#[path = "../tests/core/flat.rs"]
mod flat;

/// Instructions per run call; the core returns in between, as it does when two cores take turns.
const SLICE: u32 = 1 << 16;
/// Instructions executed for one figure.
const INSTRUCTIONS: u64 = 200_000_000;
const MEMORY: usize = 1 << 20;
const RESET: u32 = 0x400;
/// FreeRTOS's watchpoint on the end of a stack (`DBREAKC1`), and bytes that no program here writes.
const STACK_WATCHPOINT: u32 = 0x8000_0020;
const UNTOUCHED: u32 = 0x8_0000;

/// Measures a program that has `breakpoint` in `DBREAKC1`.
fn measure(name: &str, hex: &str, breakpoint: u32, translation: Translation) {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or(0))
        .collect();
    let mut bus = Flat::new(MEMORY, &bytes);
    let mut cpu = Cpu::new(Config { reset_vector: RESET, vector_base: 0, ..Config::ESP32_PRO });
    cpu.set_translation(translation);
    cpu.set_special(SpecialRegister::Dbreaka1, UNTOUCHED);
    cpu.set_special(SpecialRegister::Dbreakc1, breakpoint);
    let start = Instant::now();
    while cpu.cycles() < INSTRUCTIONS {
        assert_eq!(cpu.run(&mut bus, SLICE), Exit::Budget, "stopped at {:#x}", cpu.pc());
    }
    let seconds = start.elapsed().as_secs_f64();
    let million = cpu.cycles() as f64 / 1e6;
    println!("{name}: {:.0} million instructions/s ({million:.0} million in {seconds:.2} s)", million / seconds);
}

const PROGRAMS: [(&str, &str); 2] =
    [("arithmetic", include_str!("programs/arithmetic.hex")), ("calls", include_str!("programs/calls.hex"))];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (name, hex) in PROGRAMS {
        for (name, breakpoint) in [(name.to_owned(), 0), (format!("{name}, stack watchpoint"), STACK_WATCHPOINT)] {
            if wanted.is_empty() || wanted.iter().any(|word| name.ends_with(word.as_str())) {
                measure(&name, hex, breakpoint, Translation::After(64));
                measure(&format!("{name}, interpreted"), hex, breakpoint, Translation::Off);
            }
        }
    }
}
