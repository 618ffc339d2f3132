//! Looks whether the sections of an ELF file make an image (System V ABI, "Sections" and "Program Header"): espflash takes for granted
//! that they do.

use std::ops::Range;

use object::Endianness;
use object::elf::{FileHeader32, PT_LOAD, ProgramHeader32, SHT_INIT_ARRAY, SHT_PROGBITS, SectionHeader32};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};

/// The numbers of ESP32 firmware are little-endian, and so does espflash read them.
const ENDIAN: Endianness = Endianness::Little;
/// Sections end below this: an image pads its parts to pages of 64 KiB.
const HIGHEST: u64 = u32::MAX as u64 - 0xFFFF;
/// Windows to flash (ESP32 technical reference manual, 1.3 "Address Mapping"): data and instructions.
const FLASH: [Range<u64>; 2] = [0x3F40_0000..0x3F80_0000, 0x400D_0000..0x4040_0000];
/// The section that describes an application of ESP-IDF (`esp_app_desc_t`), the length of the description, and where it has the binary
/// logarithm of the size of a page.
const DESCRIPTION: &[u8] = b".flash.appdesc";
const DESCRIPTION_LENGTH: u64 = 256;
const PAGE_SIZE: usize = 180;

/// A section that becomes a part of the image.
struct Loaded<'a> {
    name: String,
    address: u64,
    bytes: &'a [u8],
}

impl Loaded<'_> {
    fn end(&self) -> u64 {
        self.address + self.bytes.len() as u64
    }
}

fn in_flash(address: u64) -> bool {
    FLASH.iter().any(|window| window.contains(&address))
}

/// Why no image can be made of this file, as far as its sections say so. All else is for espflash to find.
pub(super) fn fault(elf: &[u8]) -> Option<String> {
    look(elf).unwrap_or_else(|error| Some(error.to_string()))
}

fn look(elf: &[u8]) -> object::Result<Option<String>> {
    let header = FileHeader32::<Endianness>::parse(elf)?;
    if header.endian()? != ENDIAN {
        return Ok(Some("its numbers are big-endian".to_owned()));
    }
    let (programs, sections) = (header.program_headers(ENDIAN, elf)?, header.sections(ENDIAN, elf)?);
    let mut loaded = Vec::new();
    let mut description = None;
    for section in sections.iter() {
        let name = sections.section_name(ENDIAN, section).unwrap_or_default();
        if name == DESCRIPTION {
            description.get_or_insert(u64::from(section.sh_addr(ENDIAN)));
        }
        if let Some(bytes) = section.data(ENDIAN, elf).ok().filter(|bytes| is_loaded(section, bytes)) {
            let (name, address) = (String::from_utf8_lossy(name).into_owned(), load_address(programs, section));
            loaded.push(Loaded { name, address, bytes });
        }
    }
    loaded.sort_by_key(|section| section.address);
    if let Some(Loaded { name, address, .. }) = loaded.last().filter(|section| section.end() > HIGHEST) {
        return Ok(Some(format!("section {name:?} at {address:#x} lies behind the chip's memory")));
    }
    if let Some([one, other]) = loaded.array_windows().find(|[one, other]| one.end() > other.address) {
        return Ok(Some(format!("sections {:?} and {:?} overlap at {:#x}", one.name, other.name, other.address)));
    }
    Ok(description.filter(|address| !is_described(&loaded, *address)).map(|address| {
        format!(
            "the description of the application at {address:#x} is not in flash, too short, or has no size of pages"
        )
    }))
}

/// Whether a section has bytes for the chip.
fn is_loaded(section: &SectionHeader32<Endianness>, bytes: &[u8]) -> bool {
    let kind = section.sh_type(ENDIAN);
    let has_bytes = !bytes.is_empty() && section.sh_offset.get(ENDIAN) > 0;
    has_bytes
        && (kind == SHT_PROGBITS || kind == SHT_INIT_ARRAY)
        && section.sh_addr(ENDIAN) > 0
        && section.sh_flags(ENDIAN).0 != 0
}

