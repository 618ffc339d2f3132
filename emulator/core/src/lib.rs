//! Time, schedule, registers and bus traits that every part of the emulator shares.
//!
//! Nothing here knows a chip. A peripheral is pure state behind [`Device`]: registers in, effects out. The wiring (the
//! `espalier-soc` crate) owns memory, pins, DMA, interrupts and everything outside the chip. What of all this a snapshot keeps, and how it
//! is written, is [`Persist`].

#![warn(clippy::missing_errors_doc)]

mod address_map;
mod audio;
mod bitmap;
mod blocks;
mod bus;
mod cache_lines;
mod can;
mod colour;
mod counts;
mod cpu;
mod device;
mod edges;
mod field;
mod flat_map;
mod observer;
mod outside;
mod paths;
mod persist;
mod picture;
mod register;
mod schedule;
mod sd;
mod serial;
mod signal;
mod sine;
mod surroundings;
mod time;
mod unmodelled;
mod windows;

pub use address_map::{AddressHasher, AddressMap};
pub use audio::{AudioClock, AudioFrame, AudioTarget};
pub use bitmap::Bitmap;
pub use blocks::{Absent, Block, BlockCache, Decoder};
pub use bus::{Bus, CODE_PAGE, CodeMemory, CodeState, Fault, Stored};
pub use cache_lines::CacheLines;
pub use can::{CanError, CanEvent, CanFrame, CanNode, CanTiming, CanTransmission};
pub use colour::Rgb;
pub use counts::{BlockCounts, CountedBlock, Counting};
pub use cpu::{Core, DebugStop, Exit, Mark, Timing, Translation, WatchKind, Watchpoint};
pub use device::{Device, Fidelity};
pub use edges::{EDGES, EdgeCounts, Executed};
pub use field::Field;
pub use flat_map::FlatMap;
pub use observer::{BlockEnd, CoreAccess, Interests, InterruptTaken, Medium, NetworkFrame, Observer, PadChange};
pub use outside::{DmaFault, GuestMemory, I2cTarget, SpiTarget, SpiTransaction};
pub use persist::{Damaged, Load, Persist, Reader, Writer, persist_tag, restore_sparse, save_sparse};
pub use picture::{Picture, Pixmap};
pub use register::{Register, Registers};
pub use schedule::Schedule;
pub use sd::{SdData, SdResponse, SdTarget};
pub use serial::{LineSettings, SerialFormat, SerialParity, SerialPort};
pub use signal::Signal;
pub use sine::sine;
pub use surroundings::{OutputChange, PadMatrix, Surroundings};
pub use time::{Counter, Frequency, Span, Time};
pub use unmodelled::Unmodelled;
pub use windows::{Page, SteadyWords, Window, WindowLayout, Windows};
