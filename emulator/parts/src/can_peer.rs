//! A CAN transceiver at the chip's controller, and another node on the bus behind it that a test commands (ISO 11898-2; the TJA1050's data
//! sheet for the two pins).

use std::collections::VecDeque;

use espalier_core::{CanEvent, CanFrame, CanNode, CanTiming, CanTransmission, Signal, Time};

use crate::part::{Drive, PadUse, Part, PartError, Value, ValueError, Wiring};

/// Terminals: what the controller sends, and what it receives.
const TXD: usize = 0;
const RXD: usize = 1;
const RATES: std::ops::RangeInclusive<i64> = 10_000..=1_000_000;
const DEFAULT_RATE: i64 = 500_000;
/// Frames that wait to be sent.
const WAITING: usize = 256;
/// Frames that are kept until the test forgets them; of more than these the oldest are dropped and counted.
const KEPT: usize = 1000;
/// The rounds in which the bus finds its level.
const ROUNDS: usize = 4;

/// The node with the transceiver in front of it.
///
/// ```
/// use espalier_core::Time;
/// use espalier_parts::{CanPeer, Part, Value};
///
/// let mut peer = CanPeer::new(500_000);
/// peer.set("send", &Value::from("123#DEADBEEF"), Time::ZERO)?;
/// peer.advance(Time::from_micros(23));
/// assert_eq!(peer.drive(1), espalier_parts::Drive::Low, "its frame has begun");
/// # Ok::<(), espalier_parts::ValueError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CanPeer {
    rate: u32,
    node: CanNode,
    /// The level of the controller's output; true is recessive.
    controller: bool,
    level: bool,
    silent: bool,
    /// The two wires of the bus touch: no node can make it dominant.
    shorted: bool,
    waiting: VecDeque<CanFrame>,
    received: VecDeque<CanFrame>,
    dropped: u64,
    /// Errors that it has seen.
    errors: u64,
}

espalier_core::persist! {
    state CanPeer { rate, node, controller, level, silent, shorted, waiting, received, dropped, errors }
}

impl CanPeer {
    /// A node of this rate, in bits per second.
    pub fn new(rate: u32) -> CanPeer {
        let mut node = CanNode::new(CanTiming::of_rate(rate));
        node.start(Time::ZERO);
        CanPeer {
            rate,
            node,
            controller: true,
            level: true,
            silent: false,
            shorted: false,
            waiting: VecDeque::new(),
            received: VecDeque::new(),
            dropped: 0,
            errors: 0,
        }
    }

    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        wiring.pad("tx", TXD, PadUse::Hears)?;
        wiring.pad("rx", RXD, PadUse::Drives)?;
        let rate = wiring.integer("bitrate", RATES)?.unwrap_or(DEFAULT_RATE);
        Ok(Box::new(CanPeer::new(rate as u32)))
    }

    /// The frames that it has received, the oldest first.
    pub fn received(&self) -> impl Iterator<Item = &CanFrame> {
        self.received.iter()
    }

    fn restart(&mut self, now: Time) {
        self.node = CanNode::new(CanTiming::of_rate(self.rate));
        self.node.set_mode(self.silent, false);
        self.node.connect(self.level);
        self.node.start(now);
    }

    /// Works out the level of the bus, and takes over what the node has heard.
    fn follow(&mut self, now: Time) {
        for _ in 0..ROUNDS {
            self.level = self.shorted || self.controller && self.node.output();
            self.node.set_level(self.level, now);
            for event in self.node.take_events() {
                match event {
                    CanEvent::Received(frame) => {
                        if self.received.len() == KEPT {
                            self.received.pop_front();
                            self.dropped += 1;
                        }
                        self.received.push_back(frame);
                    }
                    CanEvent::Error { .. } => self.errors += 1,
                    CanEvent::Sent | CanEvent::Dropped | CanEvent::Lost { .. } => {}
                    CanEvent::BusOff | CanEvent::Recovered => {}
                }
            }
            if self.node.pending().is_none()
                && let Some(frame) = self.waiting.pop_front()
            {
                self.node.send(CanTransmission { frame, once: false, heard: false }, now);
            }
            if self.node.take_changes().is_empty() {
                break;
            }
        }
    }
}

impl Part for CanPeer {
    fn power_cycle(&mut self, now: Time) {
        self.waiting.clear();
        (self.controller, self.level) = (true, true);
        self.restart(now);
    }

    fn sense(&mut self, _terminal: usize, signal: Signal, at: Time) {
        self.node.advance(at);
        self.controller = signal.level_at(at);
        self.follow(at);
    }

    fn drive(&self, _terminal: usize) -> Drive {
        if self.level { Drive::High } else { Drive::Low }
    }

    fn deadline(&self) -> Option<Time> {
        self.node.deadline()
    }

    fn advance(&mut self, now: Time) {
        self.node.advance(now);
        self.follow(now);
    }

