//! Frames on a line: how many bits they have, how long they last, which level they show when.

use espalier_core::{Frequency, SerialFormat, SerialParity, Span, Time};

use super::registers::reg;

const START_BITS: u32 = 1;
const HALVES_PER_BIT: u32 = 2;
const FEWEST_DATA_BITS: u32 = 5;
const MOST_DATA_BITS: u32 = 8;
/// A bit's length is kept in this many parts of a tick, which makes the fraction of `CLKDIV` exact.
const PARTS_PER_TICK: u64 = 1 << reg::CLKDIV::FRAG.width;

/// Length of one bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BitTime {
    parts: u64,
}

espalier_core::persist!(value BitTime { parts } if BitTime::has_length;);

impl BitTime {
    /// Returns the bit time of a source clock and the register `CLKDIV`; a divider below one counts as one.
    pub(super) fn divided(source: Frequency, register: u32) -> BitTime {
        let fraction = reg::CLKDIV::FRAG.get(register);
        let sixteenths = u64::from(reg::CLKDIV::CLKDIV.get(register) << reg::CLKDIV::FRAG.width | fraction);
        BitTime { parts: source.ticks_per_cycle() * sixteenths.max(PARTS_PER_TICK) }
    }

    /// A rate in bits per second; zero counts as one.
    pub(super) fn of_baud(baud: u32) -> BitTime {
        let baud = u64::from(baud.max(1));
        BitTime { parts: (Span::from_secs(1).ticks() * PARTS_PER_TICK + baud / 2) / baud }
    }

    /// Whether a receiver with this bit time reads a sender's frames: half a bit of drift over ten bits is its limit.
    pub(super) fn reads(self, sender: BitTime) -> bool {
        const TOLERANCE_PARTS: u64 = 20;
        self.parts.abs_diff(sender.parts) * TOLERANCE_PARTS <= self.parts
    }

    fn has_length(&self) -> bool {
        self.parts != 0
    }

    pub(super) fn bits(self, count: u32) -> Span {
        self.half_bits(count * HALVES_PER_BIT)
    }

    pub(super) fn half_bits(self, count: u32) -> Span {
        let divisor = PARTS_PER_TICK * u64::from(HALVES_PER_BIT);
        Span::from_ticks((self.parts * u64::from(count) + divisor / 2) / divisor)
    }

    /// Whole bits that fit into `span`.
    pub(super) fn bits_in(self, span: Span) -> u64 {
        span.ticks().saturating_mul(PARTS_PER_TICK) / self.parts
    }

    /// The shortest span into which more whole bits fit than into `span`.
    pub(super) fn until_next(self, span: Span) -> Span {
        Span::from_ticks((self.bits_in(span) + 1).saturating_mul(self.parts).div_ceil(PARTS_PER_TICK))
    }
}

/// A frame that has passed on a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passed {
    pub(super) byte: u8,
    pub(super) start: Time,
    /// The end of the stop bits.
    pub(super) end: Time,
}

espalier_core::persist!(value Passed { byte, start, end });

/// The bits after the start bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    data_bits: u32,
    parity: Option<Parity>,
    /// Stop bits can be one and a half.
    stop_half_bits: u32,
}

espalier_core::persist!(value Format { data_bits, parity, stop_half_bits } if Format::is_possible;);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parity {
    Even,
    Odd,
}

espalier_core::persist!(
    enum Parity {
        Even,
        Odd,
    }
);

/// States of the receiver and the transmitter as `STATUS` shows them.
mod fsm {
    pub const IDLE: u32 = 0;
    pub const START: u32 = 1;
    pub const PARITY: u32 = 10;
    pub const STOP: u32 = 11;
}

impl Format {
    /// Reads the format in `CONF0`; the delays of `RS485_CONF` work as further stop bits, which ESP-IDF uses to get two of them.
    pub(super) fn of(conf0: u32, rs485_conf: u32) -> Format {
        let parity = match (reg::CONF0::PARITY_EN.is_set(conf0), reg::CONF0::PARITY.is_set(conf0)) {
            (false, _) => None,
            (true, false) => Some(Parity::Even),
            (true, true) => Some(Parity::Odd),
        };
        let stop = reg::CONF0::STOP_BIT_NUM.get(conf0);
        let delays = [reg::RS485_CONF::DL0_EN.mask(), reg::RS485_CONF::DL1_EN.mask()]
            .into_iter()
            .filter(|bit| rs485_conf & bit != 0)
            .count();
        Format {
            data_bits: FEWEST_DATA_BITS + (reg::CONF0::BIT_NUM.get(conf0)),
            parity,
            stop_half_bits: stop.max(1) + 1 + HALVES_PER_BIT * delays as u32,
        }
    }

