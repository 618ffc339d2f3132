//! The card as drivers see it.

use std::any::Any;

use embedded_sdmmc::{Block, BlockDevice, BlockIdx};
use espalier_core::{SdData, SdResponse};

use super::registers::{crc7, crc16};
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

/// A host that has selected the card: what it sent, and the card's answers.
struct Host {
    card: SdCard,
    now: Time,
}

impl Host {
    fn new(card: SdCard) -> Host {
        let mut host = Host { card, now: Time::from_micros(1000) };
        assert_eq!(host.send(0, 0), SdResponse::Silent);
        assert_eq!(host.send(5, 0), SdResponse::Silent, "it is no SDIO card");
        assert_eq!(host.value(8, 0x1AA), 0x1AA);
        // The refusal of CMD5 is told once.
        assert_eq!((host.value(55, 0), host.value(55, 0) & 1 << 22), (0x0040_0120, 0));
        let ocr = SdResponse::Short { index: 0x3F, value: 0xC0FF_8000, has_crc: false };
        assert_eq!(host.send(41, 0x4010_0000), ocr);
        assert_eq!(host.send(2, 0), SdResponse::Long(SdCard::cid()));
        let address = host.value(3, 0) & 0xFFFF_0000;
        assert_eq!(host.send(9, 0x7777_0000), SdResponse::Silent, "another card");
        assert_eq!(host.send(9, address), SdResponse::Long(host.card.csd(false)));
        assert_eq!(host.value(7, address) >> 9 & 0xF, 3, "it was in stand-by");
        assert_eq!(host.value(13, address), 4 << 9 | 1 << 8);
        host
    }

    fn send(&mut self, index: u8, argument: u32) -> SdResponse {
        self.card.command(index, argument, self.now)
    }

    fn value(&mut self, index: u8, argument: u32) -> u32 {
        match self.send(index, argument) {
            SdResponse::Short { index: told, value, has_crc: true } if told == index => value,
            other => panic!("CMD{index}: {other:?}"),
        }
    }

    fn application(&mut self, index: u8, argument: u32) -> u32 {
        let address = u32::from(0x1234_u16) << 16;
        assert_eq!(self.value(55, address) & 1 << 5, 1 << 5);
        self.value(index, argument)
    }

    fn read(&mut self, length: usize, lines: usize) -> (SdData, Vec<u8>) {
        let mut block = vec![0; length];
        (self.card.send_block(&mut block, lines, self.now), block)
    }
}

#[test]
fn a_card_on_its_own_bus_is_identified_and_transfers_blocks() {
    let mut host = Host::new(SdCard::with_image(&[7; 3 * BLOCK]));
    host.application(51, 0);
    assert_eq!(host.read(8, 1), (SdData::Block, vec![0x02, 0x35, 0x80, 0, 0, 0, 0, 0]));
    host.value(18, 2);
    assert_eq!(host.read(BLOCK, 1), (SdData::Block, vec![7; BLOCK]));
    assert_eq!(host.read(BLOCK, 1), (SdData::Block, vec![0; BLOCK]));
    assert_eq!(host.value(12, 0) >> 9 & 0xF, 5, "it was sending");
    assert_eq!(host.read(BLOCK, 1).0, SdData::Silent);
    host.application(6, 2);
    host.value(25, 1);
    assert!(host.card.take_block(&[1; BLOCK], 4, host.now) && host.card.take_block(&[2; BLOCK], 4, host.now));
    assert!(!host.card.take_block(&[3; BLOCK], 1, host.now), "it listens to four lines");
    assert_eq!(host.card.busy_until(), host.now + WRITE_TIME);
    assert_eq!(host.value(12, 0) >> 8 & 0x1F, 7 << 1, "it programs, and is not ready");
    host.now = host.card.busy_until();
    host.application(22, 0);
    assert_eq!(host.read(4, 4), (SdData::Block, vec![0, 0, 0, 2]));
    assert_eq!((host.card.image()[0], host.card.image()[BLOCK], host.card.image()[2 * BLOCK]), (7, 1, 2));
    for (lines, length, expected) in [(1, BLOCK, SdData::Garbled), (4, 8, SdData::Garbled), (4, BLOCK, SdData::Block)] {
        host.value(17, 0);
        assert_eq!(host.read(length, lines).0, expected);
    }
    host.application(6, 0);
    host.value(17, 0);
    assert_eq!(host.read(BLOCK, 4).0, SdData::NoStart);
}

#[test]
fn the_switch_command_erasure_and_errors_are_those_of_the_specification() {
    let mut host = Host::new(SdCard::with_image(&[7; 3 * BLOCK]));
    for (argument, chosen) in [(0x00FF_FFF1, 1), (0x00FF_FFF5, 0xF), (0x80FF_FFF1, 1), (0x00FF_FFFF, 1)] {
        host.value(6, argument);
        let (data, status) = host.read(64, 1);
        assert_eq!((data, status[13], status[16]), (SdData::Block, 3, chosen), "{argument:#x}");
    }
    host.send(7, 0);
    assert_eq!(host.send(9, 0x1234_0000), SdResponse::Long(host.card.csd(true)), "50 MHz now");
    host.value(7, 0x1234_0000);
    assert_eq!(host.value(38, 0) & 1 << 28, 1 << 28, "nothing was chosen");
    host.value(32, 0);
    host.value(33, 1);
    host.value(38, 0);
    assert!(host.card.image()[..2 * BLOCK].iter().all(|byte| *byte == 0) && host.card.image()[2 * BLOCK] == 7);
    let end = host.card.size;
    assert_eq!(host.value(17, end) & 1 << 31, 1 << 31);
    assert_eq!(host.read(BLOCK, 1).0, SdData::Silent);
    host.value(18, end - 1);
    assert_eq!((host.read(BLOCK, 1).0, host.read(BLOCK, 1).0), (SdData::Block, SdData::Silent));
    assert_eq!(host.value(12, 0) & 1 << 31, 1 << 31);
    assert_eq!(host.send(60, 0), SdResponse::Silent);
    host.card.power_cycle(host.now);
    Host::new(host.card);
}

proptest::proptest! {
    #[test]
    fn no_commands_and_blocks_end_it(steps in proptest::collection::vec((0..64_u8, proptest::prelude::any::<u32>(), 0..4_u8), 0..80)) {
        let mut card = SdCard::new(1);
        for (index, argument, then) in steps {
            card.command(index, argument % 3000, Time::ZERO);
            card.command(index, argument, Time::ZERO);
            match then {
                0 => drop(card.take_block(&[1; BLOCK], 1, Time::ZERO)),
                1 => drop(card.send_block(&mut [0; BLOCK], 4, Time::ZERO)),
                _ => {}
            }
        }
        assert!(card.image().len() <= 1 << 20);
    }
}
