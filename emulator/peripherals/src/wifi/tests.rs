//! Tests of the MAC, from the side of its registers and of its antenna.

use espalier_core::{Device, GuestMemory, Span, Time};
use espalier_ieee80211::{
    CCMP_HEADER, Control, FrameBuilder, FrameType, MacAddress, Rate, ccmp_header, element_id, seal, subtype,
};

use super::registers::{
    FILTER_ENABLED, KEY_SLOT_BYTES, filter_control, interrupt, key_slot, outcome, plcp0, plcp1, pmd, reg, rx_ctrl,
    tsf_command,
};
use super::{Received, WifiMac};
use crate::test_ram::Ram;

const OWN: MacAddress = MacAddress([0x24, 0x0A, 0xC4, 0, 1, 0x10]);
const NETWORK: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
const RAM: u32 = 0x3FFB_0000;
const KEY: [u8; 16] = *b"sixteen byte key";

/// A MAC with two receive buffers of 256 bytes, addressed as OWN and in NETWORK.
fn bench() -> (WifiMac, Ram) {
    let mut memory = Ram::new(RAM, 0x2000);
    for (index, next) in [(0, RAM + 12), (1, 0)] {
        let at = RAM + 12 * index;
        memory.write_u32(at, 1 << 31 | 256).unwrap();
        memory.write_u32(at + 4, RAM + 0x100 + 0x100 * index).unwrap();
        memory.write_u32(at + 8, next).unwrap();
    }
    let mut mac = WifiMac::new();
    write(&mut mac, reg::RX_DESCR_BASE, RAM);
    write(&mut mac, reg::RX_CTRL, rx_ctrl::RX_ENABLE);
    write(&mut mac, reg::INT_ENA, interrupt::RX_SUCCESS | interrupt::TX_COMPLETE);
    for (bank, mask, address) in
        [(reg::RA_FILTER_ADDR, reg::RA_FILTER_MASK, OWN), (reg::BSSID_FILTER_ADDR, reg::BSSID_FILTER_MASK, NETWORK)]
    {
        set_address(&mut mac, bank, address);
        write(&mut mac, mask, u32::MAX);
        write(&mut mac, mask + 4, FILTER_ENABLED | 0xFFFF);
    }
    (mac, memory)
}

fn write(mac: &mut WifiMac, offset: u32, value: u32) {
    mac.write(offset, value, Time::ZERO).unwrap();
}

fn read(mac: &mut WifiMac, offset: u32) -> u32 {
    mac.read(offset, Time::ZERO).unwrap()
}

fn set_address(mac: &mut WifiMac, offset: u32, address: MacAddress) {
    let [a, b, c, d, e, f] = address.0;
    write(mac, offset, u32::from_le_bytes([a, b, c, d]));
    write(mac, offset + 4, u32::from(u16::from_le_bytes([e, f])));
}

fn data(to: MacAddress, from: MacAddress, flags: u16, body: &[u8]) -> Vec<u8> {
    let control = Control(Control::new(FrameType::Data, subtype::DATA).0 | Control::FROM_DS | flags);
    FrameBuilder::new(control, [to, from, from], 1).bytes(body).build()
}

fn beacon(from: MacAddress, time: u64) -> Vec<u8> {
    let control = Control::new(FrameType::Management, subtype::BEACON);
    FrameBuilder::new(control, [MacAddress::BROADCAST, from, from], 1)
        .bytes(&time.to_le_bytes())
        .bytes(&[100, 0, 1, 0])
        .element(element_id::SSID, b"home")
        .build()
}

fn receive(mac: &mut WifiMac, memory: &mut Ram, bytes: &[u8]) -> bool {
    let received = Received { bytes, channel: 6, rssi: -50, rate: Rate::DSSS_1M };
    mac.receive(received, memory, Time::from_micros(1000))
}

fn set_key(mac: &mut WifiMac, slot: u32, address: MacAddress, bits: u32) {
    let at = reg::KEY_SLOT + KEY_SLOT_BYTES * slot;
    set_address(mac, at, address);
    let address = read(mac, at + 4);
    write(mac, at + 4, address | key_slot::ALGORITHM.put(key_slot::CCMP) | bits);
    for (index, word) in (0..).zip(KEY.chunks_exact(4)) {
        write(mac, at + 8 + 4 * index, u32::from_le_bytes(word.try_into().unwrap()));
    }
    let state = read(mac, reg::CRYPTO_KEY_SLOT_STATE);
    write(mac, reg::CRYPTO_KEY_SLOT_STATE, state | 1 << slot);
}

