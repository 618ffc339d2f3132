//! Several emulated boards on one clock, in one air and on one LAN, with wires between their pads.
//!
//! A [`World`] owns its boards, the air that their antennas are in, the LAN that their cables lead to and the wires between them. Nothing that one board
//! sends reaches another at once: a frame is on the air for at least [`LOOKAHEAD`], and so is its acknowledgement; a packet takes
//! longer than that through the switch. An edge on a wire between boards arrives after [`WIRE_DELAY`]. So all boards run alone for a window of that length, or of the wires' delay if there are any, on as many threads as there are, and
//! between two windows the world carries what they have sent. Windows begin where the state of the boards says, never where a
//! caller stops, and what is carried is carried in an order that no thread decides: one run has one trace, whatever the number of
//! threads and the steps in which it is run.
//!
//! ```no_run
//! use espalier_core::Span;
//! use espalier_soc::MachineConfig;
//! use espalier_world::World;
//!
//! let mut world = World::new(0)?;
//! let server = world.add_board("server", &MachineConfig::default())?;
//! let client = world.add_board("client", &MachineConfig::default())?;
//! for board in [server, client] {
//!     world.board_mut(board).load_flash(0x1000, &std::fs::read("firmware.bin")?)?;
//! }
//! world.run_for(Span::from_secs(1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![warn(clippy::missing_errors_doc)]

mod between;
mod cables;
mod error;
mod ether;
mod pad_wires;
mod place;
mod snapshot;
mod workers;
mod world;

use espalier_core::Span;

pub use error::WorldError;
pub use snapshot::is_snapshot;
pub use world::{BoardId, World, WorldConfig, WorldStop};

/// For how long a board can run before anything that another one does can reach it. The shortest frame, 14 bytes at 54 Mbit/s
/// (IEEE 802.11-2020, 17.4.3), ends 58 us after its sender begins to wait for the medium, and an acknowledgement ends 60 us after the
/// frame that it answers; the rest is for a slice that a core does not end to the cycle.
pub const LOOKAHEAD: Span = Span::from_micros(50);

/// The time that a wire between two boards takes for anything: an edge, a pull, the beginning of a wave. Copper would take
/// nanoseconds; but in a world with such wires boards run alone for hardly less than this, and less would cost the host more time. It is
/// half a frame of a UART at 921600 baud.
pub const WIRE_DELAY: Span = Span::from_micros(5);

/// The time for which boards run alone if wires join them. Blocks may tell of an edge a microsecond late.
const WIRE_WINDOW: Span = Span::from_micros(4);
