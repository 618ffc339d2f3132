//! What the application needs of the machine that it runs on.

use espalier_protocol::Frame;

/// An Ethernet interface.
pub trait Nic: smoltcp::phy::Device {
    /// Its hardware address.
    fn address(&self) -> [u8; 6];

    /// Whether a cable with something at its other end is plugged in.
    fn link_up(&mut self) -> bool;
}

/// The OLED.
pub trait Display {
    /// Shows a frame.
    fn flush(&mut self, frame: &Frame) -> Result<(), DisplayError>;
}

/// The display does not do what it was told, for example because it is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisplayError;

/// The serial line to the harness or to a person.
pub trait Console {
    /// Takes bytes that have arrived; returns how many, zero if there are none.
    fn read(&mut self, into: &mut [u8]) -> usize;

    /// Sends as many bytes as can be sent without waiting; returns how many.
    fn write(&mut self, bytes: &[u8]) -> usize;
}
