use espalier_core::{Device, Time};

use super::descriptor::{DESCRIPTORS, POINTER, rx, tx};
use super::{OpenCoresEth, control, interrupt, moder, reg};
use crate::ethernet::{TYPE_MAC_CONTROL, crc};
use crate::test_ram::Ram;

const NOW: Time = Time::ZERO;
const MAC: [u8; 6] = [0x24, 0x0A, 0xC4, 1, 2, 3];
const BUFFERS: u32 = 0x1000;

fn ram() -> Ram {
    Ram::new(0, 0x1_0000)
}

fn write(mac: &mut OpenCoresEth, offset: u32, value: u32) {
    mac.write(offset, value, NOW).unwrap();
}

fn read(mac: &mut OpenCoresEth, offset: u32) -> u32 {
    mac.read(offset, NOW).unwrap()
}

/// As ESP-IDF's driver sets it up, with two transmit descriptors and the ring of receive descriptors behind them.
fn started() -> OpenCoresEth {
    let mut mac = OpenCoresEth::new();
    assert_eq!(read(&mut mac, reg::MODER), 0xA000);
    for (index, wrap) in [(2, 0), (3, rx::WRAP)] {
        write(&mut mac, descriptor(index) + POINTER, BUFFERS * index);
        write(&mut mac, descriptor(index), rx::E | rx::IRQ | wrap);
    }
    write(&mut mac, reg::MODER, 0xA000 | moder::RST);
    write(&mut mac, reg::MODER, 0xA000);
    write(&mut mac, reg::TX_BD_NUM, 2);
    write(&mut mac, reg::MAC_ADDR0, u32::from_be_bytes([MAC[2], MAC[3], MAC[4], MAC[5]]));
    write(&mut mac, reg::MAC_ADDR1, u32::from(u16::from_be_bytes([MAC[0], MAC[1]])));
    write(&mut mac, reg::INT_MASK, 0x7F);
    write(&mut mac, reg::MODER, 0xA000 | moder::TXEN | moder::RXEN);
    mac
}

fn descriptor(index: u32) -> u32 {
    reg::BD + index * 8
}

fn frame(destination: [u8; 6], length: usize) -> Vec<u8> {
    let mut frame: Vec<u8> = destination.iter().copied().chain((0..).map(|n: u32| n as u8)).take(length).collect();
    frame[12..14].copy_from_slice(&[0x08, 0x00]);
    frame
}

fn queue(mac: &mut OpenCoresEth, index: u32, length: u32, flags: u32) {
    write(mac, descriptor(index) + POINTER, BUFFERS);
    write(mac, descriptor(index), (length << 16) | tx::RD | flags);
}

/// "Frame Transmission": a ready frame is sent, padded to MINFL less its CRC, and its descriptor handed back with an interrupt.
#[test]
fn transmit_pads_hands_back_and_interrupts() {
    let (mut mac, mut memory) = (started(), ram());
    let sent = frame([0xFF; 6], 42);
    memory.bytes[BUFFERS as usize..BUFFERS as usize + 42].copy_from_slice(&sent);
    queue(&mut mac, 0, 42, tx::IRQ);
    assert!(mac.has_frame());
    let out = mac.take_frame(&mut memory).unwrap();
    assert_eq!((out.len(), &out[..42], &out[42..]), (60, &sent[..], &[0; 18][..]));
    assert_eq!(mac.take_frame(&mut memory), None);
    assert_eq!(read(&mut mac, descriptor(0)), (42 << 16) | tx::IRQ);
    assert_eq!((read(&mut mac, reg::INT_SOURCE), mac.interrupts()), (interrupt::TXB, 1));
    write(&mut mac, reg::INT_SOURCE, interrupt::TXB);
    assert_eq!(mac.interrupts(), 0);
}

#[test]
fn transmit_ring_wraps_at_its_wr_bit_and_at_its_end() {
    let (mut mac, mut memory) = (started(), ram());
    for (index, flags) in [(0, 0), (1, 0), (0, tx::WR), (0, 0), (1, tx::WR), (0, 0)] {
        queue(&mut mac, index, 100, flags);
        assert_eq!(mac.take_frame(&mut memory).map(|frame| frame.len()), Some(100));
        assert!(!mac.has_frame());
    }
}

