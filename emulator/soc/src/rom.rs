//! The mask ROM of the chip, as both cores see it.

use espalier_rom::esp32::{self, Revision};

use crate::error::SocError;

/// Start of the ROM on the instruction bus.
pub const ROM_BASE: u32 = 0x4000_0000;
/// ROM0 and ROM1 together.
pub const ROM_SIZE: usize = esp32::ROM_SIZE;
/// Where ROM1 (constants) lies within the ROM; the data bus shows it at `ROM1_DATA_BASE`.
pub const ROM1_OFFSET: usize = 0x6_0000;
/// ROM1 on the data bus.
pub const ROM1_DATA_BASE: u32 = 0x3FF9_0000;

/// Revision of the ROM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RomRevision {
    /// The ROM of chip revisions 0 and 1.
    Rev0,
    /// The ROM of chip revision 3.
    Rev3,
}

espalier_core::persist!(
    enum RomRevision {
        Rev0,
        Rev3,
    }
);

/// The ROM as the two cores see it.
#[derive(Clone)]
pub struct Rom {
    images: esp32::Images,
}

impl Rom {
    /// The ROM of `revision`.
    pub fn load(revision: RomRevision) -> Result<Rom, SocError> {
        let revision = match revision {
            RomRevision::Rev0 => Revision::Rev0,
            RomRevision::Rev3 => Revision::Rev3,
        };
        Ok(Rom { images: esp32::images(revision)? })
    }

    /// The CRC-32 of what the first core sees.
    pub fn digest(&self) -> u32 {
        crc32fast::hash(self.view(0))
    }

    /// The bytes that `core` sees from [`ROM_BASE`] on.
    pub fn view(&self, core: usize) -> &[u8] {
        &self.images[core]
    }
}
