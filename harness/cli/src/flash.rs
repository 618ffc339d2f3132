//! `espalier flash`: the serial download mode.

use espalier::{BenchError, Board, Image, Progress, Stage};
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::FlashArgs;
use crate::captures::Output;
use crate::error::CliError;
use crate::output::say;
use crate::style::{FAINT, GOOD, PLAIN, warn};

const BAR: &str = "   {msg} {wide_bar:.cyan/dim} {bytes:>10}/{total_bytes}";

pub async fn perform(args: &FlashArgs) -> Result<bool, CliError> {
    let image = Image::read_with_table(&args.image, args.table.partition_table)?;
    let output = args.output.as_deref().map(Output::open).transpose()?;
    let board = Board::builder().model(args.board.clone()).name("flash").start().await?;
    let mut flasher = board.flasher().baud(args.baud).connect().await?;
    let chip = flasher.chip();
    let revision = chip.revision.map_or_else(String::new, |(major, minor)| format!(" v{major}.{minor}"));
    say!("{FAINT}{}{revision}, {} MB of flash, crystal {}{PLAIN}", chip.chip, chip.flash_size >> 20, chip.crystal);
    image.warnings(chip.flash_size).iter().for_each(warn);
    let mut bar = FlashBar::new();
    let flashed = flasher.flash_image(&image, |progress| bar.show(progress)).await?;
    bar.finish();
    say!("{GOOD}✓{PLAIN} {} bytes written and verified, {} were there already", flashed.written, flashed.unchanged);
    match flasher.finish().await {
        // The image is where it belongs; it starts at the press of the reset button.
        Err(error) if matches!(error.find(), Some(BenchError::NoReset { .. })) => warn(error.cause()),
        finished => finished?,
    }
    if let Some(output) = output {
        say!("{}", output.write(&board.read_flash()?)?.display());
    }
    Ok(true)
}

/// The progress of a write, part after part. Nothing is shown where output is no terminal.
pub struct FlashBar {
    bar: ProgressBar,
    offset: Option<u32>,
}

impl FlashBar {
    pub fn new() -> FlashBar {
        let style = ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar());
        FlashBar { bar: ProgressBar::new(0).with_style(style), offset: None }
    }

    pub fn show(&mut self, progress: Progress) {
        if self.offset.replace(progress.offset) != Some(progress.offset) {
            self.bar.reset();
            self.bar.set_length(u64::from(progress.length));
        }
        self.bar.set_position(u64::from(progress.done));
        let doing = match progress.stage {
            Stage::Writing => "writing",
            Stage::Verifying => "verifying",
            _ => "written",
        };
        self.bar.set_message(format!("{doing:<9} {:#09x}", progress.offset));
    }

    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}
