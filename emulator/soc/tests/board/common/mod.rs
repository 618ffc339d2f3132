//! Images that the ROM starts as it starts a bootloader.

/// Where the ROM looks for the bootloader.
pub const BOOTLOADER: u32 = 0x1000;

/// A header that the ROM accepts: magic, segments, DIO at 40 MHz, entry point.
pub fn image(segments: u8, entry: u32, body: &[u8]) -> Vec<u8> {
    let mut image = vec![0xE9, segments, 2, 0];
    image.extend(entry.to_le_bytes());
    image.extend([0xEE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    image.extend(body);
    image
}

/// An image of one segment, with its checksum.
pub fn program(address: u32, entry: u32, code: &[u8]) -> Vec<u8> {
    const HEADER: usize = 24;
    let mut body = address.to_le_bytes().to_vec();
    body.extend((code.len() as u32).to_le_bytes());
    body.extend(code);
    // The checksum is the last byte of a line of 16.
    body.resize((HEADER + body.len() + 1).next_multiple_of(16) - 1 - HEADER, 0);
    body.push(code.iter().fold(0xEF, |sum, byte| sum ^ byte));
    image(1, entry, &body)
}
