//! The Wi-Fi MAC of the ESP32, as Espressif's closed libraries drive it.
//!
//! Follows what the ESP32 Open MAC project and the `esp32` PAC crate publish. Modelled are transmission slots, the list of receive
//! descriptors, address filters, key slots with CCMP, the MAC time and the TSF timers. The wiring calls
//! [`run_dma`](WifiMac::run_dma) after each access, takes what goes on the air with [`take_outgoing`](WifiMac::take_outgoing) and
//! hands over what comes from there with [`receive`](WifiMac::receive).

mod filter;
mod keys;
mod receive;
mod registers;
#[cfg(test)]
mod tests;
mod transmit;
mod tsf;

use espalier_core::{Device, Fidelity, GuestMemory, Register, Registers, Time, Unmodelled};

pub use receive::Received;
use registers::{CTRL_STOP, MAC_READY_DONE, REGISTERS, TX_SLOTS, plcp0, reg, rx_ctrl};
use transmit::Transmission;
pub use transmit::{Outgoing, Started};
use tsf::Tsf;

/// The Wi-Fi MAC.
#[derive(Clone, Debug)]
pub struct WifiMac {
    registers: Registers,
    /// When the MAC was reset last: its time counts from there.
    started: Time,
    slots: [Option<Transmission>; TX_SLOTS],
    /// Slots that software has started and whose frame is not fetched yet.
    started_slots: u32,
    /// When the transmissions that are under way end.
    busy_until: Time,
    /// Number of fetched frames.
    transmissions: u64,
    tsf: [Tsf; 2],
    now: Time,
}

espalier_core::persist!(state WifiMac { registers, started, slots, started_slots, busy_until, transmissions, tsf, now });

impl Default for WifiMac {
    fn default() -> WifiMac {
        WifiMac::new()
    }
}

impl WifiMac {
    /// The block after power-on.
    pub fn new() -> WifiMac {
        WifiMac {
            registers: Registers::new(&REGISTERS),
            started: Time::ZERO,
            slots: Default::default(),
            started_slots: 0,
            busy_until: Time::ZERO,
            transmissions: 0,
            tsf: Default::default(),
            now: Time::ZERO,
        }
    }

    /// Does the transfers that the latest access started.
    pub fn run_dma(&mut self, memory: &mut dyn GuestMemory, now: Time) {
        self.now = now;
        if self.registers.get(reg::RX_CTRL) & rx_ctrl::RX_DESCR_RELOAD != 0 {
            self.reload_descriptors(memory);
        }
        while self.started_slots != 0 {
            let slot = self.started_slots.trailing_zeros() as usize;
            self.started_slots &= self.started_slots - 1;
            self.fetch(slot, memory, now);
        }
    }

    /// True while the MAC is held for a change of the channel.
    fn is_stopped(&self) -> bool {
        self.registers.get(reg::CTRL) & CTRL_STOP != 0
    }

    fn raise(&mut self, bits: u32) {
        self.registers.modify(reg::INT_STATUS, 0, bits);
    }

    fn slot_of_plcp0(offset: u32) -> Option<usize> {
        (0..TX_SLOTS).find(|slot| plcp0(*slot) == offset)
    }
}

impl Device for WifiMac {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "frames, acknowledgements, filters, keys with CCMP and timers; no block acknowledgement, aggregates, RTS, WEP, TKIP, \
             sniffer or CSI; registers without a published meaning only store. Around it: the radios of other boards of its \
             world, and access points and stations of 802.11b/g, open or WPA2-PSK, that send at 1 and 24 Mbit/s, keep frames for \
             a station that sleeps, never collide and lose what a test lets them lose; no 802.11n, WPA3, enterprise networks, \
             protected management frames, roaming or long-range mode",
        )
    }

    fn read(&mut self, offset: u32, now: Time) -> Result<u32, Unmodelled> {
        self.now = now;
        match offset {
            reg::MAC_TIME => Ok(self.mac_time(now)),
            reg::INT_CLEAR => Ok(self.registers.get(reg::INT_STATUS)),
            _ => self.registers.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, now: Time) -> Result<(), Unmodelled> {
        self.now = now;
        let written = self.registers.write(offset, value)?;
        match offset {
            reg::INT_CLEAR => self.registers.modify(reg::INT_STATUS, value, 0),
            reg::TXQ_COMPLETE_CLEAR => self.registers.modify(reg::TXQ_COMPLETE_STATUS, value, 0),
            reg::TXQ_ERROR_CLEAR => self.registers.modify(reg::TXQ_ERROR_STATUS, value, 0),
            reg::RX_DESCR_BASE => self.set_base(value),
            reg::TSF_COMMAND => self.command_tsf(written, now),
            reg::MAC_READY => self.registers.modify(reg::MAC_READY, 0, MAC_READY_DONE),
            _ => {
                if let Some(slot) = WifiMac::slot_of_plcp0(offset) {
                    self.write_plcp0(slot, written);
                }
            }
        }
        Ok(())
    }

    fn deadline(&self) -> Option<Time> {
        self.slots.iter().flatten().map(|transmission| transmission.end).min()
    }

    fn advance(&mut self, now: Time) {
        self.now = now;
    }

    fn interrupts(&self) -> u32 {
        u32::from(self.registers.get(reg::INT_STATUS) & self.registers.get(reg::INT_ENA) != 0)
    }

    fn reset(&mut self) {
        let transmissions = self.transmissions;
        *self = WifiMac { started: self.now, now: self.now, transmissions, ..WifiMac::new() };
    }
}
