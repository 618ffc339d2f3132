//! Controllers on two wires with pull-ups: a master and slaves, and two masters (TRM, chapter 11.3.6; settings of ESP-IDF's `i2c` driver).

use espalier_core::{Device, Frequency, I2cTarget, Signal, Span, Time};
use proptest::prelude::{ProptestConfig, any, prop, proptest};

use super::I2c;
use super::regs::{REGISTERS, reg};
use super::wires::{SCL, SDA};

const APB: Frequency = Frequency::from_hertz(80_000_000);
const ADDRESS: u8 = 0x28;
const HALF_BIT: u32 = 100;
const BIT: Span = Span::from_nanos(2500);

const RSTART: u32 = 0 << 11;
const WRITE: u32 = 1 << 11 | 1 << 8;
const READ: u32 = 2 << 11;
const STOP: u32 = 3 << 11;
const NACK: u32 = 1 << 10;

/// A part that answers to one address, counts up when read, and keeps what it gets.
#[derive(Default)]
struct Part {
    got: Vec<u8>,
    next: u8,
}

impl I2cTarget for Part {
    fn start(&mut self, address: u8, _read: bool, _now: Time) -> bool {
        address == 0x50
    }

    fn write(&mut self, byte: u8, _now: Time) -> bool {
        self.got.push(byte);
        true
    }

    fn read(&mut self, _now: Time) -> u8 {
        self.next += 1;
        self.next
    }

    fn stop(&mut self, _now: Time) {}
}

struct Net {
    chips: Vec<I2c>,
    levels: Vec<[bool; 2]>,
    /// Something else holds SCL low.
    held: bool,
    part: Part,
    now: Time,
}

impl Net {
    /// The first `masters` of two controllers are masters, as `i2c_ll_master_set_bus_timing` sets them up for 400 kHz.
    fn new(masters: usize) -> Net {
        let chips = vec![I2c::new(APB), I2c::new(APB)];
        let mut net =
            Net { chips, levels: vec![[true; 2]; 2], held: false, part: Part::default(), now: Time::from_micros(10) };
        for place in 0..2 {
            net.set(place, reg::CTR, if place < masters { reg::CTR::MS_MODE.mask() | 3 } else { 3 });
            net.set(place, reg::SCL_LOW_PERIOD, HALF_BIT - 1);
            net.set(place, reg::SCL_FILTER_CFG, 0);
            net.set(place, reg::SCL_HIGH_PERIOD, HALF_BIT - 7);
            for register in [reg::SCL_START_HOLD, reg::SCL_RSTART_SETUP, reg::SCL_STOP_SETUP, reg::SCL_STOP_HOLD] {
                net.set(place, register, HALF_BIT);
            }
            net.set(place, reg::TO, 20 * HALF_BIT);
            if place >= masters {
                net.set(place, reg::SLAVE_ADDR, ADDRESS.into());
            }
            net.chips[place].set_watched(3);
            net.chips[place].set_awaited(3);
            assert_eq!(net.chips[place].listening(), 3);
        }
        net
    }

    fn set(&mut self, place: usize, offset: u32, value: u32) {
        self.chips[place].write(offset, value, self.now).expect("a register");
    }

    fn get(&mut self, place: usize, offset: u32) -> u32 {
        self.chips[place].read(offset, self.now).expect("a register")
    }

