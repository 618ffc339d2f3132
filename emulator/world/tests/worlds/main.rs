//! Several boards without MicroPython: their wires, and worlds in files.

mod snapshot;
mod wires;
