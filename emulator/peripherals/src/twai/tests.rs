use espalier_core::{CanNode, CanTiming, CanTransmission, Device, Signal, Span, Time};

use super::registers::reg;
use super::{Twai, interrupt};

/// 500 kbit/s out of 80 MHz, as ESP-IDF sets it: 20 quanta of 8 cycles, sampled after 16 of them.
const TIMING: [(u32, u32); 2] = [(reg::BUS_TIMING_0, 2 << 6 | 3), (reg::BUS_TIMING_1, 3 << 4 | 14)];
const BIT: Span = Span::from_micros(2);

/// The controller with another node on its bus.
struct Bench {
    twai: Twai,
    other: CanNode,
    now: Time,
    shorted: bool,
}

impl Bench {
    fn new(mode: u32) -> Bench {
        let mut other = CanNode::new(CanTiming::of_rate(500_000));
        other.start(Time::ZERO);
        let mut bench = Bench { twai: Twai::new(), other, now: Time::ZERO, shorted: false };
        bench.twai.connect_input(0, Signal::Level(true));
        for (offset, value) in TIMING {
            bench.write(offset, value);
        }
        bench.write(reg::CLOCK_DIVIDER, 1 << 7);
        // All messages.
        for place in 4..8 {
            bench.write(reg::DATA + 4 * place, 0xFF);
        }
        bench.write(reg::INT_ENA, 0xEF);
        bench.write(reg::MODE, mode | 1);
        bench.write(reg::MODE, mode);
        bench
    }

    fn write(&mut self, offset: u32, value: u32) {
        self.twai.write(offset, value, self.now).unwrap();
    }

    fn read(&mut self, offset: u32) -> u32 {
        self.twai.read(offset, self.now).unwrap()
    }

    fn level(&self) -> bool {
        self.shorted || self.twai.output(0) == Signal::Level(true) && self.other.output()
    }

    fn run(&mut self, span: Span) {
        let end = self.now + span;
        loop {
            let level = self.level();
            self.twai.set_input(0, Signal::Level(level), self.now);
            self.other.set_level(level, self.now);
            if self.level() != level {
                continue;
            }
            let due = self.twai.deadline().into_iter().chain(self.other.deadline()).min();
            let Some(due) = due.filter(|due| *due <= end) else { break };
            self.now = due;
            self.twai.advance(due);
            self.other.advance(due);
        }
        self.now = end;
    }

    /// Fills the transmit buffer, and gives a command.
    fn send(&mut self, bytes: &[u8], command: u32) {
        for (place, byte) in bytes.iter().enumerate() {
            self.write(reg::DATA + 4 * place as u32, (*byte).into());
        }
        self.write(reg::CMD, command);
    }

    fn received(&mut self) -> Vec<u8> {
        (0..13).map(|place| self.read(reg::DATA + 4 * place) as u8).collect()
    }

    fn other_sends(&mut self, text: &str) {
        let frame = text.parse().unwrap();
        self.other.send(CanTransmission { frame, once: false, heard: false }, self.now);
    }
}

const SEND: u32 = reg::CMD::TX_REQ.mask();
const RELEASE: u32 = reg::CMD::RELEASE_BUF.mask();

#[test]
fn the_timing_registers_make_the_bit() {
    let bench = Bench::new(0);
    let timing = bench.twai.timing();
    assert_eq!((timing.bit, timing.sample), (BIT, Span::from_nanos(1600)));
    assert_eq!(timing.jump, Span::from_nanos(300));
}

#[test]
fn messages_are_sent_and_told() {
    let mut bench = Bench::new(0);
    assert_eq!(bench.read(reg::STATUS), 0b1100, "the buffer is free, the last message complete");
    bench.send(&[0x02, 0x24, 0x60, 0xDE, 0xAD], SEND);
    assert_eq!(bench.read(reg::STATUS) & 0b1100, 0);
    bench.run(BIT * 30);
    assert_ne!(bench.read(reg::STATUS) & reg::STATUS::TX_ST.mask(), 0);
    assert_eq!(bench.twai.interrupts(), 0);
    bench.run(BIT * 80);
    let events = bench.other.take_events();
    assert_eq!(format!("{events:?}").matches("id: 291, extended: false").count(), 1, "{events:?}");
    assert_eq!((bench.twai.interrupts(), bench.read(reg::INT_RAW)), (1, interrupt::SENT));
    assert_eq!((bench.twai.interrupts(), bench.read(reg::STATUS)), (0, 0b1100), "reading takes it back");
    assert_eq!(bench.twai.deadline(), None);
}

