//! Frames between the chip's two network interfaces, the LAN and the air.

use espalier_core::Time;
use espalier_peripherals::Received;

use super::{AIR_SLOT, LAN_SLOT, System};
use crate::map::Block;
use crate::memory::Ram;

impl System {
    pub(super) fn settle_ethernet(&mut self, ram: &mut Ram, now: Time) {
        let mut sent = false;
        while let Some(frame) = self.ethernet.take_frame(ram) {
            self.lan.send_from_board(frame, now);
            sent = true;
        }
        if sent {
            self.set_deadline(LAN_SLOT, self.lan.deadline());
        }
    }

    pub(super) fn advance_lan(&mut self, ram: &mut Ram, now: Time) {
        self.lan.advance(now);
        self.ethernet.set_link(!self.lan.cable_is_cut());
        while let Some(frame) = self.lan.take_for_board(now) {
            self.ethernet.receive(&frame, ram);
        }
        while let Some(frame) = self.lan.take_for_air(now) {
            self.air.send_from_lan(&frame, now);
        }
        self.output = true;
        self.settle(Block::Ethernet, ram, now);
        self.set_deadline(LAN_SLOT, self.lan.deadline());
        self.set_deadline(AIR_SLOT, self.air.deadline());
    }

    /// Fetches what software wants to send, and carries what has been sent to the air.
    pub(super) fn settle_wifi(&mut self, ram: &mut Ram, now: Time) {
        self.wifi.run_dma(ram, now);
        let mut sent = false;
        while let Some(outgoing) = self.wifi.take_outgoing(now) {
            let channel = self.radio_analog.channel();
            let heard =
                channel.is_some_and(|channel| self.air.send_from_board(&outgoing.bytes, channel, outgoing.rate, now));
            self.wifi.finish(&outgoing, heard);
            sent = true;
        }
        if sent {
            self.carry_to_lan(now);
            self.set_deadline(AIR_SLOT, self.air.deadline());
        }
    }

    /// Lets the Bluetooth baseband do what is due in its exchange memory.
    pub(super) fn settle_bluetooth(&mut self, ram: &mut Ram, now: Time) {
        self.bluetooth.set_low_power_clock(self.dport.bluetooth_low_power_clock(self.rtc.slow_clock()));
        self.bluetooth.run(ram, now);
    }

    pub(super) fn advance_air(&mut self, ram: &mut Ram, now: Time) {
        self.air.advance(now);
        while let Some(frame) = self.air.take_for_board(now) {
            let heard = self.is_tuned_to(frame.channel);
            let received = Received { bytes: &frame.bytes, channel: frame.channel, rssi: frame.rssi, rate: frame.rate };
            let acknowledged = heard && self.wifi.receive(received, ram, now);
            self.air.report(frame, acknowledged);
        }
        self.carry_to_lan(now);
        self.settle(Block::WifiMac, ram, now);
        self.set_deadline(AIR_SLOT, self.air.deadline());
    }

    /// True if the radio hears frames on `channel`.
    pub(super) fn is_tuned_to(&self, channel: u8) -> bool {
        /// From the middle of a wide channel to each of its halves.
        const HALF: u8 = 2;
        let Some(tuned) = self.radio_analog.channel() else { return false };
        tuned == channel || (self.radio_agc.is_wide() && tuned.abs_diff(channel) == HALF)
    }

    /// Frames that a bridging access point has taken go to the LAN.
    pub(super) fn carry_to_lan(&mut self, now: Time) {
        let mut carried = false;
        while let Some(frame) = self.air.take_for_lan() {
            self.lan.send_from_air(frame, now);
            carried = true;
        }
        if carried {
            self.set_deadline(LAN_SLOT, self.lan.deadline());
        }
    }
}
