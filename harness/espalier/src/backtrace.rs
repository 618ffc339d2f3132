//! Translates the addresses of a panic on the console into functions and lines of source code.
//!
//! ESP-IDF prints `Backtrace: PC:SP PC:SP ...` and the registers of the processor ("Fatal errors" in the ESP-IDF programming
//! guide); other firmware names at least the program counter. The ELF file beside the image knows what lies there: its symbol
//! table has the functions, its debug information (if it was built with it) the lines.

#[cfg(feature = "symbols")]
mod debug_info;
#[cfg(not(feature = "symbols"))]
#[path = "backtrace/no_debug_info.rs"]
mod debug_info;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::image::find_build;
use debug_info::DebugInfo;
use regex::Regex;

/// File extension of an ELF file beside an image.
const EXTENSION: &str = "elf";
/// A line that says where a processor was. A register dump of ESP-IDF has `PC`, `A0` and so on; the exceptions of the
/// architecture have `EPC1` to `EPC7` (Xtensa ISA reference manual, 4.4).
static PLACES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\bBacktrace:|\b(?:PC|EPC[1-7])\s*:?\s*0x").expect("a pattern that does not change"));
/// An address of code: everything executable of the ESP32 lies from 0x4000_0000 on (ESP32 TRM, "System and memory"). In a
/// backtrace it comes before a colon; what follows it is a stack pointer.
static CODE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"0x(4[0-9a-fA-F]{7})\b").expect("a pattern that does not change"));
/// Lines of one panic are not further apart than this. A register dump has nine.
const NEAR: usize = 20;
/// Number of places of a panic that are translated.
const PLACES_MAX: usize = 64;

/// A place in the firmware, and what is there.
///
/// ```
/// let place = espalier::Symbols::place(None, 0x400d_0020);
/// assert_eq!(place.to_string(), "0x400d0020");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The address.
    pub address: u32,
    /// The function, if the symbols are known.
    pub function: Option<String>,
    /// Source file and line, if the ELF file has debug information.
    pub source: Option<(String, u32)>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.address)?;
        if let Some(function) = &self.function {
            write!(f, " {function}")?;
        }
        match &self.source {
            Some((file, line)) => write!(f, " at {file}:{line}"),
            None => Ok(()),
        }
    }
}

/// The ELF file that belongs to the firmware `image`: itself, the one beside it, or that of the build in this folder.
pub fn elf_of(image: &Path) -> Option<PathBuf> {
    if let Ok(Some(build)) = find_build(image) {
        return build.elf;
    }
    let elf = image.with_extension(EXTENSION);
    elf.is_file().then_some(elf)
}

/// Where the last panic on the console happened, decoded with `elf`. Empty if there was none.
pub(crate) fn decode(lines: &[&str], elf: Option<&Path>) -> Vec<Place> {
    look_up(addresses(lines), elf)
}

/// The functions at `addresses`, from `elf`.
pub(crate) fn look_up(addresses: Vec<u32>, elf: Option<&Path>) -> Vec<Place> {
    if addresses.is_empty() {
        return Vec::new();
    }
    // Without it, or if it cannot be read, the addresses themselves are still worth something.
    let symbols = elf.and_then(Symbols::read);
    addresses.into_iter().map(|address| Symbols::place(symbols.as_ref(), address)).collect()
}

/// The symbols and the debug information of an ELF file. Without the feature `symbols` of this package, no file has any.
///
/// ```
/// let symbols = espalier::Symbols::beside("firmware.bin".as_ref());
/// let place = espalier::Symbols::place(symbols.as_ref(), 0x400d_0020);
/// assert_eq!(place.address, 0x400d_0020);
/// ```
pub struct Symbols(DebugInfo);

impl Symbols {
    /// Reads the symbols of the ELF file beside the firmware file `image`, if there is one that can be read.
    pub fn beside(image: &Path) -> Option<Symbols> {
        Symbols::read(&elf_of(image)?)
    }

    pub(crate) fn read(elf: &Path) -> Option<Symbols> {
        DebugInfo::read(elf).map(Symbols)
    }

