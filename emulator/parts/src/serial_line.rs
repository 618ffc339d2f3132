//! The UART of a part: frames of eight data bits without parity and with one stop bit, on a pad for each direction.

use std::collections::VecDeque;

use espalier_core::{Signal, Span, Time};

/// Bits of a frame: start, data, stop.
const FRAME_BITS: u8 = 10;
/// A UART of the chip tells the edges of its frames, with their times, when all that is in its FIFO of 128 bytes has left at the latest.
/// So a frame is judged by its edges and those of the next one, or when no edge of it can come any more: after so many half bits.
const SILENCE: u32 = 2 * FRAME_BITS as u32 * 130;
const STOP: u16 = 1 << 9;
/// Bytes that wait to be sent, and bytes that were received and not taken. Of more than these, those to send are dropped, and the
/// oldest of the received ones.
const MOST: usize = 1 << 12;

/// A frame that is sent.
#[derive(Clone, Copy, Debug)]
struct Outgoing {
    start: Time,
    /// The levels of its bits, and the bit that is on the line.
    levels: u16,
    bit: u8,
}

espalier_core::persist!(value Outgoing { start, levels, bit } if Outgoing::is_sound;);

impl Outgoing {
    fn new(byte: u8, start: Time) -> Outgoing {
        Outgoing { start, levels: STOP | u16::from(byte) << 1, bit: 0 }
    }

    fn is_sound(&self) -> bool {
        self.bit < FRAME_BITS
    }

    fn level(&self) -> bool {
        self.levels >> self.bit & 1 != 0
    }

    /// The next bit with another level, or the end of the frame.
    fn next(&self) -> u8 {
        let differs = |bit: &u8| (self.levels >> bit & 1 != 0) != self.level();
        (self.bit..FRAME_BITS).find(differs).unwrap_or(FRAME_BITS)
    }
}

/// A frame that is received.
#[derive(Clone, Copy, Debug)]
struct Incoming {
    start: Time,
    levels: u16,
    /// Bits that have been sampled.
    bits: u8,
}

espalier_core::persist!(value Incoming { start, levels, bits } if Incoming::is_sound;);

impl Incoming {
    fn is_sound(&self) -> bool {
        self.bits < FRAME_BITS
    }
}

/// The UART of a part. The part hands on the events of its pads and the time, and drives its output with [`level`](SerialLine::level).
///
/// ```
/// use espalier_core::{Signal, Span, Time};
/// use espalier_parts::SerialLine;
///
/// let (mut sender, mut receiver) = (SerialLine::new(9600), SerialLine::new(9600));
/// let start = Time::from_micros(10);
/// sender.send(b"U", start);
/// receiver.sense(Signal::Level(sender.level()), start);
/// while let Some(due) = sender.deadline() {
///     sender.advance(due);
///     receiver.sense(Signal::Level(sender.level()), due);
/// }
/// receiver.advance(Time::from_micros(200_000));
/// assert_eq!(receiver.take(), Some(b'U'));
/// ```
#[derive(Clone, Debug)]
pub struct SerialLine {
    baud: u32,
    waiting: VecDeque<u8>,
    outgoing: Option<Outgoing>,
    level: bool,
    incoming: Option<Incoming>,
    received: VecDeque<u8>,
}

espalier_core::persist! {
    value SerialLine { baud, waiting, outgoing, level, incoming, received } if SerialLine::is_sound;
}

impl SerialLine {
    /// An idle line of this rate in bits per second; zero counts as one.
    pub fn new(baud: u32) -> SerialLine {
        SerialLine {
            baud: baud.max(1),
            waiting: VecDeque::new(),
            outgoing: None,
            level: true,
            incoming: None,
            received: VecDeque::new(),
        }
    }

    fn is_sound(&self) -> bool {
        self.baud != 0
    }

    /// Bits per second.
    pub fn baud(&self) -> u32 {
        self.baud
    }

    /// Changes the rate, also of the frames that are under way.
    pub fn set_baud(&mut self, baud: u32) {
        self.baud = baud.max(1);
    }

    fn half_bits(&self, count: u32) -> Span {
        let double = 2 * u64::from(self.baud);
        Span::from_ticks((Span::from_secs(1).ticks() * u64::from(count) + double / 2) / double)
    }

    fn bits(&self, count: u8) -> Span {
        self.half_bits(2 * u32::from(count))
    }

    /// Sends bytes after those that wait already. Returns how many of them found a place.
    pub fn send(&mut self, bytes: &[u8], now: Time) -> usize {
        let taken = bytes.len().min(MOST - self.waiting.len().min(MOST));
        self.waiting.extend(&bytes[..taken]);
        if self.outgoing.is_none() {
            self.begin(now);
        }
        taken
    }

    fn begin(&mut self, at: Time) {
        self.outgoing = self.waiting.pop_front().map(|byte| Outgoing::new(byte, at));
    }

    /// Number of bytes that wait to be sent, with the one on the line.
    pub fn pending(&self) -> usize {
        self.waiting.len() + usize::from(self.outgoing.is_some())
    }

    /// The level of the output.
    pub fn level(&self) -> bool {
        self.outgoing.is_none_or(|frame| frame.level())
    }