/// MODER, CRCEN: with it off, software's frame ends with its own check sequence.
#[test]
fn software_check_sequence_is_checked_by_the_wire() {
    let (mut mac, mut memory) = (started(), ram());
    write(&mut mac, reg::MODER, moder::TXEN);
    let mut bytes = frame([0xFF; 6], 64);
    bytes.extend_from_slice(&crc::fcs(&bytes).to_le_bytes());
    memory.bytes[BUFFERS as usize..BUFFERS as usize + 68].copy_from_slice(&bytes);
    queue(&mut mac, 0, 68, 0);
    assert_eq!(mac.take_frame(&mut memory).as_deref(), Some(&bytes[..64]));
    memory.bytes[BUFFERS as usize] ^= 1;
    queue(&mut mac, 1, 68, 0);
    assert_eq!(mac.take_frame(&mut memory), None);
    assert_eq!(read(&mut mac, descriptor(1)) & tx::RD, 0);
}

#[test]
fn frames_longer_than_maxfl_are_cut_unless_huge_ones_are_enabled() {
    let (mut mac, mut memory) = (started(), ram());
    queue(&mut mac, 0, 2000, 0);
    assert_eq!(mac.take_frame(&mut memory).unwrap().len(), 0x600 - 4);
    write(&mut mac, reg::MODER, 0xA000 | moder::TXEN | moder::HUGEN);
    queue(&mut mac, 1, 2000, 0);
    assert_eq!(mac.take_frame(&mut memory).unwrap().len(), 2000);
}

#[test]
fn transmit_from_nowhere_is_an_underrun() {
    let (mut mac, mut memory) = (started(), ram());
    write(&mut mac, descriptor(0) + POINTER, 0xFFFF_FFF0);
    write(&mut mac, descriptor(0), (100 << 16) | tx::RD | tx::IRQ);
    assert_eq!(mac.take_frame(&mut memory), None);
    assert_eq!(read(&mut mac, descriptor(0)) & (tx::RD | tx::UR), tx::UR);
    assert_eq!(read(&mut mac, reg::INT_SOURCE), interrupt::TXE);
}

/// "Frame Reception": the stored length counts the check sequence, and the ring wraps at its WRAP bit.
#[test]
fn receive_stores_the_frame_with_its_check_sequence() {
    let (mut mac, mut memory) = (started(), ram());
    let bytes = frame(MAC, 200);
    assert!(mac.can_receive());
    assert!(mac.receive(&bytes, &mut memory));
    assert_eq!(read(&mut mac, descriptor(2)), (204 << 16) | rx::IRQ);
    let at = 2 * BUFFERS as usize;
    assert_eq!(&memory.bytes[at..at + 200], &bytes[..]);
    assert_eq!(memory.bytes[at + 200..at + 204], crc::fcs(&bytes).to_le_bytes());
    assert_eq!(read(&mut mac, reg::INT_SOURCE), interrupt::RXB);
    assert!(mac.receive(&frame(MAC, 42), &mut memory));
    assert_eq!(read(&mut mac, descriptor(3)), (64 << 16) | rx::IRQ | rx::WRAP);
    assert!(!mac.can_receive());
    assert!(!mac.receive(&bytes, &mut memory));
    assert_ne!(read(&mut mac, reg::INT_SOURCE) & interrupt::BUSY, 0);
}

/// MODER, HASH0 and HASH1: individual, broadcast, hashed and promiscuous reception.
#[test]
fn address_filter() {
    let stranger = [0x24, 0, 0, 0, 0, 1];
    let group = [0x01, 0x00, 0x5E, 0, 0, 0xFB];
    let hash = crc::hash_bit(&group);
    // (MODER bits, destination, stored, status bits)
    let cases = [
        (0, MAC, true, 0),
        (0, stranger, false, 0),
        (moder::PRO, stranger, true, rx::M),
        (moder::PRO, MAC, true, 0),
        (0, [0xFF; 6], true, 0),
        (moder::BRO, [0xFF; 6], false, 0),
        (0, group, true, 0),
        (0, [0x01, 0x00, 0x5E, 0, 0, 0x01], false, 0),
    ];
    for (bits, destination, stored, status) in cases {
        let (mut mac, mut memory) = (started(), ram());
        write(&mut mac, if hash < 32 { reg::HASH0_ADR } else { reg::HASH1_ADR }, 1 << (hash % 32));
        write(&mut mac, reg::MODER, 0xA000 | moder::RXEN | bits);
        assert_eq!(mac.receive(&frame(destination, 100), &mut memory), stored, "{bits:#x} {destination:x?}");
        assert_eq!(read(&mut mac, descriptor(2)) & rx::M, status, "{bits:#x} {destination:x?}");
    }
}

