//! EAPOL-Key frames and the keys that they are about (IEEE 802.11-2020, 12.7.2).

use espalier_ieee80211::{MacAddress, TemporalKey};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// EtherType of EAPOL.
pub(super) const ETHERTYPE: u16 = 0x888E;
/// Iterations of the passphrase mapping (J.4.1).
const ITERATIONS: u32 = 4096;

/// Bits of the key information (12.7.2).
pub(super) mod info {
    pub const HMAC_SHA1_AES: u16 = 2;
    pub const PAIRWISE: u16 = 1 << 3;
    pub const INSTALL: u16 = 1 << 6;
    pub const ACK: u16 = 1 << 7;
    pub const MIC: u16 = 1 << 8;
    pub const SECURE: u16 = 1 << 9;
    pub const ENCRYPTED: u16 = 1 << 12;
}

/// Places in an EAPOL-Key frame, from its 802.1X header on (figure 12-33).
mod place {
    pub const TYPE: usize = 1;
    pub const DESCRIPTOR: usize = 4;
    pub const INFO: usize = 5;
    pub const REPLAY: usize = 9;
    pub const NONCE: usize = 17;
    pub const MIC: usize = 81;
    pub const DATA: usize = 99;
}
const EAPOL_VERSION: u8 = 2;
const EAPOL_KEY: u8 = 3;
const RSN_DESCRIPTOR: u8 = 2;
const MIC_LENGTH: usize = 16;

/// The pairwise master key of a passphrase (J.4.1).
pub(super) fn master_key(ssid: &str, password: &str) -> [u8; 32] {
    let mut key = [0; 32];
    pbkdf2::pbkdf2_hmac::<Sha1>(password.as_bytes(), ssid.as_bytes(), ITERATIONS, &mut key);
    key
}

/// The pairwise transient key (12.7.1.3).
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys {
    pub confirmation: [u8; 16],
    pub encryption: [u8; 16],
    pub temporal: TemporalKey,
}

espalier_core::persist!(value Keys { confirmation, encryption, temporal });

impl Keys {
    /// From the master key, and the addresses and nonces of both sides in any order.
    pub fn derive(master: &[u8; 32], addresses: [MacAddress; 2], nonces: [[u8; 32]; 2]) -> Keys {
        let [a, b] = addresses.map(|address| address.0);
        let mut data = [a.min(b), a.max(b)].concat();
        data.extend(nonces[0].min(nonces[1]));
        data.extend(nonces[0].max(nonces[1]));
        let rounds = (0..3).flat_map(|round| hmac_sha1(master, &[b"Pairwise key expansion\0", &data, &[round]]));
        let bytes: Vec<u8> = rounds.collect();
        let part = |index: usize| std::array::from_fn(|at| bytes[16 * index + at]);
        Keys { confirmation: part(0), encryption: part(1), temporal: part(2) }
    }
}

/// The fields of an EAPOL-Key frame besides its integrity code.
pub(super) struct Fields<'a> {
    pub info: u16,
    pub key_length: u16,
    pub replay: u64,
    pub nonce: [u8; 32],
    /// Packet number of the group key.
    pub group_number: u64,
    pub data: &'a [u8],
}

/// An EAPOL-Key frame; with `key` it carries its integrity code.
pub(super) fn build(fields: &Fields, key: Option<&[u8; 16]>) -> Vec<u8> {
    let length = (place::DATA - place::DESCRIPTOR + fields.data.len()) as u16;
    let mut frame = vec![EAPOL_VERSION, EAPOL_KEY];
    frame.extend(length.to_be_bytes());
    frame.push(RSN_DESCRIPTOR);
    frame.extend(fields.info.to_be_bytes());
    frame.extend(fields.key_length.to_be_bytes());
    frame.extend(fields.replay.to_be_bytes());
    frame.extend(fields.nonce);
    // The initialisation vector is not used with this descriptor version.
    frame.extend([0; 16]);
    frame.extend(fields.group_number.to_le_bytes());
    frame.extend([0; 8]);
    frame.extend([0; MIC_LENGTH]);
    frame.extend((fields.data.len() as u16).to_be_bytes());
    frame.extend(fields.data);
    if let Some(key) = key {
        let mic = hmac_sha1(key, &[&frame]);
        frame[place::MIC..place::MIC + MIC_LENGTH].copy_from_slice(&mic[..MIC_LENGTH]);
    }
    frame
}

/// An EAPOL-Key frame that has been received.
pub(super) struct KeyMessage<'a> {
    bytes: &'a [u8],
    pub info: u16,
    pub replay: u64,
    pub nonce: [u8; 32],
}

impl<'a> KeyMessage<'a> {
    pub fn new(bytes: &'a [u8]) -> Option<KeyMessage<'a>> {
        let length = usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]));
        let bytes = bytes.get(..place::DESCRIPTOR + length)?;
        if bytes.len() < place::DATA || bytes[place::TYPE] != EAPOL_KEY || bytes[place::DESCRIPTOR] != RSN_DESCRIPTOR {
            return None;
        }
        Some(KeyMessage {
            bytes,
            info: u16::from_be_bytes(*bytes[place::INFO..].first_chunk()?),
            replay: u64::from_be_bytes(*bytes[place::REPLAY..].first_chunk()?),
            nonce: *bytes[place::NONCE..].first_chunk()?,
        })
    }

    /// The key data, which the sender may have encrypted.
    pub fn data(&self) -> &'a [u8] {
        &self.bytes[place::DATA..]
    }

    pub fn has_mic_of(&self, key: &[u8; 16]) -> bool {
        let (before, rest) = self.bytes.split_at(place::MIC);
        let (mic, after) = rest.split_at(MIC_LENGTH);
        hmac_sha1(key, &[before, &[0; MIC_LENGTH], after])[..MIC_LENGTH] == *mic
    }
}

fn hmac_sha1(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::master_key;

    /// IEEE 802.11-2020, J.4.2, test case 1.
    #[test]
    fn the_passphrase_becomes_the_standards_key() {
        let hex: String = master_key("IEEE", "password").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e");
    }
}
