//! Frames between the chip's two network interfaces, the LAN and the air.

use espalier_core::{Medium, Time};
use espalier_net::{Delivery, Sent, Tuning};
use espalier_peripherals::{RADIO_WIDE, Received};

use super::Esp32;
use super::table::{BLUETOOTH, DPORT, EMAC, EMAC_DMA, ETHERNET, RADIO_AGC, RADIO_ANALOG, RTC_CNTL, WIFI};
use crate::machine::{Interrupts, Settle};

impl Esp32 {
    /// Takes in what has reached the ports.
    pub(super) fn advance_ports(&mut self, now: Time) {
        let mut reached = false;
        while let Some((at, delivery)) = self.platform.ports.as_mut().and_then(|ports| ports.take_due(now)) {
            reached = true;
            match delivery {
                Delivery::Radio { bytes, tuning, rssi, rate, reception } => {
                    let Some(own) = self.tuning().filter(|own| own.meets(tuning)) else { continue };
                    // A frame of a wide channel comes to a narrow one on that.
                    let channel = if tuning.wide { own.channel } else { tuning.channel };
                    self.platform.events.received(Medium::Radio, &bytes, now);
                    let received = Received { bytes: &bytes, channel, rssi, rate };
                    if self.platform.blocks.get_mut(WIFI).receive(received, &mut self.ram, now)
                        && let Some(ports) = &mut self.platform.ports
                    {
                        ports.send(Sent::Acknowledgement { at, reception });
                    }
                }
                Delivery::Acknowledgement { serial } => {
                    if let Some(ports) = &mut self.platform.ports {
                        ports.note_acknowledgement(serial);
                    }
                }
                Delivery::Ethernet { bytes } => {
                    self.receive_ethernet(&bytes, now);
                }
                Delivery::Link { up } => self.set_link(up),
            }
        }
        if reached {
            self.settle(ETHERNET.index, now);
            self.settle(WIFI.index, now);
        }
        self.platform.renew_ports(now);
    }

    /// Takes the next frame that the board's network interface sends: the chip's own, or that of QEMU's machine.
    fn take_ethernet(&mut self) -> Option<Vec<u8>> {
        let blocks = &mut self.platform.blocks;
        match blocks.pair(EMAC_DMA, EMAC) {
            Some((dma, mac)) => dma.take_frame(mac, &mut self.ram),
            None => blocks.get_mut(ETHERNET).take_frame(&mut self.ram),
        }
    }

    fn receive_ethernet(&mut self, frame: &[u8], now: Time) {
        self.platform.events.received(Medium::Ethernet, frame, now);
        let blocks = &mut self.platform.blocks;
        match blocks.pair(EMAC_DMA, EMAC) {
            Some((dma, mac)) => dma.receive(mac, frame, &mut self.ram),
            None => blocks.get_mut(ETHERNET).receive(frame, &mut self.ram),
        };
    }

    fn set_link(&mut self, up: bool) {
        let blocks = &mut self.platform.blocks;
        match blocks.pair(EMAC_DMA, EMAC) {
            Some((_, mac)) => mac.set_link(up),
            None => blocks.get_mut(ETHERNET).set_link(up),
        }
    }

    /// The MAC works on the lists of its DMA, which is another block.
    pub(super) fn settle_emac(&mut self, now: Time) {
        self.settle_ethernet(now);
        self.settle_interrupts(ETHERNET.index);
    }

    pub(super) fn settle_ethernet(&mut self, now: Time) {
        let mut sent = false;
        while let Some(bytes) = self.take_ethernet() {
            self.platform.events.sent(Medium::Ethernet, &bytes, now);
            match &mut self.platform.ports {
                Some(ports) => ports.send(Sent::Ethernet { at: now, bytes }),
                None => {
                    self.platform.lan.send_from_board(bytes, now);
                    sent = true;
                }
            }
        }
        if sent {
            self.renew_lan();
        }
    }

