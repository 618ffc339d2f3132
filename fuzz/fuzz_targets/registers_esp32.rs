//! The target `registers_esp32` under libFuzzer.
#![no_main]

espalier_fuzz_targets::under_libfuzzer!("registers_esp32");
