//! Chips and boards put together.
//!
//! A chip is a table of blocks and what is truly its own (`esp32`); the platform is what surrounds the cores of every chip; the
//! machine runs cores and knows no block by name. [`Machine`] is the whole of it.

mod boards;
mod chips;
mod error;
mod esp32;
mod esp32c3;
mod machine;
mod pads;
mod platform;
mod rom;

pub use boards::{BoardDefinition, BoardError, BoardErrorKind, ChipKind, FlashContent, timing_named};
pub use chips::conditional_branches;
pub use error::SocError;
pub use esp32::CORES;
pub use espalier_core::{DebugStop, Translation};
pub use espalier_net::AccessPoint;
pub use espalier_parts::{
    FLASH_CHUNK_SIZE, FlashHistory, FlashMemory, FlashOperation, FlashOperationKind, FlashReplay, FlashSectors,
    PartKinds, Progress, Sound, Value as PropertyValue,
};
pub use espalier_peripherals::{EFUSE_IMAGE_BYTES, FlashCipher, ResetCause};
pub use espalier_xtensa::translation_host;
pub use machine::{
    BUILD, ChipReset, JtagCycle, Machine, MachineConfig, MemoryError, PartError, SnapshotError, Stop, Strap,
    UnknownPart, is_snapshot, sealed,
};
pub use platform::{
    FarEnd, FidelityRow, SERIAL_OUTPUT_BYTES, UnmodelledAccess, UnmodelledBlock, WireChange, WireDrive,
    fidelity_markdown,
};
pub use rom::RomRevision;
