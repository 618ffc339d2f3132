//! A high-capacity SD card in SPI mode (SD Association, "Physical Layer Simplified Specification" 6.00, chapter 7).
//!
//! The content is in memory: blank, or that of a file of the host when the board was made; [`SdCard::image`] returns it. The file is
//! written when the property `save` is set, as a whole or not at all, and at no other time: forks of a board share it. Commands are
//! answered whether chip select rises between their bytes or not, as cards do. CRCs that are sent to it are not checked.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;

use espalier_core::{Span, Time};

use crate::host_file;
use crate::part::{Part, PartError, SpiPart, Value, ValueError, Wiring};

pub const BLOCK: usize = 512;
/// Sizes are in units of 512 KiB (section 5.3.3, C_SIZE).
const UNIT_BLOCKS: u32 = 1024;
const MIB: i64 = 1 << 20;
const LARGEST_MIB: i64 = 4096;

/// Bits of R1 (section 7.3.2.1).
const IDLE: u8 = 1;
const ILLEGAL: u8 = 1 << 2;
const ADDRESS_ERROR: u8 = 1 << 5;
/// Tokens (section 7.3.3).
const START: u8 = 0xFE;
const START_MULTIPLE: u8 = 0xFC;
const STOP_MULTIPLE: u8 = 0xFD;
const ACCEPTED: u8 = 0x05;
/// The busy time of a write; a class-4 card has about that.
const WRITE_TIME: Span = Span::from_micros(500);
const FRAME: usize = 6;

/// The card's use of the next bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Command,
    /// It sends blocks until it is stopped: the next one.
    Reading(u32),
    /// It waits for the token of a block.
    Writing {
        block: u32,
        multiple: bool,
    },
    /// It takes a block with its CRC.
    Taking {
        block: u32,
        multiple: bool,
    },
}

espalier_core::persist!(
    enum Mode { Command, Reading(block), Writing { block, multiple }, Taking { block, multiple } }
);

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
    idle: bool,
    /// The last command was CMD55.
    application: bool,
    frame: Vec<u8>,
    mode: Mode,
    taken: Vec<u8>,
    out: VecDeque<u8>,
    busy_until: Time,
    /// The file of the host, with its length when it was read.
    file: Option<(PathBuf, usize)>,
}

espalier_core::persist! {
    state SdCard { blocks, idle, application, frame, mode, taken, out, busy_until } fixed { size, file }
}

/// CRC-16 of data blocks (section 4.5).
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| crc << 1 ^ if crc & 0x8000 != 0 { 0x1021 } else { 0 })
    })
}

/// CRC-7 of registers, with the end bit (section 4.5).
fn crc7(bytes: &[u8]) -> u8 {
    let crc = bytes.iter().fold(0_u8, |crc, byte| {
        (0..8).rev().fold(crc, |crc, bit| {
            let mix = (crc >> 6 ^ byte >> bit) & 1 != 0;
            crc << 1 & 0x7F ^ if mix { 0x09 } else { 0 }
        })
    });
    crc << 1 | 1
}

