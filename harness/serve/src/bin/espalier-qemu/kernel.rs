//! `-kernel`: an ELF file whose segments go into RAM, as Espressif's QEMU takes it. An application of ESP-IDF has its code in flash,
//! so it starts from the flash chip only.

use std::path::{Path, PathBuf};

use espalier_serve::Program;
use object::read::elf::{ElfFile32, FileHeader, ProgramHeader};
use object::{LittleEndian, Object};

/// Where flash is seen through the cache.
const FLASH_WINDOWS: [std::ops::Range<u32>; 2] = [0x3F40_0000..0x3F80_0000, 0x400C_2000..0x40C0_0000];

/// The file is no program that can be put into RAM.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    #[error("could not open '{path}': {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("'{path}' is no ELF file for Xtensa; an application image starts from -drive file=F,if=mtd,format=raw")]
    NoElf { path: PathBuf },
    #[error(
        "'{path}' has code or data in flash, at {address:#010x}: `espalier flash {path} -o flash.bin` makes a file for -drive \
         file=flash.bin,if=mtd,format=raw"
    )]
    InFlash { path: PathBuf, address: u32 },
}

/// Reads the file.
pub fn load(path: &Path) -> Result<Program, KernelError> {
    let path = path.to_owned();
    let file = match std::fs::read(&path) {
        Ok(file) => file,
        Err(source) => return Err(KernelError::Read { path, source }),
    };
    let Some(program) = parse(&file) else { return Err(KernelError::NoElf { path }) };
    for (address, _) in &program.segments {
        if FLASH_WINDOWS.iter().any(|window| window.contains(address)) {
            return Err(KernelError::InFlash { path, address: *address });
        }
    }
    Ok(program)
}

fn parse(file: &[u8]) -> Option<Program> {
    /// More than the chip's memory is a mistake.
    const LONGEST: u32 = 1 << 20;
    let elf = ElfFile32::<LittleEndian>::parse(file).ok()?;
    if elf.elf_header().e_machine(LittleEndian) != object::elf::EM_XTENSA {
        return None;
    }
    let mut segments = Vec::new();
    for segment in elf.elf_program_headers() {
        let size = segment.p_memsz(LittleEndian);
        if segment.p_type(LittleEndian) != object::elf::PT_LOAD || size == 0 {
            continue;
        }
        let mut bytes = segment.data(LittleEndian, file).ok()?.to_vec();
        if size > LONGEST || bytes.len() > size as usize {
            return None;
        }
        bytes.resize(size as usize, 0);
        segments.push((segment.p_vaddr(LittleEndian), bytes));
    }
    let entry = u32::try_from(elf.entry()).ok()?;
    (!segments.is_empty()).then_some(Program { segments, entry })
}
