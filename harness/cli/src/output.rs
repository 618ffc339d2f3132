//! Printing. Who reads the output may stop early, as `head` does: then there is nothing left to do, and nothing to complain about.

use std::fmt::Arguments;
use std::io::{self, Write};

/// Prints a line; see [`print()`].
macro_rules! say {
    ($($arguments:tt)*) => {
        $crate::output::print(format_args!("{}\n", format_args!($($arguments)*)))
    };
}

/// Prints text; see [`print()`].
macro_rules! say_text {
    ($($arguments:tt)*) => {
        $crate::output::print(format_args!($($arguments)*))
    };
}

pub(crate) use {say, say_text};

/// The exit status of a command whose output pipe is closed: that of a program ended by SIGPIPE, 128 + 13.
pub const UNREAD: u8 = 141;

/// Prints to the standard output, with colours where it is a terminal. If its reader is gone, the command ends here, without a
/// word.
pub fn print(text: Arguments<'_>) {
    let mut output = anstream::stdout();
    if let Err(error) = output.write_fmt(text).and_then(|()| output.flush()) {
        std::process::exit(match error.kind() {
            io::ErrorKind::BrokenPipe => i32::from(UNREAD),
            _ => {
                anstream::eprintln!(
                    "{}error:{} cannot write to the standard output: {error}",
                    crate::style::BAD,
                    crate::style::PLAIN
                );
                i32::from(crate::FAILURE)
            }
        });
    }
}
