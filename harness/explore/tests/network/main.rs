//! The tutorial's client and server on a network that loses, doubles and delays frames, with keys that are pressed at any time.

mod bounds;
mod common;
mod findings;
mod inputs;
mod programs;
