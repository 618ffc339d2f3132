//! Reports accesses to hardware that is not modelled on the standard error: a line at the first access to each block
//! or register, and the counts at the end.

use std::path::Path;

use espalier::{Symbols, UnmodelledNote};
use espalier_soc::UnmodelledAccess;

use crate::style::{FAINT, HEADING, PLAIN};

/// Tells each note once.
#[derive(Debug, Default)]
pub struct Notes {
    told: usize,
}

impl Notes {
    /// Number of reported accesses.
    pub fn told(&self) -> usize {
        self.told
    }

    /// Tells those that came since the last call.
    pub fn tell(&mut self, fresh: &[UnmodelledNote]) {
        for note in fresh {
            // A terminal in raw mode does not begin a line by itself, and others do not mind.
            anstream::eprintln!("{HEADING}espalier:{PLAIN} {note} {FAINT}({}){PLAIN}\r", note.at);
        }
        self.told += fresh.len();
    }
}

/// Prints how often each unmodelled or partly modelled block was accessed, and which unread data was dropped.
pub fn summarise(blocks: &[String], dropped: &[String]) {
    if !blocks.is_empty() {
        anstream::eprintln!("{HEADING}espalier:{PLAIN} touched, but not modelled: {}\r", blocks.join("; "));
    }
    if !dropped.is_empty() {
        anstream::eprintln!("{HEADING}espalier:{PLAIN} dropped, because it was not read: {}\r", dropped.join(", "));
    }
}

/// The emulator's notes, with the functions of the ELF file beside `image`.
pub fn with_functions(accesses: &[UnmodelledAccess], image: Option<&Path>) -> Vec<UnmodelledNote> {
    let symbols = if accesses.is_empty() { None } else { image.and_then(Symbols::beside) };
    accesses
        .iter()
        .map(|access| UnmodelledNote {
            at: access.at,
            access: access.description(),
            core: access.core,
            place: Symbols::place(symbols.as_ref(), access.pc),
        })
        .collect()
}
