use espalier_core::{Device, Frequency, Time};
use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

use super::registers::{BLOCK_WORDS, RAM, RAM_WORDS, interrupt, reg, status};
use super::{Rmt, RmtEdge};

const APB: Frequency = Frequency::from_hertz(80_000_000);

/// The register values with which the tests send: clock divider 80, one block, no carrier, 1 us a cycle.
const CONF0: u32 = reg::CH0CONF0::MEM_SIZE.put(1) | 80;
const CONF1: u32 = reg::CH0CONF1::REF_ALWAYS_ON.mask() | reg::CH0CONF1::IDLE_OUT_EN.mask();

fn us(micros: u64) -> Time {
    Time::from_micros(micros)
}

/// A word of the memory: level and period twice (TRM figure "Structure of RAM").
fn word(first: (bool, u32), second: (bool, u32)) -> u32 {
    let half = |(level, period): (bool, u32)| u32::from(level) << 15 | period;
    half(first) | half(second) << 16
}

fn rmt() -> Rmt {
    let mut rmt = Rmt::new();
    rmt.set_apb_clock(APB, Time::ZERO);
    rmt.set_watched(0xFF);
    put(&mut rmt, reg::APB_CONF, reg::APB_CONF::APB_FIFO_MASK.mask(), Time::ZERO);
    rmt
}

fn put(rmt: &mut Rmt, offset: u32, value: u32, now: Time) {
    rmt.write(offset, value, now).unwrap();
}

fn fill(rmt: &mut Rmt, channel: usize, words: &[u32]) {
    for (index, word) in words.iter().enumerate() {
        put(rmt, RAM + 4 * (channel * BLOCK_WORDS + index) as u32, *word, Time::ZERO);
    }
}

fn start(rmt: &mut Rmt, channel: u32, conf0: u32, conf1: u32, now: Time) {
    put(rmt, reg::CH0CONF0 + 8 * channel, conf0, now);
    put(rmt, reg::CH0CONF1 + 8 * channel, conf1 | reg::CH0CONF1::MEM_RD_RST.mask(), now);
    put(rmt, reg::CH0CONF1 + 8 * channel, conf1 | reg::CH0CONF1::TX_START.mask(), now);
}

fn edges(rmt: &mut Rmt) -> Vec<(u64, bool)> {
    rmt.take_edges().iter().map(|edge| (edge.at.as_micros(), edge.level)).collect()
}

/// TRM "Transmitter": entries are sent in the order low half, high half, and an entry with period 0 ends it.
#[test]
fn entries_are_sent_for_as_long_as_they_say() {
    let mut rmt = rmt();
    put(&mut rmt, reg::INT_ENA, interrupt::tx_end(2), Time::ZERO);
    fill(&mut rmt, 2, &[word((true, 3), (false, 5)), word((true, 7), (false, 0))]);
    start(&mut rmt, 2, CONF0, CONF1, us(10));
    assert_eq!(rmt.deadline(), Some(us(25)));
    assert_eq!(rmt.interrupts(), 0);
    assert_eq!(rmt.read(reg::CHSTATUS + 8, us(12)).unwrap() >> reg::CHSTATUS::STATE.lowest & 7, status::SEND);
    rmt.advance(us(25));
    assert_eq!(edges(&mut rmt), [(10, true), (13, false), (18, true), (25, false)]);
    assert_eq!((rmt.interrupts(), rmt.deadline()), (1, None));
    assert_eq!(rmt.read(reg::INT_ST, us(25)), Ok(interrupt::tx_end(2)));
    put(&mut rmt, reg::INT_CLR, interrupt::tx_end(2), us(26));
    assert_eq!(rmt.interrupts(), 0);
    // The start bit is set again without having been cleared (ESP-IDF, rmt_ll_tx_start).
    put(
        &mut rmt,
        reg::CH0CONF1 + 16,
        CONF1 | reg::CH0CONF1::MEM_RD_RST.mask() | reg::CH0CONF1::TX_START.mask(),
        us(30),
    );
    assert_eq!(rmt.deadline(), Some(us(45)));
}

