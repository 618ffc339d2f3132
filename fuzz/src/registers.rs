//! Registers of every block of a chip, written as a hostile guest does.

use std::sync::OnceLock;

use espalier_core::Span;
use espalier_soc::{BoardDefinition, Machine, MachineConfig, Strap};

/// Bytes of a write: block, register, two of the value, and what else is done.
const WRITE: usize = 5;
/// Words of a block that have no register.
const WORDS: u32 = 0x400;
/// Values beside those of the input.
const VALUES: [u32; 8] = [0, 1, u32::MAX, 0x8000_0000, 0x7FFF_FFFF, 0x50D8_3AA1, 0x3FFB_8000, 0x3FFB_8FFC];
/// Number of calls of the blocks by themselves that a microsecond may cause, and those of the writes.
const WORK_PER_MICRO: u64 = 16;
const WORK: u64 = 100_000;

/// A chip and the registers of each of its blocks.
struct Start {
    machine: Machine,
    blocks: Vec<(u32, Vec<u32>)>,
}

impl Start {
    fn of(board: &str) -> Start {
        let board = BoardDefinition::by_name(board).expect("a board of ours");
        let mut machine = Machine::new(&MachineConfig { board, ..MachineConfig::default() }).expect("a board of ours");
        machine.reset(Strap::Download);
        machine.run_for(Span::from_millis(20));
        let offsets = |row: &espalier_soc::FidelityRow| row.registers.iter().map(|one| one.offset).collect();
        let blocks = machine.fidelity().iter().map(|row| (row.base, offsets(row))).collect();
        Start { machine, blocks }
    }

    fn run(&self, input: &[u8]) {
        let mut machine = self.machine.clone();
        let before = machine.device_work();
        let mut micros = 0;
        for write in input.chunks_exact(WRITE) {
            let [block, register, low, high, how] = [write[0], write[1], write[2], write[3], write[4]];
            let (base, registers) = &self.blocks[usize::from(block) % self.blocks.len()];
            let offset = match registers.get(usize::from(register) % registers.len().max(1)) {
                Some(offset) if how & 1 == 0 => *offset,
                _ => (u32::from(register) | u32::from(how >> 1) << 8) % WORDS * 4,
            };
            let value = u32::from(low) | u32::from(high) << 8;
            let value = match how >> 5 {
                0 => value,
                1 => value << 16,
                2 => 1 << (low % 32),
                3 => VALUES[usize::from(low) % VALUES.len()],
                4 => 0x3FFB_0000 | value & 0xFFFC,
                _ => value | value << 16,
            };
            let _ = machine.poke(0, base + offset, &value.to_le_bytes());
            if how & 2 != 0 {
                let _ = machine.peek(0, base + offset, &mut [0; 4]);
            }
            let span = match how >> 2 & 3 {
                0 | 1 => 0,
                2 => 3,
                _ => 100,
            };
            micros += span;
            machine.run_for(Span::from_micros(span));
        }
        machine.run_for(Span::from_micros(500));
        micros += 500;
        let work = machine.device_work() - before;
        assert!(work < WORK + WORK_PER_MICRO * micros, "{work} calls of blocks in {micros} us");
        // A fork and a file take any state.
        let _ = machine.clone().save();
    }
}

/// The ESP32 on the board with the most parts.
pub(crate) fn esp32(input: &[u8]) {
    static START: OnceLock<Start> = OnceLock::new();
    START.get_or_init(|| Start::of("mpython")).run(input);
}

/// The ESP32-C3.
pub(crate) fn esp32c3(input: &[u8]) {
    static START: OnceLock<Start> = OnceLock::new();
    START.get_or_init(|| Start::of("esp32c3-devkit")).run(input);
}
