//! `espalier image`: looking into firmware files.

use std::path::Path;

use espalier::image::{Digest, Format, Image, chip_name};

use crate::args::ImageAction;
use crate::error::CliError;
use crate::output::say;
use crate::style::{FAINT, HEADING, PLAIN, warn};

pub fn perform(action: ImageAction) -> Result<bool, CliError> {
    match action {
        ImageAction::Info { file, table } => info(&file, table.partition_table)?,
    }
    Ok(true)
}

fn info(file: &Path, table: Option<u32>) -> Result<(), CliError> {
    let image = Image::read_with_table(file, table)?;
    let app = image.app();
    say!("{HEADING}{}{PLAIN}", file.display());
    row(
        "format",
        match image.format() {
            Format::Application => "application, for flash offset 0x10000".to_owned(),
            Format::Merged { offset } => format!("merged image, from flash offset {offset:#x}"),
            Format::Elf => "ELF file".to_owned(),
            other => format!("{other:?}"),
        },
    );
    row("chip", chip_name(app.chip).to_owned());
    row("entry", format!("{:#010x}", app.entry));
    row("flash size", format!("{} MB", app.flash_size >> 20));
    row("length", format!("{} bytes", app.length));
    row(
        "checksum",
        match app.digest {
            Digest::Absent => "right; there is no digest",
            Digest::Right => "right, and so is the SHA-256 digest",
            Digest::Stale => "right; the SHA-256 digest is stale",
        }
        .to_owned(),
    );
    if let Some(description) = &app.description {
        row("project", format!("{} {}", description.project, description.version));
        let when = if description.built.is_empty() { "at an unknown time" } else { &description.built };
        row("built", format!("{when} with ESP-IDF {}", description.idf));
    }
    say!("\n  {HEADING}segments{PLAIN}");
    for segment in &app.segments {
        let place = match (segment.address, segment.is_mapped()) {
            (0, _) => "padding",
            (_, true) => "mapped from flash",
            (_, false) => "copied to RAM",
        };
        say!("    {:#010x}  {:>8} bytes  {FAINT}{place}{PLAIN}", segment.address, segment.length);
    }
    if !image.partitions().is_empty() {
        say!("\n  {HEADING}partitions{PLAIN}");
        for partition in image.partitions() {
            let (label, kind) = (&partition.label, partition.kind());
            say!("    {:#010x}  {:>8} bytes  {label:<16} {FAINT}{kind}{PLAIN}", partition.offset, partition.size);
        }
    }
    // The flash chip of the board that would run it is not known here, the header's is.
    image.warnings(u32::MAX).iter().for_each(warn);
    Ok(())
}

fn row(name: &str, value: String) {
    say!("  {FAINT}{name:<11}{PLAIN}{value}");
}
