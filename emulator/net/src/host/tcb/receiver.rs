//! The receiving half of a TCP connection: the window, and putting in order what comes out of order (RFC 9293, 3.10.7.4).

use std::collections::VecDeque;

use super::sender::{MSS, distance};

/// The largest window that is offered.
const WINDOW: usize = 16 * 1024;
/// Received bytes that are kept for a test that does not read. After that the window closes, as it does when a program does
/// not read.
const KEPT: usize = 64 * 1024;
/// Segments that are kept while one before them is missing. The remote end sends later ones again.
const AHEAD: usize = 32;

#[derive(Clone, Debug, Default)]
pub(super) struct Receiver {
    /// RCV.NXT: the number that comes next.
    next: u32,
    /// The end of the window as it was offered last.
    edge: u32,
    /// Segments that arrived out of order, by their sequence numbers.
    ahead: Vec<(u32, Vec<u8>)>,
    /// The number of a FIN that came before its time.
    finishes_at: Option<u32>,
}

espalier_core::persist!(value Receiver { next, edge, ahead, finishes_at });

impl Receiver {
    /// The receiver of a stream whose SYN has the number `initial`.
    pub(super) fn new(initial: u32) -> Receiver {
        let next = initial.wrapping_add(1);
        Receiver { next, edge: next, ..Receiver::default() }
    }

    pub(super) fn next(&self) -> u32 {
        self.next
    }

    /// The window to offer to the remote end, which is told it now.
    pub(super) fn offer(&mut self, unread: usize) -> u16 {
        let window = WINDOW.min(KEPT.saturating_sub(unread)) as u16;
        self.edge = self.next.wrapping_add(window.into());
        window
    }

    /// True if reading has made so much room that the remote end should be told (RFC 9293, 3.8.6.2.2).
    pub(super) fn has_room_to_offer(&self, unread: usize) -> bool {
        let offered = distance(self.edge, self.next).max(0) as usize;
        WINDOW.min(KEPT.saturating_sub(unread)) >= offered + usize::from(MSS)
    }

    /// True if a segment of this length, with SYN and FIN counted, is in the window.
    pub(super) fn accepts(&self, seq: u32, length: u32) -> bool {
        let window = distance(self.edge, self.next);
        let is_inside = |number| (0..window).contains(&distance(number, self.next));
        match (length, window) {
            (0, 0) => seq == self.next,
            (0, _) => is_inside(seq),
            _ => is_inside(seq) || is_inside(seq.wrapping_add(length - 1)),
        }
    }

    /// Takes a part of the stream, and puts what is in order into `stream`. True if the stream has come to its end.
    pub(super) fn take(&mut self, seq: u32, payload: &[u8], finishes: bool, stream: &mut VecDeque<u8>) -> bool {
        let end = seq.wrapping_add(payload.len() as u32);
        if finishes && distance(end, self.next) >= 0 && distance(end, self.edge) <= 0 {
            self.finishes_at = Some(end);
        }
        let known = distance(self.next, seq).max(0) as usize;
        let room = distance(self.edge, seq).max(0) as usize;
        if known < payload.len().min(room) {
            let (seq, payload) = (seq.wrapping_add(known as u32), &payload[known..payload.len().min(room)]);
            if seq == self.next {
                self.append(payload, stream);
            } else {
                self.keep(seq, payload);
            }
        }
        let has_ended = self.finishes_at == Some(self.next);
        if has_ended {
            self.finishes_at = None;
            self.next = self.next.wrapping_add(1);
        }
        has_ended
    }

    fn append(&mut self, payload: &[u8], stream: &mut VecDeque<u8>) {
        stream.extend(payload);
        self.next = self.next.wrapping_add(payload.len() as u32);
        while let Some((seq, _)) = self.ahead.first()
            && distance(*seq, self.next) <= 0
        {
            let (seq, later) = self.ahead.remove(0);
            if let Some(news) = later.get(distance(self.next, seq) as usize..) {
                stream.extend(news);
                self.next = self.next.wrapping_add(news.len() as u32);
            }
        }
    }

    fn keep(&mut self, seq: u32, payload: &[u8]) {
        let at = self.ahead.partition_point(|(other, _)| distance(*other, seq) < 0);
        if let Some((_, known)) = self.ahead.get_mut(at).filter(|(other, _)| *other == seq) {
            if known.len() < payload.len() {
                *known = payload.to_vec();
            }
        } else if self.ahead.len() < AHEAD {
            self.ahead.insert(at, (seq, payload.to_vec()));
        }
    }
}