/// Where the bytes of a section go: a bootloader writes to no flash, so what a program header has there stays where the section says.
fn load_address(programs: &[ProgramHeader32<Endianness>], section: &SectionHeader32<Endianness>) -> u64 {
    let address = u64::from(section.sh_addr(ENDIAN));
    let holds = |program: &&ProgramHeader32<Endianness>| {
        let start = u64::from(program.p_vaddr(ENDIAN));
        program.p_type(ENDIAN) == PT_LOAD && (start..start + u64::from(program.p_memsz(ENDIAN))).contains(&address)
    };
    let load = programs
        .iter()
        .find(holds)
        .map_or(address, |program| u64::from(program.p_paddr(ENDIAN)) + address - u64::from(program.p_vaddr(ENDIAN)));
    if in_flash(load) { address } else { load }
}

/// Whether the whole description is in one section in flash, with a size of pages that is a number.
fn is_described(loaded: &[Loaded<'_>], address: u64) -> bool {
    let holds = |section: &&Loaded<'_>| (section.address..section.end()).contains(&address);
    loaded.iter().find(holds).is_some_and(|section| {
        let offset = (address - section.address) as usize;
        let page_size = section.bytes.get(offset + PAGE_SIZE).copied().unwrap_or(0);
        in_flash(section.address) && section.end() - address >= DESCRIPTION_LENGTH && u32::from(page_size) < u32::BITS
    })
}

#[cfg(test)]
mod tests {
    use super::fault;

    const PROGBITS: u32 = 1;
    const ALLOCATED: u32 = 2;
    const HEADER: usize = 52;
    const SECTION: usize = 40;

    /// An ELF file of these sections: name, address, bytes.
    fn elf(sections: &[(&str, u32, &[u8])]) -> Vec<u8> {
        let (mut names, mut content, mut table) = (b"\0".to_vec(), Vec::new(), vec![0; SECTION]);
        let count = sections.len() + 2;
        let first = HEADER + count * SECTION;
        let mut add =
            |name: &str, kind: u32, flags: u32, address: u32, offset: usize, length: usize, names: &mut Vec<u8>| {
                let fields = [names.len() as u32, kind, flags, address, offset as u32, length as u32, 0, 0, 1, 0];
                names.extend(name.bytes().chain([0]));
                fields.iter().for_each(|field| table.extend(field.to_le_bytes()));
            };
        for (name, address, bytes) in sections {
            add(name, PROGBITS, ALLOCATED, *address, first + content.len(), bytes.len(), &mut names);
            content.extend_from_slice(bytes);
        }
        let length = names.len() + ".shstrtab\0".len();
        add(".shstrtab", 3, 0, 0, first + content.len(), length, &mut names);
        let mut file = b"\x7fELF\x01\x01\x01".to_vec();
        file.resize(16, 0);
        file.extend([2, 0, 94, 0, 1, 0, 0, 0]);
        for field in [0x400D_0020, 0, HEADER as u32, 0] {
            file.extend(u32::to_le_bytes(field));
        }
        for field in [HEADER, 32, 0, SECTION, count, count - 1] {
            file.extend((field as u16).to_le_bytes());
        }
        [file, table, content, names].concat()
    }

    #[test]
    fn sections_side_by_side_make_an_image() {
        let sections: [(&str, u32, &[u8]); 2] = [(".a", 0x4008_0000, &[1; 9]), (".b", 0x4008_0009, &[2; 3])];
        assert_eq!(fault(&elf(&sections)), None);
    }

    #[test]
    fn sections_of_which_no_image_can_be_made_are_named() {
        let told = |sections: &[(&str, u32, &[u8])]| fault(&elf(sections)).unwrap_or_default();
        let text = told(&[(".a", 0x4008_0000, &[1; 9]), (".b", 0x4008_0008, &[2; 3])]);
        assert_eq!(text, "sections \".a\" and \".b\" overlap at 0x40080008");
        let text = told(&[(".a", 0xFFFF_FFF0, &[1; 9])]);
        assert_eq!(text, "section \".a\" at 0xfffffff0 lies behind the chip's memory");
        let text = told(&[(".flash.appdesc", 0x3F40_0020, &[1; 200])]);
        assert!(text.starts_with("the description of the application at 0x3f400020 is not in flash"), "{text}");
        assert!(told(&[(".flash.appdesc", 0x4008_0020, &[1; 256])]).contains("is not in flash"));
        assert!(told(&[(".flash.appdesc", 0x3F40_0020, &[0xFF; 256])]).contains("no size of pages"));
        assert_eq!(told(&[(".flash.appdesc", 0x3F40_0020, &[0; 256])]), "");
    }
}
