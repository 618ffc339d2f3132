//! Identifies the run of tests that this process is part of.

use std::sync::LazyLock;

/// Environment variable by which `cargo nextest` is known: it runs every test in a process of its own.
const NEXTEST_VARIABLE: &str = "NEXTEST";
/// Environment variable with the name of the one test that this process runs, which nextest sets.
pub(crate) const NEXTEST_TEST_VARIABLE: &str = "NEXTEST_TEST_NAME";
/// Environment variable with nextest's name for a run, which is the same in all of its processes.
const NEXTEST_RUN_VARIABLE: &str = "NEXTEST_RUN_ID";
/// Environment variable that pytest sets to the test that runs, with its phase: `tests/test_a.py::test_b[c] (call)`.
const PYTEST_VARIABLE: &str = "PYTEST_CURRENT_TEST";
/// Environment variable that pytest-xdist sets to the same name in all processes of a run.
const XDIST_RUN_VARIABLE: &str = "PYTEST_XDIST_TESTRUNUID";
/// Environment variable that Cargo sets for the tests that it runs.
#[cfg(unix)]
const CARGO_VARIABLE: &str = "CARGO";

/// Whether every test has a process of its own.
pub(crate) fn is_nextest() -> bool {
    std::env::var_os(NEXTEST_VARIABLE).is_some()
}

/// A name for this run, as it can stand in a file system. The processes of nextest's run have one name, those of
/// pytest-xdist's too, and so have those of `cargo test` where the system tells who has started a process.
pub(crate) fn run_id() -> &'static str {
    static ID: LazyLock<String> =
        LazyLock::new(|| nextest_run().or_else(xdist_run).or_else(cargo_run).unwrap_or_else(own_run));
    &ID
}

fn nextest_run() -> Option<String> {
    told_run("nextest", NEXTEST_RUN_VARIABLE)
}

fn xdist_run() -> Option<String> {
    told_run("xdist", XDIST_RUN_VARIABLE)
}

/// The name of a run as its runner tells it in a variable.
fn told_run(runner: &str, variable: &str) -> Option<String> {
    let run = std::env::var(variable).ok()?;
    let plain = !run.is_empty() && run.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    plain.then(|| format!("{runner}-{run}"))
}

/// The test that pytest runs now, named as Rust's tests are: `tests::test_a::test_b::c`.
pub(crate) fn pytest_test() -> Option<String> {
    std::env::var(PYTEST_VARIABLE).ok().and_then(|told| test_of_pytest(&told))
}

fn test_of_pytest(told: &str) -> Option<String> {
    let test = told.rsplit_once(" (").map_or(told, |(test, _)| test);
    let (file, item) = test.split_once("::").unwrap_or((test, ""));
    let module = file.strip_suffix(".py").unwrap_or(file).replace('/', "::");
    // The brackets hold the parameters, in which anything may stand.
    let (name, parameters) = match item.split_once('[') {
        Some((name, parameters)) => (name, parameters.strip_suffix(']').unwrap_or(parameters)),
        None => (item, ""),
    };
    let parts = [module.as_str(), name, parameters].into_iter().filter(|part| !part.is_empty());
    Some(parts.collect::<Vec<_>>().join("::")).filter(|name| !name.is_empty())
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

#[cfg(test)]
mod tests {
    use super::test_of_pytest;

    #[test]
    fn tests_of_pytest_are_named_as_rusts() {
        for (told, name) in [
            ("tests/test_a.py::test_b (setup)", Some("tests::test_a::test_b")),
            ("test_a.py::TestC::test_b[a (b)-[c]] (call)", Some("test_a::TestC::test_b::a (b)-[c]")),
            ("test_a.py", Some("test_a")),
            ("", None),
        ] {
            assert_eq!(test_of_pytest(told).as_deref(), name, "{told}");
        }
    }
}