impl SdCard {
    /// A blank card of `mib` MiB, rounded down to half of one.
    pub fn new(mib: u32) -> SdCard {
        SdCard {
            size: mib.clamp(1, LARGEST_MIB as u32) * 2 * UNIT_BLOCKS,
            blocks: BTreeMap::new(),
            idle: true,
            application: false,
            frame: Vec::new(),
            mode: Mode::Command,
            taken: Vec::new(),
            out: VecDeque::new(),
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
        wiring.spi(false)?;
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

    fn r1(&self, errors: u8) -> u8 {
        errors | if self.idle { IDLE } else { 0 }
    }

    /// An answer comes after one byte at least (N_CR).
    fn answer(&mut self, bytes: &[u8]) {
        self.out.clear();
        self.out.push_back(0xFF);
        self.out.extend(bytes);
    }

    fn send_block(&mut self, bytes: &[u8]) {
        self.out.push_back(0xFF);
        self.out.push_back(START);
        self.out.extend(bytes);
        self.out.extend(crc16(bytes).to_be_bytes());
    }

    fn answer_with(&mut self, bytes: &[u8]) {
        let r1 = self.r1(0);
        self.answer(&[r1]);
        self.send_block(bytes);
    }

    /// CSD version 2.0 (section 5.3.3).
    fn csd(&self) -> [u8; 16] {
        let units = self.size / UNIT_BLOCKS - 1;
        let [_, high, middle, low] = units.to_be_bytes();
        let mut csd = [0x40, 0x0E, 0, 0x32, 0x5B, 0x59, 0, high & 0x3F, middle, low, 0x7F, 0x80, 0x0A, 0x40, 0, 0];
        csd[15] = crc7(&csd[..15]);
        csd
    }

    /// CID (section 5.2), with a manufacturer number that is not assigned.
    fn cid() -> [u8; 16] {
        let mut cid = *b"\x00XXSPALR\x10\x00\x00\x00\x01\x01\x88\x00";
        cid[15] = crc7(&cid[..15]);
        cid
    }

    fn command(&mut self, command: u8, argument: u32) {
        let application = std::mem::take(&mut self.application);
        self.mode = Mode::Command;
        let ready = self.r1(0);
        match (command, application) {
            (0, _) => {
                self.idle = true;
                self.answer(&[IDLE]);
            }
            (8, _) => {
                let [_, _, voltage, pattern] = argument.to_be_bytes();
                self.answer(&[ready, 0, 0, voltage & 0xF, pattern]);
            }
            (55, _) => {
                self.application = true;
                self.answer(&[ready]);
            }
            (41, true) => {
                self.idle = false;
                self.answer(&[0]);
            }
            (58, _) => {
                let powered = if self.idle { 0x00 } else { 0xC0 };
                self.answer(&[ready, powered, 0xFF, 0x80, 0]);
            }
            (59, _) | (16, _) | (23, _) | (42, true) => self.answer(&[ready]),
            (_, _) if self.idle => self.answer(&[IDLE | ILLEGAL]),
            (9, _) => self.answer_with(&self.csd()),
            (10, _) => self.answer_with(&SdCard::cid()),
            (13, true) => {
                self.answer(&[ready, 0]);
                self.send_block(&[0; 64]);
            }
            (13, false) => self.answer(&[ready, 0]),
            // SD specification 3.0, both bus widths (section 5.6).
            (51, true) => self.answer_with(&[0x02, 0x35, 0x80, 0, 0, 0, 0, 0]),
            // No function but the default one.
            (6, false) => self.answer_with(&{
                let mut status = [0; 64];
                status[1] = 100;
                (2..14).step_by(2).for_each(|group| status[group + 1] = 1);
                status
            }),
            (12, _) => self.answer(&[ready]),
            (17 | 18 | 24 | 25, _) if argument >= self.size => self.answer(&[ready | ADDRESS_ERROR]),
            (17, _) => self.answer_with(&self.load(argument)),
            (18, _) => {
                self.answer(&[ready]);
                self.mode = Mode::Reading(argument);
            }
            (24 | 25, _) => {
                self.answer(&[ready]);
                self.mode = Mode::Writing { block: argument, multiple: command == 25 };
            }
            _ => self.answer(&[ready | ILLEGAL]),
        }
    }

    fn take_block(&mut self, block: u32, multiple: bool, now: Time) {
        let mut bytes = std::mem::take(&mut self.taken);
        bytes.truncate(BLOCK);
        self.store(block, bytes);
        self.out.clear();
        self.out.push_back(ACCEPTED);
        self.busy_until = now + WRITE_TIME;
        self.mode = match multiple {
            true if block + 1 < self.size => Mode::Writing { block: block + 1, multiple },
            _ => Mode::Command,
        };
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

impl SpiPart for SdCard {
    fn send(&mut self, now: Time) -> u8 {
        if let Some(byte) = self.out.pop_front() {
            return byte;
        }
        if now < self.busy_until {
            return 0;
        }
        if let Mode::Reading(block) = self.mode
            && block < self.size
        {
            self.mode = Mode::Reading(block + 1);
            let bytes = self.load(block);
            self.send_block(&bytes);
        }
        0xFF
    }

    fn receive(&mut self, byte: u8, _data: bool, now: Time) {
        match self.mode {
            Mode::Taking { block, multiple } => {
                self.taken.push(byte);
                if self.taken.len() == BLOCK + 2 {
                    self.take_block(block, multiple, now);
                }
            }
            Mode::Writing { block, multiple }
                if self.frame.is_empty() && byte == if multiple { START_MULTIPLE } else { START } =>
            {
                self.taken.clear();
                self.mode = Mode::Taking { block, multiple };
            }
            Mode::Writing { multiple: true, .. } if self.frame.is_empty() && byte == STOP_MULTIPLE => {
                self.mode = Mode::Command;
                self.busy_until = now + WRITE_TIME;
            }
            // A command begins with 01.
            _ if !self.frame.is_empty() || byte & 0xC0 == 0x40 => {
                self.frame.push(byte);
                if self.frame.len() == FRAME {
                    let frame = std::mem::take(&mut self.frame);
                    let argument = u32::from_be_bytes([frame[1], frame[2], frame[3], frame[4]]);
                    self.command(frame[0] & 0x3F, argument);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::any::Any;

    use embedded_sdmmc::{Block, BlockDevice, BlockIdx};

    use super::*;
    use crate::testing::Wire;
    use crate::{PartEntry, PartKinds};

    /// Section 4.5: the examples of both CRCs.
    #[test]
    fn the_crcs_are_those_of_the_specification() {
        assert_eq!(crc16(&[0xFF; 512]), 0x7FA1);
        assert_eq!(crc7(&[0x40, 0, 0, 0, 0]), 0x95);
        assert_eq!(crc7(&[0x51, 0, 0, 0, 0]), 0x55);
    }

    #[test]
    fn the_embedded_sdmmc_crate_reads_and_writes_blocks() {
        let wire = Wire::new(SdCard::new(8));
        let card = embedded_sdmmc::SdCard::new(wire.clone(), wire.clone());
        assert_eq!(card.num_bytes().unwrap(), 8 << 20);
        let mut blocks = [Block::new(), Block::new(), Block::new()];
        for (number, block) in blocks.iter_mut().enumerate() {
            block.contents.fill(number as u8 + 1);
        }
        card.write(&blocks, BlockIdx(100)).unwrap();
        card.write(&blocks[..1], BlockIdx(200)).unwrap();
        let mut read = [Block::new(), Block::new(), Block::new()];
        card.read(&mut read, BlockIdx(100)).unwrap();
        assert!(read.iter().zip(&blocks).all(|(read, block)| read.contents == block.contents));
        card.read(&mut read[..1], BlockIdx(200)).unwrap();
        assert!(read[0].contents == blocks[0].contents);
        let image = wire.part().image();
        assert_eq!((image.len(), image[100 * BLOCK], image[102 * BLOCK]), (201 * BLOCK, 1, 3));
        assert!(card.read(&mut read[..1], BlockIdx(1 << 20)).is_err(), "it has not so many");
    }

    #[test]
    fn a_file_is_written_back_when_the_test_says_so() {
        let path = std::env::temp_dir().join(format!("espalier-card-{}.img", std::process::id()));
        std::fs::write(&path, [7; 3 * BLOCK + 100]).unwrap();
        let entry = PartEntry::new("sdcard", "sd").with("sck", 18).with("size", 2).with("file", path.to_str().unwrap());
        let (mut part, _) = PartKinds::default().make(&entry).unwrap();
        assert_eq!(part.get("blocks", Time::ZERO), Some(4096.into()), "2 MiB, though the file is shorter");
        let card: &mut dyn Any = &mut *part;
        let card: &mut SdCard = card.downcast_mut().unwrap();
        card.store(1, vec![0; BLOCK]);
        card.store(5, vec![9; BLOCK]);
        let before = std::fs::read(&path).unwrap();
        part.set("save", &false.into(), Time::ZERO).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), before);
        part.power_cycle(Time::ZERO);
        part.set("save", &true.into(), Time::ZERO).unwrap();
        let after = std::fs::read(&path).unwrap();
        assert_eq!((after.len(), after[0], after[BLOCK], after[5 * BLOCK]), (6 * BLOCK, 7, 0, 9));
        std::fs::remove_file(&path).unwrap();
        assert!(PartKinds::default().make(&entry).is_err());
        let error = SdCard::new(1).set("save", &true.into(), Time::ZERO).unwrap_err();
        assert_eq!(error.to_string(), "given, not possible for a card without a `file`");
    }
}
