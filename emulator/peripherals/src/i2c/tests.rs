use espalier_core::{Device, Frequency, I2cTarget, Span, Time};
use proptest::prelude::{ProptestConfig, any, prop, proptest};

use super::I2c;
use super::regs::reg;

const APB: Frequency = Frequency::from_hertz(80_000_000);
const TARGET: u8 = 0x3C;
/// APB cycles of half a bit at 400 kHz.
const HALF_BIT: u32 = 100;
const BIT: Span = Span::from_nanos(2500);

const RSTART: u32 = 0 << 11;
const WRITE: u32 = 1 << 11;
const READ: u32 = 2 << 11;
const STOP: u32 = 3 << 11;
const END: u32 = 4 << 11;
const ACK_CHECK: u32 = 1 << 8;
const ACK_EXP_HIGH: u32 = 1 << 9;
const NACK: u32 = 1 << 10;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Start(u8, bool),
    Write(u8),
    Read,
    Stop,
}

/// A target that takes `room` bytes and counts up when read.
#[derive(Clone, Debug)]
struct Probe {
    seen: Vec<Seen>,
    times: Vec<Time>,
    room: usize,
    next: u8,
}

impl Probe {
    fn new() -> Probe {
        Probe { seen: Vec::new(), times: Vec::new(), room: usize::MAX, next: 0 }
    }

    fn note(&mut self, seen: Seen, now: Time) {
        self.seen.push(seen);
        self.times.push(now);
    }
}

impl I2cTarget for Probe {
    fn start(&mut self, address: u8, read: bool, now: Time) -> bool {
        self.note(Seen::Start(address, read), now);
        address == TARGET
    }

    fn write(&mut self, byte: u8, now: Time) -> bool {
        self.note(Seen::Write(byte), now);
        let taken = self.room > 0;
        self.room = self.room.saturating_sub(1);
        taken
    }

    fn read(&mut self, now: Time) -> u8 {
        self.note(Seen::Read, now);
        self.next = self.next.wrapping_add(1);
        self.next
    }

    fn stop(&mut self, now: Time) {
        self.note(Seen::Stop, now);
    }
}

/// A controller set up by the rules of `i2c_ll_master_set_bus_timing` of ESP-IDF for 400 kHz, with its bus.
struct Bench {
    i2c: I2c,
    bus: Probe,
    now: Time,
}

impl Bench {
    fn new() -> Bench {
        let mut bench = Bench { i2c: I2c::new(APB), bus: Probe::new(), now: Time::from_micros(10) };
        bench.set(reg::CTR, reg::CTR::MS_MODE.mask() | 0x3);
        bench.set(reg::SCL_FILTER_CFG, 0);
        bench.set(reg::SCL_LOW_PERIOD, HALF_BIT - 1);
        bench.set(reg::SCL_HIGH_PERIOD, HALF_BIT - 7);
        for register in [reg::SCL_START_HOLD, reg::SCL_RSTART_SETUP, reg::SCL_STOP_SETUP, reg::SCL_STOP_HOLD] {
            bench.set(register, HALF_BIT);
        }
        bench.set(reg::TO, 20 * HALF_BIT);
        bench.set(
            reg::INT_ENA,
            reg::INT_RAW::END_DETECT.mask() | reg::INT_RAW::TRANS_COMPLETE.mask() | reg::INT_RAW::NACK.mask(),
        );
        bench
    }

    fn set(&mut self, offset: u32, value: u32) {
        self.i2c.write(offset, value, self.now).unwrap();
    }

    fn get(&mut self, offset: u32) -> u32 {
        self.i2c.read(offset, self.now).unwrap()
    }

    fn has_raised(&mut self, interrupts: u32) -> bool {
        self.get(reg::INT_RAW) & interrupts == interrupts
    }