#[test]
fn pause_frames_stay_in_the_mac_unless_all_are_passed() {
    let (mut mac, mut memory) = (started(), ram());
    let mut pause = frame(MAC, 60);
    pause[12..14].copy_from_slice(&TYPE_MAC_CONTROL.to_be_bytes());
    write(&mut mac, reg::CTRLMODER, control::RXFLOW);
    assert!(!mac.receive(&pause, &mut memory));
    assert_eq!(read(&mut mac, reg::INT_SOURCE), interrupt::RXC);
    write(&mut mac, reg::CTRLMODER, control::PASSALL);
    assert!(mac.receive(&pause, &mut memory));
    assert_ne!(read(&mut mac, descriptor(2)) & rx::CF, 0);
}

#[test]
fn loopback_keeps_frames_inside() {
    let (mut mac, mut memory) = (started(), ram());
    write(&mut mac, reg::MODER, 0xA000 | moder::TXEN | moder::RXEN | moder::LOOPBCK);
    memory.bytes[BUFFERS as usize..BUFFERS as usize + 80].copy_from_slice(&frame(MAC, 80));
    queue(&mut mac, 0, 80, 0);
    assert_eq!(mac.take_frame(&mut memory), None);
    assert_eq!(read(&mut mac, descriptor(2)) >> 16, 84);
    assert!(!mac.receive(&frame(MAC, 80), &mut memory));
}

/// The checks of ESP-IDF's DP83848 driver: identity, reset and the end of auto-negotiation.
#[test]
fn phy_identifies_itself_and_follows_the_cable() {
    fn read_phy(mac: &mut OpenCoresEth, address: u32, register: u32) -> u32 {
        write(mac, reg::MIIADDRESS, address | (reg::MIIADDRESS::RGAD.put(register)));
        write(mac, reg::MIICOMMAND, reg::MIICOMMAND::RSTAT.mask());
        assert_eq!(read(mac, reg::MIICOMMAND), 0);
        read(mac, reg::MIIRX_DATA)
    }
    let mut mac = started();
    assert_eq!((read_phy(&mut mac, 1, 2), read_phy(&mut mac, 1, 3)), (0x2000, 0x5C90));
    assert_eq!(read_phy(&mut mac, 2, 2), 0xFFFF);
    write(&mut mac, reg::MIIADDRESS, 1);
    write(&mut mac, reg::MIITX_DATA, 0x1200);
    write(&mut mac, reg::MIICOMMAND, reg::MIICOMMAND::WCTRLDATA.mask());
    assert_eq!(read_phy(&mut mac, 1, 0), 0x1000);
    assert_eq!((read_phy(&mut mac, 1, 1), read_phy(&mut mac, 1, 0x10)), (0x786D, 0x0015));
    mac.set_link(false);
    assert_eq!((read_phy(&mut mac, 1, 1), read_phy(&mut mac, 1, 0x10)), (0x7849, 0));
    assert_eq!(read(&mut mac, reg::MIISTATUS), reg::MIISTATUS::LINKFAIL.mask());
    assert!(!mac.receive(&frame(MAC, 100), &mut ram()));
}

/// The check value of CRC-32, and the bit that Linux computes for 01:00:5E:00:00:01.
#[test]
fn crc_matches_known_values() {
    assert_eq!(crc::fcs(b"123456789"), 0xCBF4_3926);
    assert_eq!(crc::hash_bit(&[0x01, 0x00, 0x5E, 0, 0, 1]), ether_crc(&[0x01, 0x00, 0x5E, 0, 0, 1]) >> 26);

    /// Bit by bit, most significant bit of the remainder first.
    fn ether_crc(bytes: &[u8]) -> u32 {
        let mut crc = u32::MAX;
        for byte in bytes {
            for bit in 0..8 {
                let carry = (crc >> 31) ^ u32::from((byte >> bit) & 1);
                crc = (crc << 1) ^ if carry == 1 { 0x04C1_1DB7 } else { 0 };
            }
        }
        crc
    }
}

/// Whatever software writes, nothing panics and every round of the transmitter ends.
#[test]
fn garbage_in_registers_and_rings_is_survived() {
    let mut seed = 1u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 32) as u32
    };
    let (mut mac, mut memory) = (OpenCoresEth::new(), ram());
    for round in 0..20_000 {
        let offset = if round % 4 == 0 { (random() % 0x58) & !3 } else { reg::BD + ((random() % 0x400) & !3) };
        // Half of the time enabled, so that the rings are walked.
        let value = if offset == reg::MODER { (random() & !moder::RST) | moder::TXEN | moder::RXEN } else { random() };
        let _ = mac.write(offset, value, NOW);
        let mut taken = 0;
        while mac.take_frame(&mut memory).is_some() {
            taken += 1;
        }
        assert!(taken <= DESCRIPTORS);
        let length = random() as usize % 3000;
        mac.receive(&vec![random() as u8; length], &mut memory);
        let _ = mac.read(random() % 0x900, NOW);
    }
}
