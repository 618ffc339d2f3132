//! The sending half of a TCP connection: what waits, what is in flight and when it is sent again (RFC 9293, 3.8; RFC 6298).
//!
//! There is no congestion control: the LAN has no router that could be congested, and the remote window bounds what is in flight.

use std::collections::VecDeque;

use espalier_core::{Span, Time};

/// Bytes that wait to be sent or acknowledged at most.
const BUFFER: usize = 16 * 1024;
/// Longest payload: 1500 bytes less the headers of IPv4 and TCP.
pub(super) const MSS: u16 = 1500 - 20 - 20;
/// Maximum segment size of a remote end that announces none (RFC 9293, 3.7.1).
const MSS_DEFAULT: u16 = 536;
/// A remote end that takes less is not believed: it would be sent little but headers.
const MSS_MIN: u16 = 64;
/// RFC 6298, 2.1 and 2.4; no wait between two attempts is longer than the last.
const RTO_INITIAL: Span = Span::from_secs(1);
const RTO_MIN: Span = Span::from_secs(1);
const RTO_MAX: Span = Span::from_secs(60);
/// So many acknowledgements of the same byte mean that the segment behind it is lost (RFC 5681, 3.2).
const DUPLICATES: u8 = 3;

/// A part of the stream, as it goes into a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) seq: u32,
    pub(super) opens: bool,
    pub(super) finishes: bool,
    /// Nothing waits behind it.
    pub(super) pushes: bool,
    pub(super) payload: Vec<u8>,
}

/// The effect of an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acknowledged {
    /// Something that was said before.
    Old,
    /// Sent bytes, or a part of them.
    Sent,
    /// Something that was never sent.
    Unsent,
}

/// The variables are those of RFC 9293, 3.3.1.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    /// SND.UNA: the oldest number that is not acknowledged.
    una: u32,
    /// SND.NXT: the number to send next. It goes back to `una` when too much is lost.
    next: u32,
    /// Behind the highest number that was ever sent.
    max: u32,
    /// The SYN is not acknowledged; it is at `una` then.
    opening: bool,
    /// Bytes that are not acknowledged, those first that were sent.
    buffer: VecDeque<u8>,
    /// A FIN follows the buffer.
    finishing: bool,
    finished: bool,
    window: usize,
    largest_window: usize,
    /// SND.WL1 and SND.WL2: the segment that said what `window` is.
    window_from: (u32, u32),
    mss: usize,
    rto: Span,
    /// SRTT and RTTVAR in ticks, once there was a measurement.
    round_trip: Option<(u64, u64)>,
    /// The number whose acknowledgement is timed, and when it was sent. Nothing that is sent twice is (RFC 6298, 3).
    timed: Option<(u32, Time)>,
    timer: Option<Time>,
    duplicates: u8,
    /// End of the data that had been sent when a loss was noticed (RFC 6582).
    recovers_until: Option<u32>,
    /// The first segment is to be sent once more.
    repeats: bool,
    /// One byte is to be sent, though the window is closed.
    probes: bool,
}

espalier_core::persist! {
    value Sender {
        una, next, max, opening, buffer, finishing, finished, window, largest_window, window_from, mss, rto,
        round_trip, timed, timer, duplicates, recovers_until, repeats, probes
    } if Sender::is_sound;
}

/// Distance of `number` behind `origin`, in the arithmetic of RFC 9293, 3.4.
pub(super) fn distance(number: u32, origin: u32) -> i32 {
    number.wrapping_sub(origin) as i32
}

impl Sender {
    pub(super) fn new(initial: u32) -> Sender {
        Sender {
            una: initial,
            next: initial,
            max: initial,
            opening: true,
            buffer: VecDeque::new(),
            finishing: false,
            finished: false,
            window: 0,
            largest_window: 0,
            window_from: (0, 0),
            mss: MSS_DEFAULT.into(),
            rto: RTO_INITIAL,
            round_trip: None,
            timed: None,
            timer: None,
            duplicates: 0,
            recovers_until: None,
            repeats: false,
            probes: false,
        }
    }

    /// The remote end's SYN says what it takes.
    pub(super) fn meet(&mut self, seq: u32, ack: u32, window: u16, mss: Option<u16>) {
        self.mss = mss.unwrap_or(MSS_DEFAULT).clamp(MSS_MIN, MSS).into();
        self.set_window(seq, ack, window);
    }

    fn set_window(&mut self, seq: u32, ack: u32, window: u16) {
        self.window = window.into();
        self.largest_window = self.largest_window.max(self.window);
        self.window_from = (seq, ack);
    }

    /// Behind the highest number that was sent: what a reset carries.
    fn is_sound(&self) -> bool {
        self.buffer.len() <= BUFFER && self.mss != 0
    }

    pub(super) fn highest(&self) -> u32 {
        self.max
    }

    pub(super) fn next(&self) -> u32 {
        self.next
    }

    /// True while an answer of the remote end is due.
    pub(super) fn is_owed_an_answer(&self) -> bool {
        self.opening || self.finishing || !self.buffer.is_empty()
    }

    pub(super) fn is_opening(&self) -> bool {
        self.opening
    }

    /// True once the FIN was acknowledged.
    pub(super) fn has_finished(&self) -> bool {
        self.finished
    }

    /// Bytes that there is room for.
    pub(super) fn room(&self) -> usize {
        BUFFER - self.buffer.len()
    }

