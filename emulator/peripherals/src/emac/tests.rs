use espalier_core::{Device, GuestMemory, Time};

use super::descriptor::{OWN, rx, tx};
use super::dma::{interrupt, reg as dma};
use super::mac::reg as mac;
use super::{Emac, EmacDma};
use crate::ethernet::{PhyKind, crc};
use crate::test_ram::Ram;

const NOW: Time = Time::ZERO;
const MAC: [u8; 6] = [0x24, 0x0A, 0xC4, 1, 2, 3];
/// The two lists, and the buffers of the n-th descriptors.
const TRANSMIT: u32 = 0x1000;
const RECEIVE: u32 = 0x2000;
const SENT: u32 = 0x4000;
const RECEIVED: u32 = 0x8000;
const BUFFER: u32 = 0x200;

/// Both blocks with their memory.
struct Port {
    dma: EmacDma,
    mac: Emac,
    ram: Ram,
}

impl Port {
    /// As ESP-IDF's driver sets it up: chained descriptors of eight words, three in each list, with buffers of 512 bytes.
    fn started() -> Port {
        let ram = Ram::new(0, 0x1_0000);
        let mut port = Port { dma: EmacDma::new(), mac: Emac::new(Some((PhyKind::Lan8720, 1))), ram };
        port.dma(dma::DMABUSMODE, 1);
        assert_eq!(port.take(), None);
        port.dma(dma::DMABUSMODE, dma::DMABUSMODE::ALT_DESC_SIZE.mask());
        for index in 0..3 {
            let next = (index + 1) % 3 * 32;
            port.put(TRANSMIT + index * 32, [tx::CHAINED, 0, SENT + index * BUFFER, TRANSMIT + next]);
            port.put(RECEIVE + index * 32, [OWN, 1 << 14 | BUFFER, RECEIVED + index * BUFFER, RECEIVE + next]);
        }
        port.dma(dma::DMATXBASEADDR, TRANSMIT);
        port.dma(dma::DMARXBASEADDR, RECEIVE);
        port.mac(mac::ADDR0HIGH, u32::from(u16::from_le_bytes([MAC[4], MAC[5]])));
        port.mac(mac::ADDR0LOW, u32::from_le_bytes([MAC[0], MAC[1], MAC[2], MAC[3]]));
        port.dma(dma::DMAIN_EN, 1 << 16 | interrupt::RECEIVED | interrupt::SENT);
        port.dma(dma::DMAOPERATION_MODE, 1 << 13 | 1 << 1);
        port.mac(mac::CONFIG, mac::CONFIG::RX.mask() | mac::CONFIG::TX.mask());
        port
    }

    fn put(&mut self, address: u32, words: [u32; 4]) {
        for (word, place) in words.into_iter().zip([0, 4, 8, 12]) {
            self.ram.write_u32(address + place, word).unwrap();
        }
    }

    fn word(&mut self, address: u32) -> u32 {
        self.ram.read_u32(address).unwrap()
    }

    fn dma(&mut self, offset: u32, value: u32) {
        self.dma.write(offset, value, NOW).unwrap();
    }

    fn mac(&mut self, offset: u32, value: u32) {
        self.mac.write(offset, value, NOW).unwrap();
    }

    fn status(&mut self) -> u32 {
        self.dma.read(dma::DMASTATUS, NOW).unwrap()
    }

    fn take(&mut self) -> Option<Vec<u8>> {
        self.dma.take_frame(&mut self.mac, &mut self.ram)
    }

    fn receive(&mut self, frame: &[u8]) -> bool {
        self.dma.receive(&self.mac, frame, &mut self.ram)
    }

    /// Gives a piece of a frame to the n-th transmit descriptor.
    fn queue(&mut self, index: u32, bytes: &[u8], flags: u32) {
        self.ram.write(SENT + index * BUFFER, bytes).unwrap();
        let at = TRANSMIT + index * 32;
        self.ram.write_u32(at + 4, bytes.len() as u32).unwrap();
        self.ram.write_u32(at, OWN | tx::CHAINED | flags).unwrap();
    }

    fn phy(&mut self, address: u32, register: u32) -> u32 {
        self.mac(mac::GMIIADDR, mac::GMIIADDR::MIIDEV.put(address) | mac::GMIIADDR::MIIREG.put(register) | 1);
        assert_eq!(self.mac.read(mac::GMIIADDR, NOW).unwrap() & 1, 0);
        self.mac.read(mac::MIIDATA, NOW).unwrap()
    }
}

