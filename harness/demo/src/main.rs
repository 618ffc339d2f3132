//! The demo as a command of its own.

use std::env;
use std::fmt::Arguments;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::PathBuf;
use std::process::{ExitCode, exit};

use espalier::{Progress, Stage};
use espalier_demo::{DemoError, FOLDER, Terminal};

const USAGE: &str = "\
Flash the tutorial's firmware into an emulated board, play both sides of its
TCP connections, and compare every screen with its golden picture.

Usage: espalier-demo [--output FOLDER]

Options:
  --output FOLDER  where the pictures and the report go [default: target/espalier/demo]
  --help           print this
";

/// Everything held.
const SUCCESS: u8 = 0;
/// Something failed or did not hold.
const FAILURE: u8 = 1;
/// The command line is none.
const USAGE_ERROR: u8 = 2;
/// The exit status of a command whose output pipe is closed: that of a program ended by SIGPIPE, 128 + 13.
const UNREAD: i32 = 141;
/// Columns of a pipe, and of a terminal that does not say.
const COLUMNS: usize = 132;

fn main() -> ExitCode {
    let folder = match folder() {
        Ok(Some(folder)) => folder,
        Ok(None) => {
            Output.print(format_args!("{USAGE}"));
            return ExitCode::from(SUCCESS);
        }
        Err(reason) => {
            Output.complain(format_args!("{reason}\n\n{USAGE}"));
            return ExitCode::from(USAGE_ERROR);
        }
    };
    match play(folder) {
        Ok(true) => ExitCode::from(SUCCESS),
        Ok(false) => ExitCode::from(FAILURE),
        Err(error) => {
            Output.complain(format_args!("{error}"));
            ExitCode::from(FAILURE)
        }
    }
}

fn play(folder: PathBuf) -> Result<bool, DemoError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(espalier::Error::from)?;
    runtime.block_on(espalier_demo::play(&mut Output, folder))
}

/// The folder that the command line names, or nothing if it asks for help.
fn folder() -> Result<Option<PathBuf>, String> {
    let mut folder = PathBuf::from(FOLDER);
    let mut arguments = env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--help" | "-h") => return Ok(None),
            Some("--output") => folder = arguments.next().ok_or("--output needs a folder")?.into(),
            Some(option) if option.starts_with("--output=") => folder = option["--output=".len()..].into(),
            _ => return Err(format!("{} has no meaning here", argument.display())),
        }
    }
    Ok(Some(folder))
}

/// The standard output and the standard error.
struct Output;

impl Terminal for Output {
    fn print(&mut self, text: Arguments<'_>) {
        let mut output = anstream::stdout();
        if let Err(error) = output.write_fmt(text).and_then(|()| output.flush()) {
            if error.kind() == ErrorKind::BrokenPipe {
                exit(UNREAD);
            }
            self.complain(format_args!("cannot write to the standard output: {error}"));
            exit(FAILURE.into());
        }
    }

    fn complain(&mut self, text: Arguments<'_>) {
        anstream::eprintln!("\x1b[1;31merror:\x1b[0m {text}");
    }

    fn flashing(&mut self, progress: Progress) {
        if io::stderr().is_terminal() {
            let doing = match progress.stage {
                Stage::Verifying => "verifying",
                _ => "writing",
            };
            eprint!("\r   {doing:<9} {:#09x} {:>9}/{}\x1b[K", progress.offset, progress.done, progress.length);
        }
    }

    fn flashed(&mut self) {
        if io::stderr().is_terminal() {
            eprint!("\r\x1b[K");
        }
    }

    fn columns(&self) -> usize {
        terminal_size::terminal_size().map_or(COLUMNS, |(width, _)| width.0.into())
    }
}
