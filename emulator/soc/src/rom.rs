//! The mask ROM of the chip, as both cores see it.
//!
//! The bytes come out of the ROM ELF files that the `espflash` crate carries, so no ROM image lies in this repository. Code and
//! constants are in the ELF's segments. The initial values of the ROM's own data are in sections that belong to no segment; the
//! ROM's start-up code copies them from fixed places, where they are put here.

use std::sync::Arc;

use espflash::flasher::DeviceInfo;
use espflash::target::{Chip, XtalFrequency};
use object::read::elf::{ElfFile32, ProgramHeader};
use object::{LittleEndian, Object, ObjectSection};

use crate::error::SocError;

/// Start of the ROM on the instruction bus.
pub const ROM_BASE: u32 = 0x4000_0000;
/// ROM0 and ROM1 together.
pub const ROM_SIZE: usize = 0x7_0000;
/// Where ROM1 (constants) lies within the ROM; the data bus shows it at `ROM1_DATA_BASE`.
pub const ROM1_OFFSET: usize = 0x6_0000;
/// ROM1 on the data bus.
pub const ROM1_DATA_BASE: u32 = 0x3FF9_0000;

/// Sections with the initial data of the ROM's variables, and where the ROM's start-up code expects their bytes.
const INITIAL_DATA: [(&str, u32); 6] = [
    (".data_c", 0x4000_D670),
    (".data_phyrom", 0x4000_D6C0),
    (".data_spi_flash", 0x4000_D870),
    (".data_btdm", 0x4000_D890),
    (".data_etsc_pro", 0x4000_F0D0),
    (".data_xtos_pro", 0x4000_F0E0),
];

/// The APP CPU has its own copy of the variables that both cores use, this much further up.
const APP_DATA_OFFSET: u32 = 0x3F10;
/// The variables of the PRO CPU that the APP CPU's ROM replaces with its own copy.
const PRO_DATA: std::ops::RangeInclusive<u32> = 0x3FFE_0010..=0x3FFE_3F20;

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
    images: [Arc<[u8]>; 2],
}

impl Rom {
    /// Builds the ROM of `revision`.
    pub fn load(revision: RomRevision) -> Result<Rom, SocError> {
        let major = match revision {
            RomRevision::Rev0 => 0,
            RomRevision::Rev3 => 3,
        };
        let info = DeviceInfo {
            chip: Chip::Esp32,
            revision: Some((major, 0)),
            crystal_frequency: XtalFrequency::_40Mhz,
            flash_size: Default::default(),
            features: Vec::new(),
            mac_address: None,
        };
        let elf = info.rom().ok_or(SocError::Rom("espflash has no ROM of this chip"))?;
        let pro = image(&elf)?;
        let app = app_view(&pro);
        Ok(Rom { images: [pro.into(), app.into()] })
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

fn image(elf: &[u8]) -> Result<Vec<u8>, SocError> {
    let file = ElfFile32::<LittleEndian>::parse(elf).map_err(|_| SocError::Rom("the ROM file is not an ELF file"))?;
    let mut image = vec![0; ROM_SIZE];
    for segment in file.elf_program_headers() {
        let data =
            segment.data(LittleEndian, elf).map_err(|()| SocError::Rom("a segment of the ROM file is truncated"))?;
        // The physical address is the place in the mask; segments elsewhere are variables in RAM.
        let address = segment.p_paddr(LittleEndian);
        if segment.p_type(LittleEndian) == object::elf::PT_LOAD && address >= ROM_BASE {
            place(&mut image, address, data)?;
        }
    }
    for (name, address) in INITIAL_DATA {
        let section = file.section_by_name(name).ok_or(SocError::Rom("the ROM file lacks a data section"))?;
        let data = section.data().map_err(|_| SocError::Rom("a data section of the ROM file is truncated"))?;
        place(&mut image, address, data)?;
    }
    Ok(image)
}

fn place(image: &mut [u8], address: u32, data: &[u8]) -> Result<(), SocError> {
    let start = (address - ROM_BASE) as usize;
    let target =
        image.get_mut(start..start + data.len()).ok_or(SocError::Rom("a part of the ROM lies outside of it"))?;
    target.copy_from_slice(data);
    Ok(())
}

fn app_view(pro: &[u8]) -> Vec<u8> {
    let mut app = pro.to_vec();
    for word in app.chunks_exact_mut(4) {
        let value = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        if PRO_DATA.contains(&value) {
            word.copy_from_slice(&(value + APP_DATA_OFFSET).to_le_bytes());
        }
    }
    app
}

#[cfg(test)]
mod tests {
    use super::{Rom, RomRevision};
    use sha2::{Digest, Sha256};

    fn digest(bytes: &[u8]) -> String {
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_cores_views_differ_in_the_words_that_point_to_their_variables() {
        let rom = Rom::load(RomRevision::Rev3).unwrap();
        let words = rom.view(0).chunks_exact(4).zip(rom.view(1).chunks_exact(4));
        assert_eq!(words.filter(|(pro, app)| pro != app).count(), 51);
    }

    #[test]
    fn the_image_is_that_of_the_silicon() {
        let rom = Rom::load(RomRevision::Rev3).unwrap();
        for (core, expected) in [(0, SILICON_REV3_PRO), (1, SILICON_REV3_APP)] {
            assert_eq!(digest(&rom.view(core)[..DUMP_SIZE]), expected, "core {core}");
        }
    }

    /// The public dumps of a chip of revision 3 end with the last used byte of the ROM.
    const DUMP_SIZE: usize = 0x6_F42A;
    const SILICON_REV3_PRO: &str = "9115bbcd03da9f54d3baca5ad94d588a43da54ed332347137ba3dc9010df258b";
    const SILICON_REV3_APP: &str = "6d3240e7cdb1ec9c1d683515e0a8578e9fb8ece3e7736cb9a996512c656e8442";
}