    pub(super) fn advance_lan(&mut self, now: Time) {
        self.platform.lan.advance(now);
        let up = !self.platform.lan.cable_is_cut();
        self.set_link(up);
        while let Some(frame) = self.platform.lan.take_for_board(now) {
            self.receive_ethernet(&frame, now);
        }
        while let Some(frame) = self.platform.lan.take_for_air(now) {
            self.platform.air.send_from_lan(&frame, now);
        }
        self.platform.output = true;
        self.settle(ETHERNET.index, now);
        self.renew_lan();
        self.renew_air();
    }

    /// Fetches what software wants to send, and carries what has been sent to the air.
    pub(super) fn settle_wifi(&mut self, now: Time) {
        self.platform.blocks.get_mut(WIFI).run_dma(&mut self.ram, now);
        let tuning = self.tuning();
        if let Some(ports) = &mut self.platform.ports {
            let wifi = self.platform.blocks.get_mut(WIFI);
            while let Some(started) = wifi.take_started() {
                if let Some(tuning) = tuning {
                    self.platform.events.sent(Medium::Radio, &started.bytes, now);
                    let (rate, end, serial) = (started.rate, started.end, started.serial);
                    ports.send(Sent::Radio { bytes: started.bytes, tuning, rate, end, serial });
                }
            }
            while let Some(outgoing) = wifi.take_outgoing(now) {
                let acknowledged = ports.take_acknowledgement(outgoing.serial);
                wifi.finish(&outgoing, acknowledged);
            }
            return;
        }
        let mut sent = false;
        while let Some(outgoing) = self.get_mut(WIFI).take_outgoing(now) {
            let (bytes, rate) = (&outgoing.bytes, outgoing.rate);
            self.platform.events.sent(Medium::Radio, bytes, now);
            let heard = tuning.is_some_and(|tuning| self.platform.air.send_from_board(bytes, tuning, rate, now));
            self.get_mut(WIFI).finish(&outgoing, heard);
            sent = true;
        }
        if sent {
            self.carry_to_lan(now);
            self.renew_air();
        }
    }

    /// The low-power clock of the Bluetooth baseband is chosen in DPORT.
    pub(super) fn settle_bluetooth(&mut self, _now: Time) {
        let clock = self.get(DPORT).bluetooth_low_power_clock(self.get(RTC_CNTL).slow_clock());
        self.get_mut(BLUETOOTH).set_low_power_clock(clock);
    }

    pub(super) fn advance_air(&mut self, now: Time) {
        self.platform.air.advance(now);
        while let Some(frame) = self.platform.air.take_for_board(now) {
            let heard = self.tuning().is_some_and(|tuning| tuning.meets(frame.channel.into()));
            if heard {
                self.platform.events.received(Medium::Radio, &frame.bytes, now);
            }
            let received = Received { bytes: &frame.bytes, channel: frame.channel, rssi: frame.rssi, rate: frame.rate };
            let acknowledged = heard && self.platform.blocks.get_mut(WIFI).receive(received, &mut self.ram, now);
            self.platform.air.report(frame, acknowledged);
        }
        self.carry_to_lan(now);
        self.settle(WIFI.index, now);
        self.renew_air();
    }

    /// The radio's channel; `None` if it is tuned between channels.
    fn tuning(&self) -> Option<Tuning> {
        let wide = self.get(RADIO_AGC).field(RADIO_WIDE) != 0;
        Some(Tuning { channel: self.get(RADIO_ANALOG).channel()?, wide })
    }

    /// Frames that a bridging access point has taken go to the LAN.
    pub(super) fn carry_to_lan(&mut self, now: Time) {
        let mut carried = false;
        while let Some(frame) = self.platform.air.take_for_lan() {
            self.platform.lan.send_from_air(frame, now);
            carried = true;
        }
        if carried {
            self.renew_lan();
        }
    }

    fn renew_lan(&mut self) {
        let deadline = self.platform.lan.deadline();
        self.platform.set_deadline(self.platform.lan_slot(), deadline);
    }

    fn renew_air(&mut self) {
        let deadline = self.platform.air.deadline();
        self.platform.set_deadline(self.platform.air_slot(), deadline);
    }
}