    /// The input carries `signal` from `at` on.
    pub fn sense(&mut self, signal: Signal, at: Time) {
        let level = signal.level_at(at);
        if level == self.level {
            return;
        }
        self.sample(at);
        self.level = level;
        if !level && self.incoming.is_none() {
            self.incoming = Some(Incoming { start: at, levels: 0, bits: 0 });
        }
    }

    /// Samples the bits whose middle has come by `at`.
    fn sample(&mut self, at: Time) {
        while let Some(frame) = self.incoming
            && frame.start + self.half_bits(2 * u32::from(frame.bits) + 1) <= at
        {
            let levels = frame.levels | u16::from(self.level) << frame.bits;
            let bits = frame.bits + 1;
            // A start bit is low in its middle, and a frame that has no stop bit is none.
            self.incoming = (levels & 1 == 0 && bits < FRAME_BITS).then_some(Incoming { levels, bits, ..frame });
            if bits == FRAME_BITS && levels & STOP != 0 {
                if self.received.len() == MOST {
                    self.received.pop_front();
                }
                self.received.push_back((levels >> 1) as u8);
            }
        }
    }

    /// Takes the next byte that was received.
    pub fn take(&mut self) -> Option<u8> {
        self.received.pop_front()
    }

    /// The next edge of the output, or the end of a frame in either direction.
    pub fn deadline(&self) -> Option<Time> {
        let sent = self.outgoing.map(|frame| frame.start + self.bits(frame.next()));
        let heard = self.incoming.map(|frame| frame.start + self.half_bits(SILENCE));
        sent.into_iter().chain(heard).min()
    }

    /// Guest time has come to `now`.
    pub fn advance(&mut self, now: Time) {
        if self.incoming.is_some_and(|frame| frame.start + self.half_bits(SILENCE) <= now) {
            self.sample(now);
        }
        while let Some(frame) = self.outgoing {
            let next = frame.next();
            let due = frame.start + self.bits(next);
            if due > now {
                break;
            }
            if next == FRAME_BITS {
                self.begin(due);
            } else {
                self.outgoing = Some(Outgoing { bit: next, ..frame });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{Signal, Span, Time};

    use super::{MOST, SerialLine};

    /// Carries the output of one line to the input of the other until nothing is under way.
    fn carry(from: &mut SerialLine, to: &mut SerialLine) -> Vec<u8> {
        while let Some(due) = from.deadline().into_iter().chain(to.deadline()).min() {
            from.advance(due);
            to.sense(Signal::Level(from.level()), due);
            to.advance(due);
        }
        std::iter::from_fn(|| to.take()).collect()
    }

    #[test]
    fn bytes_arrive_at_any_common_rate_and_not_at_another() {
        let bytes: Vec<u8> = (0..=255).collect();
        for baud in [300, 9600, 115_200, 921_600] {
            let (mut from, mut to) = (SerialLine::new(baud), SerialLine::new(baud));
            assert_eq!(from.send(&bytes, Time::from_micros(3)), 256);
            to.sense(Signal::Level(from.level()), Time::from_micros(3));
            assert_eq!(carry(&mut from, &mut to), bytes, "{baud}");
        }
        let (mut from, mut to) = (SerialLine::new(9600), SerialLine::new(19200));
        from.send(&bytes, Time::ZERO);
        to.sense(Signal::Level(from.level()), Time::ZERO);
        assert_ne!(carry(&mut from, &mut to), bytes);
    }

    /// A UART of the chip tells the edges of a frame when it is over; meanwhile the part may be called for what it sends itself.
    #[test]
    fn edges_may_be_told_late() {
        let mut line = SerialLine::new(9600);
        let bit = |count: u64| Time::from_micros(1000) + Span::from_ticks(50_000 * count);
        for frame in 0..3 {
            (0..=10).for_each(|passed| line.advance(bit(10 * frame + passed)));
            for (count, level) in
                [(0, false), (1, true), (2, false), (3, true), (4, false), (5, true), (6, false), (7, true)]
            {
                line.sense(Signal::Level(level), bit(10 * frame + count));
            }
            line.sense(Signal::Level(false), bit(10 * frame + 8));
            line.sense(Signal::Level(true), bit(10 * frame + 9));
        }
        line.advance(bit(1400));
        assert_eq!(std::iter::from_fn(|| line.take()).collect::<Vec<_>>(), b"UUU");
    }

    #[test]
    fn short_pulses_and_breaks_are_no_bytes() {
        let mut line = SerialLine::new(9600);
        line.sense(Signal::Level(false), Time::from_micros(100));
        line.sense(Signal::Level(true), Time::from_micros(120));
        line.advance(Time::from_micros(5000));
        line.sense(Signal::Level(false), Time::from_micros(6000));
        line.advance(Time::from_micros(20_000));
        line.sense(Signal::Level(true), Time::from_micros(20_000));
        assert_eq!((line.take(), line.deadline()), (None, None));
    }

    #[test]
    fn waiting_bytes_are_bounded() {
        let mut line = SerialLine::new(9600);
        assert_eq!(line.send(&[0; MOST + 5], Time::ZERO), MOST);
        assert_eq!(line.pending(), MOST);
        line.advance(Time::ZERO + Span::from_millis(2));
        assert_eq!((line.pending(), line.send(&[1; 9], Time::from_micros(2000))), (MOST - 1, 2));
    }
}
