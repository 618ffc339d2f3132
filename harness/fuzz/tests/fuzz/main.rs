//! The fuzzer on the tutorial's firmware: whole, and with planted faults.

mod faults;
mod firmware;
mod pieces;
mod search;
