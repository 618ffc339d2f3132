//! Two control blocks and a line between them that can be told what to lose.

use std::collections::VecDeque;
use std::net::SocketAddrV4;

use espalier_core::{Span, Time};
use smoltcp::wire::{TcpControl, TcpRepr, TcpSeqNumber};

use super::{State, Tcb};
use crate::gateway::reply::blank_segment;
use crate::rng::Rng;

const CLIENT: u16 = 50_000;
const SERVER: u16 = 80;
/// Close to where numbers wrap around.
const INITIAL: [u32; 2] = [u32::MAX - 2000, 0x7FFF_FF00];

/// A segment that owns its payload.
#[derive(Clone, Debug)]
struct Segment {
    header: TcpRepr<'static>,
    payload: Vec<u8>,
}

impl Segment {
    fn of(segment: &TcpRepr<'_>) -> Segment {
        Segment { header: TcpRepr { payload: &[], ..*segment }, payload: segment.payload.to_vec() }
    }
}

/// One end.
struct End {
    block: Tcb,
    ports: (u16, u16),
    stream: VecDeque<u8>,
}

impl End {
    fn send(&mut self, now: Time) -> Vec<Segment> {
        let address = |port| SocketAddrV4::new([10, 0, 2, 2].into(), port);
        let mut sent = Vec::new();
        let ends = (address(self.ports.0), address(self.ports.1));
        self.block.send_all(ends, self.stream.len(), now, |segment| sent.push(Segment::of(segment)));
        sent
    }

    fn receive(&mut self, segment: &Segment, now: Time) {
        let segment = TcpRepr { payload: &segment.payload, ..segment.header };
        self.block.receive(&segment, &mut self.stream, now);
    }
}

/// A client and a server that have met.
struct Pair {
    client: End,
    server: End,
    now: Time,
}

impl Pair {
    fn connected() -> Pair {
        let mut client = End { block: Tcb::connect(INITIAL[0]), ports: (CLIENT, SERVER), stream: VecDeque::new() };
        let now = Time::ZERO;
        let syn = client.send(now).remove(0);
        let block = Tcb::accept(INITIAL[1], &syn.header);
        let server = End { block, ports: (SERVER, CLIENT), stream: VecDeque::new() };
        let mut pair = Pair { client, server, now };
        pair.exchange(|_| true);
        assert_eq!((pair.client.block.state(), pair.server.block.state()), (State::Established, State::Established));
        pair
    }

    /// Carries segments one by one until nothing more comes; those that `keeps` refuses are lost.
    fn exchange(&mut self, mut keeps: impl FnMut(&Segment) -> bool) {
        let mut on_way: VecDeque<(bool, Segment)> = VecDeque::new();
        loop {
            on_way.extend(self.client.send(self.now).into_iter().map(|segment| (true, segment)));
            on_way.extend(self.server.send(self.now).into_iter().map(|segment| (false, segment)));
            let Some((to_server, segment)) = on_way.pop_front() else { return };
            self.now += Span::from_micros(100);
            if keeps(&segment) {
                if to_server { &mut self.server } else { &mut self.client }.receive(&segment, self.now);
            }
        }
    }

    /// Lets time go on to the next timer. False if there is none.
    fn wait(&mut self) -> bool {
        let next = self.client.block.deadline().into_iter().chain(self.server.block.deadline()).min();
        if let Some(at) = next {
            self.now = self.now.max(at);
            self.client.block.wake(self.now);
            self.server.block.wake(self.now);
        }
        next.is_some()
    }
}

fn data(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 / 3) as u8).collect()
}

/// RFC 5681, 3.2: three acknowledgements of one byte repeat the segment behind it, before any timer.
#[test]
fn one_lost_segment_is_repeated_at_once() {
    let mut pair = Pair::connected();
    let sent = data(10_000);
    assert_eq!(pair.client.block.send(&sent), sent.len());
    let (mut first, begun) = (true, pair.now);
    pair.exchange(|it| it.payload.is_empty() || !std::mem::take(&mut first));
    assert!(pair.now.since(begun) < Span::from_millis(100));
    assert!(pair.server.stream == sent);
}

#[test]
fn everything_arrives_however_much_is_lost() {
    for percent in [1, 10, 30, 50] {
        let mut pair = Pair::connected();
        let mut rng = Rng::new(percent, 0);
        let sent = data(100_000);
        let (mut at, mut got) = (0, Vec::new());
        while got.len() < sent.len() {
            at += pair.client.block.send(&sent[at..]);
            pair.exchange(|_| !rng.chance(percent as f64 / 100.0));
            got.extend(pair.server.stream.drain(..));
            pair.server.block.note_read(0);
            let is_stuck = at == sent.len() || pair.client.block.room() == 0;
            assert!(!is_stuck || got.len() == sent.len() || pair.wait(), "{percent} %: {} of {at} bytes", got.len());
        }
        assert!(got == sent, "{percent} %");
    }
}

