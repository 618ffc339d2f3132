//! Emulated boards, reachable from outside like real ones: one, or several of one [`World`](espalier_world::World).
//!
//! [`Server::start`] takes a machine and runs it on a thread of its own. UART0 is a TCP socket, an RFC 2217 port whose DTR and
//! RTS work EN and IO0, and a PTY; QMP controls the board as it controls QEMU; GDB debugs both cores; HTTP is a page to watch and touch the board on; ports
//! of the host lead to ports of the board. Whatever comes from the host reaches the guest between two slices of its run, and nothing
//! that a client does or fails to do holds the board up. Any program that can connect can use the board; web pages cannot, although a browser
//! connects for them.

mod address;
mod board;
mod cable;
mod clients;
mod config;
mod courtesy;
mod error;
mod files;
mod forward;
mod forwards;
mod fuses;
mod gdb;
mod guard;
mod handle;
#[doc(hidden)]
pub mod hostile;
mod http;
mod lines;
mod link;
mod listeners;
mod monitor;
mod outlet;
mod page;
mod ports;
mod program;
mod qmp;
mod screendump;
mod serial_input;
mod server;
mod stream;
mod world;

pub use address::{AddressError, resolve};
pub use config::{GuestForward, HostForward, Pace, ServeConfig};
pub use error::ServeError;
pub use espalier_page::{Action, ActionError, Conversation, Expected, Level, picture_as_png, picture_as_ppm, span};
pub use fuses::{FusesError, load_efuses};
pub use handle::{BoardEvent, BoardHandle, BoardStatus, Gone, PortStatistics};
pub use page::{ActRequest, LivePage, Request, RunState, SaveRequest};
pub use program::{Program, ProgramError};
pub use server::{ConsolePort, Server, has_debugger};
pub use stream::{Endpoint, Protocol, StreamConfig};
pub use world::{WorldPace, WorldPage, WorldPorts, WorldServer};
