//! Reception: the list of descriptors, and the header that the MAC writes before each frame.

use espalier_core::{Field, GuestMemory, Time};
use espalier_ieee80211::{FCS_LENGTH, Modulation, Mpdu, Rate};

use super::WifiMac;
use super::registers::{interrupt, plcp0, reg, rx_ctrl};
use crate::linked_list::{self, Descriptor, NEXT_OFFSET};

/// Bytes of the header before a frame.
const HEADER: usize = 28;
/// The zero of the header's signal strength, in dBm.
const RSSI_ZERO: i32 = -96;
/// Fields of the header's first word. `RX_INTERFACES` has a bit for each interface that takes the frame.
const RSSI: Field = Field::new("rssi", 0, 7);
const RX_RATE: Field = Field::new("rate", 8, 15);
const LEGACY_LENGTH: Field = Field::new("legacy_length", 16, 27);
const RX_INTERFACES: Field = Field::new("interfaces", 28, 31);
/// Fields of its third word.
const NOISE: Field = Field::new("noise_floor", 0, 7);
const CHANNEL: Field = Field::new("channel", 16, 19);
/// Fields of its last word: the length of the frame, once as received and once as stored.
const SIG_LENGTH: Field = Field::new("sig_len", 0, 11);
const DUMP_LENGTH: Field = Field::new("dump_len", 12, 23);
/// Noise floor in the header, in dBm.
const NOISE_FLOOR: i8 = -97;

/// A frame as it comes from the antenna.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// The frame without its frame check sequence.
    pub bytes: &'a [u8],
    pub channel: u8,
    /// Signal strength in dBm.
    pub rssi: i8,
    pub rate: Rate,
}

impl WifiMac {
    /// A frame has arrived on the channel that the radio is tuned to. Returns true if the MAC acknowledges it.
    pub fn receive(&mut self, received: Received, memory: &mut dyn GuestMemory, now: Time) -> bool {
        self.now = now;
        let Some(frame) = Mpdu::new(received.bytes) else { return false };
        if self.is_stopped() || self.registers.get(reg::RX_CTRL) & rx_ctrl::RX_ENABLE == 0 {
            return false;
        }
        self.follow_beacon(frame, now);
        let interfaces = self.interfaces_for(frame);
        if interfaces == 0 {
            return false;
        }
        let header = self.header(&received, interfaces, received.bytes.len() + FCS_LENGTH, now);
        let mut data = [&header, received.bytes].concat();
        let Some(length) = self.decrypt(&mut data[HEADER..]) else { return false };
        data.truncate(HEADER + length);
        data.resize(data.len().next_multiple_of(4), 0);
        let stored = self.store(&data, memory);
        if stored {
            self.raise(interrupt::RX_SUCCESS);
        }
        stored && self.is_addressed(frame)
    }

    /// The header: `wifi_pkt_rx_ctrl_t` of ESP-IDF's esp_wifi_types.h, with what that leaves out. `on_air` counts the frame check
    /// sequence.
    fn header(&self, received: &Received, interfaces: u32, on_air: usize, now: Time) -> [u8; HEADER] {
        let rssi = (i32::from(received.rssi) - RSSI_ZERO) as u8;
        let length = on_air as u32;
        let words = [
            RSSI.put(rssi.into())
                | RX_RATE.put(rate_code(received.rate))
                | LEGACY_LENGTH.put(length)
                | RX_INTERFACES.put(interfaces),
            0,
            NOISE.put(u32::from(NOISE_FLOOR as u8)) | CHANNEL.put(received.channel.into()),
            self.mac_time(now),
            0,
            0,
            SIG_LENGTH.put(length) | DUMP_LENGTH.put(length),
        ];
        let mut header = [0; HEADER];
        for (bytes, word) in header.chunks_exact_mut(4).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        header
    }

    /// Fills descriptors with `data`. False if the list ends first or has no memory behind it; then nothing is handed over.
    fn store(&mut self, data: &[u8], memory: &mut dyn GuestMemory) -> bool {
        let mut at = self.registers.get(reg::RX_DESCR_NEXT);
        let mut rest = data;
        let mut filled = Vec::new();
        while !rest.is_empty() {
            if at & plcp0::DMA_ADDR == 0 {
                return false;
            }
            let Ok(descriptor) = Descriptor::read(at, memory) else { return false };
            let count = rest.len().min(descriptor.size() as usize);
            if count == 0 || memory.write(descriptor.buffer, &rest[..count]).is_err() {
                return false;
            }
            rest = &rest[count..];
            filled.push((at, descriptor.filled(count as u32, rest.is_empty())));
            at = on_bus(descriptor.next);
        }
        for (descriptor, word) in &filled {
            if memory.write_u32(*descriptor, *word).is_err() {
                return false;
            }
        }
        if let Some((last, _)) = filled.last() {
            self.registers.set(reg::RX_DESCR_LAST, *last);
        }
        self.registers.set(reg::RX_DESCR_NEXT, at);
        true
    }

    /// Software sets where the list begins.
    pub(super) fn set_base(&mut self, base: u32) {
        self.registers.set(reg::RX_DESCR_NEXT, on_bus(base));
    }

    /// Software has appended to the list: a MAC that stands at its end goes on from there.
    pub(super) fn reload_descriptors(&mut self, memory: &mut dyn GuestMemory) {
        self.registers.modify(reg::RX_CTRL, rx_ctrl::RX_DESCR_RELOAD, 0);
        let (next, last) = (self.registers.get(reg::RX_DESCR_NEXT), self.registers.get(reg::RX_DESCR_LAST));
        if next & plcp0::DMA_ADDR == 0
            && last & plcp0::DMA_ADDR != 0
            && let Ok(appended) = memory.read_u32(last.wrapping_add(NEXT_OFFSET))
        {
            self.registers.set(reg::RX_DESCR_NEXT, on_bus(appended));
        }
    }
}

/// A descriptor's address as the MAC holds it: only its lower part counts.
pub(super) fn on_bus(address: u32) -> u32 {
    linked_list::BASE | (address & plcp0::DMA_ADDR)
}

/// The code of a rate in the header (`wifi_phy_rate_t`).
fn rate_code(rate: Rate) -> u32 {
    const DSSS: [(u32, u32); 4] = [(1_000, 0), (2_000, 1), (5_500, 2), (11_000, 3)];
    const OFDM: [(u32, u32); 8] = [
        (48_000, 0x8),
        (24_000, 0x9),
        (12_000, 0xA),
        (6_000, 0xB),
        (54_000, 0xC),
        (36_000, 0xD),
        (18_000, 0xE),
        (9_000, 0xF),
    ];
    let table: &[(u32, u32)] = if rate.modulation == Modulation::Dsss { &DSSS } else { &OFDM };
    table.iter().find(|(kilobits, _)| *kilobits == rate.kilobits).map_or(table[0].1, |(_, code)| *code)
}
