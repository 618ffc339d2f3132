//! The steps of the ROM, compared with what `espsecure.py digest_secure_bootloader` of esptool 4.12 makes of the same key, random bytes
//! and image.

use espalier_core::{Device, Time};

use super::{SecureBoot, reg};

const DIGEST: [u32; 16] = [
    0x2914_0FDF,
    0x40CE_B745,
    0xDF70_91ED,
    0x1447_69E0,
    0xBCEF_180D,
    0xE56C_0610,
    0x59B8_869F,
    0x8DD0_08C2,
    0x909E_1F72,
    0x8AC2_21A0,
    0xA045_9750,
    0x5FC5_6443,
    0xE4EF_1643,
    0x31AE_B50C,
    0xA6A2_3DD1,
    0xD154_4AB3,
];

fn key() -> [u8; 32] {
    std::array::from_fn(|index| 0x40 + index as u8)
}

fn iv() -> [u8; 128] {
    std::array::from_fn(|index| (index * 3 + 9) as u8)
}

/// An image of one segment for 0x40080000 with its checksum, and what erased flash has up to the end of the 128 bytes.
fn image() -> Vec<u8> {
    let segment: Vec<u8> = (0..200_u32).map(|index| (index * 5 + 1) as u8).collect();
    let mut image = vec![0xE9, 1, 0, 0x20, 0x00, 0x00, 0x08, 0x40];
    image.resize(24, 0);
    image.extend([0x00, 0x00, 0x08, 0x40, 200, 0, 0, 0]);
    image.extend(&segment);
    image.resize(239, 0);
    image.push(segment.iter().fold(0xEF, |sum, byte| sum ^ byte));
    image.resize(256, 0xFF);
    image
}

fn write(engine: &mut SecureBoot, offset: u32, value: u32) {
    engine.write(offset, value, Time::ZERO).unwrap();
    assert_eq!(engine.read(reg::BUSY, Time::ZERO), Ok(0));
}

fn words(engine: &mut SecureBoot, first: u32, bytes: &[u8]) {
    for (word, offset) in bytes.as_chunks().0.iter().zip((first..).step_by(4)) {
        write(engine, offset, u32::from_le_bytes(*word));
    }
}

fn hash(engine: &mut SecureBoot, bytes: &[u8]) {
    for text in bytes.chunks(128) {
        words(engine, reg::TEXT, text);
        write(engine, reg::HASH, 1);
    }
}

fn start(engine: &mut SecureBoot, random: impl FnMut() -> u32) {
    write(engine, reg::START, 1);
    assert!(engine.take_start());
    engine.begin(key(), random);
}

fn digest(engine: &mut SecureBoot) -> [u32; 16] {
    write(engine, reg::OBTAIN, 1);
    std::array::from_fn(|index| engine.read(reg::ABSTRACT + 4 * index as u32, Time::ZERO).unwrap())
}

#[test]
fn the_digest_is_that_of_espsecure_and_is_checked() {
    let mut engine = SecureBoot::new();
    start(&mut engine, || 0x1234_5678);
    hash(&mut engine, &iv());
    hash(&mut engine, &image());
    // The ROM of revision 3 obtains and checks it several times.
    for _ in 0..2 {
        assert_eq!(digest(&mut engine), DIGEST);
    }
    for (wrong, result) in [(0, 0), (0x100, 1), (0, 0)] {
        for (word, offset) in DIGEST.into_iter().zip((reg::EXPECTED..).step_by(4)) {
            write(&mut engine, offset, word);
        }
        write(&mut engine, reg::EXPECTED + 60, DIGEST[15] ^ wrong);
        write(&mut engine, reg::CHECK, 1);
        assert_eq!(engine.read(reg::RESULT, Time::ZERO), Ok(result));
    }
    write(&mut engine, reg::FINISH, 1);
    assert_eq!(engine.read(reg::ABSTRACT, Time::ZERO), Ok(0));
}

#[test]
fn a_new_digest_begins_with_the_random_bytes_of_the_engine() {
    // As `secure_boot_generate` of ESP-IDF's bootloader: it keeps these bytes, and hashes them without writing them.
    let iv = iv();
    let mut random = iv.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word));
    let mut engine = SecureBoot::new();
    start(&mut engine, || random.next().unwrap());
    assert_eq!(engine.read(reg::IV + 4, Time::ZERO), Ok(u32::from_le_bytes([iv[4], iv[5], iv[6], iv[7]])));
    write(&mut engine, reg::HASH, 1);
    hash(&mut engine, &image());
    assert_eq!(digest(&mut engine), DIGEST);
}