/// TRM "Transmitter": in wrap mode the memory is used over and over, and the threshold event asks for more.
#[test]
fn wrapping_asks_for_more_and_sends_what_it_gets() {
    let mut rmt = rmt();
    let bit = word((true, 1), (false, 1));
    put(
        &mut rmt,
        reg::APB_CONF,
        reg::APB_CONF::APB_FIFO_MASK.mask() | reg::APB_CONF::MEM_TX_WRAP_EN.mask(),
        Time::ZERO,
    );
    put(&mut rmt, reg::CH_TX_LIM, 32, Time::ZERO);
    put(&mut rmt, reg::INT_ENA, interrupt::threshold(0) | interrupt::tx_end(0), Time::ZERO);
    fill(&mut rmt, 0, &[bit; BLOCK_WORDS]);
    start(&mut rmt, 0, CONF0, CONF1, Time::ZERO);
    assert_eq!(rmt.deadline(), Some(us(64)));
    rmt.advance(us(64));
    assert_eq!(rmt.read(reg::INT_RAW, us(64)), Ok(interrupt::threshold(0)));
    // Half of the memory is refilled while the other half is sent: 20 words more, then the end.
    for index in 0..32 {
        put(&mut rmt, RAM + 4 * index, if index < 20 { bit } else { 0 }, us(65));
    }
    put(&mut rmt, reg::INT_CLR, interrupt::threshold(0), us(66));
    assert_eq!(rmt.deadline(), Some(us(128)));
    rmt.advance(us(128));
    put(&mut rmt, reg::INT_CLR, interrupt::threshold(0), us(130));
    assert_eq!(rmt.deadline(), Some(us(2 * (64 + 20))));
    rmt.advance(us(500));
    assert_eq!(rmt.read(reg::INT_RAW, us(500)), Ok(interrupt::tx_end(0)));
    assert_eq!(edges(&mut rmt).len(), 2 * (64 + 20));
}

/// TRM, register RMT_CHnSTATUS: MEM_EMPTY, and interrupt RMT_CHn_ERR_INT.
#[test]
fn running_out_of_memory_is_an_error() {
    let mut rmt = rmt();
    fill(&mut rmt, 7, &[word((true, 1), (false, 1)); BLOCK_WORDS]);
    start(&mut rmt, 7, CONF0 + (reg::CH0CONF0::MEM_SIZE.put(1)), CONF1, Time::ZERO);
    rmt.advance(us(1000));
    assert_eq!(rmt.read(reg::INT_RAW, us(1000)), Ok(interrupt::error(7)));
    assert_ne!(rmt.read(reg::CHSTATUS + 28, us(1000)).unwrap() & reg::CHSTATUS::MEM_EMPTY.mask(), 0);
}

/// TRM, register RMT_CHnCONF1: TX_CONTI_MODE. It is stopped by an end marker in its first word (ESP-IDF, rmt_ll_tx_stop).
#[test]
fn continuous_mode_starts_over() {
    let mut rmt = rmt();
    fill(&mut rmt, 1, &[word((true, 250), (false, 250)), 0]);
    start(&mut rmt, 1, CONF0, CONF1 | reg::CH0CONF1::TX_CONTI_MODE.mask(), Time::ZERO);
    assert_eq!(rmt.deadline(), Some(us(1000)));
    rmt.advance(us(1000));
    assert_eq!(edges(&mut rmt), [(0, true), (250, false), (500, true), (750, false), (1000, true)]);
    put(&mut rmt, RAM + 4 * BLOCK_WORDS as u32, 0, us(1001));
    put(&mut rmt, reg::CH0CONF1 + 8, CONF1 | reg::CH0CONF1::MEM_RD_RST.mask(), us(1001));
    rmt.advance(us(3000));
    assert_eq!(edges(&mut rmt), [(1250, false)]);
    assert_eq!(rmt.deadline(), None);
}

#[test]
fn empty_memory_in_continuous_mode_does_not_hang() {
    let mut rmt = rmt();
    start(&mut rmt, 1, CONF0, CONF1 | reg::CH0CONF1::TX_CONTI_MODE.mask(), Time::ZERO);
    assert_eq!((rmt.deadline(), rmt.read(reg::INT_RAW, us(1))), (None, Ok(interrupt::tx_end(1))));
}

/// TRM, registers RMT_CHnCONF1 and RMT_CHnCARRIER_DUTY.
#[test]
fn a_carrier_modulates_one_level_and_idle_has_its_own() {
    let mut rmt = rmt();
    // 40 kHz at 80 MHz, a quarter high: 500 and 1500 cycles.
    put(&mut rmt, reg::CHCARRIER_DUTY, 500 << 16 | 1500, Time::ZERO);
    fill(&mut rmt, 0, &[word((true, 60), (false, 10)), 0]);
    let carrier = CONF0 | reg::CH0CONF0::CARRIER_EN.mask() | reg::CH0CONF0::CARRIER_OUT_LV.mask();
    start(&mut rmt, 0, carrier, CONF1 | reg::CH0CONF1::IDLE_OUT_LV.mask(), Time::ZERO);
    rmt.advance(us(100));
    let found: Vec<_> = rmt.take_edges().iter().map(|edge| (edge.at.ticks() / 6, edge.level)).collect();
    let pulse = |start: u64| [(start, true), (start + 500, false)];
    let expected = [pulse(0), pulse(2000), pulse(4000)].concat();
    // The line was already high before, as its idle level is.
    assert_eq!(found[..expected.len()], expected);
    assert_eq!(found[expected.len()..], [(5600, true)]);
}

