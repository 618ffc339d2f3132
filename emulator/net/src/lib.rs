//! The virtual LAN of an emulated board.
//!
//! A [`Lan`] is an Ethernet switch with the board on one port, a gateway with DHCP and DNS on another, and any number of
//! peers whose TCP, UDP and ping a test works with. All of it lives in guest time, depends on nothing but its seed
//! and what is done to it, and can be cloned. Nothing leaves it.
//!
//! The machine's wiring gives it the board's frames ([`Lan::send_from_board`]), takes those for the board
//! ([`Lan::take_for_board`]) and calls [`Lan::advance`] when [`Lan::deadline`] comes. Tests connect, listen, send and
//! receive on it between two steps of the machine.
//!
//! ```
//! use espalier_core::Time;
//! use espalier_net::{ConnState, Lan, LanConfig};
//!
//! let mut lan = Lan::new(LanConfig::default())?;
//! let listener = lan.listen(5001)?;
//! let connection = lan.connect("10.0.2.100:5001".parse()?)?;
//! lan.advance(Time::from_micros(500_000));
//! assert_eq!(lan.accept(listener), None);
//! assert_eq!(lan.state(connection), ConnState::Connecting);
//! // The peer asks for the board's hardware address.
//! assert!(lan.take_for_board(lan.now()).is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Host forwarding needs nothing else: the owner of a socket of the real host opens a connection here for each that
//! comes in there, and carries bytes from one to the other.

mod air;
mod capture;
mod config;
mod error;
mod fault;
mod frame;
mod gateway;
mod host;
mod lan;
mod peers;
mod ports;
mod rng;
mod single;

#[doc(hidden)]
pub use air::frames_with_valid_keys;
pub use air::{AccessPoint, Air, AirError, AirFaults, AirFrame, Announced, Carried, Refusal, Station, StationState};
pub use config::LanConfig;
pub use error::LanError;
pub use espalier_ieee80211::{Rate, Tuning};
pub use fault::{FaultConfig, Faults};
pub use frame::SharedFrame;
pub use host::{ConnState, PingState};
pub use lan::Lan;
pub use peers::{ConnectionId, ListenerId, PingId, UdpId};
pub use ports::{Delivery, Ports, Sent};
pub use single::{CountedFrame, CountedFrames, FrameFault, FrameLink, FramePlan};
