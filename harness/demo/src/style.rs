//! Colours of the demo.

use anstyle::{AnsiColor, Reset, Style};

pub const PLAIN: Reset = Reset;
pub const HEADING: Style = Style::new().bold();
pub const GOOD: Style = AnsiColor::Green.on_default();
pub const BAD: Style = AnsiColor::Red.on_default().bold();
pub const FAINT: Style = Style::new().dimmed();
pub const SCREEN: Style = AnsiColor::Cyan.on_default();
