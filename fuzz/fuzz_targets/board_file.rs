//! The target `board_file` under libFuzzer.
#![no_main]

espalier_fuzz_targets::under_libfuzzer!("board_file");
