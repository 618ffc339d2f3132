//! Colours. Where output is no terminal, or `NO_COLOR` is set, `anstream` leaves them out.

use anstyle::{AnsiColor, Reset, Style};

pub const PLAIN: Reset = Reset;
pub const HEADING: Style = Style::new().bold();
pub const GOOD: Style = AnsiColor::Green.on_default();
pub const BAD: Style = AnsiColor::Red.on_default().bold();
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
pub const FAINT: Style = Style::new().dimmed();
pub const SCREEN: Style = AnsiColor::Cyan.on_default();

/// Columns of a pipe, and of a terminal that does not say.
const COLUMNS: u16 = 132;

/// Says on stderr what is odd but does not stop anything.
pub fn warn(warning: impl std::fmt::Display) {
    anstream::eprintln!("{WARNING}warning:{PLAIN} {warning}");
}

/// Width of output in columns.
pub fn columns() -> usize {
    usize::from(crossterm::terminal::size().map_or(COLUMNS, |(columns, _)| columns))
}
