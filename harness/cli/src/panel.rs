//! The terminal while a board runs on it: keys without their usual meaning, the console above, the OLED below.

use std::io::{self, IsTerminal, Write};

use espalier::{Bitmap, render};

use crate::style::{PLAIN, SCREEN};

/// Rows that the console keeps at least.
const CONSOLE_ROWS: u16 = 6;

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
        // There is nobody left to tell.
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

/// The lower part of the terminal, with the OLED in it.
pub struct Panel {
    rows: u16,
    columns: u16,
    height: u16,
}

impl Panel {
    /// Takes the lower part of the terminal for a picture of this size, if output goes to one that is large enough.
    pub fn take(bitmap: &Bitmap) -> Option<Panel> {
        let (columns, rows) = crossterm::terminal::size().ok().filter(|_| io::stdout().is_terminal())?;
        let drawing = [render::half_blocks(bitmap), render::braille(bitmap)].into_iter().find(|drawing| {
            let width = drawing.lines().next().map_or(0, |line| line.chars().count());
            width <= usize::from(columns) && drawing.lines().count() + usize::from(CONSOLE_ROWS) <= usize::from(rows)
        })?;
        let height = drawing.lines().count() as u16;
        let panel = Panel { rows, columns, height };
        let last = rows - height;
        // DECSTBM: only the rows above the panel scroll.
        write(&format!("{}\x1b[1;{last}r\x1b[{last};1H", "\n".repeat(usize::from(height))));
        Some(panel)
    }

    /// Draws what the OLED shows.
    pub fn draw(&self, bitmap: &Bitmap) {
        let half_blocks = render::half_blocks(bitmap);
        let fits =
            bitmap.width() + 2 <= u32::from(self.columns) && half_blocks.lines().count() == usize::from(self.height);
        let drawing = if fits { half_blocks } else { render::braille(bitmap) };
        let mut text = String::from("\x1b7");
        for (row, line) in (self.rows - self.height + 1..).zip(drawing.lines()) {
            text.push_str(&format!("\x1b[{row};1H{SCREEN}{line}{PLAIN}\x1b[K"));
        }
        text.push_str("\x1b8");
        write(&text);
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        write(&format!("\x1b[r\x1b[{};1H\r\n", self.rows));
    }
}

fn write(text: &str) {
    let mut output = anstream::stdout();
    // Who closed the terminal does not look at it.
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}
