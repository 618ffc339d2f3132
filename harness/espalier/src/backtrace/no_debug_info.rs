//! In place of the reader of ELF files, in a build without it.

use std::path::Path;

use super::Place;

pub enum DebugInfo {}

impl DebugInfo {
    pub fn read(_elf: &Path) -> Option<DebugInfo> {
        None
    }

    pub fn tell(&self, _place: &mut Place) {
        match *self {}
    }
}
