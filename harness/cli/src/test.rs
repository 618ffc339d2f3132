//! `espalier test`: scenarios in TOML or YAML, told as `cargo test` tells of tests.

use std::io::{IsTerminal, Write, stderr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use espalier::CoverageRecord;
use espalier_scenario::{Options, Outcome, Record, Suite, annotation, junit, load, schema, tap};
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::TestArgs;
use crate::captures::Output;
use crate::coverage;
use crate::error::CliError;
use crate::signals::Signals;
use crate::style::{BAD, FAINT, GOOD, PLAIN, WARNING};
use crate::{FAILURE, SUCCESS};

/// Where scenarios are if none is named.
const FOLDER: &str = "scenarios";
/// Set in the workflows of GitHub, which show annotations.
const GITHUB_VARIABLE: &str = "GITHUB_ACTIONS";
/// The folder for what failed tests leave behind, in that of the build.
const ARTEFACTS: &str = "target/espalier/scenarios";

pub async fn perform(args: TestArgs) -> Result<u8, CliError> {
    if args.schema {
        print!("{}", schema());
        return Ok(SUCCESS);
    }
    let paths = if args.paths.is_empty() { vec![PathBuf::from(FOLDER)] } else { args.paths.clone() };
    let mut suite = Suite::new(&load(&paths)?)?;
    let all = suite.tests().len();
    suite.filter(&args.filter);
    if args.list {
        suite.tests().iter().for_each(|test| anstream::println!("{}: test", test.name()));
        anstream::println!("\n{} tests", suite.tests().len());
        return Ok(SUCCESS);
    }
    let mut signals = Signals::listen()?;
    let running = tokio::task::spawn_blocking(move || run(&suite, all, &args));
    tokio::select! {
        status = running => status.map_err(std::io::Error::other)?,
        // The threads of the tests end with the process.
        signal = signals.caught() => std::process::exit(i32::from(signal.status())),
    }
}

fn run(suite: &Suite, all: usize, args: &TestArgs) -> Result<u8, CliError> {
    let options = Options {
        jobs: args.jobs,
        target: args.target.as_deref().map(Into::into),
        artefacts: std::env::var_os(espalier::ARTEFACTS_VARIABLE).is_none().then(|| PathBuf::from(ARTEFACTS)),
        bless: args.bless,
        repeat: args.repeat,
        fail_fast: args.fail_fast,
        coverage: args.coverage.is_some().then(CoverageRecord::default),
    };
    let coverage_file = args.coverage.as_deref().map(Output::open).transpose()?;
    let junit_file = args.junit.as_deref().map(Output::open).transpose()?;
    let tap_file = args.tap.as_deref().map(Output::open).transpose()?;
    let count = suite.tests().len() * args.repeat.map_or(1, |repeat| repeat.get());
    anstream::println!("\nrunning {count} test{}", if count == 1 { "" } else { "s" });
    let begun = Instant::now();
    let bar = progress(count);
    let records = suite.run(&options, |record| {
        bar.suspend(|| tell(record));
        bar.inc(1);
    });
    bar.finish_and_clear();
    details(&records);
    if let Some(file) = junit_file {
        file.write(junit(&records).as_bytes())?;
    }
    if let Some(file) = tap_file {
        file.write(tap(&records).as_bytes())?;
    }
    if let (Some(file), Some(record)) = (coverage_file, &options.coverage) {
        file.write(coverage::report(record, None)?.as_bytes())?;
    }
    if std::env::var_os(GITHUB_VARIABLE).is_some() {
        records.iter().filter_map(annotation).for_each(|line| println!("{line}"));
    }
    Ok(summary(&records, all * count / suite.tests().len().max(1), begun.elapsed()))
}

/// A bar on a terminal, and nothing elsewhere.
fn progress(count: usize) -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed}");
    ProgressBar::new(count as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn tell(record: &Record) {
    let Record { name, took, .. } = record;
    let time = format!("{FAINT}({:.2} s){FAINT:#}", took.as_secs_f64());
    match &record.outcome {
        Outcome::Passed => anstream::println!("test {name} ... {GOOD}ok{PLAIN} {time}"),
        Outcome::Failed(_) => anstream::println!("test {name} ... {BAD}FAILED{PLAIN} {time}"),
        Outcome::Skipped(reason) => anstream::println!("test {name} ... {WARNING}skipped{PLAIN}, {reason}"),
    }
}

/// The report of each failure.
fn details(records: &[Record]) {
    let failed: Vec<&Record> = records.iter().filter(|record| record.failed()).collect();
    if failed.is_empty() {
        return;
    }
    anstream::println!("\nfailures:");
    for record in &failed {
        if let Outcome::Failed(failure) = &record.outcome {
            anstream::println!("\n---- {} ----\n{failure}", record.name);
        }
    }
    anstream::println!("\nfailures:");
    failed.iter().for_each(|record| anstream::println!("    {}", record.name));
}

/// The last line, and the status.
fn summary(records: &[Record], all: usize, took: Duration) -> u8 {
    let failed = records.iter().filter(|record| record.failed()).count();
    let skipped = records.iter().filter(|record| matches!(record.outcome, Outcome::Skipped(_))).count();
    let passed = records.len() - failed - skipped;
    let verdict = if failed == 0 { format!("{GOOD}ok{PLAIN}") } else { format!("{BAD}FAILED{PLAIN}") };
    anstream::println!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed; {skipped} skipped; {} filtered out; finished in {:.2} s",
        all.saturating_sub(records.len()),
        took.as_secs_f64(),
    );
    let _ = std::io::stdout().flush();
    if failed > 0 {
        FAILURE
    } else if records.is_empty() {
        anstream::eprintln!("{BAD}error:{PLAIN} no test has this name; --list shows all names");
        FAILURE
    } else {
        SUCCESS
    }
}
