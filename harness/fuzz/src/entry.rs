//! Where an input enters a board.

use std::fmt;
use std::net::SocketAddrV4;

use espalier::{PeerStream, Start, Stimulus, UdpSocket};

/// Where an input enters a board.
///
/// ```
/// use espalier_fuzz::Entry;
///
/// assert_eq!(Entry::uart(0).to_string(), "uart 0");
/// assert_eq!(Entry::flash(0x9000).to_string(), "flash at 0x9000");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    name: String,
    /// The stimulus that brings an input, with other bytes.
    template: Stimulus,
    then: Vec<Stimulus>,
}

impl Entry {
    fn new(name: impl Into<String>, template: Stimulus) -> Entry {
        Entry { name: name.into(), template, then: Vec::new() }
    }

    /// Bytes on a UART; UART0 is the console.
    pub fn uart(number: usize) -> Entry {
        Entry::new(format!("uart {number}"), Stimulus::uart(number, Vec::new()))
    }

    /// Bytes over a TCP connection that is open.
    pub fn tcp(stream: &PeerStream) -> Entry {
        Entry::new(format!("tcp to {}", stream.remote()), stream.stimulus(Vec::new()))
    }

    /// A UDP datagram to the board.
    pub fn udp(socket: &UdpSocket, to: SocketAddrV4) -> Entry {
        Entry::new(format!("udp to {to}"), socket.stimulus(Vec::new(), to))
    }

    /// An Ethernet frame on the board's cable, without its check sequence.
    pub fn ethernet() -> Entry {
        Entry::new("ethernet", Stimulus::ethernet_frame(Vec::new()))
    }

    /// A frame of 802.11 at the board's antenna, without its check sequence.
    pub fn radio() -> Entry {
        Entry::new("802.11", Stimulus::radio_frame(Vec::new()))
    }

    /// Bytes in the flash chip from this offset on, with which the board starts anew.
    pub fn flash(offset: u32) -> Entry {
        let then = vec![Stimulus::reset(Start::Flash)];
        Entry { then, ..Entry::new(format!("flash at {offset:#x}"), Stimulus::flash(offset, Vec::new())) }
    }

    /// The stimuli that bring these bytes.
    pub(crate) fn stimuli(&self, bytes: &[u8]) -> impl Iterator<Item = Stimulus> + use<'_> {
        std::iter::once(self.template.with_bytes(bytes)).chain(self.then.iter().cloned())
    }

    /// Whether the board starts anew for each input.
    pub(crate) fn starts_anew(&self) -> bool {
        !self.then.is_empty()
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
