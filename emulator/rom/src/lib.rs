//! The mask ROMs of the chips, as their cores see them.
//!
//! They come out of the ELF files that the `espflash` crate carries, so no ROM image lies in this repository. This crate is the only one
//! of the emulator that knows the flashing tool, and has nothing else of it.
//!
//! Code and constants are in segments of those files. The initial values of the ROM's own variables are in sections that belong to no
//! segment; the ROM's start-up code copies them from places in the mask, where they are put here.

mod error;
pub mod esp32;
pub mod esp32c3;

use espflash::flasher::DeviceInfo;
use espflash::target::{Chip, XtalFrequency};

pub use error::RomError;

/// Where the ROM of every chip begins on its instruction bus.
const ROM_BASE: u32 = 0x4000_0000;

/// The file of a revision of a chip.
fn elf(chip: Chip, major: u32) -> Result<Vec<u8>, RomError> {
    let info = DeviceInfo {
        chip,
        revision: Some((major, 0)),
        crystal_frequency: XtalFrequency::_40Mhz,
        flash_size: Default::default(),
        features: Vec::new(),
        mac_address: None,
    };
    info.rom().ok_or(RomError("espflash has no ROM of this chip"))
}

fn place(image: &mut [u8], offset: usize, data: &[u8]) -> Result<(), RomError> {
    let target = image.get_mut(offset..offset + data.len());
    target.ok_or(RomError("a part of the ROM lies outside of it"))?.copy_from_slice(data);
    Ok(())
}