    fn start(&mut self, commands: &[u32], bytes: &[u8]) {
        for (index, command) in commands.iter().enumerate() {
            self.set(reg::COMD + 4 * index as u32, *command);
        }
        for byte in bytes {
            self.set(reg::DATA, (*byte).into());
        }
        let ctr = self.get(reg::CTR);
        self.set(reg::CTR, ctr | reg::CTR::TRANS_START.mask());
    }

    /// Runs until the controller has nothing more to do.
    fn settle(&mut self) {
        while let Some(due) = self.i2c.deadline() {
            assert!(due > self.now, "time moves on");
            self.now = due;
            self.i2c.run(&mut self.bus, due);
        }
    }

    fn run(&mut self, commands: &[u32], bytes: &[u8]) {
        self.start(commands, bytes);
        self.settle();
    }
}

fn write_of(count: u32) -> u32 {
    WRITE | ACK_CHECK | count
}

/// TRM chapter 11.3.6.1: one list that writes to a 7-bit address.
#[test]
fn a_list_writes_in_honest_time() {
    let mut bench = Bench::new();
    let begin = bench.now;
    bench.run(&[RSTART, write_of(3), STOP], &[TARGET << 1, 0x40, 0xA5]);
    assert_eq!(bench.bus.seen, [Seen::Start(TARGET, false), Seen::Write(0x40), Seen::Write(0xA5), Seen::Stop]);
    let hold = APB.cycles(HALF_BIT.into());
    for (index, time) in bench.bus.times[..3].iter().enumerate() {
        assert_eq!(time.since(begin), hold + BIT * (9 * (index as u64 + 1)));
    }
    assert_eq!(bench.bus.times[3].since(bench.bus.times[2]), hold * 2);
    assert!(bench.has_raised(
        reg::INT_RAW::TRANS_START.mask() | reg::INT_RAW::MASTER_TRAN_COMP.mask() | reg::INT_RAW::TRANS_COMPLETE.mask()
    ));
    assert_eq!(bench.i2c.interrupts(), 1);
    assert_eq!(bench.get(reg::SR) & (reg::SR::BUS_BUSY.mask() | reg::SR::ACK_REC.mask()), 0);
    assert_eq!(bench.get(reg::CTR) & reg::CTR::TRANS_START.mask(), 0);
    for index in 0..3 {
        assert_ne!(bench.get(reg::COMD + 4 * index) & reg::COMD::COMMAND_DONE.mask(), 0);
    }
    bench.set(reg::INT_CLR, u32::MAX);
    assert_eq!(bench.i2c.interrupts(), 0);
}

/// Early versions of Arduino's HAL poll BUS_BUSY right after TRANS_START.
#[test]
fn the_bus_is_busy_from_the_first_edge() {
    let mut bench = Bench::new();
    bench.start(&[RSTART, write_of(1), STOP], &[TARGET << 1]);
    assert_ne!(bench.get(reg::SR) & reg::SR::BUS_BUSY.mask(), 0);
    bench.settle();
    assert_eq!(bench.get(reg::SR) & reg::SR::BUS_BUSY.mask(), 0);
}

/// A late `run` changes nothing that a target can see.
#[test]
fn lateness_of_the_wiring_does_not_show() {
    let (mut exact, mut late) = (Bench::new(), Bench::new());
    let list = [RSTART, write_of(2), RSTART, write_of(1), READ | 2, READ | NACK | 1, STOP];
    let bytes = [TARGET << 1, 7, TARGET << 1 | 1];
    exact.run(&list, &bytes);
    late.start(&list, &bytes);
    late.now = Time::from_micros(5000);
    late.i2c.run(&mut late.bus, late.now);
    assert_eq!((exact.bus.seen, exact.bus.times), (late.bus.seen, late.bus.times));
}

