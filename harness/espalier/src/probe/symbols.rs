//! Names of functions and lines of source, from the firmware's ELF file.

use std::fmt;
use std::path::Path;

use addr2line::{Loader, demangle_auto};

/// The mask ROM of the chip (TRM "System and Memory", table "Embedded Memory Address Mapping").
const ROM: std::ops::Range<u32> = 0x4000_0000..0x4006_0000;

/// The function at an address of code.
///
/// ```
/// use espalier::probe::Symbol;
///
/// let symbol = Symbol::Function { name: "app_main".to_owned(), offset: 0x12, source: None };
/// assert_eq!(symbol.to_string(), "app_main+0x12");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Symbol {
    /// In a function of the firmware.
    Function {
        /// Its name, demangled.
        name: String,
        /// Offset from its start in bytes.
        offset: u32,
        /// File and line of the source, if the ELF file has debug information.
        source: Option<String>,
    },
    /// In the mask ROM.
    Rom,
    /// Nothing is known about it.
    Unknown,
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Symbol::Function { name, offset, source } => {
                write!(f, "{name}+{offset:#x}")?;
                source.as_ref().map_or(Ok(()), |source| write!(f, " at {source}"))
            }
            Symbol::Rom => f.write_str("in ROM"),
            Symbol::Unknown => f.write_str("no symbol"),
        }
    }
}

/// The symbols of a firmware, if they are known.
pub(super) struct Symbols(Option<Loader>);

impl Symbols {
    /// Reads an ELF file. A file that cannot be read has no symbols: what needs them goes on without.
    pub(super) fn read(elf: Option<&Path>) -> Symbols {
        Symbols(elf.and_then(|path| Loader::new(path).ok()))
    }

    /// The function at `address`.
    pub(super) fn at(&self, address: u32) -> Symbol {
        let named = self.0.as_ref().and_then(|loader| Some((loader, loader.find_symbol_info(u64::from(address))?)));
        match named {
            Some((loader, symbol)) => Symbol::Function {
                name: demangle_auto(symbol.name().into(), None).into_owned(),
                offset: address.wrapping_sub(symbol.address() as u32),
                source: source(loader, address),
            },
            None if ROM.contains(&address) => Symbol::Rom,
            None => Symbol::Unknown,
        }
    }
}

fn source(loader: &Loader, address: u32) -> Option<String> {
    let location = loader.find_location(u64::from(address)).ok()??;
    Some(match location.line {
        Some(line) => format!("{}:{line}", location.file?),
        None => location.file?.to_owned(),
    })
}
