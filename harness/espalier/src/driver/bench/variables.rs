//! Environment variables that concern the bench.

/// Environment variable with the path of the file that describes the bench.
pub const BENCH_VARIABLE: &str = "ESPALIER_BENCH";
/// Environment variable with the seconds for which a board is waited for that another process has.
pub const WAIT_VARIABLE: &str = "ESPALIER_WAIT";
