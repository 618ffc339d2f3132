//! A chain of WS2812B LEDs (Worldsemi, WS2812B datasheet): each takes the first 24 bits that reach it and hands on the rest.

use espalier_core::{Rgb, Signal, Span, Time};

use crate::part::{PadUse, Part, PartError, Wiring};

/// Between the longest high time of a zero (T0H, 400 ns + 150 ns) and the shortest of a one (T1H, 800 ns - 150 ns).
const ONE: Span = Span::from_nanos(600);
/// Low for longer than this (RES), the chain shows what it has received.
const RESET: Span = Span::from_micros(50);
/// Green, red, blue, most significant bit first.
const BITS: u32 = 24;

/// The longest chain.
const LONGEST: i64 = 4096;

/// A chain of LEDs, dark after power-on.
///
/// ```
/// use espalier_core::{Signal, Span, Time};
/// use espalier_parts::Ws2812;
///
/// let mut chain = Ws2812::new(1);
/// let mut now = Time::ZERO;
/// for bit in 0..24 {
///     // Green comes first: eight long pulses, then sixteen short ones.
///     let high = Span::from_nanos(if bit < 8 { 800 } else { 400 });
///     chain.signal(Signal::Level(true), now);
///     chain.signal(Signal::Level(false), now + high);
///     now += Span::from_nanos(1250);
/// }
/// now += Span::from_millis(1); // a reset shows the colours
/// assert_eq!(chain.colours(now)[0], (0, 255, 0));
/// ```
#[derive(Clone, Debug)]
pub struct Ws2812 {
    shown: Vec<Rgb>,
    /// Since when it shows that.
    changed: Time,
    /// The colours received since the last reset, and the number of bits.
    received: Vec<Rgb>,
    shift: u32,
    bits: u32,
    level: bool,
    edge: Time,
}

espalier_core::persist!(value Ws2812 { shown, changed, received, shift, bits, level, edge } if Ws2812::is_sound;);

impl Ws2812 {
    const DATA: usize = 0;

    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        wiring.pad("gpio", Ws2812::DATA, PadUse::Hears)?;
        let count = wiring.integer("count", 1..=LONGEST)?.unwrap_or(1);
        Ok(Box::new(Ws2812::new(count as usize)))
    }

    /// A chain of `count` LEDs.
    pub fn new(count: usize) -> Ws2812 {
        Ws2812 {
            shown: vec![Rgb::default(); count],
            changed: Time::ZERO,
            received: Vec::new(),
            shift: 0,
            bits: 0,
            level: false,
            edge: Time::ZERO,
        }
    }

    /// The data line changes. A line that carries pulses of its own, as from PWM, is no data.
    pub fn signal(&mut self, signal: Signal, at: Time) {
        let level = signal == Signal::Level(true);
        if level == self.level {
            return;
        }
        if level {
            self.latch(at);
        } else {
            self.receive(at.since(self.edge) >= ONE);
        }
        self.level = level;
        self.edge = at;
    }

    fn is_sound(&self) -> bool {
        self.received.len() <= self.shown.len() && self.bits < BITS
    }

    /// Returns the colours of the LEDs at `now`, in the order of the chain.
    pub fn colours(&self, now: Time) -> Vec<Rgb> {
        self.at(now).0
    }

    /// Since when they have shown it.
    pub fn changed(&self, now: Time) -> Time {
        self.at(now).1
    }

    fn receive(&mut self, one: bool) {
        self.shift = self.shift << 1 | u32::from(one);
        self.bits += 1;
        if self.bits == BITS {
            self.bits = 0;
            if self.received.len() < self.shown.len() {
                let [_, green, red, blue] = self.shift.to_be_bytes();
                self.received.push(Rgb { red, green, blue });
            }
        }
    }

    /// Takes over what was received if the line was low for long enough before `now`.
    fn latch(&mut self, now: Time) {
        if now.since(self.edge) >= RESET {
            (self.shown, self.changed) = self.at(now);
            self.received.clear();
            self.bits = 0;
        }
    }

    fn at(&self, now: Time) -> (Vec<Rgb>, Time) {
        let mut colours = self.shown.clone();
        let shows = self.edge + RESET;
        if !self.level && now >= shows {
            // LEDs that were sent nothing keep their colour.
            colours[..self.received.len()].copy_from_slice(&self.received);
        }
        let changed = if colours == self.shown { self.changed } else { shows };
        (colours, changed)
    }
}

impl Part for Ws2812 {
    fn power_cycle(&mut self, _now: Time) {
        *self = Ws2812::new(self.shown.len());
    }

    fn sense(&mut self, _terminal: usize, signal: Signal, at: Time) {
        self.signal(signal, at);
    }

    fn colours(&self, now: Time) -> Option<(Vec<Rgb>, Time)> {
        Some(self.at(now))
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{Rgb, Signal, Span, Time};

    use super::Ws2812;

    /// Sends bytes with the datasheet's typical times: T0H 400, T0L 850, T1H 800, T1L 450 ns.
    fn send(chain: &mut Ws2812, bytes: &[u8], mut at: Time) -> Time {
        for bit in bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 != 0)) {
            let (high, low) = if bit { (800, 450) } else { (400, 850) };
            chain.signal(Signal::Level(true), at);
            at += Span::from_nanos(high);
            chain.signal(Signal::Level(false), at);
            at += Span::from_nanos(low);
        }
        at
    }

    /// Datasheet, "Composition of 24bit data" and "Cascade method".
    #[test]
    fn colours_come_as_green_red_blue_and_go_down_the_chain() {
        let mut chain = Ws2812::new(2);
        let end = send(&mut chain, &[1, 2, 3, 4, 5, 6, 7, 8, 9], Time::from_micros(100));
        assert_eq!(chain.colours(end), [Rgb::default(); 2]);
        let shows = end + Span::from_micros(50);
        assert_eq!(chain.colours(shows), [Rgb::new(2, 1, 3), Rgb::new(5, 4, 6)]);
        assert!(chain.changed(shows) < shows && chain.changed(shows) > end);
    }

    #[test]
    fn a_short_frame_changes_the_first_leds_only() {
        let mut chain = Ws2812::new(2);
        send(&mut chain, &[1; 6], Time::ZERO);
        // Three bytes and half of a fourth one.
        send(&mut chain, &[9, 9, 9, 9], Time::from_micros(500));
        let late = Time::from_micros(2000);
        assert_eq!(chain.colours(late), [(9, 9, 9), (1, 1, 1)]);
        let before = chain.changed(late);
        send(&mut chain, &[9, 9, 9], late);
        assert_eq!(chain.changed(Time::from_micros(9000)), before);
    }

    #[test]
    fn a_pause_that_is_too_short_continues_the_frame() {
        let mut chain = Ws2812::new(2);
        let end = send(&mut chain, &[1, 1, 1], Time::ZERO);
        send(&mut chain, &[2, 2, 2], end + Span::from_micros(40));
        assert_eq!(chain.colours(Time::from_micros(1000)), [(1, 1, 1), (2, 2, 2)]);
    }
}
