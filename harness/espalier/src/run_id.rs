//! Identifies the run of tests that this process is part of.

use std::sync::LazyLock;

/// Environment variable by which `cargo nextest` is known: it runs every test in a process of its own.
const NEXTEST_VARIABLE: &str = "NEXTEST";
/// Environment variable with the name of the one test that this process runs, which nextest sets.
pub(crate) const NEXTEST_TEST_VARIABLE: &str = "NEXTEST_TEST_NAME";
/// Environment variable with nextest's name for a run, which is the same in all of its processes.
const NEXTEST_RUN_VARIABLE: &str = "NEXTEST_RUN_ID";
/// Environment variable that Cargo sets for the tests that it runs.
#[cfg(unix)]
const CARGO_VARIABLE: &str = "CARGO";

/// Whether every test has a process of its own.
pub(crate) fn is_nextest() -> bool {
    std::env::var_os(NEXTEST_VARIABLE).is_some()
}

/// A name for this run, as it can stand in a file system. The processes of nextest's run have one name, and so have those of `cargo test`
/// where the system tells who has started a process.
pub(crate) fn run_id() -> &'static str {
    static ID: LazyLock<String> = LazyLock::new(|| nextest_run().or_else(cargo_run).unwrap_or_else(own_run));
    &ID
}

fn nextest_run() -> Option<String> {
    let run = std::env::var(NEXTEST_RUN_VARIABLE).ok()?;
    let plain = !run.is_empty() && run.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    plain.then(|| format!("nextest-{run}"))
}

/// All test binaries of a `cargo test` are started by the same Cargo. Numbers of processes come again, so its start belongs to the name.
#[cfg(unix)]
fn cargo_run() -> Option<String> {
    use std::os::unix::process::parent_id;
    use std::time::UNIX_EPOCH;
    std::env::var_os(CARGO_VARIABLE)?;
    let parent = parent_id();
    let started = std::fs::metadata(format!("/proc/{parent}")).and_then(|process| process.modified()).ok()?;
    Some(format!("cargo-{parent}-{}", started.duration_since(UNIX_EPOCH).ok()?.as_nanos()))
}

#[cfg(not(unix))]
fn cargo_run() -> Option<String> {
    None
}

/// A process that runs tests on its own.
fn own_run() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("process-{}-{}", std::process::id(), now.as_nanos())
}
