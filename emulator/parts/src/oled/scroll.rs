//! Hardware scrolling of the SSD1306 (datasheet, chapter 9.2 and the command table, "Scrolling Command Table"): the controller moves
//! the contents of its RAM by itself, a column and some rows every few frames.

use espalier_core::{Span, Time};

use super::{Controller, Oled, PAGES, opcode};

/// Frames between two steps, by the three bits of the command.
const INTERVALS: [u64; 8] = [5, 64, 128, 256, 3, 4, 25, 2];
/// A frame at the reset values of the clock (datasheet, chapter 8.3): 370 kHz / (1 * 54 clocks * 64 rows).
const FRAME: Span = Span::from_micros(9_341);
/// Steps that are caught up at once at most; more only happen if nothing has looked for long.
const CAUGHT_UP: usize = 1024;

/// The set-up of a scroll, and the time of its next step.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scroll {
    left: bool,
    pages: (usize, usize),
    frames: u64,
    /// Rows that each step moves up, of the diagonal commands.
    rows: usize,
    /// Rows at the top that stay, and rows below them that move; None before the command.
    area: Option<(usize, usize)>,
    next: Option<Time>,
}

espalier_core::persist!(value Scroll { left, pages, frames, rows, area, next } if Scroll::is_possible;);

impl Scroll {
    fn is_possible(&self) -> bool {
        let (fixed, moving) = self.area.unwrap_or_default();
        self.pages.0 < PAGES && self.pages.1 < PAGES && self.rows < 8 * PAGES && fixed + moving <= 8 * PAGES
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.next
    }

    /// Whether a scroll is active.
    pub(super) fn is_active(&self) -> bool {
        self.next.is_some()
    }

    /// A command of scrolling with its arguments.
    pub(super) fn command(&mut self, opcode: u8, arguments: &[u8], now: Time) {
        match (opcode, arguments) {
            (opcode::SCROLL_RIGHT | opcode::SCROLL_LEFT, [_, first, interval, last, ..]) => {
                self.set_up(opcode == opcode::SCROLL_LEFT, *first, *interval, *last, 0);
            }
            (opcode::SCROLL_UP_RIGHT | opcode::SCROLL_UP_LEFT, [_, first, interval, last, rows]) => {
                self.set_up(opcode == opcode::SCROLL_UP_LEFT, *first, *interval, *last, rows % (8 * PAGES as u8));
            }
            (opcode::SCROLL_AREA, [fixed, moving]) => {
                let fixed = usize::from(*fixed).min(8 * PAGES);
                self.area = Some((fixed, usize::from(*moving).min(8 * PAGES - fixed)));
            }
            (opcode::SCROLL_START, _) => self.next = (self.frames > 0).then(|| now + self.interval()),
            (opcode::SCROLL_STOP, _) => self.next = None,
            _ => {}
        }
    }

    fn set_up(&mut self, left: bool, first: u8, interval: u8, last: u8, rows: u8) {
        const FIELD: u8 = 7;
        self.left = left;
        self.pages = (usize::from(first & FIELD), usize::from(last & FIELD));
        self.frames = INTERVALS[usize::from(interval & FIELD)];
        self.rows = usize::from(rows);
    }

    fn interval(&self) -> Span {
        FRAME * self.frames
    }
}

impl Oled {
    /// Moves the picture by the steps that are due.
    pub(super) fn scroll_until(&mut self, now: Time) {
        for _ in 0..CAUGHT_UP {
            let Some(due) = self.scroll.next.filter(|due| *due <= now) else { return };
            self.scroll.next = Some(due + self.scroll.interval());
            let before = self.ram.clone();
            self.scroll_once();
            if self.ram != before {
                self.note_change(due);
            }
        }
        self.scroll.next = self.scroll.next.map(|_| now + self.scroll.interval());
    }

    fn scroll_once(&mut self) {
        let columns = Controller::Ssd1306.columns();
        let Scroll { left, pages: (first, last), rows, area, .. } = self.scroll;
        for page in self.ram.chunks_exact_mut(columns).take(last + 1).skip(first) {
            if left { page.rotate_left(1) } else { page.rotate_right(1) }
        }
        let (fixed, moving) = area.unwrap_or((0, 8 * PAGES));
        if rows % moving.max(1) == 0 {
            return;
        }
        for column in 0..columns {
            let bit = |ram: &[u8], row: usize| ram[row / 8 * columns + column] >> (row % 8) & 1 != 0;
            let lit: Vec<bool> = (0..moving).map(|row| bit(&self.ram, fixed + (row + rows) % moving)).collect();
            for (row, lit) in lit.into_iter().enumerate().map(|(row, lit)| (fixed + row, lit)) {
                let byte = &mut self.ram[row / 8 * columns + column];
                *byte = *byte & !(1 << (row % 8)) | u8::from(lit) << (row % 8);
            }
        }
    }
}
