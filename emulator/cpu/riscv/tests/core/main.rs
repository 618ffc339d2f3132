//! Tests of the core on flat memory: nothing of the emulator is needed but this crate.

mod agreement;
#[path = "../../../xtensa/tests/core/flat.rs"]
mod flat;
mod interrupts;
mod snapshot;
mod timing;
#[path = "../../../xtensa/tests/core/vector_file.rs"]
mod vector_file;
mod vectors;
