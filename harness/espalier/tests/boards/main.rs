//! Boards of every chip, flashed, covered, in files and in worlds.

mod chips;
mod coverage;
mod efuses;
mod flashing;
#[path = "../common/noise.rs"]
mod noise;
mod saved;
#[path = "../common/tally.rs"]
mod tally;
mod world;