#[test]
fn unwatched_edges_cost_nothing() {
    let mut rmt = rmt();
    rmt.set_watched(0);
    fill(&mut rmt, 0, &[word((true, 3), (false, 5)), 0]);
    start(&mut rmt, 0, CONF0, CONF1, Time::ZERO);
    assert_eq!(rmt.deadline(), None);
    assert!(rmt.output(0));
    rmt.advance(us(3));
    assert!(!rmt.output(0));
    assert!(rmt.take_edges().is_empty());
}

/// TRM "RMT RAM": a channel's FIFO register reads and writes its blocks in order.
#[test]
fn the_fifo_reaches_the_same_memory() {
    let mut rmt = rmt();
    put(&mut rmt, reg::APB_CONF, 0, Time::ZERO);
    for value in [7, 8, 9] {
        put(&mut rmt, reg::CHDATA + 12, value, Time::ZERO);
    }
    assert_eq!(rmt.read(RAM + 4 * (3 * 64 + 1), Time::ZERO), Ok(8));
    assert_eq!(rmt.read(reg::CHADDR + 12, Time::ZERO), Ok(3 * 64 + 3));
    put(&mut rmt, reg::CH0CONF1 + 24, CONF1 | reg::CH0CONF1::APB_MEM_RST.mask(), Time::ZERO);
    assert_eq!(rmt.read(reg::CHDATA + 12, Time::ZERO), Ok(7));
    assert_eq!(rmt.read(reg::CHDATA + 12, Time::ZERO), Ok(8));
    for _ in 0..63 {
        rmt.read(reg::CHDATA + 12, Time::ZERO).unwrap();
    }
    assert_ne!(rmt.read(reg::CHSTATUS + 12, Time::ZERO).unwrap() & reg::CHSTATUS::APB_MEM_RD_ERR.mask(), 0);
}

fn receiver(conf1: u32) -> Rmt {
    let mut rmt = rmt();
    let idle = reg::CH0CONF0::IDLE_THRES.put(50);
    put(&mut rmt, reg::CH0CONF0, CONF0 | idle, Time::ZERO);
    put(
        &mut rmt,
        reg::CH0CONF1,
        CONF1 | conf1 | reg::CH0CONF1::RX_EN.mask() | reg::CH0CONF1::MEM_WR_RST.mask(),
        Time::ZERO,
    );
    rmt
}

/// TRM "Receiver": it measures from the first edge on, and ends when nothing changes for longer than the threshold.
#[test]
fn a_receiver_measures_levels() {
    let mut rmt = receiver(reg::CH0CONF1::MEM_OWNER.mask());
    assert_eq!((rmt.receiving(), rmt.deadline()), (1, None));
    for (at, level) in [(100, true), (109, false), (121, true), (124, false)] {
        rmt.set_input(0, level, us(at));
    }
    assert_eq!(rmt.deadline(), Some(us(175)));
    rmt.advance(us(175));
    let words = [word((true, 9), (false, 12)), word((true, 3), (false, 0))];
    assert_eq!([RAM, RAM + 4].map(|offset| rmt.read(offset, us(176)).unwrap()), words);
    assert_eq!(rmt.read(reg::INT_RAW, us(176)), Ok(interrupt::rx_end(0)));
}

/// TRM, register RMT_CHnCONF1: RX_FILTER_EN. The threshold counts cycles of the undivided clock.
#[test]
fn a_filter_drops_short_pulses() {
    let mut rmt = receiver(
        reg::CH0CONF1::MEM_OWNER.mask() | reg::CH0CONF1::RX_FILTER_EN.mask() | reg::CH0CONF1::RX_FILTER_THRES.put(160),
    );
    for (at, level) in [(100, true), (101, false), (110, true), (115, false), (116, true), (120, false)] {
        rmt.set_input(0, level, us(at));
    }
    rmt.advance(us(300));
    assert_eq!(rmt.read(RAM, us(300)), Ok(word((true, 10), (false, 0))));
}

