//! EN and IO0 as DTR and RTS drive them.
//!
//! Development boards cross the two modem lines with a pair of transistors (ESP32-DevKitC schematic, "automatic download
//! circuit"): RTS alone pulls EN low, DTR alone pulls IO0 low, both together or neither do nothing. A capacitor at EN bridges
//! the moment in which a program changes one line after the other. Over a network that moment is long, because the lines come
//! one by one and `pyserial` waits between them, so the capacitor is as large as that.

use std::time::{Duration, Instant};

use espalier_soc::Strap;

/// Time for which EN stays low after both lines are asserted.
const CAPACITOR: Duration = Duration::from_millis(500);

/// The modem lines; true is asserted, which is low on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ModemLines {
    pub dtr: bool,
    pub rts: bool,
}

impl ModemLines {
    fn pull_en_low(self) -> bool {
        self.rts && !self.dtr
    }

    fn pull_io0_low(self) -> bool {
        self.dtr && !self.rts
    }
}

/// The effect of the circuit on the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResetEdge {
    /// EN went low.
    Hold,
    /// EN went high, and the chip starts with its straps like this.
    Start(Strap),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum En {
    High,
    Low,
    Rising { high_at: Instant },
}

/// The circuit between the modem lines and the chip.
#[derive(Debug)]
pub(crate) struct ResetCircuit {
    lines: ModemLines,
    en: En,
}

impl ResetCircuit {
    /// Both lines are at rest and the chip runs.
    pub fn new() -> ResetCircuit {
        ResetCircuit { lines: ModemLines::default(), en: En::High }
    }

    /// The other side sets its lines.
    pub fn set(&mut self, lines: ModemLines, now: Instant) -> Option<ResetEdge> {
        self.lines = lines;
        if lines.pull_en_low() {
            let was_high = self.en == En::High;
            self.en = En::Low;
            return was_high.then_some(ResetEdge::Hold);
        }
        if self.en == En::High {
            return None;
        }
        if lines.dtr && lines.rts {
            self.en = En::Rising { high_at: now + CAPACITOR };
            return None;
        }
        Some(self.start())
    }

    /// Time has come to `now`.
    pub fn poll(&mut self, now: Instant) -> Option<ResetEdge> {
        match self.en {
            En::Rising { high_at } if now >= high_at => Some(self.start()),
            _ => None,
        }
    }

    fn start(&mut self) -> ResetEdge {
        self.en = En::High;
        ResetEdge::Start(if self.io0_low() { Strap::Download } else { Strap::FlashBoot })
    }

    /// True while EN is low.
    pub fn holds(&self) -> bool {
        self.en != En::High
    }

    /// When EN goes high by itself.
    pub fn high_at(&self) -> Option<Instant> {
        match self.en {
            En::Rising { high_at } => Some(high_at),
            _ => None,
        }
    }

    /// True while IO0 is pulled low.
    pub fn io0_low(&self) -> bool {
        self.lines.pull_io0_low()
    }
}

#[cfg(test)]
mod tests {
    use super::{CAPACITOR, ModemLines, ResetCircuit, ResetEdge};
    use espalier_soc::Strap;
    use std::time::{Duration, Instant};

    fn lines(dtr: bool, rts: bool) -> ModemLines {
        ModemLines { dtr, rts }
    }

    /// The steps of esptool's classic reset, each 100 ms after the other, as `ign_set_control` makes them.
    #[test]
    fn the_classic_sequence_enters_download_mode() {
        let (mut circuit, start) = (ResetCircuit::new(), Instant::now());
        let at = |step: u32| start + Duration::from_millis(100) * step;
        assert_eq!(circuit.set(lines(false, false), at(0)), None);
        assert_eq!(circuit.set(lines(false, true), at(1)), Some(ResetEdge::Hold));
        assert_eq!(circuit.set(lines(true, true), at(3)), None);
        assert!(circuit.holds());
        assert_eq!(circuit.poll(at(4)), None);
        assert_eq!(circuit.set(lines(true, false), at(4)), Some(ResetEdge::Start(Strap::Download)));
        assert!(circuit.io0_low());
        assert_eq!(circuit.set(lines(false, false), at(5)), None);
        assert!(!circuit.io0_low() && !circuit.holds());
    }

    #[test]
    fn a_pulse_on_rts_boots_from_flash() {
        let (mut circuit, now) = (ResetCircuit::new(), Instant::now());
        assert_eq!(circuit.set(lines(false, true), now), Some(ResetEdge::Hold));
        assert_eq!(circuit.set(lines(false, true), now), None);
        assert_eq!(circuit.set(lines(false, false), now), Some(ResetEdge::Start(Strap::FlashBoot)));
    }

    #[test]
    fn both_lines_together_do_nothing() {
        let (mut circuit, now) = (ResetCircuit::new(), Instant::now());
        assert_eq!(circuit.set(lines(true, true), now), None);
        assert!(!circuit.holds() && !circuit.io0_low());
        assert_eq!(circuit.set(lines(false, false), now), None);
    }

    #[test]
    fn the_capacitor_is_charged_at_last() {
        let (mut circuit, now) = (ResetCircuit::new(), Instant::now());
        circuit.set(lines(false, true), now);
        assert_eq!(circuit.set(lines(true, true), now), None);
        assert_eq!(circuit.high_at(), Some(now + CAPACITOR));
        assert_eq!(circuit.poll(now + CAPACITOR), Some(ResetEdge::Start(Strap::FlashBoot)));
        assert_eq!(circuit.poll(now + CAPACITOR), None);
    }
}
