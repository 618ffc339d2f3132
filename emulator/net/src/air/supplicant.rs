//! WPA2 with a pre-shared key, the station's side of the four-way handshake (IEEE 802.11-2020, 12.7.6).

use aes_kw::KwAes128;
use aes_kw::cipher::KeyInit;
use espalier_ieee80211::{Elements, MacAddress, TemporalKey, element_id};

use super::eapol::{self, Fields, KeyMessage, Keys, info};
use super::wpa::{GTK_KDE, RSN, VENDOR, random};
use crate::rng::Rng;

/// A station's side of the handshake.
#[derive(Clone, Debug)]
pub(super) struct Supplicant {
    master: [u8; 32],
    nonce: [u8; 32],
    keys: Option<Keys>,
    /// Identifier and group key, once the handshake is over.
    group: Option<(u8, TemporalKey)>,
}

espalier_core::persist!(value Supplicant { master, nonce, keys, group });

impl Supplicant {
    pub fn new(ssid: &str, password: &str, rng: &mut Rng) -> Supplicant {
        Supplicant { master: eapol::master_key(ssid, password), nonce: random(rng), keys: None, group: None }
    }

    /// Forgets the keys of the last association.
    pub fn restart(&mut self) {
        self.keys = None;
        self.group = None;
    }

    /// The pairwise key, once both sides have it.
    pub fn pairwise(&self) -> Option<TemporalKey> {
        self.group.and(self.keys.map(|keys| keys.temporal))
    }

    /// The group key with this identifier.
    pub fn group(&self, key_id: u8) -> Option<TemporalKey> {
        self.group.filter(|(id, _)| *id == key_id).map(|(_, key)| key)
    }

    /// A message from the authenticator; returns the answer.
    pub fn receive(&mut self, eapol: &[u8], authenticator: MacAddress, own: MacAddress) -> Option<Vec<u8>> {
        let message = KeyMessage::new(eapol)?;
        if message.info & info::MIC == 0 {
            self.keys = Some(Keys::derive(&self.master, [authenticator, own], [message.nonce, self.nonce]));
            let rsn = [&[element_id::RSN, RSN.len() as u8], &RSN[..]].concat();
            return self.answer(&message, 0, self.nonce, &rsn);
        }
        let keys = self.keys.filter(|keys| message.has_mic_of(&keys.confirmation))?;
        let mut clear = vec![0; message.data().len().checked_sub(8)?];
        KwAes128::new(&keys.encryption.into()).unwrap_key(message.data(), &mut clear).ok()?;
        self.group = Some(group_key(&clear)?);
        self.answer(&message, info::SECURE, [0; 32], &[])
    }

    fn answer(&self, to: &KeyMessage, bits: u16, nonce: [u8; 32], data: &[u8]) -> Option<Vec<u8>> {
        let info = info::HMAC_SHA1_AES | info::PAIRWISE | info::MIC | bits;
        let fields = Fields { info, key_length: 0, replay: to.replay, nonce, group_number: 0, data };
        Some(eapol::build(&fields, Some(&self.keys?.confirmation)))
    }
}

/// The group key in the key data of the third message.
fn group_key(data: &[u8]) -> Option<(u8, TemporalKey)> {
    let mut elements = Elements(data).filter(|element| element.id == VENDOR);
    let body = elements.find_map(|element| element.body.strip_prefix(&GTK_KDE))?;
    let [key_id, _, key @ ..] = body else { return None };
    Some((key_id & 3, *key.first_chunk()?))
}