/// TRM, register RMT_CHnSTATUS: MEM_OWNER_ERR and MEM_FULL.
#[test]
fn a_receiver_needs_memory_of_its_own() {
    let mut rmt = receiver(0);
    rmt.set_input(0, true, us(1));
    rmt.set_input(0, false, us(2));
    assert_eq!(rmt.read(reg::INT_RAW, us(2)), Ok(interrupt::error(0)));
    assert_ne!(rmt.read(reg::CHSTATUS, us(2)).unwrap() & reg::CHSTATUS::MEM_OWNER_ERR.mask(), 0);
    let mut rmt = receiver(reg::CH0CONF1::MEM_OWNER.mask());
    for at in 1..200 {
        rmt.set_input(0, at % 2 == 1, us(at));
    }
    assert_ne!(rmt.read(reg::CHSTATUS, us(200)).unwrap() & reg::CHSTATUS::MEM_FULL.mask(), 0);
}

/// A receiver is stopped by switching it off and making it impatient (esp-hal, `stop_rx`).
#[test]
fn a_receiver_that_waits_can_be_stopped() {
    let mut rmt = receiver(reg::CH0CONF1::MEM_OWNER.mask());
    put(&mut rmt, reg::CH0CONF1, CONF1 | reg::CH0CONF1::MEM_OWNER.mask(), us(10));
    rmt.advance(us(61));
    assert_eq!(rmt.read(reg::INT_RAW, us(61)), Ok(interrupt::rx_end(0)));
    assert_eq!(rmt.receiving(), 0);
}

#[test]
fn a_reset_lets_the_line_go_low() {
    let mut rmt = rmt();
    start(&mut rmt, 0, CONF0, CONF1 | reg::CH0CONF1::IDLE_OUT_LV.mask(), us(5));
    rmt.take_edges();
    rmt.reset();
    assert_eq!(rmt.take_edges(), [RmtEdge { channel: 0, at: us(5), level: false }]);
    assert_eq!(rmt.read(reg::CH0CONF0, us(6)), Ok(0x3110_0002));
}

/// The state of a sending channel as software and the line see it.
fn seen(rmt: &mut Rmt, channel: u32, now: Time) -> [u32; 3] {
    let status = rmt.read(reg::CHSTATUS + 4 * channel, now).unwrap();
    [status, rmt.read(reg::INT_RAW, now).unwrap(), u32::from(rmt.output(channel as usize))]
}

/// 63 words of two cycles each, in a circle: for ten seconds, and with an interrupt that never comes.
#[test]
fn a_transmission_without_end_costs_nothing() {
    let mut rmt = rmt();
    rmt.set_watched(0);
    put(&mut rmt, reg::INT_ENA, interrupt::error(0), Time::ZERO);
    fill(&mut rmt, 0, &[[word((true, 1), (false, 1)); 63].as_slice(), &[0]].concat());
    start(&mut rmt, 0, reg::CH0CONF0::MEM_SIZE.put(1) | 1, CONF1 | reg::CH0CONF1::TX_CONTI_MODE.mask(), Time::ZERO);
    assert_eq!(rmt.deadline(), None);
    for second in 1..=10 {
        rmt.advance(us(1_000_000 * second));
    }
    assert!(rmt.steps() < 10 * 4 * RAM_WORDS as u64, "{} steps", rmt.steps());
    assert_eq!(rmt.read(reg::INT_RAW, us(10_000_000)), Ok(interrupt::tx_end(0)));
    assert_eq!(rmt.deadline(), None);
}

/// However often the lines are read, the edges of the carrier are the same, and none is in the future.
#[test]
fn a_carrier_is_followed_within_a_pulse() {
    let sent = |looks: &[u64]| {
        let mut rmt = rmt();
        put(&mut rmt, reg::CHCARRIER_DUTY, 500 << 16 | 1500, Time::ZERO);
        fill(&mut rmt, 0, &[word((true, 30_000), (false, 10)), 0]);
        start(
            &mut rmt,
            0,
            CONF0 | reg::CH0CONF0::CARRIER_EN.mask() | reg::CH0CONF0::CARRIER_OUT_LV.mask(),
            CONF1,
            Time::ZERO,
        );
        let mut edges = Vec::new();
        for at in looks {
            rmt.advance(us(*at));
            let fresh = rmt.take_edges();
            assert!(fresh.iter().all(|edge| edge.at <= us(*at)));
            edges.extend(fresh);
        }
        edges
    };
    let often: Vec<u64> = (0..31_000).step_by(7).chain([40_000]).collect();
    let once = sent(&[40_000]);
    assert_eq!(once.len(), 2 * 30_000 / 25);
    assert_eq!(sent(&often), once);
}

