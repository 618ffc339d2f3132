//! Execution of the instructions.

use std::ops::Range;

use espalier_core::{Span, Time};

use super::command::{Instruction, opcode};
use super::history::FlashOperation;
use super::status::{BUSY, SUS, WEL};
use super::torn::{FlashOperationKind, UnderWay};
use super::{FlashChip, FlashTiming, MEGABYTE, identity};

const PAGE_SIZE: usize = 256;
const SECTOR_SIZE: usize = 0x1000;
const HALF_BLOCK_SIZE: usize = 0x8000;
const BLOCK_SIZE: usize = 0x1_0000;
/// The unique ID that 4Bh returns. Every real chip has another number; this model's chips share one, so that runs are alike.
const UNIQUE_ID: [u8; 8] = *b"\xE6\x4C\x3D\x52\x27\x1A\x0B\x29";

/// Typical times of programming a page, the first byte of one and each other one (datasheet, chapter 9.6).
const PAGE_PROGRAM: Span = Span::from_micros(700);
const FIRST_BYTE: Span = Span::from_micros(30);
const OTHER_BYTE: Span = Span::from_nanos(2_500);

/// The operation that keeps the chip busy.
#[derive(Clone, Copy)]
enum Operation {
    /// Of so many bytes.
    Program(usize),
    EraseSector,
    EraseHalfBlock,
    EraseBlock,
    EraseChip,
    WriteStatus,
}

impl FlashChip {
    #[inline]
    pub(super) fn execute(&mut self, instruction: &Instruction<'_>, miso: &mut [u8], now: Time) {
        if self.powered_down && instruction.opcode != opcode::RELEASE_POWER_DOWN {
            return;
        }
        let reset_enabled = std::mem::replace(&mut self.reset_enabled, instruction.opcode == opcode::ENABLE_RESET);
        match instruction.opcode {
            opcode::READ_STATUS_1 => miso.fill(self.status_1(now)),
            opcode::READ_STATUS_2 => miso.fill(self.status_2()),
            opcode::READ_STATUS_3 => miso.fill(self.status.get(2)),
            opcode::RESET if reset_enabled => self.reset(),
            opcode::SUSPEND => self.suspend(now),
            _ if now < self.busy_until => {}
            _ => self.execute_idle(instruction, miso, now),
        }
    }

    /// Instructions that a busy chip ignores.
    #[inline]
    fn execute_idle(&mut self, instruction: &Instruction<'_>, miso: &mut [u8], now: Time) {
        match instruction.opcode {
            opcode::WRITE_ENABLE => self.write_enabled = true,
            opcode::WRITE_DISABLE => self.write_enabled = false,
            opcode::WRITE_ENABLE_VOLATILE_STATUS => self.volatile_status_enabled = true,
            opcode::WRITE_STATUS_1 => self.write_status(0, instruction, now),
            opcode::WRITE_STATUS_2 => self.write_status(1, instruction, now),
            opcode::WRITE_STATUS_3 => self.write_status(2, instruction, now),
            opcode::READ_DATA | opcode::FAST_READ | opcode::FAST_READ_DUAL_OUTPUT | opcode::FAST_READ_DUAL_IO => {
                self.read_memory(instruction, miso);
            }
            opcode::FAST_READ_QUAD_OUTPUT | opcode::FAST_READ_QUAD_IO if self.status.quad_enabled() => {
                self.read_memory(instruction, miso);
            }
            opcode::PAGE_PROGRAM => self.program(instruction, now),
            opcode::QUAD_PAGE_PROGRAM if self.status.quad_enabled() => self.program(instruction, now),
            opcode::SECTOR_ERASE => self.erase(instruction, SECTOR_SIZE, Operation::EraseSector, now),
            opcode::BLOCK_ERASE_32K => self.erase(instruction, HALF_BLOCK_SIZE, Operation::EraseHalfBlock, now),
            opcode::BLOCK_ERASE_64K => self.erase(instruction, BLOCK_SIZE, Operation::EraseBlock, now),
            opcode::CHIP_ERASE | opcode::CHIP_ERASE_ALTERNATE => {
                self.change(0..self.size.bytes(), Operation::EraseChip, None, now);
            }
            opcode::RESUME => self.resume(now),
            opcode::POWER_DOWN => self.powered_down = true,
            opcode::RELEASE_POWER_DOWN => {
                self.powered_down = false;
                miso.fill(identity::device_id(self.size));
            }
            opcode::JEDEC_ID => answer(miso, &identity::jedec_id(self.size)),
            opcode::MANUFACTURER_DEVICE_ID => {
                let swapped = instruction.address().is_some_and(|address| address & 1 != 0);
                let (manufacturer, device) = (identity::MANUFACTURER, identity::device_id(self.size));
                answer(miso, &if swapped { [device, manufacturer] } else { [manufacturer, device] });
            }
            opcode::READ_UNIQUE_ID => answer(miso, &UNIQUE_ID),
            opcode::READ_SFDP => {
                if let Some(address) = instruction.address() {
                    identity::read_sfdp(self.size, address, miso);
                }
            }
            _ => {}
        }
    }