fn frame(destination: [u8; 6], length: usize) -> Vec<u8> {
    let mut frame: Vec<u8> = destination.iter().copied().chain((0..).map(|n: u32| n as u8)).take(length).collect();
    frame[12..14].copy_from_slice(&[0x08, 0x00]);
    frame
}

const WHOLE: u32 = tx::FIRST | tx::LAST;

#[test]
fn frames_are_gathered_padded_and_their_descriptors_handed_back() {
    let mut port = Port::started();
    let sent = frame([0xFF; 6], 300);
    port.queue(0, &sent[..100], tx::FIRST);
    port.queue(1, &sent[100..], tx::LAST | tx::INTERRUPT);
    port.queue(2, &sent[..42], WHOLE);
    assert_eq!(port.take(), Some(sent.clone()));
    assert_eq!(port.take(), Some([&sent[..42], &[0; 18]].concat()));
    assert_eq!(port.take(), None);
    for index in 0..3 {
        assert_eq!(port.word(TRANSMIT + index * 32) & OWN, 0);
    }
    // One of them asked for an interrupt; that the list is empty is not told, as its interrupt is off.
    assert_eq!(
        (port.status() & 0x1_FFFF, port.dma.interrupts()),
        (1 << 16 | interrupt::SENT | interrupt::NOTHING_TO_SEND, 1)
    );
    assert_eq!(port.status() >> 20 & 7, 6, "suspended");
    port.dma(dma::DMASTATUS, 0x1_FFFF);
    assert_eq!(port.dma.interrupts(), 0);
    // Software has to say that there is more.
    port.queue(0, &sent[..60], WHOLE);
    assert_eq!(port.take(), None);
    port.dma(dma::DMATXPOLLDEMAND, 0);
    assert_eq!(port.take().map(|frame| frame.len()), Some(60));
}

/// Lists need not be chained: they may be rings with two buffers to a descriptor.
#[test]
fn rings_have_two_buffers_to_a_descriptor() {
    let mut port = Port::started();
    let sent = frame([0xFF; 6], 80);
    port.ram.write(SENT, &sent).unwrap();
    port.dma(dma::DMABUSMODE, dma::DMABUSMODE::DESC_SKIP_LEN.put(2));
    port.put(TRANSMIT, [OWN | WHOLE, 20 << 16 | 60, SENT, SENT + 60]);
    port.put(TRANSMIT + 24, [OWN | WHOLE | tx::END_OF_RING, 70, SENT, 0]);
    assert_eq!(port.take(), Some(sent.clone()));
    assert_eq!(port.take(), Some(sent[..70].to_vec()));
    assert_eq!(port.dma.read(dma::DMATXCURRDESC, NOW), Ok(TRANSMIT));
}

#[test]
fn software_may_bring_the_check_sequence() {
    let mut port = Port::started();
    let mut bytes = frame([0xFF; 6], 64);
    bytes.extend_from_slice(&crc::fcs(&bytes).to_le_bytes());
    port.queue(0, &bytes, WHOLE | tx::NO_CRC);
    assert_eq!(port.take().as_deref(), Some(&bytes[..64]));
    bytes[0] ^= 1;
    port.queue(1, &bytes, WHOLE | tx::NO_CRC);
    assert_eq!((port.take(), port.word(TRANSMIT + 32) & OWN), (None, 0));
}

#[test]
fn received_frames_fill_as_many_buffers_as_they_need() {
    let mut port = Port::started();
    let long = frame(MAC, 700);
    assert!(port.receive(&long));
    let first = port.word(RECEIVE);
    assert_eq!(first & (OWN | rx::FIRST | rx::LAST), rx::FIRST);
    let last = port.word(RECEIVE + 32);
    assert_eq!(last & (OWN | rx::FIRST | rx::LAST | rx::ERRORS | rx::TYPED), rx::LAST | rx::TYPED);
    assert_eq!(rx::LENGTH.get(last), 704);
    let begin = RECEIVED as usize;
    assert_eq!(port.ram.bytes[begin..begin + 700], long);
    assert_eq!(port.ram.bytes[begin + 700..begin + 704], crc::fcs(&long).to_le_bytes());
    assert_eq!((port.status() & 0x1_FFFF, port.dma.interrupts()), (1 << 16 | interrupt::RECEIVED, 1));
    // A short one arrives as long as the wire had it.
    assert!(port.receive(&frame(MAC, 42)));
    assert_eq!(rx::LENGTH.get(port.word(RECEIVE + 64)), 64);
    // Then software has given nothing back.
    assert!(!port.receive(&long));
    assert_eq!((port.status() >> 17 & 7, port.status() & interrupt::NO_BUFFER), (4, interrupt::NO_BUFFER));
    assert_eq!((port.dma.read(dma::DMAMISSEDFR, NOW), port.dma.read(dma::DMAMISSEDFR, NOW)), (Ok(1), Ok(0)));
    // The next frame finds what there is by then.
    port.ram.write_u32(RECEIVE, OWN).unwrap();
    assert!(!port.receive(&long), "it needs two buffers");
    let cut = port.word(RECEIVE);
    assert_eq!(cut & (rx::FIRST | rx::LAST | rx::ERRORS | rx::CUT), rx::FIRST | rx::LAST | rx::ERRORS | rx::CUT);
    assert_eq!(rx::LENGTH.get(cut), BUFFER);
}

