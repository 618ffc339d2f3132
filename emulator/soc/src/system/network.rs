//! Frames between the chip's two network interfaces, the LAN and the air; or the ports of a board that is one of several.

use espalier_core::Time;
use espalier_net::{Delivery, Sent, Tuning};
use espalier_peripherals::Received;

use super::{AIR_SLOT, LAN_SLOT, PORTS_SLOT, System};
use crate::map::Block;
use crate::memory::Ram;

impl System {
    /// From now on the board's antenna and its Ethernet cable lead to the ports instead of its own air and LAN.
    pub fn open_ports(&mut self) {
        self.ports.get_or_insert_default();
    }

    /// Something will reach the ports at `at`.
    pub fn deliver(&mut self, at: Time, delivery: Delivery) {
        if let Some(ports) = &mut self.ports {
            ports.deliver(at, delivery);
            self.renew_ports(self.clock);
        }
    }

    /// Until when the board may run alone: a slice ends there.
    pub fn set_boundary(&mut self, at: Time) {
        if let Some(ports) = &mut self.ports {
            ports.set_boundary(at);
            self.renew_ports(self.clock);
        }
    }

    fn renew_ports(&mut self, now: Time) {
        self.set_deadline(PORTS_SLOT, self.ports.as_ref().and_then(|ports| ports.deadline(now)));
    }

    /// Takes what the board has sent through its ports.
    pub fn take_sent(&mut self) -> Vec<Sent> {
        self.ports.as_mut().map(|ports| ports.take_sent()).unwrap_or_default()
    }

    /// Takes in what has reached the ports.
    pub(super) fn advance_ports(&mut self, ram: &mut Ram, now: Time) {
        let mut reached = false;
        while let Some((at, delivery)) = self.ports.as_mut().and_then(|ports| ports.take_due(now)) {
            reached = true;
            match delivery {
                Delivery::Radio { bytes, tuning, rssi, rate, reception } => {
                    let Some(own) = self.tuning().filter(|own| own.meets(tuning)) else { continue };
                    // A frame of a wide channel comes to a narrow one on that.
                    let channel = if tuning.wide { own.channel } else { tuning.channel };
                    let received = Received { bytes: &bytes, channel, rssi, rate };
                    if self.wifi.receive(received, ram, now)
                        && let Some(ports) = &mut self.ports
                    {
                        ports.send(Sent::Acknowledgement { at, reception });
                    }
                }
                Delivery::Acknowledgement { serial } => {
                    if let Some(ports) = &mut self.ports {
                        ports.note_acknowledgement(serial);
                    }
                }
                Delivery::Ethernet { bytes } => {
                    self.ethernet.receive(&bytes, ram);
                }
                Delivery::Link { up } => self.ethernet.set_link(up),
            }
        }
        if reached {
            self.settle(Block::Ethernet, ram, now);
            self.settle(Block::WifiMac, ram, now);
        }
        self.renew_ports(now);
    }

    pub(super) fn settle_ethernet(&mut self, ram: &mut Ram, now: Time) {
        if let Some(ports) = &mut self.ports {
            while let Some(bytes) = self.ethernet.take_frame(ram) {
                ports.send(Sent::Ethernet { at: now, bytes });
            }
            return;
        }
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
        let tuning = self.tuning();
        if let Some(ports) = &mut self.ports {
            while let Some(started) = self.wifi.take_started() {
                if let Some(tuning) = tuning {
                    let (rate, end, serial) = (started.rate, started.end, started.serial);
                    ports.send(Sent::Radio { bytes: started.bytes, tuning, rate, end, serial });
                }
            }
            while let Some(outgoing) = self.wifi.take_outgoing(now) {
                let acknowledged = ports.take_acknowledgement(outgoing.serial);
                self.wifi.finish(&outgoing, acknowledged);
            }
            return;
        }
        let mut sent = false;
        while let Some(outgoing) = self.wifi.take_outgoing(now) {
            let (bytes, rate) = (&outgoing.bytes, outgoing.rate);
            let heard = tuning.is_some_and(|tuning| self.air.send_from_board(bytes, tuning, rate, now));
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
            let heard = self.tuning().is_some_and(|tuning| tuning.meets(frame.channel.into()));
            let received = Received { bytes: &frame.bytes, channel: frame.channel, rssi: frame.rssi, rate: frame.rate };
            let acknowledged = heard && self.wifi.receive(received, ram, now);
            self.air.report(frame, acknowledged);
        }
        self.carry_to_lan(now);
        self.settle(Block::WifiMac, ram, now);
        self.set_deadline(AIR_SLOT, self.air.deadline());
    }

    /// What the radio is tuned to; `None` if that is no channel.
    fn tuning(&self) -> Option<Tuning> {
        Some(Tuning { channel: self.radio_analog.channel()?, wide: self.radio_agc.is_wide() })
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
