//! Tests of the core on flat memory: nothing of the emulator is needed but this crate.

mod agreement;
mod code;
mod debugging;
mod flat;
mod interrupts;
mod jtag;
mod ocd;
mod sequences;
mod snapshot;
mod timing;
mod translation;
mod vector_file;
mod vectors;
