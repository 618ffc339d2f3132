//! Functions and lines at addresses, out of an ELF file.

use std::ops::Range;
use std::path::Path;

use addr2line::Loader;
use object::{Object, ObjectSection, SectionKind};

use super::Place;

pub struct DebugInfo {
    loader: Loader,
    /// Where there is code: the last symbol before an address outside of it says nothing.
    code: Vec<Range<u64>>,
}

impl DebugInfo {
    pub fn read(elf: &Path) -> Option<DebugInfo> {
        let content = std::fs::read(elf).ok()?;
        let file = object::File::parse(&*content).ok()?;
        let code = file.sections().filter(|section| section.kind() == SectionKind::Text);
        let code = code.map(|section| section.address()..section.address() + section.size()).collect();
        Some(DebugInfo { loader: Loader::new(elf).ok()?, code })
    }

    /// Adds what is known of the place.
    pub fn tell(&self, place: &mut Place) {
        let address = u64::from(place.address);
        if !self.code.iter().any(|range| range.contains(&address)) {
            return;
        }
        let frame = self.loader.find_frames(address).ok().and_then(|mut frames| frames.next().ok().flatten());
        if let Some(frame) = frame {
            let name = frame.function.as_ref().and_then(|function| function.demangle().ok());
            place.function = name.map(|name| name.into_owned());
            let location = frame.location.as_ref();
            place.source = location.and_then(|location| Some((location.file?.to_owned(), location.line?)));
        }
        if place.function.is_none() {
            let symbol = self.loader.find_symbol(address);
            place.function = symbol.map(|symbol| addr2line::demangle_auto(symbol.into(), None).into_owned());
        }
    }
}