    /// The format of the other side.
    pub(super) fn of_line(format: SerialFormat) -> Format {
        Format {
            data_bits: u32::from(format.data_bits).clamp(FEWEST_DATA_BITS, MOST_DATA_BITS),
            parity: format.parity.map(|parity| match parity {
                SerialParity::Even => Parity::Even,
                SerialParity::Odd => Parity::Odd,
            }),
            stop_half_bits: u32::from(format.stop_half_bits).clamp(HALVES_PER_BIT, 2 * HALVES_PER_BIT),
        }
    }

    fn is_possible(&self) -> bool {
        (FEWEST_DATA_BITS..=MOST_DATA_BITS).contains(&self.data_bits)
    }

    pub(super) fn half_bits(self) -> u32 {
        HALVES_PER_BIT * self.stop_bit() + self.stop_half_bits
    }

    /// Index of the first stop bit; the start bit has index 0.
    pub(super) fn stop_bit(self) -> u32 {
        START_BITS + self.data_bits + u32::from(self.parity.is_some())
    }

    /// Levels of all bits up to and including the first stop bit; bit n is the n-th of them.
    pub(super) fn levels(self, byte: u8) -> u32 {
        let data = u32::from(byte) & self.data_mask();
        let parity = u32::from(self.parity_level(data)) << (START_BITS + self.data_bits);
        data << START_BITS | parity | 1 << self.stop_bit()
    }

    /// The levels of a frame, each with when it begins and ends; the last one is that of all stop bits.
    pub(super) fn spans(self, frame: Passed, bit: BitTime) -> impl Iterator<Item = (bool, (Time, Time))> {
        let (levels, stop) = (self.levels(frame.byte), self.stop_bit());
        (0..=stop).map(move |index| {
            let until = if index == stop { frame.end } else { frame.start + bit.bits(index + 1) };
            (levels >> index & 1 != 0, (frame.start + bit.bits(index), until))
        })
    }

    /// The data bits of sampled levels.
    pub(super) fn data(self, levels: u32) -> u8 {
        (levels >> START_BITS & self.data_mask()) as u8
    }

    pub(super) fn parity_is_wrong(self, levels: u32) -> bool {
        let expected = self.levels(self.data(levels));
        self.parity.is_some() && (expected ^ levels) >> (START_BITS + self.data_bits) & 1 != 0
    }

    /// State and level of a frame in whose `index`-th bit the line is.
    pub(super) fn at(self, byte: u8, index: u64) -> (u32, bool) {
        let stop = self.stop_bit();
        let index = index.min(u64::from(stop)) as u32;
        let level = self.levels(byte) >> index & 1 != 0;
        let state = match index {
            index if index == stop => fsm::STOP,
            index if index > self.data_bits => fsm::PARITY,
            index => fsm::START + index,
        };
        (state, level)
    }

    /// State and level of a line without a frame.
    pub(super) fn idle() -> (u32, bool) {
        (fsm::IDLE, true)
    }

    fn data_mask(self) -> u32 {
        (1 << self.data_bits) - 1
    }

    fn parity_level(self, data: u32) -> bool {
        let odd_ones = !data.count_ones().is_multiple_of(2);
        match self.parity {
            None => false,
            Some(Parity::Even) => odd_ones,
            Some(Parity::Odd) => !odd_ones,
        }
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{Frequency, Span};

    use super::{BitTime, Format};

    /// TRM 13.3.3: baud = source / (CLKDIV + FRAG / 16).
    #[test]
    fn divider_has_a_fraction() {
        let apb = Frequency::from_hertz(80_000_000);
        assert_eq!(BitTime::divided(apb, 694 | 7 << 20).bits(16), Span::from_ticks(6 * (694 * 16 + 7)));
        assert_eq!(BitTime::of_baud(115_200).bits(10), Span::from_ticks(41_667));
        for baud in [300, 115_200, 3_000_001] {
            let (bit, from) = (BitTime::of_baud(baud), Span::from_ticks(777_777));
            let next = bit.until_next(from);
            assert_eq!(bit.bits_in(next), bit.bits_in(from) + 1);
            assert_eq!(bit.bits_in(Span::from_ticks(next.ticks() - 1)), bit.bits_in(from));
        }
        assert!(BitTime::of_baud(115_200).reads(BitTime::of_baud(112_000)));
        assert!(!BitTime::of_baud(115_200).reads(BitTime::of_baud(105_000)));
    }

    #[test]
    fn formats_count_their_bits() {
        let eight_n_one = Format::of(0x1C, 0);
        assert_eq!((eight_n_one.half_bits(), eight_n_one.levels(0x55)), (20, 0b10_1010_1010));
        let seven_e_two = Format::of(0b11_1010, 0);
        assert_eq!((seven_e_two.half_bits(), seven_e_two.levels(0x7F)), (22, 0b11_1111_1110));
        assert!(seven_e_two.parity_is_wrong(0b10_1111_1110));
        let five_o_one_and_a_half = Format::of(0b10_0011, 0);
        assert_eq!((five_o_one_and_a_half.half_bits(), five_o_one_and_a_half.levels(0xFF)), (17, 0b1011_1110));
        assert_eq!(Format::of(0x1C, 0b100).half_bits(), 22);
    }
}
