//! The path of a board on a bench, on boards that only look like one: emulated, served over RFC 2217 or a pseudo-terminal, and
//! reached through the host's sockets in the host's time.
#![cfg(unix)]

mod faults;
#[path = "../common/noise.rs"]
mod noise;
mod served;
mod tutorial;
