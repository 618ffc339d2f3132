//! CTR with CBC-MAC protocol, CCMP-128 (12.5.3).

use aes::Aes128;
use ccm::Ccm;
use ccm::aead::consts::{U8, U13};
use ccm::aead::{AeadInOut, KeyInit};

use crate::frame::{Control, FrameType, Mpdu, subtype};

/// Bytes between header and body of a protected frame.
pub const CCMP_HEADER: usize = 8;
/// Bytes of the message integrity code after the body.
pub const CCMP_MIC: usize = 8;
/// Bits of the frame control field that are not authenticated, since they change on the way.
const CHANGING: u16 = Control::RETRY | Control::POWER_MANAGEMENT | Control::MORE_DATA;
/// Bits of the subtype that are not authenticated in data frames.
const SUBTYPE_LOW: u16 = 7 << 4;
const EXTENDED_IV: u8 = 1 << 5;
const FRAGMENT: u16 = 0xF;
const TID: u8 = 0xF;

type Cipher = Ccm<Aes128, U8, U13>;
/// A temporal key.
pub type TemporalKey = [u8; 16];

/// The header with a packet number and a key identifier (figure 12-18).
pub fn ccmp_header(packet_number: u64, key_id: u8) -> [u8; CCMP_HEADER] {
    let [a, b, c, d, e, f, ..] = packet_number.to_le_bytes();
    [a, b, 0, EXTENDED_IV | key_id << 6, c, d, e, f]
}

/// Packet number and key identifier of a protected frame; `None` if it is too short for them.
pub fn packet_number(frame: Mpdu) -> Option<(u64, u8)> {
    let [a, b, _, key, c, d, e, f] = *frame.body().first_chunk::<CCMP_HEADER>()?;
    Some((u64::from_le_bytes([a, b, c, d, e, f, 0, 0]), key >> 6))
}

/// Encrypts the body of a frame in place, which already has its CCMP header, and returns the integrity code that follows it. `None`,
/// and the frame as it was, if it is too short or too long for that.
pub fn seal(bytes: &mut [u8], key: &TemporalKey) -> Option<[u8; CCMP_MIC]> {
    let frame = Mpdu::new(bytes)?;
    let (nonce, associated) = inputs(frame)?;
    let body = bytes.get_mut(body_at(frame.header_length()))?;
    let tag = Cipher::new(key.into()).encrypt_inout_detached(&nonce.into(), &associated, body.into());
    Some(tag.ok()?.into())
}

/// Decrypts the body of a frame in place; the CCMP header stays. Returns the length of the frame without its integrity code. `None` if
/// the frame is not what the owner of the key has sent; nothing can be said of its body then.
pub fn open(bytes: &mut [u8], key: &TemporalKey) -> Option<usize> {
    let frame = Mpdu::new(bytes)?;
    let (nonce, associated) = inputs(frame)?;
    let start = body_at(frame.header_length()).start;
    let end = bytes.len().checked_sub(CCMP_MIC)?;
    let (clear, tag) = bytes.split_at_mut(end);
    let tag: [u8; CCMP_MIC] = (&*tag).try_into().ok()?;
    let body = clear.get_mut(start..)?;
    Cipher::new(key.into()).decrypt_inout_detached(&nonce.into(), &associated, body.into(), &tag.into()).ok()?;
    Some(end)
}

/// Where the body of a protected frame is that has so long a header.
fn body_at(header: usize) -> std::ops::RangeFrom<usize> {
    header + CCMP_HEADER..
}

