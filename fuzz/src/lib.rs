//! Readers of bytes from outside, as functions of bytes that any fuzzer can call. The test of this crate gives each one its kept
//! corpus (`fuzz/corpus`) and mutations of it.
//!
//! A target takes any bytes. What it finds is a panic, an endless loop or memory without bound. A finding becomes a file of the corpus,
//! so that no later change brings it back.
#![cfg(feature = "targets")]

mod air;
mod console;
mod files;
mod lan;
mod registers;
mod snapshot;
mod text;

/// A reader of bytes from outside.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// Reads bytes.
    pub run: fn(&[u8]),
}

/// All readers, in the order of their names.
pub const TARGETS: [Target; 21] = [
    Target { name: "air", run: air::frames },
    Target { name: "board_file", run: text::board_file },
    Target { name: "capture", run: espalier_page::describe_any_capture },
    Target { name: "console", run: console::lines },
    Target { name: "dhcp", run: lan::dhcp },
    Target { name: "dns", run: lan::dns },
    Target { name: "eapol", run: espalier_net::frames_with_valid_keys },
    Target { name: "elf", run: files::elf },
    Target { name: "flasher", run: espalier::read_any_replies },
    Target { name: "gdb", run: espalier_serve::hostile::gdb },
    Target { name: "http", run: espalier_serve::hostile::http },
    Target { name: "image", run: files::image },
    Target { name: "lan", run: lan::frames },
    Target { name: "partitions", run: files::partitions },
    Target { name: "png", run: files::png },
    Target { name: "qmp", run: espalier_serve::hostile::qmp },
    Target { name: "registers_esp32", run: registers::esp32 },
    Target { name: "registers_esp32c3", run: registers::esp32c3 },
    Target { name: "scenario", run: text::scenario },
    Target { name: "snapshot", run: snapshot::load },
    Target { name: "telnet", run: espalier_serve::hostile::telnet },
];

/// The reader of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Makes a binary of the reader of this name, which libFuzzer gives inputs.
#[cfg(feature = "libfuzzer")]
#[macro_export]
macro_rules! under_libfuzzer {
    ($name:literal) => {
        ::libfuzzer_sys::fuzz_target!(|input: &[u8]| {
            let target = $crate::target($name).unwrap_or_else(|| panic!("no reader has the name {}", $name));
            (target.run)(input);
        });
    };
}

/// Pieces of an input: each has its length before it, in one byte. The last one may be shorter.
fn pieces(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = input;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first()?;
        let (piece, next) = after.split_at(usize::from(*length).min(after.len()));
        rest = next;
        Some(piece)
    })
}
