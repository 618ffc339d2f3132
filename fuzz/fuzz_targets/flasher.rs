//! The target `flasher` under libFuzzer.
#![no_main]

espalier_fuzz_targets::under_libfuzzer!("flasher");
