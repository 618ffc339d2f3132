//! Instructions per second of the block interpreter on flat memory.
//!
//! The programs are in `programs/`: the source, and its bytes as `llvm-mc -triple=xtensa -mcpu=esp32` assembles it.

use std::time::Instant;

use espalier_xtensa::{Bus, CODE_PAGE, CodeMemory, Config, Cpu, Exit, Fault};

/// Instructions per run call; the core returns in between, as it does when two cores take turns.
const SLICE: u32 = 1 << 16;
/// Instructions executed for one figure.
const INSTRUCTIONS: u64 = 200_000_000;
const MEMORY: usize = 1 << 20;
const RESET: u32 = 0x400;

struct Flat {
    bytes: Vec<u8>,
    versions: Vec<u32>,
}

impl Flat {
    fn read<const N: usize>(&self, address: u32) -> Result<[u8; N], Fault> {
        let start = address as usize;
        self.bytes.get(start..start + N).and_then(|bytes| bytes.try_into().ok()).ok_or(Fault::Unmapped)
    }

    fn write<const N: usize>(&mut self, address: u32, value: [u8; N]) -> Result<(), Fault> {
        let start = address as usize;
        let place = self.bytes.get_mut(start..start + N).ok_or(Fault::Unmapped)?;
        place.copy_from_slice(&value);
        self.versions[start / CODE_PAGE as usize] += 1;
        Ok(())
    }
}

impl Bus for Flat {
    fn fetch(&mut self, address: u32) -> Result<u32, Fault> {
        self.read(address).map(u32::from_le_bytes)
    }

    fn load8(&mut self, address: u32, _: u32) -> Result<u8, Fault> {
        self.read(address).map(u8::from_le_bytes)
    }

    fn load16(&mut self, address: u32, _: u32) -> Result<u16, Fault> {
        self.read(address).map(u16::from_le_bytes)
    }

    fn load32(&mut self, address: u32, _: u32) -> Result<u32, Fault> {
        self.read(address).map(u32::from_le_bytes)
    }

    fn store8(&mut self, address: u32, value: u8, _: u32) -> Result<(), Fault> {
        self.write(address, value.to_le_bytes())
    }

    fn store16(&mut self, address: u32, value: u16, _: u32) -> Result<(), Fault> {
        self.write(address, value.to_le_bytes())
    }

    fn store32(&mut self, address: u32, value: u32, _: u32) -> Result<(), Fault> {
        self.write(address, value.to_le_bytes())
    }

    fn attention(&self) -> bool {
        false
    }

    fn code_version(&self, address: u32) -> u32 {
        self.versions[address as usize / CODE_PAGE as usize % self.versions.len()]
    }

    fn code_memory(&self, _: u32) -> CodeMemory {
        CodeMemory::Writable
    }

    fn code_epoch(&self) -> u32 {
        0
    }

    fn read_external(&mut self, _: u32, _: u32) -> u32 {
        0
    }

    fn write_external(&mut self, _: u32, _: u32, _: u32) {}
}

fn measure(name: &str, hex: &str) {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let mut bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or(0))
        .collect();
    bytes.resize(MEMORY, 0);
    let mut bus = Flat { bytes, versions: vec![0; MEMORY / CODE_PAGE as usize] };
    let mut cpu = Cpu::new(Config { reset_vector: RESET, vector_base: 0, ..Config::ESP32_PRO });
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
        if wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())) {
            measure(name, hex);
        }
    }
}
