//! Transmission slots: a descriptor list, its parameters, and how it ended.

use espalier_core::{GuestMemory, Time};
use espalier_ieee80211::{DIFS, FCS_LENGTH, Modulation, Rate};

use super::WifiMac;
use super::receive::on_bus;
use super::registers::{TX_SLOTS, interrupt, outcome, plcp0, plcp1, pmd, reg};
use crate::linked_list::Descriptor;

/// Descriptors of one frame; a longer list is a broken one.
const CHAIN_MAX: usize = 16;

/// A frame on its way out of a slot.
#[derive(Clone, Debug)]
pub(super) struct Transmission {
    bytes: Vec<u8>,
    /// When the last of it is over.
    frame_end: Time,
    /// When the last of it, or of its acknowledgement, is over.
    pub end: Time,
    acknowledged: bool,
    rate: Rate,
    serial: u64,
    /// [`WifiMac::take_started`] has told of it.
    told: bool,
}

/// A frame that begins to go on the air.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// The frame without its frame check sequence.
    pub bytes: Vec<u8>,
    pub rate: Rate,
    /// When its last bit is on the air.
    pub end: Time,
    /// Number of the transmission since power-on; [`Outgoing::serial`] is the same.
    pub serial: u64,
}

espalier_core::persist!(value Transmission { bytes, frame_end, end, acknowledged, rate, serial, told });

/// A frame that has gone on the air.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The frame without its frame check sequence.
    pub bytes: Vec<u8>,
    pub rate: Rate,
    /// Number of the transmission since power-on.
    pub serial: u64,
    slot: usize,
}

impl WifiMac {
    /// Software wrote PLCP0: starts a slot, or takes back what was started.
    pub(super) fn write_plcp0(&mut self, slot: usize, value: u32) {
        if value & plcp0::GO == plcp0::GO {
            if self.slots[slot].is_none() {
                self.started_slots |= 1 << slot;
            }
        } else {
            self.started_slots &= !(1 << slot);
            self.slots[slot] = None;
        }
    }

    /// Fetches the frame of a slot and puts it on the air as soon as the transmitter is free.
    pub(super) fn fetch(&mut self, slot: usize, memory: &mut dyn GuestMemory, now: Time) {
        let plcp0 = self.registers.get(plcp0(slot));
        let plcp1 = self.registers.get(plcp1(slot));
        let rate = rate_of(plcp1);
        let on_air = plcp1::LENGTH.get(plcp1) as usize;
        let mut bytes = read_chain(on_bus(plcp0), on_air.saturating_sub(FCS_LENGTH), memory);
        self.encrypt(&mut bytes, plcp1);
        let acknowledged = plcp0 & plcp0::RESPONSE != 0;
        let start = self.busy_until.max(now) + DIFS;
        let frame_end = start + rate.airtime(bytes.len() + FCS_LENGTH);
        let mut end = frame_end;
        if acknowledged {
            end += rate.acknowledgement();
        }
        self.busy_until = end;
        let serial = self.transmissions;
        self.transmissions += 1;
        self.slots[slot] = Some(Transmission { bytes, frame_end, end, acknowledged, rate, serial, told: false });
    }

    /// The next frame that was fetched since the last call, for those who have to know of it before its end.
    pub fn take_started(&mut self) -> Option<Started> {
        let waiting = self.slots.iter_mut().flatten().filter(|transmission| !transmission.told);
        let next = waiting.min_by_key(|transmission| transmission.serial)?;
        next.told = true;
        Some(Started { bytes: next.bytes.clone(), rate: next.rate, end: next.frame_end, serial: next.serial })
    }

    /// The next frame whose time on the air is over. [`finish`](WifiMac::finish) has to be told what became of it.
    pub fn take_outgoing(&mut self, now: Time) -> Option<Outgoing> {
        let due = |slot: &usize| self.slots[*slot].as_ref().is_some_and(|transmission| transmission.end <= now);
        let slot = (0..TX_SLOTS).filter(due).min_by_key(|slot| self.slots[*slot].as_ref().map(|sent| sent.end))?;
        let transmission = self.slots[slot].as_mut()?;
        Some(Outgoing {
            bytes: std::mem::take(&mut transmission.bytes),
            rate: transmission.rate,
            serial: transmission.serial,
            slot,
        })
    }

    /// Ends a transmission; `acknowledged` says whether an acknowledgement came.
    pub fn finish(&mut self, outgoing: &Outgoing, acknowledged: bool) {
        let slot = outgoing.slot;
        let Some(transmission) = self.slots[slot].take() else { return };
        let outcome = if acknowledged || !transmission.acknowledged { outcome::SUCCESS } else { outcome::ACK_TIMEOUT };
        self.registers.set(pmd(slot), outcome << outcome::SHIFT);
        self.registers.modify(reg::TXQ_COMPLETE_STATUS, 0, 1 << slot);
        self.raise(interrupt::TX_COMPLETE);
    }
}

/// Collects up to `length` bytes from a list of descriptors. Where there is no memory the frame ends.
fn read_chain(mut at: u32, length: usize, memory: &mut dyn GuestMemory) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length);
    for _ in 0..CHAIN_MAX {
        let Ok(descriptor) = Descriptor::read(at, memory) else { break };
        let start = bytes.len();
        bytes.resize(length.min(start + descriptor.length() as usize), 0);
        if memory.read(descriptor.buffer, &mut bytes[start..]).is_err() {
            bytes.truncate(start);
            break;
        }
        if descriptor.is_end() || descriptor.next == 0 || bytes.len() == length {
            break;
        }
        at = descriptor.next;
    }
    bytes
}

/// The rate that PLCP1 asks for (`wifi_phy_rate_t` in ESP-IDF's esp_wifi_types.h).
fn rate_of(plcp1: u32) -> Rate {
    let code = plcp1::RATE.get(plcp1);
    if plcp1 & plcp1::HT != 0 {
        const MCS: [u32; 8] = [6_500, 13_000, 19_500, 26_000, 39_000, 52_000, 58_500, 65_000];
        return Rate { modulation: Modulation::Ht, kilobits: MCS[code as usize % MCS.len()] };
    }
    const DSSS: [u32; 8] = [1_000, 2_000, 5_500, 11_000, 1_000, 2_000, 5_500, 11_000];
    const OFDM: [u32; 8] = [48_000, 24_000, 12_000, 6_000, 54_000, 36_000, 18_000, 9_000];
    let index = code as usize % 8;
    if code & 8 == 0 {
        Rate { modulation: Modulation::Dsss, kilobits: DSSS[index] }
    } else {
        Rate { modulation: Modulation::Ofdm, kilobits: OFDM[index] }
    }
}