#[test]
fn descriptors_may_ask_for_no_interrupt_and_the_mac_may_strip() {
    let mut port = Port::started();
    port.ram.write_u32(RECEIVE + 4, 1 << 31 | 1 << 14 | BUFFER).unwrap();
    port.mac(mac::CONFIG, mac::CONFIG::RX.mask() | mac::CONFIG::PADCRCSTRIP.mask());
    let mut with_length = frame(MAC, 60);
    with_length[12..14].copy_from_slice(&[0, 30]);
    assert!(port.receive(&with_length));
    assert_eq!((rx::LENGTH.get(port.word(RECEIVE)), port.status() & interrupt::RECEIVED), (44, 0));
    assert!(port.receive(&frame(MAC, 60)));
    assert_eq!(rx::LENGTH.get(port.word(RECEIVE + 32)), 64);
}

/// Register FF and the address registers.
#[test]
fn frames_pass_by_their_addresses() {
    let stranger = [0x24, 0, 0, 0, 0, 1];
    let group = [0x01, 0x00, 0x5E, 0, 0, 0xFB];
    let (pmode, all) = (mac::FF::PMODE.mask(), mac::FF::RECEIVE_ALL.mask());
    // Bits of FF, the second address with its controls, destination, and whether it passes or is let through.
    let cases = [
        (0, 0, MAC, Some(0)),
        (0, 0, stranger, None),
        (pmode, 0, stranger, Some(0)),
        (all, 0, stranger, Some(rx::FILTER_FAILED)),
        (0, 0, [0xFF; 6], Some(0)),
        (mac::FF::DBF.mask(), 0, [0xFF; 6], None),
        (0, 0, group, None),
        (mac::FF::PAM.mask(), 0, group, Some(0)),
        (mac::FF::DAIF.mask(), 0, stranger, Some(0)),
        (mac::FF::DAIF.mask(), 0, MAC, None),
        (0, 0x8000_0000, stranger, None),
        // All but the first byte are masked.
        (0, 0xBE00_0000, stranger, Some(0)),
        // The same as a source, which is 0..6 behind the destination in these frames.
        (mac::FF::SAFE.mask(), 0xFE00_0000, MAC, None),
        (mac::FF::SAFE.mask() | mac::FF::SAIF.mask(), 0xFE00_0000, MAC, Some(0)),
    ];
    for (bits, second, destination, passes) in cases {
        let mut port = Port::started();
        port.mac(mac::FF, bits);
        port.mac(mac::ADDR1LOW, 0x24);
        port.mac(mac::ADDR1HIGH, second);
        assert_eq!(port.receive(&frame(destination, 100)), passes.is_some(), "{bits:#x} {second:#x} {destination:x?}");
        if let Some(status) = passes {
            assert_eq!(port.word(RECEIVE) & rx::FILTER_FAILED, status);
        }
    }
}

#[test]
fn pause_frames_pass_only_if_they_are_asked_for() {
    let mut pause = frame(MAC, 60);
    pause[12..16].copy_from_slice(&[0x88, 0x08, 0, 1]);
    let mut other = pause.clone();
    other[15] = 2;
    for (control, passes) in [(0, [false, false]), (1, [false, true]), (2, [true, true]), (3, [true, true])] {
        let mut port = Port::started();
        port.mac(mac::FF, mac::FF::PCF.put(control));
        assert_eq!([&pause, &other].map(|frame| port.receive(frame)), passes, "{control}");
    }
}

