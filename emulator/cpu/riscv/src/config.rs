//! Differences between cores of this kind.

/// The configuration of a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where execution starts after reset.
    pub reset_vector: u32,
    /// `mvendorid`: the JEDEC number of the maker.
    pub vendor: u32,
    /// `marchid`.
    pub architecture: u32,
    /// `mimpid`.
    pub implementation: u32,
    /// `mhartid`.
    pub hart: u32,
}

espalier_core::persist!(value Config { reset_vector, vendor, architecture, implementation, hart });

impl Config {
    /// The core of the ESP32-C3 (TRM "ESP-RISC-V CPU", "Register Description").
    pub const ESP32C3: Config =
        Config { reset_vector: 0x4000_0000, vendor: 0x612, architecture: 0x8000_0001, implementation: 1, hart: 0 };
}
