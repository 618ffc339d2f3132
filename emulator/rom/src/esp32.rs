//! The ROM of the ESP32.

use std::sync::{Arc, OnceLock};

use espflash::target::Chip;
use object::read::elf::{ElfFile32, ProgramHeader};
use object::{LittleEndian, Object, ObjectSection};

use crate::error::RomError;
use crate::{ROM_BASE, elf, place};

/// ROM0 and ROM1 together.
pub const ROM_SIZE: usize = 0x7_0000;

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
pub enum Revision {
    /// The ROM of chip revisions 0 and 1.
    Rev0,
    /// The ROM of chip revision 3.
    Rev3,
}

/// The image for each of the two cores.
pub type Images = [Arc<[u8]>; 2];

/// Returns the image for each of the two cores: the variables that both use lie elsewhere for the second one. All callers share them, for
/// they are constants that take longer to make than the rest of a chip.
///
/// # Errors
/// If the file of the ROM is not what it is expected to be.
pub fn images(revision: Revision) -> Result<Images, RomError> {
    static MADE: [OnceLock<Result<Images, RomError>>; 2] = [const { OnceLock::new() }; 2];
    let (place, major) = match revision {
        Revision::Rev0 => (0, 0),
        Revision::Rev3 => (1, 3),
    };
    MADE[place].get_or_init(|| make(major)).clone()
}

fn make(major: u32) -> Result<Images, RomError> {
    let pro = image(&elf(Chip::Esp32, major)?)?;
    let app = app_view(&pro);
    Ok([pro.into(), app.into()])
}

fn image(elf: &[u8]) -> Result<Vec<u8>, RomError> {
    let file = ElfFile32::<LittleEndian>::parse(elf).map_err(|_| RomError("the ROM file is not an ELF file"))?;
    let mut image = vec![0; ROM_SIZE];
    for segment in file.elf_program_headers() {
        let data = segment.data(LittleEndian, elf).map_err(|()| RomError("a segment of the ROM file is truncated"))?;
        // The physical address is the place in the mask; segments elsewhere are variables in RAM.
        let address = segment.p_paddr(LittleEndian);
        if segment.p_type(LittleEndian) == object::elf::PT_LOAD && address >= ROM_BASE {
            place(&mut image, (address - ROM_BASE) as usize, data)?;
        }
    }
    for (name, address) in INITIAL_DATA {
        let section = file.section_by_name(name).ok_or(RomError("the ROM file lacks a data section"))?;
        let data = section.data().map_err(|_| RomError("a data section of the ROM file is truncated"))?;
        place(&mut image, (address - ROM_BASE) as usize, data)?;
    }
    Ok(image)
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
    use super::{Revision, images};
    use sha2::{Digest, Sha256};

    fn digest(bytes: &[u8]) -> String {
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_cores_views_differ_in_the_words_that_point_to_their_variables() {
        let views = images(Revision::Rev3).unwrap();
        let words = views[0].chunks_exact(4).zip(views[1].chunks_exact(4));
        assert_eq!(words.filter(|(pro, app)| pro != app).count(), 51);
    }

    #[test]
    fn the_image_is_that_of_the_silicon() {
        let views = images(Revision::Rev3).unwrap();
        for (core, expected) in [(0, SILICON_REV3_PRO), (1, SILICON_REV3_APP)] {
            assert_eq!(digest(&views[core][..DUMP_SIZE]), expected, "core {core}");
        }
    }

    /// The public dumps of a chip of revision 3 end with the last used byte of the ROM.
    const DUMP_SIZE: usize = 0x6_F42A;
    const SILICON_REV3_PRO: &str = "9115bbcd03da9f54d3baca5ad94d588a43da54ed332347137ba3dc9010df258b";
    const SILICON_REV3_APP: &str = "6d3240e7cdb1ec9c1d683515e0a8578e9fb8ece3e7736cb9a996512c656e8442";
}