#[test]
fn loop_back_keeps_frames_inside() {
    let mut port = Port::started();
    let on = mac::CONFIG::RX.mask() | mac::CONFIG::TX.mask() | mac::CONFIG::LOOPBACK.mask();
    port.mac(mac::CONFIG, on);
    port.queue(0, &frame(MAC, 80), WHOLE);
    assert_eq!(port.take(), None);
    assert_eq!(rx::LENGTH.get(port.word(RECEIVE)), 84);
    assert!(!port.receive(&frame(MAC, 80)));
}

/// The checks of ESP-IDF's driver for the LAN87xx: identity, reset, and the speed once it has negotiated.
#[test]
fn the_phy_identifies_itself_and_follows_the_cable() {
    let mut port = Port::started();
    assert_eq!((port.phy(1, 2), port.phy(1, 3), port.phy(0, 2)), (0x0007, 0xC0F1, 0xFFFF));
    port.mac(mac::MIIDATA, 0x9200);
    port.mac(mac::GMIIADDR, mac::GMIIADDR::MIIDEV.put(1) | 0b11);
    assert_eq!((port.phy(1, 0), port.phy(1, 1), port.phy(1, 31)), (0x3100, 0x782D, 0x1058));
    assert_eq!((port.phy(1, 18), port.phy(1, 17)), (0x40E1, 2));
    port.mac.set_link(false);
    assert_eq!((port.phy(1, 1), port.phy(1, 31), port.phy(1, 17)), (0x7809, 0x40, 0));
    assert!(!port.receive(&frame(MAC, 100)));
    port.queue(0, &frame(MAC, 80), WHOLE);
    assert_eq!((port.take(), port.word(TRANSMIT) & OWN), (None, 0), "it is sent into the void");
}

#[test]
fn a_board_with_another_ethernet_has_no_such_registers() {
    let mut absent = Emac::new(None);
    assert!(absent.read(mac::CONFIG, NOW).is_err() && absent.write(mac::CONFIG, 0, NOW).is_err());
}

#[test]
fn a_descriptor_where_no_memory_is_stops_the_dma_until_a_reset() {
    let mut port = Port::started();
    port.dma(dma::DMAIN_EN, 1 << 15 | interrupt::BUS_ERROR);
    port.dma(dma::DMATXBASEADDR, 0xFFFF_0000);
    assert_eq!((port.take(), port.dma.interrupts()), (None, 1));
    assert_eq!(port.status() & 0x1_FFFF, 1 << 15 | interrupt::BUS_ERROR);
    assert!(!port.receive(&frame(MAC, 100)));
    port.dma(dma::DMABUSMODE, 1);
    assert_eq!(
        (port.take(), port.status(), port.mac.read(mac::CONFIG, NOW)),
        (None, 0, Ok(0)),
        "the MAC is reset, too"
    );
}

/// Whatever software writes, nothing panics and every round ends.
#[test]
fn garbage_in_registers_and_lists_is_survived() {
    let mut seed = 1_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 32) as u32
    };
    let mut port = Port::started();
    let mut sent = 0;
    for round in 0..20_000 {
        match round % 4 {
            0 => drop(port.dma.write(random() % 0x60 / 4 * 4, random() & 0xFFFF, NOW)),
            1 => drop(port.mac.write(random() % 0xE0 / 4 * 4, random() & 0xFFFF, NOW)),
            2 => port.ram.write_u32(random() & 0x3FFC, random() & !0x1000_1000).unwrap(),
            // Something that looks like a descriptor of either list.
            _ => {
                let words = [OWN | WHOLE | random(), random() & 0x07FF_C7FF, random() & 0x3FFC, random() & 0x3FFC];
                port.put(random() & 0x3FF0, words);
            }
        }
        if round % 16 == 0 {
            port.dma(dma::DMABUSMODE, random() & 1 | random() & 0xFC);
            port.dma(dma::DMATXBASEADDR, random() & 0x3FF0);
            port.dma(dma::DMARXBASEADDR, random() & 0x3FF0);
            port.dma(dma::DMAOPERATION_MODE, 1 << 13 | 1 << 1);
            port.mac(mac::CONFIG, random() | mac::CONFIG::RX.mask() | mac::CONFIG::TX.mask());
        }
        port.dma(dma::DMATXPOLLDEMAND, 0);
        while port.take().is_some() {
            sent += 1;
        }
        let length = random() as usize % 3000;
        port.receive(&vec![random() as u8; length]);
        let _ = (port.dma.read(random() % 0x60, NOW), port.mac.read(random() % 0xE0, NOW));
    }
    assert!(sent > 0);
}