proptest! {
    /// Laps that are left out change nothing: who looks once sees what those see who looked all the time, or who watch the edges.
    #[test]
    fn edges_that_are_left_out_equal_those_that_are_followed(
        words in prop::collection::vec((any::<bool>(), 0u32..4, any::<bool>(), 0u32..4), 1..80),
        limit in 0u32..0x200, wraps in any::<bool>(), continuous in any::<bool>(), blocks in 0u32..3, end in 1u64..3000,
    ) {
        let end = us(end);
        let prepared = |watched| {
            let mut rmt = rmt();
            rmt.set_watched(watched);
            let wrap = if wraps { reg::APB_CONF::MEM_TX_WRAP_EN.mask() } else { 0 };
            put(&mut rmt, reg::APB_CONF, reg::APB_CONF::APB_FIFO_MASK.mask() | wrap, Time::ZERO);
            put(&mut rmt, reg::CH_TX_LIM, limit, Time::ZERO);
            let filled: Vec<u32> = words.iter().map(|(a, b, c, d)| word((*a, *b), (*c, *d))).collect();
            // Words that the list does not fill are no end marker.
            fill(&mut rmt, 0, &[word((true, 1), (false, 2)); 2 * BLOCK_WORDS]);
            fill(&mut rmt, 0, &filled);
            let mode = if continuous { reg::CH0CONF1::TX_CONTI_MODE.mask() } else { 0 };
            start(&mut rmt, 0, reg::CH0CONF0::MEM_SIZE.put(blocks) | 80, CONF1 | mode, Time::ZERO);
            rmt
        };
        let (mut once, mut often, mut watched) = (prepared(0), prepared(0), prepared(1));
        for micros in 0..end.as_micros() {
            often.advance(us(micros));
        }
        let expected = seen(&mut watched, 0, end);
        prop_assert_eq!(seen(&mut often, 0, end), expected);
        prop_assert_eq!(seen(&mut once, 0, end), expected);
        prop_assert!(once.steps() <= 8 * RAM_WORDS as u64);
        // And they go on alike.
        for rmt in [&mut once, &mut often, &mut watched] {
            put(rmt, reg::INT_CLR, u32::MAX, end);
            put(rmt, reg::INT_ENA, u32::MAX, end);
        }
        prop_assert_eq!(once.wanted[0], watched.wanted[0]);
        prop_assert_eq!(once.wanted[0], often.wanted[0]);
    }

    /// The deadline is exactly when the interrupt comes.
    #[test]
    fn an_interrupt_comes_when_it_was_announced(
        words in prop::collection::vec((1u32..4, 0u32..4), 1..64), limit in 0u32..0x200, wraps in any::<bool>(),
        continuous in any::<bool>(), bit in 0usize..3,
    ) {
        let mut rmt = rmt();
        rmt.set_watched(0);
        let wrap = if wraps { reg::APB_CONF::MEM_TX_WRAP_EN.mask() } else { 0 };
        put(&mut rmt, reg::APB_CONF, reg::APB_CONF::APB_FIFO_MASK.mask() | wrap, Time::ZERO);
        put(&mut rmt, reg::CH_TX_LIM, limit, Time::ZERO);
        let wanted = [interrupt::tx_end(0), interrupt::error(0), interrupt::threshold(0)][bit];
        put(&mut rmt, reg::INT_ENA, wanted, Time::ZERO);
        fill(&mut rmt, 0, &[word((true, 1), (false, 2)); BLOCK_WORDS]);
        fill(&mut rmt, 0, &words.iter().map(|(a, b)| word((true, *a), (false, *b))).collect::<Vec<_>>());
        start(&mut rmt, 0, CONF0, CONF1 | if continuous { reg::CH0CONF1::TX_CONTI_MODE.mask() } else { 0 }, Time::ZERO);
        match rmt.deadline() {
            Some(at) => {
                prop_assert_eq!(rmt.interrupts(), 0);
                rmt.advance(Time::from_ticks(at.ticks() - 1));
                prop_assert_eq!((rmt.interrupts(), rmt.deadline()), (0, Some(at)));
                rmt.advance(at);
                prop_assert_eq!(rmt.interrupts(), 1);
            }
            None => {
                let raised = rmt.interrupts();
                rmt.advance(us(100_000));
                prop_assert_eq!(rmt.interrupts(), raised);
            }
        }
    }
}
