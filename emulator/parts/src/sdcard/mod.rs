//! A high-capacity SD card, in SPI mode and on a bus of its own (SD Association, "Physical Layer Simplified Specification" 6.00).
//!
//! The content is in memory: blank, or that of a file of the host when the board was made; [`SdCard::image`] returns it. The file is
//! written when the property `save` is set, as a whole or not at all, and at no other time: forks of a board share it. Commands are
//! answered whether chip select rises between their bytes or not, as cards do. CRCs that are sent to it are not checked.

mod native;
mod registers;
mod spi;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use espalier_core::{SdTarget, Span, Time};

use crate::host_file;
use crate::part::{Part, PartError, SpiPart, Value, ValueError, Wiring};
use native::Native;
use registers::UNIT_BLOCKS;
use spi::SpiMode;

pub const BLOCK: usize = 512;
const MIB: i64 = 1 << 20;
const LARGEST_MIB: i64 = 4096;
/// The busy time of a write; a class-4 card has about that.
const WRITE_TIME: Span = Span::from_micros(500);

/// The card.
///
/// ```
/// use espalier_parts::SdCard;
///
/// let card = SdCard::with_image(b"the first block");
/// assert_eq!(card.image().len(), 512, "whole blocks");
/// ```
#[derive(Clone, Debug)]
pub struct SdCard {
    /// Blocks of the card.
    size: u32,
    /// The blocks that are not all zeros.
    blocks: BTreeMap<u32, Vec<u8>>,
    /// Its state on a SPI bus, and on a bus of its own.
    spi: SpiMode,
    native: Native,
    busy_until: Time,
    /// The file of the host, with its length when it was read.
    file: Option<(PathBuf, usize)>,
}

espalier_core::persist! {
    state SdCard { blocks, spi, native, busy_until } fixed { size, file }
}

impl SdCard {
    /// A blank card of `mib` MiB, rounded down to half of one.
    pub fn new(mib: u32) -> SdCard {
        SdCard {
            size: mib.clamp(1, LARGEST_MIB as u32) * 2 * UNIT_BLOCKS,
            blocks: BTreeMap::new(),
            spi: SpiMode::default(),
            native: Native::default(),
            busy_until: Time::ZERO,
            file: None,
        }
    }

    /// A card with this content, at least as large.
    pub fn with_image(image: &[u8]) -> SdCard {
        let mut card = SdCard::new(image.len().div_ceil(MIB as usize) as u32);
        for (block, bytes) in image.chunks(BLOCK).enumerate() {
            let mut whole = bytes.to_vec();
            whole.resize(BLOCK, 0);
            card.store(block as u32, whole);
        }
        card
    }

    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        if wiring.has("clk") {
            wiring.sd()?
        } else {
            wiring.spi(false)?
        }
        let size = wiring.integer("size", 1..=LARGEST_MIB)?.unwrap_or(16);
        let card = wiring.read("file", |value| {
            let path = PathBuf::from(value.text()?);
            let unreadable = |error| ValueError::new(value, format!("a file that can be read: {error}"));
            let image = std::fs::read(&path).map_err(unreadable)?;
            if image.len() as u64 > (LARGEST_MIB * MIB) as u64 {
                return Err(ValueError::new(value, format!("a file of up to {LARGEST_MIB} MiB")));
            }
            let card = SdCard::with_image(&image);
            Ok(SdCard { size: card.size.max(SdCard::new(size as u32).size), file: Some((path, image.len())), ..card })
        })?;
        Ok(Box::new(card.unwrap_or_else(|| SdCard::new(size as u32))))
    }

    /// Writes the content back to the file that it came from, which becomes longer if more is on the card now.
    fn save_to_file(&self) -> Result<(), ValueError> {
        let Some((path, length)) = &self.file else {
            return Err(ValueError::new("given", "possible for a card without a `file`"));
        };
        let mut image = self.image();
        image.resize(image.len().max(*length), 0);
        let unwritable = |error| ValueError::new(path.display(), format!("a file that can be written: {error}"));
        host_file::replace(path, &image).map_err(unwritable)
    }

    /// All that is on it up to the last block that is not blank.
    pub fn image(&self) -> Vec<u8> {
        let end = self.blocks.last_key_value().map_or(0, |(block, _)| *block as usize + 1);
        (0..end as u32).flat_map(|block| self.load(block)).collect()
    }

    fn load(&self, block: u32) -> Vec<u8> {
        self.blocks.get(&block).cloned().unwrap_or_else(|| vec![0; BLOCK])
    }

    fn store(&mut self, block: u32, bytes: Vec<u8>) {
        if bytes.iter().all(|byte| *byte == 0) {
            self.blocks.remove(&block);
        } else {
            self.blocks.insert(block, bytes);
        }
    }
}

impl Part for SdCard {
    /// Written data stays.
    fn power_cycle(&mut self, _now: Time) {
        let (size, blocks, file) = (self.size, std::mem::take(&mut self.blocks), self.file.take());
        *self = SdCard { size, blocks, file, ..SdCard::new(1) };
    }

    fn spi(&mut self) -> Option<&mut dyn SpiPart> {
        Some(self)
    }

    fn sd(&mut self) -> Option<&mut dyn SdTarget> {
        Some(self)
    }

    fn properties(&self) -> &'static [&'static str] {
        &["blocks", "save"]
    }

    fn set(&mut self, property: &str, value: &Value, _now: Time) -> Result<(), ValueError> {
        match property {
            "save" if value.flag()? => self.save_to_file(),
            "save" => Ok(()),
            _ => Err(ValueError::fixed()),
        }
    }

    fn get(&self, property: &str, _now: Time) -> Option<Value> {
        (property == "blocks").then(|| i64::from(self.size).into())
    }
}
