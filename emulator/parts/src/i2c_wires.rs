//! I2C as it looks on its two wires, for controllers that software makes out of GPIO pads (UM10204, chapter 3.1).
//!
//! [`I2cWires`] watches SCL and SDA, tells an [`I2cTarget`] what they mean, and pulls SDA low where the target does.

use espalier_core::{I2cTarget, Time};

const BITS: u8 = 8;

/// Where a transfer stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// No START was seen, or no target listens until the next one.
    #[default]
    Idle,
    /// The controller sends a byte, of which `count` bits have come.
    Receive { byte: u8, count: u8, address: bool },
    /// The ninth clock of such a byte. After it, `read` says that the target sends.
    Acknowledge { read: bool },
    /// The target sends; `count` bits have been on the wire or are.
    Send { byte: u8, count: u8 },
    /// The ninth clock of such a byte, and whether the controller pulled it low.
    Answer { more: bool },
}

espalier_core::persist! {
    enum Phase {
        Idle, Receive { byte, count, address }, Acknowledge { read }, Send { byte, count }, Answer { more }
    }
}

/// The target side of one pair of wires.
///
/// ```
/// use espalier_core::{I2cTarget, Time};
/// use espalier_parts::{I2cWires, Msa300};
///
/// let (mut wires, mut sensor) = (I2cWires::new(), Msa300::new());
/// wires.follow(true, false, &mut sensor, Time::ZERO); // SDA falls while SCL is high: a start condition
/// assert!(!wires.pulls_sda(), "nothing to acknowledge yet");
/// ```
#[derive(Clone, Debug)]
pub struct I2cWires {
    scl: bool,
    sda: bool,
    phase: Phase,
    /// Between START and STOP.
    busy: bool,
    pulls: bool,
}

espalier_core::persist!(value I2cWires { scl, sda, phase, busy, pulls });

impl Default for I2cWires {
    fn default() -> I2cWires {
        I2cWires { scl: true, sda: true, phase: Phase::Idle, busy: false, pulls: false }
    }
}

impl I2cWires {
    /// Two wires that no device pulls low.
    pub fn new() -> I2cWires {
        I2cWires::default()
    }

    /// True while the target pulls SDA low.
    pub fn pulls_sda(&self) -> bool {
        self.pulls
    }

    /// The controller's side of the wires is now at `scl` and `sda`, where true means released.
    pub fn follow(&mut self, scl: bool, sda: bool, target: &mut dyn I2cTarget, now: Time) {
        let sda = sda && !self.pulls;
        let (scl_before, sda_before) = (self.scl, self.sda);
        (self.scl, self.sda) = (scl, sda);
        match (scl_before, scl) {
            (false, true) => self.rise(sda),
            (true, false) => {
                self.fall(target, now);
                self.sda = sda && !self.pulls;
            }
            (true, true) if sda_before && !sda => {
                self.busy = true;
                self.pulls = false;
                self.phase = Phase::Receive { byte: 0, count: 0, address: true };
            }
            (true, true) if !sda_before && sda => {
                if self.busy {
                    target.stop(now);
                }
                self.busy = false;
                self.phase = Phase::Idle;
            }
            _ => {}
        }
    }

    /// SCL has risen: the bit on SDA is valid.
    fn rise(&mut self, sda: bool) {
        match &mut self.phase {
            Phase::Receive { byte, count, .. } => {
                *byte = *byte << 1 | u8::from(sda);
                *count += 1;
            }
            Phase::Answer { more } => *more = !sda,
            _ => {}
        }
    }

    /// SCL has fallen: the next bit may go onto SDA.
    fn fall(&mut self, target: &mut dyn I2cTarget, now: Time) {
        self.phase = match self.phase {
            Phase::Receive { byte, count: BITS, address } => {
                self.pulls =
                    if address { target.start(byte >> 1, byte & 1 != 0, now) } else { target.write(byte, now) };
                Phase::Acknowledge { read: address && byte & 1 != 0 }
            }
            Phase::Acknowledge { read } => match (std::mem::take(&mut self.pulls), read) {
                (false, _) => Phase::Idle,
                (true, false) => Phase::Receive { byte: 0, count: 0, address: false },
                (true, true) => self.send(target.read(now), 0),
            },
            Phase::Send { byte, count } if count < BITS => self.send(byte, count),
            Phase::Send { .. } => {
                self.pulls = false;
                Phase::Answer { more: false }
            }
            Phase::Answer { more: true } => self.send(target.read(now), 0),
            Phase::Answer { more: false } => Phase::Idle,
            unchanged => unchanged,
        };
    }