/// RFC 9293, 3.8.6.1: a closed window is asked for, and a lost word of its opening costs no data.
#[test]
fn a_closed_window_is_probed_until_it_opens() {
    let mut pair = Pair::connected();
    let sent = data(100_000);
    let mut at = 0;
    for _ in 0..20 {
        at += pair.client.block.send(&sent[at..]);
        pair.exchange(|_| true);
    }
    let held = pair.server.stream.len();
    assert!(held <= 64 * 1024 && at < sent.len(), "{held} bytes are held, {at} were taken");
    for _ in 0..5 {
        assert!(pair.wait(), "it asks");
        pair.exchange(|_| true);
        assert_eq!(pair.server.stream.len(), held);
    }
    let mut got: Vec<u8> = pair.server.stream.drain(..).collect();
    assert!(pair.server.block.note_read(0));
    // The word that the window is open is lost.
    let _lost = pair.server.send(pair.now);
    while got.len() < sent.len() {
        at += pair.client.block.send(&sent[at..]);
        pair.exchange(|_| true);
        got.extend(pair.server.stream.drain(..));
        pair.server.block.note_read(0);
        let is_stuck = at == sent.len() || pair.client.block.room() == 0;
        assert!(!is_stuck || got.len() == sent.len() || pair.wait(), "{} of {at} bytes", got.len());
    }
    assert!(got == sent);
}

#[test]
fn both_ends_close_in_any_order() {
    let mut pair = Pair::connected();
    pair.client.block.send(b"last words");
    pair.client.block.close();
    pair.exchange(|_| true);
    assert_eq!((pair.client.block.state(), pair.server.block.state()), (State::FinWait2, State::CloseWait));
    assert_eq!(pair.server.stream, b"last words");
    pair.server.block.close();
    pair.exchange(|_| true);
    assert_eq!((pair.client.block.state(), pair.server.block.state()), (State::TimeWait, State::Closed));
    assert!(pair.wait());
    assert_eq!(pair.client.block.state(), State::Closed);

    let mut pair = Pair::connected();
    pair.client.block.close();
    pair.server.block.close();
    pair.exchange(|_| true);
    assert_eq!((pair.client.block.state(), pair.server.block.state()), (State::TimeWait, State::TimeWait));
}

#[test]
fn a_lost_end_is_sent_again() {
    let mut pair = Pair::connected();
    pair.client.block.close();
    pair.exchange(|it| it.header.control != TcpControl::Fin);
    assert_eq!(pair.server.block.state(), State::Established);
    pair.wait();
    pair.exchange(|_| true);
    assert_eq!((pair.client.block.state(), pair.server.block.state()), (State::FinWait2, State::CloseWait));
}

/// RFC 5961, 3 and 4: only a reset with the exact number resets.
#[test]
fn resets_and_openings_out_of_place_are_questioned_once_a_second() {
    let mut pair = Pair::connected();
    let segment = |control, seq: u32| Segment {
        header: TcpRepr {
            control,
            seq_number: TcpSeqNumber(seq as i32),
            window_len: 1000,
            ..blank_segment(CLIENT, SERVER)
        },
        payload: Vec::new(),
    };
    let next = INITIAL[0].wrapping_add(1);
    for (control, seq) in [(TcpControl::Rst, next.wrapping_add(9)), (TcpControl::Syn, next.wrapping_add(9))] {
        pair.now += Span::from_secs(1);
        for answers in [1, 0, 0] {
            pair.server.receive(&segment(control, seq), pair.now);
            assert_eq!(pair.server.send(pair.now).len(), answers);
        }
        assert_eq!(pair.server.block.state(), State::Established);
    }
    pair.server.receive(&segment(TcpControl::Rst, next), pair.now);
    assert_eq!((pair.server.block.state(), pair.server.block.was_reset()), (State::Closed, true));
}

#[test]
fn an_abort_is_a_reset_that_the_other_end_believes() {
    let mut pair = Pair::connected();
    pair.client.block.send(&data(3000));
    pair.exchange(|_| true);
    pair.client.block.abort();
    pair.exchange(|_| true);
    assert!(pair.server.block.was_reset());
    assert_eq!(pair.server.stream.len(), 3000, "what came before is kept");
}

/// RFC 9293, 3.5.1, figure 12: the remote end still knows of an earlier connection.
#[test]
fn a_half_open_connection_of_the_remote_end_is_reset() {
    let mut pair = Pair::connected();
    let mut again = End { block: Tcb::connect(77), ports: (CLIENT, SERVER), stream: VecDeque::new() };
    let syn = again.send(pair.now).remove(0);
    pair.now += Span::from_secs(1);
    pair.server.receive(&syn, pair.now);
    let question = pair.server.send(pair.now);
    assert_eq!(question.len(), 1);
    again.receive(&question[0], pair.now);
    let reset = again.send(pair.now);
    assert_eq!(reset[0].header.control, TcpControl::Rst);
    pair.server.receive(&reset[0], pair.now);
    assert!(pair.server.block.was_reset());
    assert_eq!(again.block.state(), State::SynSent);
}

#[test]
fn waiting_data_is_bounded() {
    let mut pair = Pair::connected();
    let mut taken = 0;
    for _ in 0..100 {
        taken += pair.client.block.send(&[0; 10_000]);
    }
    assert_eq!(taken, 16 * 1024);
}
