//! The reader of bytes from outside that has the name of the binary, under libFuzzer: `cargo fuzz run` NAME.
#![no_main]

use std::sync::LazyLock;

use espalier_fuzz_targets::{Target, target};
use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = env!("CARGO_BIN_NAME");
    target(name).unwrap_or_else(|| panic!("no reader has the name {name}"))
});

fuzz_target!(|input: &[u8]| (TARGET.run)(input));
