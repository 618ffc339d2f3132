//! The target `console` under libFuzzer.
#![no_main]

espalier_fuzz_targets::under_libfuzzer!("console");