/// Nonce (12.5.3.3.4) and additional authentication data (12.5.3.3.3).
fn inputs(frame: Mpdu) -> Option<([u8; 13], Vec<u8>)> {
    let control = frame.control();
    let transmitter = frame.transmitter()?;
    let (number, _) = packet_number(frame)?;
    let is_data = control.frame_type() == FrameType::Data;
    let has_qos = is_data && control.subtype() & subtype::QOS != 0;
    let four_addresses = control.has(Control::TO_DS | Control::FROM_DS);
    let bytes = frame.bytes();
    let qos_at = if four_addresses { 30 } else { 24 };
    let tid = if has_qos { *bytes.get(qos_at)? & TID } else { 0 };

    let mut nonce = [0; 13];
    // Management frames say so in the flags.
    nonce[0] = if is_data { tid } else { 1 << 4 };
    nonce[1..7].copy_from_slice(&transmitter.0);
    nonce[7..].copy_from_slice(&number.to_be_bytes()[2..]);

    let mut masked = control.0 & !CHANGING | Control::PROTECTED;
    if is_data {
        masked &= !SUBTYPE_LOW;
    }
    if has_qos {
        masked &= !Control::ORDER;
    }
    let mut associated = masked.to_le_bytes().to_vec();
    associated.extend(bytes.get(4..22)?);
    let sequence = u16::from_le_bytes([*bytes.get(22)?, *bytes.get(23)?]) & FRAGMENT;
    associated.extend(sequence.to_le_bytes());
    if four_addresses {
        associated.extend(bytes.get(24..30)?);
    }
    if has_qos {
        associated.extend([tid, 0]);
    }
    Some((nonce, associated))
}

#[cfg(test)]
mod tests {
    use super::{ccmp_header, open, packet_number, seal};
    use crate::Mpdu;

    /// IEEE 802.11-2020, J.6.4.
    const KEY: [u8; 16] =
        [0xC9, 0x7C, 0x1F, 0x67, 0xCE, 0x37, 0x11, 0x85, 0x51, 0x4A, 0x8A, 0x19, 0xF2, 0xBD, 0xD5, 0x2F];
    const NUMBER: u64 = 0xB503_9776_E70C;
    const HEADER: [u8; 24] = [
        0x08, 0x48, 0xC3, 0x2C, 0x0F, 0xD2, 0xE1, 0x28, 0xA5, 0x7C, 0x50, 0x30, 0xF1, 0x84, 0x44, 0x08, 0xAB, 0xAE,
        0xA5, 0xB8, 0xFC, 0xBA, 0x80, 0x33,
    ];
    const BODY: [u8; 20] = [
        0xF8, 0xBA, 0x1A, 0x55, 0xD0, 0x2F, 0x85, 0xAE, 0x96, 0x7B, 0xB6, 0x2F, 0xB6, 0xCD, 0xA8, 0xEB, 0x7E, 0x78,
        0xA0, 0x50,
    ];
    const SEALED: [u8; 28] = [
        0xF3, 0xD0, 0xA2, 0xFE, 0x9A, 0x3D, 0xBF, 0x23, 0x42, 0xA6, 0x43, 0xE4, 0x32, 0x46, 0xE8, 0x0C, 0x3C, 0x04,
        0xD0, 0x19, 0x78, 0x45, 0xCE, 0x0B, 0x16, 0xF9, 0x76, 0x23,
    ];

    #[test]
    fn the_standards_test_vector_is_met() {
        let clear = [&HEADER[..], &ccmp_header(NUMBER, 0), &BODY].concat();
        let mut sealed = clear.clone();
        let code = seal(&mut sealed, &KEY).unwrap();
        sealed.extend(code);
        assert_eq!(sealed, [&HEADER[..], &ccmp_header(NUMBER, 0), &SEALED].concat());
        assert_eq!(packet_number(Mpdu::new(&sealed).unwrap()), Some((NUMBER, 0)));
        assert_eq!(open(&mut sealed, &KEY), Some(clear.len()));
        assert_eq!(sealed[..clear.len()], clear);
    }

    #[test]
    fn a_changed_or_short_frame_does_not_open() {
        let mut sealed = [&HEADER[..], &ccmp_header(NUMBER, 0), &SEALED].concat();
        for length in 0..sealed.len() {
            assert_eq!(open(&mut sealed[..length].to_vec(), &KEY), None);
        }
        sealed[30] ^= 1;
        assert_eq!(open(&mut sealed, &KEY), None);
    }
}
