//! The target `lan` under libFuzzer.
#![no_main]

espalier_fuzz_targets::under_libfuzzer!("lan");