    fn send(&mut self, place: usize, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.set(place, reg::DATA, (*byte).into()));
    }

    fn receive(&mut self, place: usize, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.get(place, reg::DATA) as u8).collect()
    }

    fn start(&mut self, place: usize, commands: &[u32], bytes: &[u8]) {
        for (index, command) in commands.iter().enumerate() {
            self.set(place, reg::COMD + 4 * index as u32, *command);
        }
        self.send(place, bytes);
        self.set(place, reg::CTR, reg::CTR::MS_MODE.mask() | reg::CTR::TRANS_START.mask() | 3);
    }

    fn line(&self, line: usize) -> bool {
        self.levels.iter().all(|levels| levels[line]) && !(line == SCL && self.held)
    }

    fn change(&mut self, line: usize, change: impl FnOnce(&mut Net), at: Time) {
        let before = self.line(line);
        change(self);
        let level = self.line(line);
        if level != before {
            for place in 0..2 {
                self.chips[place].set_input(line, Signal::Level(level), at);
            }
            self.carry();
        }
    }

    fn carry(&mut self) {
        for place in 0..2 {
            for told in self.chips[place].take_output_changes() {
                let level = told.signal == Signal::Level(true);
                self.change(told.output, |net| net.levels[place][told.output] = level, told.at);
            }
        }
    }

    fn hold_clock(&mut self, held: bool) {
        let now = self.now;
        self.change(SCL, |net| net.held = held, now);
    }

    /// Runs until no master has anything to do, or until `limit`.
    fn run_until(&mut self, limit: Time) {
        while let Some(due) = self.chips.iter().filter_map(Device::deadline).min().filter(|due| *due <= limit) {
            self.now = self.now.max(due);
            for place in 0..2 {
                if self.chips[place].deadline().is_some_and(|due| due <= self.now) {
                    self.chips[place].run(&mut self.part, self.now);
                    self.carry();
                }
            }
        }
    }

    fn run(&mut self) {
        self.run_until(self.now + Span::from_secs(1));
    }

    fn raised(&mut self, place: usize) -> u32 {
        self.get(place, reg::INT_RAW)
    }
}

fn address(read: bool) -> u8 {
    ADDRESS << 1 | u8::from(read)
}

#[test]
fn a_slave_takes_bytes_and_answers() {
    let mut net = Net::new(1);
    let begin = net.now;
    net.start(0, &[RSTART, WRITE | 4, STOP], &[address(false), 0x00, 0xA5, 0xFF]);
    net.run();
    // START, four bytes, STOP, with the times of a master on a bus of its own.
    assert_eq!(net.now.since(begin), APB.cycles((3 * HALF_BIT).into()) + BIT * 36);
    let end = reg::INT_RAW::TRANS_COMPLETE.mask() | reg::INT_RAW::SLAVE_TRAN_COMP.mask();
    assert_eq!((net.raised(1) & end, net.raised(0) & reg::INT_RAW::NACK.mask()), (end, 0));
    assert_eq!(reg::SR::RXFIFO_CNT.get(net.get(1, reg::SR)), 3, "without the address");
    assert_eq!(net.receive(1, 3), [0x00, 0xA5, 0xFF]);
    net.send(1, &[0x12, 0x80, 0x01]);
    net.start(0, &[RSTART, WRITE | 1, READ | 2, READ | NACK | 1, STOP], &[address(true)]);
    net.run();
    assert_eq!(net.receive(0, 3), [0x12, 0x80, 0x01]);
    assert_eq!(reg::SR::TXFIFO_CNT.get(net.get(1, reg::SR)), 0);
    assert_eq!((net.line(SCL), net.line(SDA)), (true, true));
}

#[test]
fn a_repeated_start_turns_the_direction_and_the_status_tells_it() {
    let mut net = Net::new(1);
    net.send(1, &[0x77]);
    let commands = [RSTART, WRITE | 2, RSTART, WRITE | 1, READ | NACK | 1, STOP];
    net.start(0, &commands, &[address(false), 0x10, address(true)]);
    let end = net.now + APB.cycles((3 * HALF_BIT).into()) + BIT * 28;
    net.run_until(end);
    let status = net.get(1, reg::SR);
    assert!(reg::SR::SLAVE_RW.is_set(status) && reg::SR::SLAVE_ADDRESSED.is_set(status));
    assert!(reg::SR::BUS_BUSY.is_set(status));
    net.run();
    assert_eq!((net.receive(1, 1), net.receive(0, 1)), (vec![0x10], vec![0x77]));
    assert_eq!(net.get(1, reg::SR) & (reg::SR::BUS_BUSY.mask() | reg::SR::SLAVE_ADDRESSED.mask()), 0);
}