    /// Takes bytes that there is room for.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend(bytes);
    }

    /// Nothing comes behind what waits.
    pub(super) fn finish(&mut self) {
        self.finishing = true;
    }

    /// The SYN has to be sent again.
    pub(super) fn reopen(&mut self) {
        self.next = self.una;
        self.timer = None;
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.timer
    }

    /// Takes an acknowledgement. `seq` is the number of its segment, `empty` says that this has nothing else in it.
    pub(super) fn acknowledge(&mut self, seq: u32, ack: u32, window: u16, empty: bool, now: Time) -> Acknowledged {
        let news = distance(ack, self.una);
        if news > distance(self.max, self.una) {
            return Acknowledged::Unsent;
        }
        if news < 0 {
            return Acknowledged::Old;
        }
        if news > 0 {
            self.advance(ack, news as usize, now);
        } else if empty && self.next != self.una && usize::from(window) == self.window {
            self.duplicates = self.duplicates.saturating_add(1);
            if self.duplicates == DUPLICATES && self.recovers_until.is_none() {
                self.recovers_until = Some(self.max);
                self.repeats = true;
            }
        }
        let (from_seq, from_ack) = self.window_from;
        let later = distance(seq, from_seq);
        if later > 0 || (later == 0 && distance(ack, from_ack) >= 0) {
            if self.window == 0 && window > 0 {
                // The byte that asked for this was not taken, or is acknowledged.
                self.next = self.una;
                self.timer = None;
                self.rto = self.measured_rto();
            }
            self.set_window(seq, ack, window);
        }
        if news > 0 { Acknowledged::Sent } else { Acknowledged::Old }
    }

    fn advance(&mut self, ack: u32, mut count: usize, now: Time) {
        if std::mem::take(&mut self.opening) {
            count -= 1;
        }
        let bytes = count.min(self.buffer.len());
        self.buffer.drain(..bytes);
        if count > bytes {
            (self.finishing, self.finished) = (false, true);
        }
        self.una = ack;
        if distance(self.next, self.una) < 0 {
            self.next = self.una;
        }
        if let Some((seq, at)) = self.timed
            && distance(ack, seq) > 0
        {
            self.timed = None;
            self.measure(now.since(at));
        }
        self.rto = self.measured_rto();
        self.timer = None;
        self.duplicates = 0;
        match self.recovers_until {
            // The segments that follow were lost as well.
            Some(end) if distance(ack, end) < 0 => self.repeats = true,
            _ => self.recovers_until = None,
        }
    }

    /// RFC 6298, 2.2 and 2.3.
    fn measure(&mut self, sample: Span) {
        let sample = sample.ticks();
        self.round_trip = Some(match self.round_trip {
            None => (sample, sample / 2),
            Some((smooth, variation)) => ((7 * smooth + sample) / 8, (3 * variation + smooth.abs_diff(sample)) / 4),
        });
    }

    fn measured_rto(&self) -> Span {
        self.round_trip
            .map_or(RTO_INITIAL, |(smooth, variation)| Span::from_ticks(smooth + 4 * variation).clamp(RTO_MIN, RTO_MAX))
    }

    /// Guest time has come to `now`: what was not acknowledged in time is sent again.
    pub(super) fn wake(&mut self, now: Time) {
        if self.timer.is_none_or(|at| at > now) {
            return;
        }
        self.timer = None;
        self.next = self.una;
        self.rto = (self.rto * 2).min(RTO_MAX);
        (self.timed, self.recovers_until, self.duplicates, self.repeats) = (None, None, 0, false);
        self.probes = true;
    }

    /// Returns the next piece that can be sent now. `None` sets the timer for the data in flight or waits for the window.
    pub(super) fn next_piece(&mut self, now: Time) -> Option<Piece> {
        let piece = self.repeated().or_else(|| self.following(now));
        match &piece {
            Some(_) => self.probes = false,
            None if self.timer.is_none() && (self.next != self.una || self.is_owed_an_answer()) => {
                self.timer = Some(now + self.rto);
            }
            None => {}
        }
        piece
    }

    fn repeated(&mut self) -> Option<Piece> {
        let in_flight = distance(self.next, self.una).unsigned_abs() as usize;
        if !std::mem::take(&mut self.repeats) || in_flight == 0 || self.opening {
            return None;
        }
        self.timed = None;
        let length = in_flight.min(self.mss).min(self.buffer.len());
        let finishes = self.finishing && length == self.buffer.len() && in_flight > length;
        Some(self.piece(0, length, finishes))
    }

    fn following(&mut self, now: Time) -> Option<Piece> {
        let sent = distance(self.next, self.una).unsigned_abs() as usize;
        if self.opening {
            let first = Piece { seq: self.una, opens: true, ..Piece::default() };
            return (sent == 0).then(|| self.note_sent(first, 1, now));
        }
        let unsent = self.buffer.len().saturating_sub(sent);
        let room = self.window.max(usize::from(self.probes)).saturating_sub(sent);
        let length = unsent.min(room).min(self.mss);
        let finishes = self.finishing && sent + length == self.buffer.len();
        // A receiver that opens its window little by little is not sent little pieces (RFC 9293, 3.8.6.2.1).
        let is_silly = sent > 0 && length < unsent.min(self.mss) && length < self.largest_window / 2;
        if !finishes && (length == 0 || is_silly) {
            return None;
        }
        let piece = self.piece(sent, length, finishes);
        Some(self.note_sent(piece, length as u32 + u32::from(finishes), now))
    }

    fn piece(&self, from: usize, length: usize, finishes: bool) -> Piece {
        let payload = self.buffer.range(from..from + length).copied().collect();
        let pushes = from + length == self.buffer.len();
        Piece { seq: self.una.wrapping_add(from as u32), opens: false, finishes, pushes, payload }
    }

    fn note_sent(&mut self, piece: Piece, length: u32, now: Time) -> Piece {
        if self.next == self.max && self.timed.is_none() {
            self.timed = Some((piece.seq, now));
        }
        self.next = self.next.wrapping_add(length);
        if distance(self.next, self.max) > 0 {
            self.max = self.next;
        }
        piece
    }
}