    /// Puts bit `count` of `byte`, counted from the top, onto SDA.
    fn send(&mut self, byte: u8, count: u8) -> Phase {
        self.pulls = byte << count & 0x80 == 0;
        Phase::Send { byte, count: count + 1 }
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{I2cTarget, Time};

    use super::I2cWires;

    const NOW: Time = Time::ZERO;

    /// Answers to one address and remembers what happens to it.
    #[derive(Default)]
    struct Recorder {
        log: Vec<String>,
        next: u8,
    }

    impl I2cTarget for Recorder {
        fn start(&mut self, address: u8, read: bool, _now: Time) -> bool {
            self.log.push(format!("start {address:#x} {}", if read { "read" } else { "write" }));
            address == 0x3C
        }

        fn write(&mut self, byte: u8, _now: Time) -> bool {
            self.log.push(format!("write {byte:#x}"));
            byte != 0xEE
        }

        fn read(&mut self, _now: Time) -> u8 {
            self.next += 0x51;
            self.next
        }

        fn stop(&mut self, _now: Time) {
            self.log.push("stop".into());
        }
    }

    /// A controller made of software, and what it talks to.
    #[derive(Default)]
    struct Bench {
        wires: I2cWires,
        target: Recorder,
        scl: bool,
        sda: bool,
    }

    impl Bench {
        fn new() -> Bench {
            Bench { scl: true, sda: true, ..Bench::default() }
        }

        fn scl(&mut self, level: bool) {
            self.scl = level;
            self.wires.follow(self.scl, self.sda, &mut self.target, NOW);
        }

        fn sda(&mut self, level: bool) {
            self.sda = level;
            self.wires.follow(self.scl, self.sda, &mut self.target, NOW);
        }

        /// One clock. Returns the level of SDA while SCL is high.
        fn bit(&mut self, level: bool) -> bool {
            self.sda(level);
            self.scl(true);
            let seen = self.sda && !self.wires.pulls_sda();
            self.scl(false);
            seen
        }

        fn start(&mut self) {
            self.sda(true);
            self.scl(true);
            self.sda(false);
            self.scl(false);
        }

        fn stop(&mut self) {
            self.sda(false);
            self.scl(true);
            self.sda(true);
        }

        /// True if acknowledged.
        fn send(&mut self, byte: u8) -> bool {
            (0..8).rev().for_each(|bit| assert_eq!(self.bit(byte >> bit & 1 != 0), byte >> bit & 1 != 0));
            !self.bit(true)
        }

        fn receive(&mut self, more: bool) -> u8 {
            let byte = (0..8).fold(0, |byte, _| byte << 1 | u8::from(self.bit(true)));
            self.bit(!more);
            byte
        }
    }

    #[test]
    fn bytes_go_to_the_target_and_are_acknowledged() {
        let mut bench = Bench::new();
        bench.start();
        assert!(bench.send(0x78));
        assert!(bench.send(0xA5));
        assert!(!bench.send(0xEE));
        bench.stop();
        assert_eq!(bench.target.log, ["start 0x3c write", "write 0xa5", "write 0xee", "stop"]);
    }

    #[test]
    fn an_address_without_a_target_is_not_acknowledged() {
        let mut bench = Bench::new();
        bench.start();
        assert!(!bench.send(0x4C));
        assert!(!bench.send(0x00));
        bench.stop();
        assert_eq!(bench.target.log, ["start 0x26 write", "stop"]);
    }

    #[test]
    fn a_repeated_start_turns_the_transfer_round() {
        let mut bench = Bench::new();
        bench.start();
        assert!(bench.send(0x78) && bench.send(0x02));
        bench.start();
        assert!(bench.send(0x79));
        assert_eq!([bench.receive(true), bench.receive(false)], [0x51, 0xA2]);
        bench.stop();
        assert_eq!(bench.target.log, ["start 0x3c write", "write 0x2", "start 0x3c read", "stop"]);
        assert_eq!(bench.target.next, 0xA2, "the last byte was refused, so the target sends no more");
        assert!(!bench.wires.pulls_sda());
    }
}
