//! The terminal while a board runs on it: keys without their usual meaning, the console above, the OLED below.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};

use espalier::{Bitmap, render};

use crate::style::{PLAIN, SCREEN};

/// Rows that the console keeps at least.
const CONSOLE_ROWS: u16 = 6;
/// Number of bytes of the console kept for a terminal that changes its size.
const KEPT: usize = 1 << 15;

/// The terminal in raw mode. It is itself again when this is dropped, however the command ends.
pub struct RawTerminal;

impl RawTerminal {
    /// Takes the terminal if input comes from one.
    pub fn take() -> Option<RawTerminal> {
        let raw = io::stdin().is_terminal() && crossterm::terminal::enable_raw_mode().is_ok();
        raw.then_some(RawTerminal)
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // The receiver is gone.
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

/// The lower part of the terminal, with the OLED in it while the terminal is large enough.
pub struct Panel {
    /// Columns and rows of the terminal when it was last looked at.
    size: (u16, u16),
    /// Rows that the picture takes; 0 if it has no room.
    height: u16,
    /// The last bytes of the console.
    printed: VecDeque<u8>,
}

impl Panel {
    /// A panel without a picture yet, if output goes to a terminal.
    pub fn new() -> Option<Panel> {
        io::stdout().is_terminal().then(|| Panel { size: (0, 0), height: 0, printed: VecDeque::new() })
    }

    /// Keeps what the console prints.
    pub fn remember(&mut self, printed: &[u8]) {
        self.printed.extend(printed);
        let excess = self.printed.len().saturating_sub(KEPT);
        self.printed.drain(..excess);
    }

    /// Draws the picture if it is another one than before, or the terminal has another size.
    pub fn show(&mut self, bitmap: &Bitmap, changed: bool) {
        let Ok(size) = crossterm::terminal::size() else { return };
        let resized = size != self.size;
        if resized {
            self.fit(size, bitmap);
        }
        if let (true, Some(drawing)) = (resized || changed, fitting(size, bitmap)) {
            self.draw(&drawing);
        }
    }

    /// Divides a terminal of this size between console and picture.
    fn fit(&mut self, size: (u16, u16), bitmap: &Bitmap) {
        let (before, rows) = (self.height, size.1);
        let first = self.size == (0, 0);
        self.size = size;
        self.height = fitting(size, bitmap).map_or(0, |drawing| drawing.lines().count() as u16);
        let last = rows - self.height;
        // DECSTBM: only the rows above the panel scroll.
        let region = if self.height == 0 { "\x1b[r".to_owned() } else { format!("\x1b[1;{last}r") };
        if first {
            if self.height > 0 {
                write(format!("{}{region}\x1b[{last};1H", "\n".repeat(usize::from(self.height))).as_bytes());
            }
        } else if self.height > 0 || before > 0 {
            // Where a terminal puts what it has shown when it is resized is its own affair.
            let mut text = format!("\x1b[r\x1b[2J{region}\x1b[1;1H").into_bytes();
            text.extend(last_lines(&self.printed, usize::from(last)));
            write(&text);
        }
    }

    fn draw(&self, drawing: &str) {
        let mut text = String::from("\x1b7");
        for (row, line) in (self.size.1 - self.height + 1..).zip(drawing.lines()) {
            text.push_str(&format!("\x1b[{row};1H{SCREEN}{line}{PLAIN}\x1b[K"));
        }
        text.push_str("\x1b8");
        write(text.as_bytes());
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        if self.height > 0 {
            write(format!("\x1b[r\x1b[{};1H\r\n", self.size.1).as_bytes());
        }
    }
}

/// The largest drawing that a terminal of this size has room for.
fn fitting((columns, rows): (u16, u16), bitmap: &Bitmap) -> Option<String> {
    [render::half_blocks(bitmap), render::braille(bitmap)].into_iter().find(|drawing| {
        let width = drawing.lines().next().map_or(0, |line| line.chars().count());
        width <= usize::from(columns) && drawing.lines().count() + usize::from(CONSOLE_ROWS) <= usize::from(rows)
    })
}

/// The last `count` lines; one that has not ended is one of them.
fn last_lines(printed: &VecDeque<u8>, count: usize) -> impl Iterator<Item = u8> {
    let ends = printed.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
    let start = ends.skip(count.saturating_sub(1)).map(|at| at + 1).next().unwrap_or(0);
    printed.iter().skip(start).copied()
}

fn write(text: &[u8]) {
    let mut output = anstream::stdout();
    // An error means that the terminal was closed, so there is no reader.
    let _ = output.write_all(text).and_then(|()| output.flush());
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use espalier::Bitmap;

    use super::{fitting, last_lines};

    #[test]
    fn the_picture_takes_what_room_there_is() {
        let bitmap = Bitmap::new(128, 64);
        let height = |columns, rows| fitting((columns, rows), &bitmap).map_or(0, |drawing| drawing.lines().count());
        assert!(height(140, 60) > height(80, 40) && height(80, 40) > 0);
        assert_eq!((height(40, 60), height(140, 10)), (0, 0));
    }

    #[test]
    fn the_end_of_the_console_is_printed_again() {
        let printed: VecDeque<u8> = b"one\r\ntwo\r\nthree\r\n>>> ".iter().copied().collect();
        let last = |count| String::from_utf8(last_lines(&printed, count).collect()).unwrap();
        assert_eq!((last(2), last(9)), ("three\r\n>>> ".to_owned(), "one\r\ntwo\r\nthree\r\n>>> ".to_owned()));
    }
}
