//! Files that users give: firmware, and pictures.

use std::io::Write;

use espalier::{Coverage, Image, decode_png, encode_png};

const FLASH: u32 = 4 << 20;
const NAME: &str = "input";
/// Where a merged image has its partition table.
const TABLE: usize = 0x8000 - 0x1000;

/// Firmware of any kind.
pub(crate) fn image(input: &[u8]) {
    if let Ok(image) = Image::from_bytes(NAME, input) {
        look(&image);
    }
}

fn look(image: &Image) {
    let _ = (image.warnings(FLASH), image.parts(FLASH).map_err(|error| error.to_string()));
    for partition in image.partitions() {
        let _ = (partition.kind(), partition.end(), partition.is_app());
    }
}

/// A merged image that begins with a bootloader that the ROM takes, has these bytes as its table, and the rest of them behind it.
pub(crate) fn partitions(input: &[u8]) {
    let mut merged = bootloader();
    merged.resize(TABLE, 0xFF);
    merged.extend(input);
    image(&merged);
}

/// An image of one segment, of ESP-IDF's format "Firmware Image Format": header, extended header, segment, checksum.
fn bootloader() -> Vec<u8> {
    const CODE: [u8; 4] = [0x06, 0xFF, 0xFF, 0];
    let mut image = vec![0xE9, 1, 2, 0x20];
    image.extend(0x4008_0400_u32.to_le_bytes());
    image.extend([0xEE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    image.extend(0x4008_0400_u32.to_le_bytes());
    image.extend((CODE.len() as u32).to_le_bytes());
    image.extend(CODE);
    image.resize((image.len() + 1).next_multiple_of(16) - 1, 0);
    image.push(CODE.iter().fold(0xEF, |sum, byte| sum ^ byte));
    image
}

/// An ELF file, as firmware and as what knows functions and lines.
pub(crate) fn elf(input: &[u8]) {
    image(input);
    let written = tempfile::NamedTempFile::new().and_then(|mut file| file.write_all(input).map(|()| file));
    if let Ok(file) = written {
        let _ = Coverage::default().lcov(file.path()).map_err(|error| error.to_string());
    }
}

/// A golden picture.
pub(crate) fn png(input: &[u8]) {
    if let Ok(bitmap) = decode_png(input) {
        assert_eq!(decode_png(&encode_png(&bitmap)).ok(), Some(bitmap), "a picture survives its file");
    }
}
