//! The ROM of the ESP32-C3.
//!
//! The place of an initial value is in the ROM itself, in the table from which its start-up code copies them.

use std::sync::{Arc, OnceLock};

use espflash::target::Chip;
use object::read::elf::ElfFile32;
use object::{LittleEndian, Object, ObjectSection, ObjectSegment, ObjectSymbol};

use crate::error::RomError;
use crate::{ROM_BASE, elf, place};

/// Bytes of the ROM.
pub const ROM_SIZE: usize = 0x6_0000;
/// Its upper part on the data bus.
pub const ROM_DATA_BASE: u32 = 0x3FF0_0000;
pub const ROM_DATA_OFFSET: u32 = 0x4_0000;
pub const ROM_DATA_SIZE: u32 = ROM_SIZE as u32 - ROM_DATA_OFFSET;

/// A row of the table: where the variables lie, where they end, and where their values are; then a flag.
const ROW: usize = 16;
/// The symbol at which the table ends.
const TABLE_END: &str = "_data_end";
/// More rows than any ROM has.
const MOST_ROWS: usize = 64;

/// The ROM of chip revision 0.3 and later. All callers share it.
///
/// # Errors
/// If the file of the ROM is not what it is expected to be.
pub fn load() -> Result<Arc<[u8]>, RomError> {
    static MADE: OnceLock<Result<Arc<[u8]>, RomError>> = OnceLock::new();
    MADE.get_or_init(|| Ok(image(&elf(Chip::Esp32c3, 3)?)?.into())).clone()
}

fn image(elf: &[u8]) -> Result<Vec<u8>, RomError> {
    let file = ElfFile32::<LittleEndian>::parse(elf).map_err(|_| RomError("the ROM file is not an ELF file"))?;
    let truncated = |_| RomError("a part of the ROM file is truncated");
    let mut image = vec![0; ROM_SIZE];
    for segment in file.segments() {
        let data = segment.data().map_err(truncated)?;
        if let Some(offset) = offset(segment.address() as u32) {
            place(&mut image, offset, data)?;
        }
    }
    // Constants that belong to no segment.
    for section in file.sections() {
        if let Some(offset) = offset(section.address() as u32).filter(|_| section.address() != 0) {
            place(&mut image, offset, section.data().map_err(truncated)?)?;
        }
    }
    let end = file.symbol_by_name(TABLE_END).and_then(|symbol| offset(symbol.address() as u32));
    let end = end.ok_or(RomError("the ROM file does not say where the table of variables ends"))?;
    let rows: Vec<[u32; 3]> = (1..MOST_ROWS).map_while(|row| table_row(&image, end.checked_sub(row * ROW)?)).collect();
    for section in file.sections() {
        let found = rows.iter().find(|[start, end, _]| u64::from(*start) == section.address() && start < end);
        if let Some(offset) = found.and_then(|[_, _, values]| offset(*values)) {
            place(&mut image, offset, section.data().map_err(truncated)?)?;
        }
    }
    Ok(image)
}

/// A row of the table, unless what lies there is none.
fn table_row(image: &[u8], at: usize) -> Option<[u32; 3]> {
    let word = |index: usize| {
        let bytes = image.get(at + 4 * index..at + 4 * index + 4)?;
        Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    };
    let row = [word(0)?, word(1)?, word(2)?];
    (row[0] <= row[1] && offset(row[2]).is_some()).then_some(row)
}

/// Where an address lies in the ROM.
pub fn offset(address: u32) -> Option<usize> {
    match address {
        ROM_BASE.. if address - ROM_BASE < ROM_SIZE as u32 => Some((address - ROM_BASE) as usize),
        ROM_DATA_BASE.. if address - ROM_DATA_BASE < ROM_DATA_SIZE => {
            Some((address - ROM_DATA_BASE + ROM_DATA_OFFSET) as usize)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{load, offset, table_row};

    #[test]
    fn the_initial_values_lie_where_the_start_up_code_copies_them_from() {
        let rom = load().unwrap();
        // ets_ticks_per_us, which the ROM starts with at the rate of the crystal, by the table's row for it.
        let row = table_row(&rom, offset(0x4005_9370).unwrap()).unwrap();
        assert_eq!(row, [0x3FCD_F64C, 0x3FCD_F650, 0x4005_9AC0]);
        let at = offset(row[2]).unwrap();
        assert_ne!(rom[at..at + 4], [0; 4]);
    }
}
