use super::frame::{bits_before_crc, crc};
use super::{CanError, CanEvent, CanFrame, CanNode, CanTiming, CanTransmission};
use crate::{Span, Time};

fn frame(text: &str) -> CanFrame {
    text.parse().unwrap()
}

fn transmission(text: &str) -> CanTransmission {
    CanTransmission { frame: frame(text), once: false, heard: false }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Fault {
    #[default]
    Nothing,
    /// The levels are the wrong ones.
    Flipped,
    /// The two wires touch: no node can make the bus dominant.
    Short,
}

/// Nodes on one bus, whose level is dominant while one of them drives it so.
struct Bus {
    nodes: Vec<CanNode>,
    now: Time,
    /// The faults of the bus, each from a time on.
    faults: Vec<(Time, Fault)>,
    fault: Fault,
    level: bool,
    /// The edges.
    trace: Vec<(Time, bool)>,
}

impl Bus {
    fn new(timings: &[CanTiming]) -> Bus {
        let mut nodes: Vec<CanNode> = timings.iter().map(|timing| CanNode::new(*timing)).collect();
        nodes.iter_mut().for_each(|node| node.start(Time::ZERO));
        Bus { nodes, now: Time::ZERO, faults: Vec::new(), fault: Fault::Nothing, level: true, trace: Vec::new() }
    }

    fn of(count: usize) -> Bus {
        Bus::new(&vec![CanTiming::of_rate(500_000); count])
    }

    fn settle(&mut self) {
        let driven = self.nodes.iter().all(CanNode::output);
        let level = match self.fault {
            Fault::Nothing => driven,
            Fault::Flipped => !driven,
            Fault::Short => true,
        };
        if level != self.level {
            self.level = level;
            self.trace.push((self.now, level));
            self.nodes.iter_mut().for_each(|node| node.set_level(level, self.now));
        }
    }

    fn run(&mut self, micros: u64) {
        let end = self.now + Span::from_micros(micros);
        loop {
            let forced = self.faults.first().map(|(at, _)| *at);
            let next = self.nodes.iter().filter_map(CanNode::deadline).chain(forced).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = next;
            if forced == Some(next) {
                self.fault = self.faults.remove(0).1;
            }
            self.nodes.iter_mut().for_each(|node| node.advance(next));
            self.settle();
        }
        self.now = end;
    }

    fn send(&mut self, node: usize, text: &str) {
        self.nodes[node].send(transmission(text), self.now);
        self.settle();
    }

    fn received(&mut self, node: usize) -> Vec<String> {
        let events = self.nodes[node].take_events().into_iter();
        events
            .filter_map(|event| if let CanEvent::Received(frame) = event { Some(frame.to_string()) } else { None })
            .collect()
    }
}

/// A frame whose bits are in every description of CAN: identifier 0x555 has no stuffed bits, 0x000 has many.
#[test]
fn frames_are_bits_and_back() {
    for text in [
        "000#",
        "7FF#FFFFFFFFFFFFFFFF",
        "555#00",
        "123#R",
        "123#R8",
        "1FFFFFFF#0102030405060708",
        "00000000#",
        "0ABCDEF0#R3",
    ] {
        let frame = frame(text);
        let bits = frame.bits();
        let at = bits_before_crc(&bits).unwrap();
        assert_eq!((CanFrame::of_bits(&bits), bits.len(), frame.to_string()), (frame, at + 15, text.to_owned()));
        // The checksum over itself is zero.
        assert_eq!(crc(&bits), 0, "{text}");
    }
    for wrong in ["", "123", "800#", "1234#", "123#0", "123#001122334455667788", "20000000#", "12G#", "123#R16", "+12#"]
    {
        assert!(wrong.parse::<CanFrame>().is_err(), "{wrong}");
    }
}

/// The start and the identifier 0x000 are twelve dominant bits: five, a stuffed one, five, another.
#[test]
fn bits_are_stuffed_and_a_receiver_acknowledges() {
    let mut bus = Bus::of(2);
    bus.run(30);
    bus.send(0, "000#");
    let begin = bus.now;
    bus.run(1000);
    let edges: Vec<(u64, bool)> =
        bus.trace.iter().map(|(at, level)| (at.since(begin).ticks() / Span::from_micros(2).ticks(), *level)).collect();
    assert_eq!(edges[..5], [(0, false), (5, true), (6, false), (11, true), (12, false)]);
    assert_eq!(bus.received(1), ["000#"]);
    assert_eq!(bus.nodes[0].take_events(), [CanEvent::Sent]);
    assert_eq!((bus.nodes[0].errors(), bus.nodes[1].errors()), ((0, 0), (0, 0)));
    assert_eq!((bus.nodes[0].deadline(), bus.nodes[1].deadline()), (None, None), "an idle bus costs nothing");
}

#[test]
fn every_form_of_a_frame_arrives_at_every_rate() {
    for rate in [10_000, 125_000, 500_000, 1_000_000] {
        // The receiver's clock is a little off, and its sample point elsewhere.
        let sent = CanTiming::of_rate(rate);
        let bit = Span::from_ticks(sent.bit.ticks() * 1004 / 1000);
        let other = CanTiming { bit, sample: Span::from_ticks(bit.ticks() * 7 / 8), jump: sent.jump };
        let mut bus = Bus::new(&[sent, other]);
        for text in ["000#", "7FF#FFFFFFFFFFFFFFFF", "2AA#00", "123#R8", "1FFFFFFF#0102030405060708", "00000000#0000"] {
            bus.send(0, text);
            bus.run(20_000_000 / u64::from(rate) * 15);
            assert_eq!(bus.received(1), [text], "{rate}");
        }
        assert_eq!((bus.nodes[0].errors(), bus.nodes[1].errors()), ((0, 0), (0, 0)));
    }
}

#[test]
fn the_lower_identifier_wins_and_the_other_one_follows() {
    let mut bus = Bus::of(3);
    bus.nodes[0].send(transmission("124#AA"), Time::ZERO);
    bus.nodes[1].send(transmission("123#BB"), Time::ZERO);
    bus.run(2000);
    assert_eq!(bus.received(2), ["123#BB", "124#AA"]);
    // They differ in the ninth bit of eleven.
    let events = bus.nodes[0].take_events();
    assert_eq!(events, [CanEvent::Lost { bits: 8 }, CanEvent::Received(frame("123#BB")), CanEvent::Sent]);
    assert_eq!(bus.nodes[1].take_events(), [CanEvent::Sent, CanEvent::Received(frame("124#AA"))]);
    // A data frame goes before a remote one, and a standard one before an extended one.
    for (first, second) in [("123#", "123#R"), ("123#R", "048C0000#"), ("048C0000#11", "048C0001#")] {
        bus.nodes[0].send(transmission(second), bus.now);
        bus.nodes[1].send(transmission(first), bus.now);
        bus.settle();
        bus.run(2000);
        assert_eq!(bus.received(2), [first, second]);
    }
}

#[test]
fn a_node_that_no_other_hears_becomes_passive_and_stays_on_the_bus() {
    let mut bus = Bus::of(1);
    bus.send(0, "123#");
    bus.run(20_000);
    assert_eq!(bus.nodes[0].errors(), (128, 0));
    let events = bus.nodes[0].take_events();
    assert!(events.len() > 40, "it tries again and again");
    assert!(
        events.iter().all(|event| *event == CanEvent::Error { kind: CanError::Other, segment: 0x19, sending: true })
    );
    // Once only, and alone.
    let mut bus = Bus::of(1);
    bus.nodes[0].send(CanTransmission { once: true, ..transmission("123#") }, Time::ZERO);
    bus.run(20_000);
    assert_eq!(bus.nodes[0].take_events()[1..], [CanEvent::Dropped]);
    bus.nodes[0].set_mode(false, true);
    bus.nodes[0].send(CanTransmission { heard: true, ..transmission("123#77") }, bus.now);
    bus.settle();
    bus.run(2000);
    assert_eq!(bus.nodes[0].take_events(), [CanEvent::Sent, CanEvent::Received(frame("123#77"))]);
}

#[test]
fn a_listener_neither_acknowledges_nor_counts() {
    let mut bus = Bus::of(2);
    bus.nodes[1].set_mode(true, false);
    bus.send(0, "123#11");
    bus.run(400);
    assert_eq!(bus.nodes[1].errors(), (0, 0));
    assert!(bus.nodes[0].errors().0 > 0);
    bus.nodes[1].send(transmission("1#"), bus.now);
    bus.run(20_000);
    assert!(!bus.nodes[1].is_sending() && bus.nodes[1].pending().is_some());
}

#[test]
fn a_bit_that_is_flipped_destroys_the_frame_and_it_comes_again() {
    // Behind the arbitration: in the data length, the data, and the checksum.
    for bit in [15, 18, 25, 32, 40, 48] {
        let mut bus = Bus::of(3);
        bus.run(30);
        bus.send(0, "2AA#5555");
        let at = bus.now + Span::from_micros(2 * bit);
        bus.faults = vec![(at, Fault::Flipped), (at + Span::from_micros(2), Fault::Nothing)];
        bus.run(2000);
        let received = [1, 2].map(|node| bus.received(node));
        assert_eq!(received, [["2AA#5555"], ["2AA#5555"]], "{bit}");
        let events = bus.nodes[0].take_events();
        assert!(matches!(events[0], CanEvent::Error { kind: CanError::Bit, sending: true, .. }), "{bit}: {events:?}");
        assert_eq!(events.last(), Some(&CanEvent::Sent));
        assert_eq!(bus.nodes[0].errors(), (7, 0), "eight for the error, one less for the success");
        assert_eq!(bus.nodes[1].errors().0, 0);
    }
}

#[test]
fn a_short_circuit_takes_a_sender_off_the_bus_until_it_has_been_quiet() {
    let mut bus = Bus::of(2);
    bus.run(30);
    bus.fault = Fault::Short;
    bus.send(0, "2AA#");
    bus.faults = vec![(bus.now + Span::from_millis(2), Fault::Nothing)];
    bus.run(2100);
    let events = bus.nodes[0].take_events();
    assert_eq!(events[0], CanEvent::Error { kind: CanError::Bit, segment: 3, sending: true });
    assert_eq!(events.last(), Some(&CanEvent::BusOff));
    assert!(bus.nodes[0].output() && bus.received(1).is_empty());
    bus.run(2 * 11 * 128 + 500);
    assert_eq!(bus.nodes[0].take_events(), [CanEvent::Recovered, CanEvent::Sent]);
    assert_eq!((bus.nodes[0].errors(), bus.received(1)), ((0, 0), vec!["2AA#".to_owned()]));
}

#[test]
fn other_rates_make_errors_on_both_sides() {
    let mut bus = Bus::new(&[CanTiming::of_rate(500_000), CanTiming::of_rate(250_000)]);
    bus.send(0, "123#00FF00FF");
    bus.run(5000);
    assert!(bus.received(1).is_empty());
    assert!(bus.nodes[0].errors().0 > 0 && bus.nodes[1].errors().1 > 0);
}