#[test]
fn another_address_is_not_acknowledged_and_leaves_no_trace() {
    let mut net = Net::new(1);
    net.start(0, &[RSTART, WRITE | 2, STOP], &[address(false) + 2, 1]);
    net.run();
    assert!(net.raised(0) & reg::INT_RAW::NACK.mask() != 0);
    assert_eq!(net.raised(1) & !reg::INT_RAW::TXFIFO_EMPTY.mask(), 0);
    assert_eq!(reg::SR::RXFIFO_CNT.get(net.get(1, reg::SR)), 0);
}

/// ESP-IDF puts 11110 and the two high bits below, and the other eight above them.
#[test]
fn an_address_of_ten_bits_has_two_bytes() {
    let mut net = Net::new(1);
    let (high, low) = (0x78 | 0x2A5 >> 8, 0x2A5 & 0xFF);
    net.set(1, reg::SLAVE_ADDR, reg::SLAVE_ADDR::ADDR_10BIT_EN.mask() | low << 7 | high);
    let high = (high << 1) as u8;
    net.start(0, &[RSTART, WRITE | 2, STOP], &[high, low as u8 ^ 1]);
    net.run();
    assert!(net.raised(0) & reg::INT_RAW::NACK.mask() != 0);
    // Only a slave that was addressed as a whole sends.
    net.set(0, reg::INT_CLR, u32::MAX);
    net.start(0, &[RSTART, WRITE | 1, READ | NACK | 1, STOP], &[high | 1]);
    net.run();
    assert!(net.raised(0) & reg::INT_RAW::NACK.mask() != 0);
    net.set(0, reg::FIFO_CONF, reg::FIFO_CONF::TX_FIFO_RST.mask() | reg::FIFO_CONF::RX_FIFO_RST.mask());
    net.set(0, reg::FIFO_CONF, 0);
    net.set(0, reg::INT_CLR, u32::MAX);
    net.send(1, &[0x5A]);
    let commands = [RSTART, WRITE | 3, RSTART, WRITE | 1, READ | NACK | 1, STOP];
    net.start(0, &commands, &[high, low as u8, 0x33, high | 1]);
    net.run();
    assert_eq!(net.raised(0) & reg::INT_RAW::NACK.mask(), 0);
    assert_eq!((net.receive(1, 1), net.receive(0, 1)), (vec![0x33], vec![0x5A]));
}

#[test]
fn thresholds_hold_for_a_slave_and_a_byte_too_many_is_lost() {
    let mut net = Net::new(1);
    net.set(1, reg::FIFO_CONF, reg::FIFO_CONF::RXFIFO_FULL_THRHD.put(28) | reg::FIFO_CONF::TXFIFO_EMPTY_THRHD.put(5));
    net.send(1, &[0; 32]);
    net.set(1, reg::INT_CLR, u32::MAX);
    let bytes: Vec<u8> = (0..30).collect();
    net.start(0, &[RSTART, WRITE | 28, STOP], &[&[address(false)], &bytes[..27]].concat());
    net.run();
    assert_eq!(net.raised(1) & reg::INT_RAW::RXFIFO_FULL.mask(), 0);
    net.start(0, &[RSTART, WRITE | 7, STOP], &[&[address(false)], &bytes[..6]].concat());
    net.run();
    assert_eq!(net.raised(1) & 7, reg::INT_RAW::RXFIFO_FULL.mask() | reg::INT_RAW::RXFIFO_OVF.mask());
    net.start(0, &[RSTART, WRITE | 1, READ | 27, READ | NACK | 1, STOP], &[address(true)]);
    net.run();
    assert!(net.raised(1) & reg::INT_RAW::TXFIFO_EMPTY.mask() != 0);
}