/// TRM chapter 11.3.6.4: a repeated START turns the direction around.
#[test]
fn a_register_is_read_after_a_repeated_start() {
    let mut bench = Bench::new();
    let list = [RSTART, write_of(2), RSTART, write_of(1), READ | 3, READ | NACK | 1, STOP];
    bench.run(&list, &[TARGET << 1, 7, TARGET << 1 | 1]);
    let reads = [Seen::Read, Seen::Read, Seen::Read, Seen::Read];
    let before = [Seen::Start(TARGET, false), Seen::Write(7), Seen::Start(TARGET, true)];
    assert_eq!(bench.bus.seen, [before.as_slice(), &reads, &[Seen::Stop]].concat());
    assert_eq!(reg::SR::RXFIFO_CNT.get(bench.get(reg::SR)), 4);
    assert_eq!([(); 4].map(|()| bench.get(reg::DATA)), [1, 2, 3, 4]);
}

/// `i2c_master_cmd_begin_static` of ESP-IDF: one WRITE of at most 32 bytes and END, refilled in the interrupt.
#[test]
fn end_lets_the_driver_refill() {
    let mut bench = Bench::new();
    let data: Vec<u8> = (0..100).collect();
    bench.run(&[RSTART, write_of(1), END], &[TARGET << 1]);
    for chunk in data.chunks(32) {
        assert!(bench.has_raised(reg::INT_RAW::END_DETECT.mask()));
        assert_ne!(bench.get(reg::SR) & reg::SR::BUS_BUSY.mask(), 0);
        assert_eq!(
            bench.get(reg::COMD + 8) & reg::COMD::COMMAND_DONE.mask(),
            0,
            "esp-hal: END is never marked as done"
        );
        bench.set(reg::INT_CLR, u32::MAX);
        bench.run(&[write_of(chunk.len() as u32), END], chunk);
    }
    bench.set(reg::INT_CLR, u32::MAX);
    bench.run(&[STOP], &[]);
    assert!(bench.has_raised(reg::INT_RAW::TRANS_COMPLETE.mask()));
    let written = data.into_iter().map(Seen::Write);
    let expected: Vec<Seen> = std::iter::once(Seen::Start(TARGET, false)).chain(written).chain([Seen::Stop]).collect();
    assert_eq!(bench.bus.seen, expected);
}

/// Reads longer than the FIFO go the same way.
#[test]
fn long_reads_are_fetched_in_parts() {
    let mut bench = Bench::new();
    bench.run(&[RSTART, write_of(1), END], &[TARGET << 1 | 1]);
    let mut received = Vec::new();
    for part in [32, 32, 8] {
        bench.run(&[READ | part, END], &[]);
        received.extend((0..part).map(|_| bench.get(reg::DATA) as u8));
    }
    bench.run(&[READ | NACK | 1, STOP], &[]);
    assert_eq!(received, (1..=72).collect::<Vec<u8>>());
    assert_eq!(bench.get(reg::DATA), 73);
}

/// TRM chapter 11.3.3: a WRITE checks the acknowledge.
#[test]
fn a_missing_target_is_reported_and_the_bus_released() {
    let mut bench = Bench::new();
    bench.start(&[RSTART, write_of(1), WRITE | ACK_CHECK | 1, STOP], &[0x50 << 1, 1]);
    while !bench.has_raised(reg::INT_RAW::NACK.mask()) {
        bench.now = bench.i2c.deadline().expect("the list goes on until the refusal");
        bench.i2c.run(&mut bench.bus, bench.now);
    }
    assert!(!bench.has_raised(reg::INT_RAW::TRANS_COMPLETE.mask()));
    bench.settle();
    assert!(bench.has_raised(reg::INT_RAW::TRANS_COMPLETE.mask()));
    assert_eq!(bench.bus.seen, [Seen::Start(0x50, false), Seen::Stop]);
    assert_eq!(bench.get(reg::SR) & (reg::SR::BUS_BUSY.mask() | reg::SR::ACK_REC.mask()), reg::SR::ACK_REC.mask());
    assert_eq!(bench.get(reg::COMD + 4) & reg::COMD::COMMAND_DONE.mask(), 0);
    // The next transaction is not disturbed.
    bench.set(reg::FIFO_CONF, reg::FIFO_CONF::TX_FIFO_RST.mask());
    bench.set(reg::FIFO_CONF, 0);
    bench.set(reg::INT_CLR, u32::MAX);
    bench.run(&[RSTART, write_of(1), STOP], &[TARGET << 1]);
    assert!(!bench.has_raised(reg::INT_RAW::NACK.mask()));
}

