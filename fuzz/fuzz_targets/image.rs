//! The target `image` under libFuzzer.
#![no_main]

espalier_fuzz_targets::under_libfuzzer!("image");