    fn properties(&self) -> &'static [&'static str] {
        &["send", "received", "bitrate", "silent", "short", "errors"]
    }

    fn set(&mut self, property: &str, value: &Value, now: Time) -> Result<(), ValueError> {
        match property {
            "send" => {
                let frame = value.text()?.parse().map_err(|allowed| ValueError::new(value, allowed))?;
                if self.waiting.len() == WAITING {
                    return Err(ValueError::new(value, format!("one of up to {WAITING} frames that wait for the bus")));
                }
                self.waiting.push_back(frame);
            }
            "received" if value.text()?.is_empty() => self.received.clear(),
            "received" => return Err(ValueError::new(value, "empty: that forgets the frames so far")),
            "bitrate" => {
                self.rate = value.integer(RATES)? as u32;
                self.restart(now);
            }
            "silent" => {
                self.silent = value.flag()?;
                self.restart(now);
            }
            "short" => self.shorted = value.flag()?,
            _ => return Err(ValueError::fixed()),
        }
        self.node.advance(now);
        self.follow(now);
        Ok(())
    }

    /// The frames that it has received, with spaces between them, and so on.
    fn get(&self, property: &str, _now: Time) -> Option<Value> {
        match property {
            "received" => {
                let frames: Vec<String> = self.received.iter().map(CanFrame::to_string).collect();
                Some(frames.join(" ").as_str().into())
            }
            "bitrate" => Some(i64::from(self.rate).into()),
            "silent" => Some(self.silent.into()),
            "short" => Some(self.shorted.into()),
            "errors" => Some((self.errors as i64).into()),
            _ => None,
        }
    }

    fn dropped(&self) -> Option<(u64, &'static str)> {
        Some((self.dropped, "CAN frames"))
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{CanEvent, CanNode, CanTiming, CanTransmission, Signal, Span, Time};

    use super::{CanPeer, TXD, WAITING};
    use crate::PartKinds;
    use crate::part::{Drive, Part, PartEntry, Value};

    /// A controller and the part, wired together.
    struct Bench {
        controller: CanNode,
        part: CanPeer,
        now: Time,
    }

    impl Bench {
        fn new(rate: u32) -> Bench {
            let mut controller = CanNode::new(CanTiming::of_rate(500_000));
            controller.start(Time::ZERO);
            Bench { controller, part: CanPeer::new(rate), now: Time::ZERO }
        }

        fn run(&mut self, micros: u64) {
            let end = self.now + Span::from_micros(micros);
            loop {
                self.controller.set_level(self.part.drive(1) == Drive::High, self.now);
                for (at, level) in self.controller.take_changes() {
                    self.part.sense(TXD, Signal::Level(level), at);
                }
                self.controller.set_level(self.part.drive(1) == Drive::High, self.now);
                let due = self.controller.deadline().into_iter().chain(self.part.deadline()).min();
                let Some(due) = due.filter(|due| *due <= end) else { break };
                self.now = due;
                self.part.advance(due);
                self.controller.advance(due);
            }
            self.now = end;
        }

        fn set(&mut self, property: &str, value: impl Into<Value>) {
            self.part.set(property, &value.into(), self.now).unwrap();
        }

        fn get(&self, property: &str) -> Value {
            self.part.get(property, self.now).unwrap()
        }

        fn send(&mut self, text: &str) {
            let frame = text.parse().unwrap();
            self.controller.send(CanTransmission { frame, once: false, heard: false }, self.now);
        }
    }

    #[test]
    fn frames_go_both_ways() {
        let mut bench = Bench::new(500_000);
        bench.set("send", "18FF0001#0102");
        bench.set("send", "7F#R");
        bench.send("123#AA");
        bench.run(2000);
        // All three compete; the lowest identifier goes first.
        assert_eq!(bench.get("received"), Value::from("123#AA"));
        let heard: Vec<String> = bench.controller.take_events().iter().map(|event| format!("{event:?}")).collect();
        assert_eq!(heard.iter().filter(|event| event.starts_with("Received")).count(), 2, "{heard:?}");
        assert!(heard.contains(&format!("{:?}", CanEvent::Sent)));
        assert_eq!((bench.get("errors"), bench.part.deadline()), (Value::from(0), None));
        bench.set("received", "");
        assert_eq!(bench.get("received"), Value::from(""));
    }

    #[test]
    fn a_silent_node_hears_without_an_answer_and_another_rate_does_not_hear() {
        let mut bench = Bench::new(500_000);
        bench.set("silent", true);
        bench.send("123#");
        bench.run(300);
        assert!(bench.controller.errors().0 > 0 && bench.get("received") == Value::from(""));
        bench.set("silent", false);
        bench.run(2000);
        assert_eq!(bench.get("received"), Value::from("123#"));
        bench.set("bitrate", 250_000);
        bench.send("124#00FF");
        bench.run(2000);
        assert_eq!(bench.get("received"), Value::from("123#"));
        assert!(bench.get("errors") != Value::from(0));
    }

    #[test]
    fn a_short_circuit_takes_the_controller_off_the_bus() {
        let mut bench = Bench::new(500_000);
        bench.run(50);
        bench.set("short", true);
        bench.send("2AA#");
        bench.run(1000);
        assert!(bench.controller.take_events().contains(&CanEvent::BusOff));
        bench.set("short", false);
        bench.run(5000);
        assert_eq!(bench.get("received"), Value::from("2AA#"), "it comes back after 128 times eleven bits");
    }

    #[test]
    fn frames_and_rates_are_checked() {
        let mut peer = CanPeer::new(125_000);
        for _ in 0..=WAITING {
            let _ = peer.set("send", &"1#".into(), Time::ZERO);
        }
        assert!(peer.set("send", &"1#".into(), Time::ZERO).unwrap_err().to_string().contains("up to 256 frames"));
        let error = peer.set("send", &"123".into(), Time::ZERO).unwrap_err().to_string();
        assert!(error.ends_with("not a frame such as 123#DEADBEEF, 18FF0001#00 or 123#R"), "{error}");
        assert!(peer.set("errors", &0.into(), Time::ZERO).is_err());
        let entry = |rate: i64| PartEntry::new("can", "bus").with("tx", 5).with("rx", 4).with("bitrate", rate);
        assert!(PartKinds::default().make(&entry(1_000_001)).is_err());
        let (_, connections) = PartKinds::default().make(&entry(1_000_000)).unwrap();
        assert_eq!(connections.len(), 2);
    }
}
