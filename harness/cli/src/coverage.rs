//! `espalier coverage`, and tracefiles of lcov for several firmwares.

use std::path::Path;

use espalier::CoverageRecord;

use crate::args::CoverageArgs;
use crate::captures::Output;
use crate::error::CliError;
use crate::style::{GOOD, PLAIN, warn};

/// Makes one report of what the boards of a test run have executed.
pub fn perform(args: &CoverageArgs) -> Result<bool, CliError> {
    let record = CoverageRecord::read(&args.folder)?;
    let report = report(&record, args.elf.as_deref())?;
    let path = Output::open(&args.output)?.write(report.as_bytes())?;
    anstream::eprintln!("{GOOD}wrote{PLAIN} {}", path.display());
    Ok(true)
}

/// A tracefile with every firmware of a record. `elf` is that of firmware without one beside its image.
pub fn report(record: &CoverageRecord, elf: Option<&Path>) -> Result<String, CliError> {
    let all = record.by_firmware();
    if all.is_empty() {
        return Err(CliError::NothingCounted);
    }
    let mut report = String::new();
    for (beside, coverage) in all {
        let elf = beside.as_deref().or(elf).ok_or(CliError::NoElf)?;
        report += &coverage.lcov(elf)?;
        let dropped = coverage.dropped();
        if dropped > 0 {
            warn(format_args!("the record of the coverage was full: {dropped} executions were dropped"));
        }
    }
    Ok(report)
}
