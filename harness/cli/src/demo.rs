//! `espalier demo`: the tutorial, from flashing to the OLED.

use std::fmt::Arguments;

use espalier::Progress;
use espalier_demo::Terminal;

use crate::args::DemoArgs;
use crate::error::CliError;
use crate::flash::FlashBar;
use crate::output::print;
use crate::style::{BAD, PLAIN, columns};

pub async fn perform(args: &DemoArgs) -> Result<bool, CliError> {
    Ok(espalier_demo::play(&mut Output { bar: None }, args.output.clone()).await?)
}

/// The terminal of this command, with its bar.
struct Output {
    bar: Option<FlashBar>,
}

impl Terminal for Output {
    fn print(&mut self, text: Arguments<'_>) {
        print(text);
    }

    fn complain(&mut self, text: Arguments<'_>) {
        anstream::eprintln!("{BAD}error:{PLAIN} {text}");
    }

    fn flashing(&mut self, progress: Progress) {
        self.bar.get_or_insert_with(FlashBar::new).show(progress);
    }

    fn flashed(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish();
        }
    }

    fn columns(&self) -> usize {
        columns()
    }
}
