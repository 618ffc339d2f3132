//! WPA2 with a pre-shared key, the access point's side: the four-way handshake (IEEE 802.11-2020, 12.7.6).

use aes_kw::KwAes128;
use aes_kw::cipher::KeyInit;
use espalier_core::{Span, Time};
use espalier_ieee80211::{MacAddress, TemporalKey, element_id};

use super::eapol::{self, Fields, KeyMessage, Keys, info};
use crate::rng::Rng;

/// Identifier of the group key.
pub(super) const GROUP_KEY_ID: u8 = 1;
/// Time limit for an answer of the station, and the number of attempts.
const ANSWER_TIME: Span = Span::from_secs(1);
const ATTEMPTS: u8 = 4;
/// RSN element: version 1, CCMP for group and pairwise traffic, pre-shared key (9.4.2.24).
pub(super) const RSN: [u8; 20] = [1, 0, 0, 0x0F, 0xAC, 4, 1, 0, 0, 0x0F, 0xAC, 4, 1, 0, 0, 0x0F, 0xAC, 2, 0, 0];
/// Type and selector of the group key in the key data (table 12-9).
pub(super) const VENDOR: u8 = 0xDD;
pub(super) const GTK_KDE: [u8; 4] = [0, 0x0F, 0xAC, 1];

/// The secrets that all stations of a network share.
#[derive(Clone, Debug)]
pub(super) struct Security {
    pmk: [u8; 32],
    pub group_key: TemporalKey,
}

espalier_core::persist!(value Security { pmk, group_key });

impl Security {
    pub fn new(ssid: &str, password: &str, rng: &mut Rng) -> Security {
        Security { pmk: eapol::master_key(ssid, password), group_key: random(rng) }
    }

    /// The body of the RSN element.
    pub fn rsn() -> Vec<u8> {
        RSN.to_vec()
    }
}

/// The message that the access point waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Message2,
    Message4,
    Done,
}

espalier_core::persist!(
    enum Stage {
        Message2,
        Message4,
        Done,
    }
);

/// The result of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Nothing,
    /// An EAPOL frame for the station.
    Send(Vec<u8>),
    /// The station does not answer: it is sent away.
    GiveUp,
}

/// The handshake with one station, and the keys that come of it.
#[derive(Clone, Debug)]
pub(super) struct Handshake {
    authenticator: MacAddress,
    supplicant: MacAddress,
    nonce: [u8; 32],
    replay: u64,
    stage: Stage,
    attempts: u8,
    deadline: Option<Time>,
    keys: Option<Keys>,
}

espalier_core::persist!(value Handshake { authenticator, supplicant, nonce, replay, stage, attempts, deadline, keys });

impl Handshake {
    pub fn new(authenticator: MacAddress, supplicant: MacAddress, rng: &mut Rng) -> Handshake {
        Handshake {
            authenticator,
            supplicant,
            nonce: random(rng),
            replay: 0,
            stage: Stage::Message2,
            attempts: 0,
            deadline: None,
            keys: None,
        }
    }

    /// The pairwise key, once both sides have it.
    pub fn key(&self) -> Option<TemporalKey> {
        (self.stage == Stage::Done).then_some(self.keys?.temporal)
    }

    /// When the station must have answered.
    pub fn deadline(&self) -> Option<Time> {
        self.deadline
    }

    /// The first message, or the present one again if the station did not answer.
    pub fn prompt(&mut self, security: &Security, group_number: u64, now: Time) -> Step {
        if self.attempts == ATTEMPTS {
            self.deadline = None;
            return Step::GiveUp;
        }
        self.attempts += 1;
        self.deadline = Some(now + ANSWER_TIME);
        match self.stage {
            Stage::Message2 => Step::Send(self.message1()),
            Stage::Message4 => self.message3(security, group_number).map_or(Step::Nothing, Step::Send),
            Stage::Done => {
                self.deadline = None;
                Step::Nothing
            }
        }
    }

    /// An EAPOL frame from the station. What is not the awaited answer is ignored, as a wrong integrity code is.
    pub fn receive(&mut self, security: &Security, eapol: &[u8], group_number: u64, now: Time) -> Step {
        let Some(message) = KeyMessage::new(eapol) else { return Step::Nothing };
        if message.replay != self.replay || message.info & (info::MIC | info::ACK) != info::MIC {
            return Step::Nothing;
        }
        match self.stage {
            Stage::Message2 => {
                let addresses = [self.authenticator, self.supplicant];
                let keys = Keys::derive(&security.pmk, addresses, [self.nonce, message.nonce]);
                if !message.has_mic_of(&keys.confirmation) {
                    return Step::Nothing;
                }
                self.keys = Some(keys);
                self.stage = Stage::Message4;
                self.attempts = 0;
                self.prompt(security, group_number, now)
            }
            Stage::Message4 if self.keys.is_some_and(|keys| message.has_mic_of(&keys.confirmation)) => {
                self.stage = Stage::Done;
                self.deadline = None;
                Step::Nothing
            }
            Stage::Message4 | Stage::Done => Step::Nothing,
        }
    }

    fn message1(&mut self) -> Vec<u8> {
        self.replay += 1;
        eapol::build(&self.fields(info::HMAC_SHA1_AES | info::PAIRWISE | info::ACK, 0, &[]), None)
    }

    fn message3(&mut self, security: &Security, group_number: u64) -> Option<Vec<u8>> {
        let keys = self.keys?;
        self.replay += 1;
        let mut data = vec![element_id::RSN, RSN.len() as u8];
        data.extend(RSN);
        data.extend([VENDOR, (GTK_KDE.len() + 2 + security.group_key.len()) as u8]);
        data.extend(GTK_KDE);
        data.extend([GROUP_KEY_ID, 0]);
        data.extend(security.group_key);
        if !data.len().is_multiple_of(8) {
            data.push(VENDOR);
            data.resize(data.len().next_multiple_of(8), 0);
        }
        let mut wrapped = vec![0; data.len() + 8];
        KwAes128::new(&keys.encryption.into()).wrap_key(&data, &mut wrapped).ok()?;
        let bits = info::HMAC_SHA1_AES
            | info::PAIRWISE
            | info::INSTALL
            | info::ACK
            | info::MIC
            | info::SECURE
            | info::ENCRYPTED;
        Some(eapol::build(&self.fields(bits, group_number, &wrapped), Some(&keys.confirmation)))
    }

    fn fields<'a>(&self, info: u16, group_number: u64, data: &'a [u8]) -> Fields<'a> {
        const KEY_LENGTH: u16 = 16;
        Fields { info, key_length: KEY_LENGTH, replay: self.replay, nonce: self.nonce, group_number, data }
    }
}

/// Random bytes.
pub(super) fn random<const N: usize>(rng: &mut Rng) -> [u8; N] {
    std::array::from_fn(|_| rng.next() as u8)
}
