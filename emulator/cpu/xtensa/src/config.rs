//! Differences between cores of the same configuration, and the constants of that configuration.

/// Parameters of a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Processor identification (`PRID`).
    pub prid: u32,
    /// Where execution starts after reset.
    pub reset_vector: u32,
    /// `VECBASE` after reset.
    pub vector_base: u32,
    /// `CONFIGID0` and `CONFIGID1`.
    pub configuration_id: [u32; 2],
    /// Access attribute of all memory regions after reset.
    pub reset_region_attribute: u8,
}

espalier_core::persist!(value Config { prid, reset_vector, vector_base, configuration_id, reset_region_attribute });

impl Config {
    /// The ESP32's PRO CPU.
    pub const ESP32_PRO: Config = Config {
        prid: 0xcdcd,
        reset_vector: 0x4000_0400,
        vector_base: 0x4000_0000,
        configuration_id: [0xc2bc_fffe, 0x1cc5_fe96],
        reset_region_attribute: REGION_BYPASS,
    };

    /// The ESP32's APP CPU.
    pub const ESP32_APP: Config = Config { prid: 0xabab, ..Config::ESP32_PRO };
}

/// Region attribute "bypass cache" (ISA manual, "Region Protection Option").
const REGION_BYPASS: u8 = 2;