#[test]
fn a_refused_byte_ends_the_list() {
    let mut bench = Bench::new();
    bench.bus.room = 1;
    bench.run(&[RSTART, write_of(4), STOP], &[TARGET << 1, 1, 2, 3]);
    assert!(bench.has_raised(reg::INT_RAW::NACK.mask()));
    assert_eq!(bench.bus.seen, [Seen::Start(TARGET, false), Seen::Write(1), Seen::Write(2), Seen::Stop]);
}

/// ACK_EXP turns the check around, and without ACK_CHECK_EN nothing is checked.
#[test]
fn the_expected_level_decides() {
    let mut bench = Bench::new();
    bench.run(&[RSTART, WRITE | ACK_CHECK | ACK_EXP_HIGH | 1, STOP], &[TARGET << 1]);
    assert!(bench.has_raised(reg::INT_RAW::NACK.mask()));
    let mut bench = Bench::new();
    bench.run(&[RSTART, WRITE | 1, READ | 1, STOP], &[0x50 << 1 | 1]);
    assert!(!bench.has_raised(reg::INT_RAW::NACK.mask()));
    assert_eq!(bench.get(reg::DATA), 0xFF, "no target pulls SDA low");
}

/// TRM chapter 11.3.3: TO bounds how long SCL may be held.
#[test]
fn stretching_takes_time_and_too_much_of_it_times_out() {
    let mut plain = Bench::new();
    plain.run(&[RSTART, write_of(2), STOP], &[TARGET << 1, 1]);
    let mut bench = Bench::new();
    bench.i2c.set_stretch(Span::from_micros(20));
    bench.run(&[RSTART, write_of(2), STOP], &[TARGET << 1, 1]);
    assert_eq!(bench.now.since(plain.now), Span::from_micros(40));

    let begin = bench.now;
    bench.i2c.set_stretch(Span::from_millis(1));
    bench.set(reg::INT_CLR, u32::MAX);
    bench.start(&[RSTART, write_of(2), STOP], &[TARGET << 1, 1]);
    while !bench.has_raised(reg::INT_RAW::TIME_OUT.mask()) {
        bench.now = bench.i2c.deadline().expect("the list goes on until the time-out");
        bench.i2c.run(&mut bench.bus, bench.now);
    }
    assert_eq!(bench.now.since(begin), APB.cycles((HALF_BIT + 20 * HALF_BIT).into()));
    assert_eq!(
        bench.get(reg::SR) & (reg::SR::BUS_BUSY.mask() | reg::SR::TIME_OUT.mask()),
        reg::SR::BUS_BUSY.mask() | reg::SR::TIME_OUT.mask()
    );
    let mut patient = (bench.i2c.clone(), bench.bus.clone());
    // Arduino's driver waits for the target, ESP-IDF's resets the block.
    patient.0.run(&mut patient.1, bench.now + Span::from_millis(3));
    assert_eq!(patient.1.seen.len(), bench.bus.seen.len() + 3);
    bench.i2c.reset();
    assert_eq!(bench.get(reg::SR) & reg::SR::BUS_BUSY.mask(), 0);
    assert_eq!(bench.i2c.deadline(), None);
}

