//! The frame check sequence (IEEE 802.3, 3.2.9) and the multicast hash that is cut out of it.

/// Generator polynomial of the Ethernet CRC, least significant bit first.
const POLYNOMIAL: u32 = 0xEDB8_8320;

static TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg());
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

fn remainder(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, &byte| (crc >> 8) ^ TABLE[((crc ^ u32::from(byte)) & 0xFF) as usize])
}

/// The frame check sequence of `bytes`; it follows them least significant byte first.
pub(crate) fn fcs(bytes: &[u8]) -> u32 {
    !remainder(bytes)
}

/// Returns the bit of HASH0 and HASH1 (64 in all) for an address: the six upper bits of its CRC, most significant bit first.
pub(crate) fn hash_bit(address: &[u8]) -> u32 {
    remainder(address).reverse_bits() >> 26
}