    /// The function at `address`, as far as it is known.
    pub fn place(symbols: Option<&Symbols>, address: u32) -> Place {
        let mut place = Place { address, function: None, source: None };
        if let Some(Symbols(info)) = symbols {
            info.tell(&mut place);
        }
        place
    }
}

fn addresses(lines: &[&str]) -> Vec<u32> {
    let told: Vec<usize> = (0..lines.len()).filter(|index| PLACES.is_match(lines[*index])).collect();
    let panic = told.iter().rev().scan(None, |later: &mut Option<usize>, index| {
        let near = later.is_none_or(|later| later - index <= NEAR);
        *later = Some(*index);
        near.then_some(*index)
    });
    let mut panic: Vec<usize> = panic.collect();
    panic.reverse();
    let mut addresses: Vec<u32> = Vec::new();
    for index in panic {
        let found = CODE.captures_iter(lines[index]).filter_map(|found| u32::from_str_radix(&found[1], 16).ok());
        // A register dump has the address with which the backtrace begins.
        found.for_each(|address| {
            if addresses.last() != Some(&address) {
                addresses.push(address);
            }
        });
    }
    addresses.truncate(PLACES_MAX);
    addresses
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{addresses, decode, elf_of};

    const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");

    /// As ESP-IDF v5 prints it, with a boot before and a boot after it; the addresses are of the tutorial's firmware.
    const PANIC: &str = "\
I (31) boot: PC of nothing
Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.

Core  0 register dump:
PC      : 0x400d72b0  PS      : 0x00060c30  A0      : 0x800d1f9c  A1      : 0x3ffbe0f0
A2      : 0x00000000  A3      : 0x3ffbe110  A4      : 0x00000000  A5      : 0x00000001
EXCVADDR: 0x00000000  LBEG    : 0x400d4a51  LEND    : 0x400d4a61  LCOUNT  : 0xfffffffb

Backtrace: 0x400d72b0:0x3ffbe0f0 0x400d2060:0x3ffbe110 0x4bad1dea:0x3ffbe140 |<-CORRUPTED

ELF file SHA256: 4f16f5f8
Rebooting...
rst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)
";

    fn lines(text: &str) -> Vec<&str> {
        text.lines().collect()
    }

    #[test]
    fn a_backtrace_names_functions() {
        let elf = elf_of(Path::new(IMAGE)).unwrap();
        let places = decode(&lines(PANIC), Some(&elf));
        let text: Vec<String> = places.iter().map(ToString::to_string).collect();
        assert_eq!(text[0], "0x400d72b0 rust_main");
        assert!(text[1].starts_with("0x400d2060 <espalier_app::network::Network>::send::<"), "{text:?}");
        assert_eq!(text[2], "0x4bad1dea");
        assert_eq!(text.len(), 3);
    }

    #[test]
    fn the_last_panic_counts_and_other_addresses_do_not() {
        let first = "Backtrace: 0x40080001:0x3ffb0000\n".to_owned() + &"text with 0x400d0000\n".repeat(30);
        assert_eq!(addresses(&lines(&(first.clone() + PANIC))), [0x400d_72b0, 0x400d_2060, 0x4bad_1dea]);
        assert_eq!(addresses(&lines(&first)), [0x4008_0001]);
        let ours = "@panic exception: EXCCAUSE 28, EPC1 0x400d72b0, EXCVADDR 0x00000004, DEPC 0x00000000";
        assert_eq!(addresses(&lines(ours)), [0x400d_72b0]);
        assert_eq!(addresses(&lines("entry 0x40080638\nBacktrace: none")), [0u32; 0]);
    }

    #[test]
    fn without_an_elf_file_there_are_the_addresses() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(elf_of(&folder.path().join("app.bin")), None);
        let broken = folder.path().join("app.elf");
        std::fs::write(&broken, b"no ELF").unwrap();
        assert_eq!(elf_of(&folder.path().join("app.bin")), Some(broken.clone()));
        for elf in [Some(broken), None::<PathBuf>] {
            let places = decode(&lines(PANIC), elf.as_deref());
            assert_eq!(places[0].to_string(), "0x400d72b0");
        }
    }
}