#[test]
fn thresholds_call_for_service() {
    let mut bench = Bench::new();
    bench.set(reg::FIFO_CONF, reg::FIFO_CONF::TXFIFO_EMPTY_THRHD.put(2) | 3);
    for byte in 0..8 {
        bench.set(reg::DATA, byte);
    }
    bench.set(reg::INT_CLR, u32::MAX);
    assert!(!bench.has_raised(reg::INT_RAW::TXFIFO_EMPTY.mask()));
    bench.run(&[RSTART, WRITE | 6, END], &[]);
    assert!(bench.has_raised(reg::INT_RAW::TXFIFO_EMPTY.mask()));
    bench.run(&[RSTART, WRITE | 1, READ | 2, END], &[]);
    assert!(!bench.has_raised(reg::INT_RAW::RXFIFO_FULL.mask()));
    bench.run(&[READ | 1, END], &[]);
    assert!(bench.has_raised(reg::INT_RAW::RXFIFO_FULL.mask()));
    bench.run(&[READ | 32, END], &[]);
    assert!(bench.has_raised(reg::INT_RAW::RXFIFO_OVF.mask()));
}

#[test]
fn least_significant_bit_first_turns_bytes_around() {
    let mut bench = Bench::new();
    bench.set(reg::CTR, reg::CTR::MS_MODE.mask() | reg::CTR::TX_LSB_FIRST.mask() | reg::CTR::RX_LSB_FIRST.mask());
    bench.run(&[RSTART, write_of(1), READ | 1, STOP], &[(TARGET << 1 | 1).reverse_bits()]);
    assert_eq!(bench.bus.seen[0], Seen::Start(TARGET, true));
    assert_eq!(bench.get(reg::DATA), 0x80);
}

/// TRM chapter 11.3.2: with NONFIFO_EN the two RAMs are addressed directly.
#[test]
fn ram_is_used_directly_without_fifo() {
    let mut bench = Bench::new();
    bench.set(reg::FIFO_CONF, reg::FIFO_CONF::NONFIFO_EN.mask() | reg::FIFO_CONF::NONFIFO_TX_THRES.put(1));
    bench.set(reg::RAM, (TARGET << 1).into());
    bench.set(reg::RAM + 4, 0x55);
    bench.set(reg::RAM + 8, (TARGET << 1 | 1).into());
    bench.run(&[RSTART, write_of(2), RSTART, write_of(1), READ | 1, STOP], &[]);
    assert_eq!(bench.bus.seen[1], Seen::Write(0x55));
    assert_eq!(bench.get(reg::RAM), 1);
    assert!(bench.has_raised(reg::INT_RAW::TX_SEND_EMPTY.mask()));
    // RIOT fills the RAM from its start for every list.
    bench.set(reg::RAM, (TARGET << 1 | 1).into());
    bench.run(&[RSTART, write_of(1), READ | 1, STOP], &[]);
    assert_eq!(bench.get(reg::RAM), 2);
}

#[test]
fn nothing_starts_as_a_slave_or_without_a_start_condition() {
    let mut bench = Bench::new();
    bench.run(&[write_of(1), STOP], &[TARGET << 1]);
    assert!(bench.bus.seen.is_empty() && !bench.has_raised(reg::INT_RAW::TRANS_COMPLETE.mask()));
    bench.set(reg::CTR, 0);
    bench.run(&[RSTART, write_of(1), STOP], &[TARGET << 1]);
    assert_eq!(bench.i2c.deadline(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_traffic_panics(
        traffic in prop::collection::vec((0_u32..0x60, any::<u32>(), any::<bool>()), 0..300),
        stretch in 0_u64..5000,
    ) {
        let mut i2c = I2c::new(APB);
        let mut bus = Probe::new();
        let mut now = Time::ZERO;
        i2c.set_stretch(Span::from_nanos(stretch));
        for (word, value, run) in traffic {
            let _ = i2c.write(4 * word, value, now);
            let _ = i2c.read(4 * word, now);
            if run && let Some(due) = i2c.deadline() {
                assert!(due > now);
                now = due;
                i2c.run(&mut bus, now);
            }
        }
    }
}
