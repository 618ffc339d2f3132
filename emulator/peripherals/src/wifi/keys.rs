//! Key slots: the MAC encrypts what it sends and decrypts what it receives with CCMP.

use espalier_ieee80211::{CCMP_MIC, Control, MacAddress, Mpdu, TemporalKey, open, packet_number, seal};

use super::WifiMac;
use super::registers::{KEY_SLOT_BYTES, KEY_SLOTS, key_slot, plcp1, reg};

impl WifiMac {
    /// Encrypts a frame that software marked as protected, with the key of the slot that PLCP1 names.
    pub(super) fn encrypt(&self, bytes: &mut [u8], plcp1: u32) {
        let protected = Mpdu::new(bytes).is_some_and(|frame| frame.control().has(Control::PROTECTED));
        // Software leaves room for the integrity code.
        let Some(room) = bytes.len().checked_sub(CCMP_MIC).filter(|_| protected) else { return };
        let (clear, code) = bytes.split_at_mut(room);
        if let Some(key) = self.key(plcp1::KEY_SLOT.get(plcp1))
            && let Some(sealed) = seal(clear, &key)
        {
            code.copy_from_slice(&sealed);
        }
    }

    /// Decrypts a protected frame in place and returns its length without the integrity code. `None` if no slot has its key or its
    /// integrity code is wrong; other frames pass as they are.
    pub(super) fn decrypt(&self, bytes: &mut [u8]) -> Option<usize> {
        let frame = Mpdu::new(bytes)?;
        if !frame.control().has(Control::PROTECTED) {
            return Some(bytes.len());
        }
        let (_, key_id) = packet_number(frame)?;
        let transmitter = frame.transmitter()?;
        let group = frame.receiver().is_group();
        let slot = (0..KEY_SLOTS).find(|slot| self.is_for(*slot, transmitter, group, key_id))?;
        open(bytes, &self.key(slot)?)
    }

    /// True if the slot holds the key of a frame. Group keys are told apart by their identifier, pairwise keys by the station.
    fn is_for(&self, slot: u32, transmitter: MacAddress, group: bool, key_id: u8) -> bool {
        let high = self.slot_word(slot, 1);
        let low = self.slot_word(slot, 0);
        if !self.is_key_enabled(slot) || (high & key_slot::GROUP != 0) != group {
            return false;
        }
        let [a, b, c, d, e, f] = transmitter.0;
        let address = (u32::from_le_bytes([a, b, c, d]), u32::from(u16::from_le_bytes([e, f])));
        if group { key_slot::KEY_ID.get(high) == u32::from(key_id) } else { (low, high & key_slot::ADDRESS) == address }
    }

    /// The key in a slot that is in use for CCMP.
    fn key(&self, slot: u32) -> Option<TemporalKey> {
        let algorithm = key_slot::ALGORITHM.get(self.slot_word(slot.min(KEY_SLOTS - 1), 1));
        if slot >= KEY_SLOTS || !self.is_key_enabled(slot) || algorithm != key_slot::CCMP {
            return None;
        }
        let mut key = [0; 16];
        for (index, bytes) in (0..).zip(key.chunks_exact_mut(4)) {
            bytes.copy_from_slice(&self.slot_word(slot, key_slot::KEY_WORD + index).to_le_bytes());
        }
        Some(key)
    }

    fn is_key_enabled(&self, slot: u32) -> bool {
        self.registers.get(reg::CRYPTO_KEY_SLOT_STATE) >> slot & 1 != 0
    }

    fn slot_word(&self, slot: u32, word: u32) -> u32 {
        self.registers.get(reg::KEY_SLOT + KEY_SLOT_BYTES * slot + 4 * word)
    }
}
