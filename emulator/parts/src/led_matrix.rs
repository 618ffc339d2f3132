//! A matrix of LEDs between row and column lines at pads, without a driver, as the dot matrix displays 1088AS or TA07-11 are (Kingbright,
//! "TA07-11 0.7 inch 5x7 dot matrix display", section "Internal Circuit Diagram").
//!
//! An LED shines while its row is at one level and its column at the other. Firmware multiplexes, so the picture is what an eye sees:
//! the light of each LED in a time of [`EYE`]. Where both lines of an LED carry waves, the parts of time in which each would light it are
//! multiplied.

use espalier_core::{Bitmap, Picture, Signal, Span, Time};

use crate::display::Shown;
use crate::part::{PadUse, Part, PartError, Wiring};

/// An eye joins pictures that follow each other faster than this.
pub const EYE: Span = Span::from_millis(40);
/// The light of LEDs is counted in these parts of a tick.
const FULL: u64 = 1 << 16;
/// An LED is seen if it has this part of the light of the brightest one, and shines for this part of the time at least. What firmware
/// lights for moments, while it changes lines one after the other, is not seen.
const DIM: u64 = 8;
const DARK: u64 = 1000;
/// More lines than a matrix at the pads of a chip has.
const LINES: usize = 16;

/// A matrix.
///
/// ```
/// use espalier_core::{Signal, Time};
/// use espalier_parts::{LedMatrix, Part};
///
/// // Eight rows of anodes and eight columns of cathodes.
/// let mut matrix = LedMatrix::new(8, 8, true);
/// matrix.sense(2, Signal::Level(true), Time::ZERO); // row 2
/// (8..16).filter(|column| *column != 13).for_each(|column| matrix.sense(column, Signal::Level(true), Time::ZERO));
/// matrix.advance(Time::from_micros(40_000));
/// assert!(matrix.picture().get(5, 2) && !matrix.picture().get(5, 3));
/// ```
#[derive(Clone, Debug)]
pub struct LedMatrix {
    rows: usize,
    columns: usize,
    /// The level of a row that lights its LEDs; that of a column is the other one.
    row_active: bool,
    /// The rows' signals, then the columns'.
    signals: Vec<Signal>,
    /// Until when the light has been counted, in the present time of an eye, which ends at `end`.
    counted: Time,
    end: Time,
    light: Vec<u64>,
    /// Looks that may show something new: a change of a line shows in the present time of an eye and in the next.
    looks: u8,
    seen: Bitmap,
    changed: Time,
}

espalier_core::persist! {
    state LedMatrix {
        signals, counted, end, light, looks, seen, changed
    } fixed { rows, columns, row_active } if LedMatrix::is_sound;
}

impl LedMatrix {
    /// A dark matrix.
    pub fn new(rows: usize, columns: usize, row_active: bool) -> LedMatrix {
        LedMatrix {
            rows,
            columns,
            row_active,
            signals: vec![Signal::Level(false); rows + columns],
            counted: Time::ZERO,
            end: Time::ZERO + EYE,
            light: vec![0; rows * columns],
            looks: 0,
            seen: Bitmap::new(columns as u32, rows as u32),
            changed: Time::ZERO,
        }
    }

    pub(crate) fn make(wiring: &mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> {
        let rows = wiring.pads("rows", 0, LINES, PadUse::Hears)?.len();
        let columns = wiring.pads("columns", rows, LINES, PadUse::Hears)?.len();
        let row_active = wiring.choice("row-active", &["high", "low"])? != Some(1);
        Ok(Box::new(LedMatrix::new(rows, columns, row_active)))
    }

    fn is_sound(&self) -> bool {
        let size = (self.seen.width() as usize, self.seen.height() as usize);
        self.signals.len() == self.rows + self.columns
            && self.light.len() == self.rows * self.columns
            && size == (self.columns, self.rows)
            && self.counted <= self.end
    }

    /// The picture that an eye sees, row 0 at the top.
    pub fn picture(&self) -> &Bitmap {
        &self.seen
    }

    /// The part of time in which a line is active, out of [`FULL`].
    fn share(&self, line: usize) -> u64 {
        let active = (line < self.rows) == self.row_active;
        let high = match self.signals[line] {
            Signal::Level(level) => FULL * u64::from(level),
            Signal::Pulses { period, high, .. } => {
                (u128::from(FULL) * u128::from(high.ticks()) / u128::from(period.ticks().max(1))) as u64
            }
        };
        if active { high } else { FULL - high }
    }

    /// Counts the light until `at`, which is in the present time of an eye.
    fn count(&mut self, at: Time) {
        let span = at.since(self.counted).ticks();
        self.counted = self.counted.max(at);
        if span == 0 {
            return;
        }
        for row in 0..self.rows {
            let row_share = self.share(row);
            if row_share == 0 {
                continue;
            }
            for column in 0..self.columns {
                let share = row_share * self.share(self.rows + column) / FULL;
                self.light[row * self.columns + column] += share * span;
            }
        }
    }

    /// The present time of an eye is over.
    fn look(&mut self) {
        self.count(self.end);
        let brightest = self.light.iter().copied().max().unwrap_or(0);
        let least = (brightest / DIM).max(EYE.ticks() * FULL / DARK);
        let mut seen = Bitmap::new(self.columns as u32, self.rows as u32);
        for (place, light) in self.light.iter().enumerate() {
            seen.set((place % self.columns) as u32, (place / self.columns) as u32, *light >= least);
        }
        if seen != self.seen {
            (self.seen, self.changed) = (seen, self.end);
        }
        self.light.fill(0);
        self.end += EYE;
    }

    /// Looks until `now`. While no line changes, one look is like the one before it.
    fn follow(&mut self, now: Time) {
        while self.end <= now && self.looks > 0 {
            self.look();
            self.looks -= 1;
        }
        if self.end <= now {
            self.end += EYE * (now.since(self.end).ticks() / EYE.ticks() + 1);
            self.counted = self.end - EYE;
            self.light.fill(0);
        }
        self.count(now);
    }
}

impl Part for LedMatrix {
    fn power_cycle(&mut self, now: Time) {
        let fresh = LedMatrix::new(self.rows, self.columns, self.row_active);
        *self = LedMatrix { counted: now, end: now + EYE, changed: now, ..fresh };
    }