/// Without FIFO the first byte after the address is a place in the RAM, if software wants that.
#[test]
fn a_slave_is_a_memory_of_thirty_two_bytes() {
    let mut net = Net::new(1);
    net.set(1, reg::FIFO_CONF, reg::FIFO_CONF::NONFIFO_EN.mask() | reg::FIFO_CONF::FIFO_ADDR_CFG_EN.mask());
    net.set(1, reg::RAM + 4 * 9, 0xC3);
    net.set(1, reg::RAM + 4 * 10, 0x3C);
    net.start(0, &[RSTART, WRITE | 4, STOP], &[address(false), 5, 0xAB, 0xCD]);
    net.run();
    assert_eq!([5, 6].map(|place| net.get(1, reg::RAM + 4 * place)), [0xAB, 0xCD]);
    let commands = [RSTART, WRITE | 2, RSTART, WRITE | 1, READ | 1, READ | NACK | 1, STOP];
    net.start(0, &commands, &[address(false), 9, address(true)]);
    net.run();
    assert_eq!(net.receive(0, 2), [0xC3, 0x3C]);
}

/// The parts of a board are on the same wires.
#[test]
fn a_part_beside_a_slave_is_heard() {
    let mut net = Net::new(1);
    net.start(0, &[RSTART, WRITE | 2, RSTART, WRITE | 1, READ | NACK | 1, STOP], &[0xA0, 0x42, 0xA1]);
    net.run();
    assert_eq!((net.part.got.clone(), net.receive(0, 1)), (vec![0x42], vec![1]));
    assert_eq!(net.raised(0) & reg::INT_RAW::NACK.mask(), 0);
}

/// UM10204, chapter 3.1.8: the master that sends a one where the other sends a zero gives way.
#[test]
fn of_two_masters_one_loses_and_the_other_notices_nothing() {
    let mut net = Net::new(2);
    net.start(0, &[RSTART, WRITE | 2, STOP], &[0xA0, 0x0F]);
    net.start(1, &[RSTART, WRITE | 2, STOP], &[0xA0, 0x17]);
    net.run();
    let (lost, end) = (reg::INT_RAW::ARBITRATION_LOST.mask(), reg::INT_RAW::TRANS_COMPLETE.mask());
    assert_eq!((net.raised(0) & (lost | end), net.raised(1) & (lost | end)), (end, lost));
    assert!(reg::SR::ARB_LOST.is_set(net.get(1, reg::SR)));
    assert!(net.part.got.contains(&0x0F) && !net.part.got.contains(&0x17));
    assert_eq!((net.line(SCL), net.line(SDA)), (true, true));
}

#[test]
fn a_master_waits_while_the_clock_is_held_low_and_tells_of_it() {
    let mut net = Net::new(1);
    net.start(0, &[RSTART, WRITE | 2, STOP], &[address(false), 0x6C]);
    // A quarter of a bit after a fall.
    net.run_until(net.now + APB.cycles((HALF_BIT + HALF_BIT / 2).into()) + BIT * 4);
    assert!(!net.line(SCL));
    net.hold_clock(true);
    net.run_until(net.now + BIT * 100);
    assert!(net.raised(0) & reg::INT_RAW::TIME_OUT.mask() != 0, "{:#x}", net.raised(0));
    net.now += BIT * 100;
    net.hold_clock(false);
    net.run();
    assert_eq!(net.receive(1, 1), [0x6C]);
    assert!(net.raised(0) & reg::INT_RAW::TRANS_COMPLETE.mask() != 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever software and other boards do, nothing panics and the wires come to rest.
    #[test]
    fn any_edges_and_writes_are_survived(
        steps in prop::collection::vec((0usize..2, prop::sample::select(REGISTERS.map(|register| register.offset).to_vec()), any::<u32>(), any::<bool>()), 0..40)
    ) {
        let mut net = Net::new(1);
        for (place, offset, value, held) in steps {
            net.set(place, offset, value);
            net.start(0, &[RSTART, WRITE | 2, READ | 1, STOP], &[address(value & 1 != 0), 3]);
            net.hold_clock(held);
            net.run_until(net.now + BIT * 7);
        }
    }
}
