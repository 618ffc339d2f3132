//! Boots an image and prints what UART0 says: `boot OFFSET=FILE ... [--ms N]`.

use std::io::Write;

use espalier_core::Time;
use espalier_soc::{Machine, MachineConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut machine = Machine::new(&MachineConfig::default())?;
    let mut millis = 1000;
    for argument in std::env::args().skip(1) {
        if let Some(value) = argument.strip_prefix("--ms=") {
            millis = value.parse()?;
        } else if let Some((offset, file)) = argument.split_once('=') {
            let offset = u32::from_str_radix(offset.trim_start_matches("0x"), 16)?;
            machine.load_flash(offset, &std::fs::read(file)?)?;
        }
    }
    let limit = Time::from_micros(millis * 1000);
    let begin = std::time::Instant::now();
    while machine.now() < limit {
        machine.run_until(limit);
        let bytes: Vec<u8> = machine.uart_take(0).into_iter().map(|(_, byte)| byte).collect();
        std::io::stdout().write_all(&bytes)?;
        std::io::stdout().flush()?;
    }
    let host = begin.elapsed();
    println!();
    for core in 0..2 {
        println!(
            "core {core}: pc {:#010x}, {} cycles, waiting {}",
            machine.cpu(core).pc(),
            machine.cpu(core).cycles(),
            machine.cpu(core).is_waiting()
        );
    }
    println!("guest {}, host {host:?}", machine.now());
    for access in machine.unmodelled() {
        println!("{access}");
    }
    Ok(())
}