    fn sense(&mut self, terminal: usize, signal: Signal, at: Time) {
        if terminal >= self.signals.len() || self.signals[terminal] == signal {
            return;
        }
        self.follow(at);
        self.signals[terminal] = signal;
        self.looks = 2;
    }

    fn deadline(&self) -> Option<Time> {
        (self.looks > 0).then_some(self.end)
    }

    fn advance(&mut self, now: Time) {
        self.follow(now);
    }

    fn is_display(&self) -> bool {
        true
    }

    fn display(&self) -> Option<Shown> {
        let picture = self.seen.clone();
        let on = picture.pixels().iter().any(|lit| *lit);
        Some(Shown { picture: Picture::Dots(picture), memory: Vec::new(), changed: self.changed, on })
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{Signal, Span, Time};

    use super::{EYE, LedMatrix};
    use crate::part::Part;

    /// Lets time pass as a board does.
    fn pass(matrix: &mut LedMatrix, until: Time) {
        while let Some(due) = matrix.deadline().filter(|due| *due <= until) {
            matrix.advance(due);
        }
    }

    /// Scans a picture: each row for `dwell`, with the columns changed one after the other while the row before is still on.
    fn scan(matrix: &mut LedMatrix, picture: &[u8], dwell: Span, mut now: Time, until: Time) -> Time {
        let rows = picture.len();
        while now < until {
            for (row, columns) in picture.iter().enumerate() {
                for column in 0..8 {
                    let dark = columns >> column & 1 == 0;
                    matrix.sense(rows + column, Signal::Level(dark), now);
                    now += Span::from_micros(1);
                }
                for other in 0..rows {
                    matrix.sense(other, Signal::Level(other == row), now);
                }
                pass(matrix, now);
                now += dwell;
            }
        }
        now
    }

    fn rows(matrix: &LedMatrix) -> Vec<u8> {
        let row = |y| (0..8).fold(0, |bits, x| bits | u8::from(matrix.picture().get(x, y)) << x);
        (0..matrix.picture().height()).map(row).collect()
    }

    #[test]
    fn an_eye_sees_what_is_multiplexed_and_no_ghosts() {
        let mut matrix = LedMatrix::new(8, 8, true);
        let picture = [0x3C, 0x42, 0xA5, 0x81, 0xA5, 0x99, 0x42, 0x3C];
        let now = scan(&mut matrix, &picture, Span::from_millis(1), Time::ZERO, Time::from_micros(200_000));
        assert_eq!(rows(&matrix), picture);
        let shown = matrix.display().unwrap();
        assert!(shown.on && shown.changed < Time::from_micros(90_000), "it stays as it is: {}", shown.changed);
        // Left alone, one row stays on.
        pass(&mut matrix, now + EYE * 3);
        assert_eq!(rows(&matrix), [0, 0, 0, 0, 0, 0, 0, 0x3C]);
        assert_eq!(matrix.deadline(), None, "nothing changes any more");
    }

    #[test]
    fn an_led_that_is_much_darker_than_others_is_not_seen() {
        let mut matrix = LedMatrix::new(1, 2, false);
        let wave = |percent| Signal::pulses(Span::from_micros(100), Span::from_micros(percent), Time::ZERO);
        matrix.sense(1, Signal::Level(true), Time::ZERO);
        matrix.sense(2, wave(5), Time::ZERO);
        pass(&mut matrix, Time::from_micros(200_000));
        assert_eq!(matrix.picture().pixels(), [true, false]);
        matrix.sense(1, wave(6), Time::from_micros(250_000));
        pass(&mut matrix, Time::from_micros(500_000));
        assert_eq!(matrix.picture().pixels(), [true, true], "beside another dim one it is");
    }
}
