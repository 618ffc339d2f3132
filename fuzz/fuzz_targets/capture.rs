//! The target `capture` under libFuzzer.
#![no_main]

espalier_fuzz_targets::under_libfuzzer!("capture");