#[test]
fn a_frame_for_the_station_is_stored_behind_its_header_and_acknowledged() {
    let (mut mac, mut memory) = bench();
    let frame = data(OWN, NETWORK, 0, b"hello");
    assert!(receive(&mut mac, &mut memory, &frame));
    assert_eq!(mac.interrupts(), 1);
    assert_eq!(read(&mut mac, reg::RX_DESCR_LAST), RAM);
    assert_eq!(read(&mut mac, reg::RX_DESCR_NEXT), RAM + 12);
    let word = memory.read_u32(RAM).unwrap();
    assert_eq!((word >> 12 & 0xFFF, word >> 30), (28 + 32, 3));
    let mut stored = vec![0; 28 + frame.len()];
    memory.read(RAM + 0x100, &mut stored).unwrap();
    // Signal strength counts from -96 dBm; interface 0 takes the frame; the channel is in the third word.
    assert_eq!((stored[0], stored[3] >> 4, stored[10] & 0xF), (46, 1, 6));
    let on_air = u16::from_le_bytes([stored[24], stored[25]]) & 0xFFF;
    assert_eq!((usize::from(on_air), &stored[28..]), (frame.len() + 4, &frame[..]));
    let status = read(&mut mac, reg::INT_STATUS);
    write(&mut mac, reg::INT_CLEAR, status);
    assert_eq!(mac.interrupts(), 0);
}

#[test]
fn filters_keep_out_what_is_for_others() {
    let (mut mac, mut memory) = bench();
    let stranger = MacAddress([2, 0, 0, 0, 0, 9]);
    for frame in [data(stranger, NETWORK, 0, b"x"), data(MacAddress::BROADCAST, stranger, 0, b"x"), beacon(stranger, 0)]
    {
        assert!(!receive(&mut mac, &mut memory, &frame));
        assert_eq!(mac.interrupts(), 0);
    }
    assert!(!receive(&mut mac, &mut memory, &beacon(NETWORK, 0)), "group frames are not acknowledged");
    assert_eq!(mac.interrupts(), 1);
    write(&mut mac, reg::INT_CLEAR, u32::MAX);
    write(&mut mac, reg::FILTER_CONTROL, filter_control::SCAN);
    receive(&mut mac, &mut memory, &beacon(stranger, 0));
    assert_eq!(mac.interrupts(), 1);
}

/// As ESP-NOW is received by a station, whether it is in a network or has left one.
#[test]
fn a_frame_for_no_network_passes_the_check_of_the_network() {
    let stranger = MacAddress([2, 0, 0, 0, 0, 9]);
    for (network, passes) in [(NETWORK, true), (MacAddress::BROADCAST, true), (stranger, false)] {
        let (mut mac, mut memory) = bench();
        write(&mut mac, reg::FILTER_CONTROL, filter_control::BSSID_CHECK);
        let control = Control::new(FrameType::Management, subtype::ACTION);
        let frame = FrameBuilder::new(control, [OWN, stranger, network], 1).bytes(b"to you").build();
        receive(&mut mac, &mut memory, &frame);
        assert_eq!(mac.interrupts(), u32::from(passes), "{network:?}");
    }
}

#[test]
fn a_list_that_ends_goes_on_after_a_reload() {
    let (mut mac, mut memory) = bench();
    let frame = data(OWN, NETWORK, 0, b"hello");
    assert!(receive(&mut mac, &mut memory, &frame) && receive(&mut mac, &mut memory, &frame));
    assert_eq!(read(&mut mac, reg::RX_DESCR_NEXT), 0x3FF0_0000);
    assert!(!receive(&mut mac, &mut memory, &frame), "there is no descriptor left");
    memory.write_u32(RAM + 12 + 8, RAM).unwrap();
    write(&mut mac, reg::RX_CTRL, rx_ctrl::RX_ENABLE | rx_ctrl::RX_DESCR_RELOAD);
    mac.run_dma(&mut memory, Time::ZERO);
    assert_eq!(read(&mut mac, reg::RX_CTRL), rx_ctrl::RX_ENABLE);
    assert!(receive(&mut mac, &mut memory, &frame));
}

/// Starts slot 0 with a frame and returns what comes out.
fn transmit(mac: &mut WifiMac, memory: &mut Ram, frame: &[u8], key_slot: u32) -> super::Outgoing {
    let descriptor = RAM + 0x1000;
    memory.write(descriptor + 16, frame).unwrap();
    memory.write_u32(descriptor, 3 << 30 | (frame.len() as u32) << 12 | 1600).unwrap();
    memory.write_u32(descriptor + 4, descriptor + 16).unwrap();
    write(mac, plcp1(0), (frame.len() + 4) as u32 | plcp1::KEY_SLOT.put(key_slot));
    write(mac, plcp0(0), descriptor & plcp0::DMA_ADDR | plcp0::RESPONSE | plcp0::GO);
    mac.run_dma(memory, Time::ZERO);
    assert!(mac.take_outgoing(Time::ZERO).is_none(), "a frame takes its time");
    let end = mac.deadline().unwrap();
    assert!(end.since(Time::ZERO) > Span::from_micros(500));
    mac.take_outgoing(end).unwrap()
}