#[test]
fn messages_are_received_until_the_fifo_is_full() {
    let mut bench = Bench::new(reg::MODE::RX_FILTER_MODE.mask());
    for _ in 0..6 {
        bench.other_sends("12345678#0102030405060708");
        bench.run(BIT * 170);
    }
    // Each takes 13 of 64 bytes.
    assert_eq!((bench.read(reg::RX_MESSAGE_CNT), bench.read(reg::STATUS) & 0b11), (4, 0b11));
    assert_eq!(bench.received(), [0x88, 0x91, 0xA2, 0xB3, 0xC0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(bench.read(reg::INT_RAW), interrupt::RECEIVED | interrupt::OVERRUN);
    assert_eq!(bench.read(reg::INT_RAW), interrupt::RECEIVED, "that one stays while there are messages");
    bench.write(reg::CMD, RELEASE | reg::CMD::CLR_OVERRUN.mask());
    assert_eq!((bench.read(reg::RX_MESSAGE_CNT), bench.read(reg::STATUS) & 0b11), (3, 0b01));
    for _ in 0..3 {
        bench.write(reg::CMD, RELEASE);
    }
    assert_eq!((bench.twai.interrupts(), bench.read(reg::STATUS) & 1), (0, 0));
}

#[test]
fn the_filter_is_set_while_the_node_takes_no_part() {
    let mut bench = Bench::new(0);
    bench.write(reg::MODE, 1 | reg::MODE::RX_FILTER_MODE.mask());
    for (place, byte) in [0x24, 0x60, 0, 0, 0x00, 0x1F, 0xFF, 0xFF].into_iter().enumerate() {
        bench.write(reg::DATA + 4 * place as u32, byte);
    }
    assert_eq!(bench.read(reg::DATA + 4), 0x60);
    bench.write(reg::MODE, reg::MODE::RX_FILTER_MODE.mask());
    bench.run(BIT * 12);
    bench.other_sends("122#");
    bench.run(BIT * 80);
    assert_eq!(bench.read(reg::RX_MESSAGE_CNT), 0);
    bench.other_sends("123#");
    bench.run(BIT * 80);
    assert_eq!(bench.read(reg::RX_MESSAGE_CNT), 1);
    // Timing and limits can be written only then.
    bench.write(reg::BUS_TIMING_0, 0);
    bench.write(reg::ERR_WARNING_LIMIT, 1);
    assert_eq!((bench.read(reg::BUS_TIMING_0), bench.read(reg::ERR_WARNING_LIMIT)), (TIMING[0].1, 96));
}

#[test]
fn a_message_of_its_own_is_received_if_it_asks_for_that() {
    let mut bench = Bench::new(reg::MODE::SELF_TEST_MODE.mask());
    bench.other.stop(Time::ZERO);
    bench.send(&[0x01, 0x24, 0x60, 0x55], reg::CMD::SELF_RX_REQ.mask());
    bench.run(BIT * 100);
    assert_eq!(bench.read(reg::INT_RAW), interrupt::SENT | interrupt::RECEIVED);
    assert_eq!(bench.received()[..4], [0x01, 0x24, 0x60, 0x55]);
}

#[test]
fn a_sender_that_loses_the_arbitration_learns_where_and_sends_again() {
    let mut bench = Bench::new(0);
    bench.run(BIT * 5);
    bench.send(&[0x00, 0x24, 0x80], SEND);
    bench.other_sends("123#");
    bench.run(BIT * 150);
    // 0x124 against 0x123: the ninth bit.
    assert_eq!((bench.read(reg::ARB_LOST_CAP), bench.read(reg::RX_MESSAGE_CNT)), (8, 1));
    let told = bench.read(reg::INT_RAW);
    assert_eq!(told & (interrupt::LOST | interrupt::SENT), interrupt::LOST | interrupt::SENT);
}

#[test]
fn a_message_that_no_other_hears_makes_the_node_passive_and_can_be_given_up() {
    let mut bench = Bench::new(0);
    bench.other.stop(Time::ZERO);
    bench.send(&[0x00, 0x24, 0x60], SEND);
    bench.run(BIT * 3000);
    assert_eq!(bench.read(reg::TX_ERR_CNT), 128);
    assert_ne!(bench.read(reg::STATUS) & reg::STATUS::ERR_ST.mask(), 0);
    // No acknowledgement, while sending: an error of the other kind in the acknowledgement slot.
    assert_eq!(bench.read(reg::ERR_CODE_CAP), 0b1101_1001);
    assert_eq!(bench.read(reg::INT_RAW), interrupt::BUS_ERROR | interrupt::WARNING | interrupt::PASSIVE);
    bench.write(reg::CMD, reg::CMD::ABORT_TX.mask());
    bench.run(BIT * 200);
    assert_eq!(bench.read(reg::STATUS) & 0b1100, reg::STATUS::TX_BUF_ST.mask(), "free, but not complete");
    assert_ne!(bench.read(reg::INT_RAW) & interrupt::SENT, 0);
    // Once only.
    bench.send(&[0x00, 0x24, 0x60], SEND | reg::CMD::ABORT_TX.mask());
    bench.run(BIT * 100);
    assert_ne!(bench.read(reg::STATUS) & reg::STATUS::TX_BUF_ST.mask(), 0);
}

#[test]
fn a_short_circuit_takes_it_off_the_bus_and_software_brings_it_back() {
    let mut bench = Bench::new(0);
    bench.run(BIT * 12);
    bench.shorted = true;
    bench.send(&[0x00, 0x55, 0x40], SEND);
    bench.run(BIT * 1000);
    assert_eq!(bench.read(reg::MODE) & 1, 1, "it resets itself");
    assert_eq!(bench.read(reg::STATUS) >> 6 & 0b11, 0b11);
    assert_eq!((bench.read(reg::TX_ERR_CNT), bench.read(reg::RX_ERR_CNT)), (127, 0));
    assert_eq!((bench.twai.output(1), bench.twai.output(0)), (Signal::Level(true), Signal::Level(true)));
    assert_ne!(bench.read(reg::INT_RAW) & interrupt::WARNING, 0);
    bench.shorted = false;
    bench.run(BIT * 10);
    bench.write(reg::MODE, 0);
    bench.run(BIT * 1400);
    assert_ne!(bench.read(reg::STATUS) & reg::STATUS::BUS_OFF_ST.mask(), 0, "128 times eleven bits are not over");
    bench.run(BIT * 20);
    assert_eq!(bench.read(reg::STATUS), reg::STATUS::TX_BUF_ST.mask());
    assert_eq!(bench.read(reg::TX_ERR_CNT), 0);
    assert_ne!(bench.read(reg::INT_RAW) & interrupt::WARNING, 0);
    bench.send(&[0x00, 0x55, 0x40], SEND);
    bench.run(BIT * 100);
    assert_ne!(bench.read(reg::STATUS) & reg::STATUS::TX_COMPLETE.mask(), 0);
}

/// Whatever software writes and whatever is on the bus, nothing panics and time goes on.
#[test]
fn garbage_in_registers_and_on_the_bus_is_survived() {
    let mut seed = 7_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 32) as u32
    };
    let mut bench = Bench::new(0);
    for round in 0..5000 {
        let offset = random() % 0x80 / 4 * 4;
        let _ = bench.twai.write(offset, random(), bench.now);
        if round % 3 == 0 {
            bench.write(reg::MODE, random() & 0xE);
            bench.write(reg::CMD, random());
        }
        if round % 50 == 0 {
            bench.other.set_errors(0, 0);
            bench.other_sends("123#1122");
        }
        bench.shorted = random() % 16 == 0;
        bench.run(Span::from_nanos(u64::from(random() % 40_000)));
        let _ = bench.twai.read(random() % 0x80 / 4 * 4, bench.now);
    }
}
