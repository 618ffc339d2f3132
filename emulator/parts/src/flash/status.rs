//! Status registers and the block protection they configure (W25Q32FV datasheet, chapter 7).

use std::ops::Range;

use espalier_core::Field;

use super::MEGABYTE;

/// Status register 1: an operation is in progress.
pub(super) const BUSY: u8 = 1 << 0;
/// Status register 1: write enable latch.
pub(super) const WEL: u8 = 1 << 1;
const BP: Field = Field::new("BP", 2, 4);
const TB: u8 = 1 << 5;
const SEC: u8 = 1 << 6;
const SRP0: u8 = 1 << 7;
const SR1_WRITABLE: u8 = BP.mask() as u8 | TB | SEC | SRP0;

const SRP1: u8 = 1 << 0;
/// Status register 2: the quad instructions are enabled.
pub(super) const QE: u8 = 1 << 1;
/// Lock bits of the security registers; they can only be set.
const LB: u8 = 0b111 << 3;
const CMP: u8 = 1 << 6;
/// Status register 2: an erase or program is suspended.
pub(super) const SUS: u8 = 1 << 7;
const SR2_WRITABLE: u8 = SRP1 | QE | CMP;

/// Output driver strength and the choice of /HOLD or /RESET; WPS stays clear, because individual block locks are not modelled.
const SR3_WRITABLE: u8 = 0b1110_0000;
/// Factory setting of the driver strength: 25 %.
const SR3_FACTORY: u8 = 0b0110_0000;

const SECTOR_SIZE: usize = 0x1000;

/// The configuration bits of the three registers; BUSY, WEL and SUS are kept by the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status {
    bits: [u8; 3],
}

espalier_core::persist!(value Status { bits });

impl Status {
    pub(super) fn factory() -> Status {
        Status { bits: [0, 0, SR3_FACTORY] }
    }

    pub(super) fn get(&self, register: usize) -> u8 {
        self.bits[register]
    }

    pub(super) fn set(&mut self, register: usize, value: u8) {
        let (writable, sticky) = [(SR1_WRITABLE, 0), (SR2_WRITABLE, LB), (SR3_WRITABLE, 0)][register];
        let old = self.bits[register];
        self.bits[register] = (value & writable) | ((old | value) & sticky);
    }

    /// SRP1 keeps the registers from being written until the next power-up (SRP0 clear) or for ever (SRP0 set). SRP0 alone
    /// leaves it to the /WP pin, which the ESP32 drives high.
    pub(super) fn locked(&self) -> bool {
        self.bits[1] & SRP1 != 0
    }

    pub(super) fn clear_power_supply_lock(&mut self) {
        if self.bits[0] & SRP0 == 0 {
            self.bits[1] &= !SRP1;
        }
    }

    pub(super) fn quad_enabled(&self) -> bool {
        self.bits[1] & QE != 0
    }

    /// Whether any byte of `range` is protected in a chip of `size` bytes (tables "memory protection", CMP=0 and CMP=1).
    pub(super) fn protects(&self, range: &Range<usize>, size: usize) -> bool {
        let covered = self.covered(size);
        if self.bits[1] & CMP == 0 {
            range.start < covered.end && covered.start < range.end
        } else {
            range.start < covered.start || covered.end < range.end
        }
    }

    /// The range that BP, TB and SEC select, before CMP turns it around.
    fn covered(&self, size: usize) -> Range<usize> {
        let level = BP.get(self.bits[0].into());
        let length = match (level, self.bits[0] & SEC != 0) {
            (0, _) => 0,
            (7, _) => size,
            (level, true) => SECTOR_SIZE << (level - 1).min(3),
            // The smallest part is a 64th of the chip, but never less than one 64 KiB block.
            (level, false) => {
                let smallest = if size <= 2 * MEGABYTE { size / 32 } else { size / 64 };
                (smallest << (level - 1)).min(size)
            }
        };
        if self.bits[0] & TB != 0 { 0..length } else { size - length..size }
    }
}

#[cfg(test)]
mod tests {
    use super::{BP, CMP, MEGABYTE, SEC, Status, TB};

    fn status(level: u32, sr1: u8, sr2: u8) -> Status {
        let mut status = Status::factory();
        status.set(0, BP.put(level) as u8 | sr1);
        status.set(1, sr2);
        status
    }

    /// W25Q32FV, 7.1.12 and 7.1.13: a row of each kind.
    #[test]
    fn protection_follows_the_datasheet_tables() {
        let size = 4 * MEGABYTE;
        let rows = [
            (status(0, 0, 0), 0..0),
            (status(1, 0, 0), 0x3F_0000..size),
            (status(6, 0, 0), 0x20_0000..size),
            (status(7, 0, 0), 0..size),
            (status(3, TB, 0), 0..0x4_0000),
            (status(1, SEC, 0), 0x3F_F000..size),
            (status(5, SEC | TB, 0), 0..0x8000),
            (status(1, 0, CMP), 0..0x3F_0000),
            (status(4, TB, CMP), 0x8_0000..size),
            (status(0, 0, CMP), 0..size),
            (status(7, 0, CMP), 0..0),
        ];
        for (status, protected) in rows {
            for sector in (0..size).step_by(0x1000) {
                let hit = status.protects(&(sector..sector + 1), size);
                assert_eq!(hit, protected.contains(&sector), "{status:?} at {sector:#x}");
            }
        }
    }

    #[test]
    fn security_register_locks_stay_set() {
        let mut status = status(0, 0, 1 << 3);
        status.set(1, 0);
        assert_eq!(status.get(1), 1 << 3);
    }
}