#[test]
fn a_slot_tells_whether_its_frame_was_acknowledged() {
    for (acknowledged, expected) in [(true, outcome::SUCCESS), (false, outcome::ACK_TIMEOUT)] {
        let (mut mac, mut memory) = bench();
        let frame = data(NETWORK, OWN, 0, b"hello");
        let outgoing = transmit(&mut mac, &mut memory, &frame, 0);
        assert_eq!(outgoing.bytes, frame);
        assert_eq!(mac.interrupts(), 0);
        mac.finish(&outgoing, acknowledged);
        assert_eq!((mac.interrupts(), read(&mut mac, reg::TXQ_COMPLETE_STATUS)), (1, 1));
        assert_eq!(read(&mut mac, pmd(0)) >> outcome::SHIFT, expected);
        write(&mut mac, reg::TXQ_COMPLETE_CLEAR, 1);
        assert_eq!((read(&mut mac, reg::TXQ_COMPLETE_STATUS), mac.deadline()), (0, None));
    }
}

/// The frame as it is in the air, with its integrity code.
fn sealed(clear: &[u8]) -> Vec<u8> {
    let mut frame = clear.to_vec();
    let code = seal(&mut frame, &KEY).unwrap();
    frame.extend(code);
    frame
}

#[test]
fn keys_protect_what_is_sent_and_open_what_is_received() {
    let (mut mac, mut memory) = bench();
    set_key(&mut mac, 4, NETWORK, 0);
    set_key(&mut mac, 0, NETWORK, key_slot::GROUP | key_slot::KEY_ID.put(1));
    let clear = data(NETWORK, OWN, Control::PROTECTED, &[&ccmp_header(7, 0)[..], b"secret"].concat());
    let with_room = [&clear[..], &[0; 8]].concat();
    let outgoing = transmit(&mut mac, &mut memory, &with_room, 4);
    assert_eq!(outgoing.bytes, sealed(&clear));

    for (to, key_id) in [(OWN, 0), (MacAddress::BROADCAST, 1)] {
        let (mut mac, mut memory) = bench();
        set_key(&mut mac, 4, NETWORK, 0);
        set_key(&mut mac, 0, NETWORK, key_slot::GROUP | key_slot::KEY_ID.put(1));
        let clear = data(to, NETWORK, Control::PROTECTED, &[&ccmp_header(9, key_id)[..], b"secret"].concat());
        let mut sealed = sealed(&clear);
        receive(&mut mac, &mut memory, &sealed);
        let mut body = [0; 6];
        memory.read(RAM + 0x100 + 28 + 24 + CCMP_HEADER as u32, &mut body).unwrap();
        assert_eq!((&body, mac.interrupts()), (b"secret", 1));
        write(&mut mac, reg::INT_CLEAR, u32::MAX);
        *sealed.last_mut().unwrap() ^= 1;
        assert!(!receive(&mut mac, &mut memory, &sealed));
        assert_eq!(mac.interrupts(), 0);
    }
}

/// IEEE 802.11-2020, 11.1.3.2: a station takes the time of its network's beacons.
#[test]
fn the_station_timer_follows_the_beacons_of_its_network() {
    let (mut mac, mut memory) = bench();
    write(&mut mac, reg::TSF0_CTRL, 0x9800_0000);
    receive(&mut mac, &mut memory, &beacon(NETWORK, 5_000_000_000));
    mac.write(reg::TSF_COMMAND, tsf_command::CAPTURE[0], Time::from_micros(1300)).unwrap();
    let value = u64::from(read(&mut mac, reg::TSF0_VALUE)) | u64::from(read(&mut mac, reg::TSF0_VALUE + 4)) << 32;
    assert_eq!(value, 5_000_000_300);
}

#[test]
fn descriptors_without_memory_behind_them_do_no_harm() {
    let (mut mac, mut memory) = bench();
    for base in [0x3FF0_0004, 0x3FFF_FFFC, RAM + 0x1FFC] {
        write(&mut mac, reg::RX_DESCR_BASE, base);
        assert!(!receive(&mut mac, &mut memory, &data(OWN, NETWORK, 0, b"hello")));
    }
    write(&mut mac, plcp1(2), 0xFFF);
    write(&mut mac, plcp0(2), 4 | plcp0::GO);
    mac.run_dma(&mut memory, Time::ZERO);
    let outgoing = mac.take_outgoing(Time::from_micros(100_000)).unwrap();
    assert!(outgoing.bytes.is_empty());
    mac.finish(&outgoing, false);
}