    #[inline]
    fn status_1(&self, now: Time) -> u8 {
        let busy = if now < self.busy_until { BUSY } else { 0 };
        let latch = if self.write_enabled { WEL } else { 0 };
        self.status.get(0) | busy | latch
    }

    fn status_2(&self) -> u8 {
        self.status.get(1) | if self.suspended.is_some() { SUS } else { 0 }
    }

    /// Writes one status register, or registers 1 and 2 at once if `first` is register 1 and two bytes follow.
    fn write_status(&mut self, first: usize, instruction: &Instruction<'_>, now: Time) {
        let volatile = std::mem::take(&mut self.volatile_status_enabled);
        let latched = std::mem::take(&mut self.write_enabled);
        if !(volatile || latched) || self.status.locked() || instruction.length() == 0 {
            return;
        }
        let count = if first == 0 { 2 } else { 1 };
        for (register, value) in (0..count).filter_map(|index| Some((first + index, instruction.byte(index)?))) {
            self.status.set(register, value);
            if latched {
                self.stored_status.set(register, value);
            }
        }
        if latched {
            self.busy_until = now + self.duration(Operation::WriteStatus);
        }
    }

    #[inline]
    fn read_memory(&mut self, instruction: &Instruction<'_>, miso: &mut [u8]) {
        if let Some(address) = instruction.address() {
            self.note_read(address, miso.len());
            self.storage.read(address, miso);
        }
    }

    #[inline]
    fn program(&mut self, instruction: &Instruction<'_>, now: Time) {
        let Some(address) = instruction.address() else { return };
        let address = address % self.size.bytes();
        let page = address - address % PAGE_SIZE;
        let mut buffer = [0xFF; PAGE_SIZE];
        let mut sent = 0;
        // Past the end of a page the address wraps to its start; of more than 256 bytes the last ones count.
        for (index, byte) in instruction.data().enumerate() {
            buffer[(address + index) % PAGE_SIZE] = byte;
            sent += 1;
        }
        if sent > 0 {
            self.change(page..page + PAGE_SIZE, Operation::Program(sent.min(PAGE_SIZE)), Some(&buffer), now);
        }
    }

    #[inline]
    fn erase(&mut self, instruction: &Instruction<'_>, unit: usize, operation: Operation, now: Time) {
        let Some(address) = instruction.address() else { return };
        let address = address % self.size.bytes();
        let start = address - address % unit;
        self.change(start..start + unit, operation, None, now);
    }

    /// Programs `data` into `range`, or erases it, if the latch and the protection let it. Nothing is erased or programmed while
    /// another operation is suspended.
    ///
    /// The memory has its new content at once, since the chip does not read while it is busy; what it had is kept for the case that
    /// power is lost before the operation ends.
    #[inline]
    fn change(&mut self, range: Range<usize>, operation: Operation, data: Option<&[u8]>, now: Time) {
        let enabled = std::mem::take(&mut self.write_enabled);
        if !enabled || self.suspended.is_some() || self.status.protects(&range, self.size.bytes()) {
            return;
        }
        let duration = self.duration(operation);
        let kind = if data.is_some() { FlashOperationKind::Program } else { FlashOperationKind::Erase };
        if let Some(history) = &mut self.history {
            history.push(FlashOperation::new(kind, now, duration, &range, data));
        }
        self.under_way = Some(UnderWay::new(kind, range.start, self.storage.copy(&range), duration));
        match data {
            Some(data) => self.storage.program(range.start, data),
            None => self.storage.erase(range.start, range.len()),
        }
        self.unstable.after(&range, data);
        self.busy_until = now + duration;
    }

    fn suspend(&mut self, now: Time) {
        if now < self.busy_until {
            self.suspended = Some(self.busy_until.since(now));
            self.busy_until = now;
        }
    }

    fn resume(&mut self, now: Time) {
        if let Some(rest) = self.suspended.take() {
            self.busy_until = now + rest;
        }
    }

    #[inline]
    fn duration(&self, operation: Operation) -> Span {
        if self.timing == FlashTiming::Quick {
            return Span::from_micros(10);
        }
        match operation {
            Operation::Program(bytes) => PAGE_PROGRAM.min(FIRST_BYTE + OTHER_BYTE * bytes.saturating_sub(1) as u64),
            Operation::EraseSector => Span::from_millis(45),
            Operation::EraseHalfBlock => Span::from_millis(120),
            Operation::EraseBlock => Span::from_millis(150),
            Operation::EraseChip => Span::from_millis(2500) * (self.size.bytes() / MEGABYTE) as u64,
            Operation::WriteStatus => Span::from_millis(10),
        }
    }
}

/// An answer that starts again when the controller reads on.
fn answer(miso: &mut [u8], bytes: &[u8]) {
    for (into, byte) in miso.iter_mut().zip(bytes.iter().cycle()) {
        *into = *byte;
    }
}
