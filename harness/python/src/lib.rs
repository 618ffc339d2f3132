//! The library for Python: the native module `espalier._native`.
//!
//! Its classes are what `espalier.aio` offers: whatever waits returns a [`Wait`](wait::Wait). The blocking classes of the package
//! `espalier` are thin ones in Python above them. Neither has behaviour of its own: that is the library's.

mod air;
mod board;
mod boot_once;
mod console;
mod device;
mod error;
mod explore;
mod flasher;
mod leds;
mod micropython;
mod network;
mod parts;
mod peer;
mod pins;
mod probe;
mod screen;
mod start;
mod values;
mod wait;
mod world;

#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use crate::air::{Air, Station};
    #[pymodule_export]
    use crate::board::Board;
    #[pymodule_export]
    use crate::boot_once::BootOnce;
    #[pymodule_export]
    use crate::console::{Console, Uart};
    #[pymodule_export]
    use crate::error::Scene;
    #[pymodule_export]
    use crate::explore::{Explored, Finding, Input, explore_inputs, network_faults, power_cuts};
    #[pymodule_export]
    use crate::flasher::Flasher;
    #[pymodule_export]
    use crate::leds::{Buzzer, Leds, Tone};
    #[pymodule_export]
    use crate::micropython::{MicroPython, RunningScript};
    #[pymodule_export]
    use crate::network::Network;
    #[pymodule_export]
    use crate::parts::{Button, Part, Sensor, TouchPad};
    #[pymodule_export]
    use crate::peer::{Listener, Peer, PeerStream, UdpSocket};
    #[pymodule_export]
    use crate::pins::{Edge, Edges, Pin, PinCapture};
    #[pymodule_export]
    use crate::probe::Probe;
    #[pymodule_export]
    use crate::screen::{Picture, Screen};
    #[pymodule_export]
    use crate::start::World;
    #[pymodule_export]
    use crate::values::{Captured, Line, Match};
    #[pymodule_export]
    use crate::wait::Wait;
}
