//! The kinds of boards, and the abilities that some of them lack.

use std::fmt;

/// A kind of board.
///
/// ```
/// use espalier::{Kind, Target};
///
/// assert_eq!(Target::from("qemu").kind(), Kind::Qemu);
/// assert_eq!(Kind::Bench.to_string(), "bench");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The emulator of this project, in the process of the test.
    Emulated,
    /// Espressif's QEMU, in a process of its own.
    Qemu,
    /// A real board at a serial port, or one that is served as if it were.
    Bench,
}

impl Kind {
    /// Every kind there is.
    pub const ALL: [Kind; 3] = [Kind::Emulated, Kind::Qemu, Kind::Bench];

    /// The word for it in `ESPALIER_BOARD`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Emulated => "emulated",
            Kind::Qemu => "qemu",
            Kind::Bench => "bench",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An ability that some kinds of board lack.
///
/// ```
/// use espalier::Capability;
///
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// if board.supports(Capability::Faults) {
///     board.network().cut_cable()?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capability {
    /// A second board that starts where this one stands.
    Fork,
    /// Keeping the board in a file.
    Snapshot,
    /// Time that passes only while a test waits, and is the same in every run.
    VirtualTime,
    /// The display's pixels.
    Screen,
    /// The raw memory of the display, which is seen without the firmware's help.
    DisplayMemory,
    /// A peer that goes silent without closing its connections.
    VanishingPeer,
    /// Recording what goes over the network.
    Capture,
    /// Losing, delaying and spoiling what goes over the network, and cutting its cable.
    Faults,
    /// Ports of the peer without a listener refuse connections.
    Refusal,
    /// Looking into the flash chip past the chip's own pins.
    FlashContent,
    /// A Wi-Fi network that the board can join.
    Wifi,
    /// Networks and stations in the air that a test commands.
    Air,
    /// A peer that has UDP and can ping.
    Datagrams,
    /// Pressing buttons, touching pads and setting what sensors measure.
    Controls,
    /// Parts by their names, with properties and displays of their own.
    Parts,
    /// Reading and driving pins.
    Pins,
    /// The UARTs beside the console.
    Uarts,
    /// The colours of the LEDs.
    Leds,
    /// The buzzer's tone.
    Buzzer,
    /// A debug probe on the chip's JTAG pins.
    Probe,
    /// Cutting the power at any moment, also in the middle of what the flash chip does.
    Power,
    /// Counting what its cores execute.
    Coverage,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Capability::Fork => "forking",
            Capability::Snapshot => "saving in a file",
            Capability::VirtualTime => "virtual time",
            Capability::Screen => "screen readout",
            Capability::DisplayMemory => "reading the display's memory",
            Capability::VanishingPeer => "a peer that vanishes",
            Capability::Capture => "recording the network",
            Capability::Faults => "faults on the network",
            Capability::Refusal => "a peer that refuses connections",
            Capability::FlashContent => "reading the flash chip directly",
            Capability::Wifi => "a Wi-Fi network to join",
            Capability::Air => "networks in the air that a test commands",
            Capability::Datagrams => "UDP and ping of the peer",
            Capability::Controls => "pressing, touching and setting sensors",
            Capability::Parts => "parts by their names",
            Capability::Pins => "reading and driving pins",
            Capability::Uarts => "UARTs beside the console",
            Capability::Leds => "LED readout",
            Capability::Buzzer => "recording the buzzer",
            Capability::Probe => "a debug probe",
            Capability::Power => "cutting its power",
            Capability::Coverage => "counting what its cores execute",
        })
    }
}
