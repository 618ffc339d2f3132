//! The ESP32 put together: memory map, interrupt matrix, reset, boot, boards.
//!
//! This is the only place where blocks, parts and network are wired to each other. [`Machine`] is the whole of it.

mod boards;
mod bus;
mod debug;
mod error;
mod fidelity;
mod flash_cache;
mod flash_mmu;
mod machine;
mod map;
mod memory;
mod pads;
mod rom;
mod stub;
mod system;
mod unmodelled;
mod wires;
mod wiring;

pub use boards::{
    AnalogInput, BoardDefinition, BoardError, BoardErrorKind, Button, Buzzer, FlashContent, I2cSensor, LedKind, Leds,
    Level, OledPlacement, SensorKind, TouchPad,
};
pub use debug::MemoryError;
pub use error::SocError;
pub use espalier_net::AccessPoint;
pub use espalier_parts::Sound;
pub use espalier_peripherals::{EFUSE_IMAGE_BYTES, ResetCause};
pub use espalier_xtensa::DebugStop;
pub use fidelity::{FidelityRow, markdown as fidelity_markdown};
pub use machine::{CORES, ChipReset, JtagCycle, Machine, MachineConfig, Stop, Strap, UnknownPart};
pub use rom::RomRevision;
pub use system::SERIAL_OUTPUT_BYTES;
pub use unmodelled::{UnmodelledAccess, UnmodelledBlock};
