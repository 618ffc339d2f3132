//! The steps of a master on its bus, and the phases of a transfer there.

use espalier_core::{I2cTarget, Time};

/// Bits on the wire for each byte: eight of data and the acknowledge.
pub(super) const BITS_PER_BYTE: u64 = 9;

/// The level that a released SDA line reads as.
pub(super) const RELEASED: u8 = 0xFF;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Start,
    Write(u8),
    Read,
    /// A STOP, of the list or after a refused acknowledge.
    Stop {
        of_list: bool,
    },
    End,
    TimeOut,
}

espalier_core::persist!(enum Step { Start, Write(value), Read, Stop { of_list }, End, TimeOut });

/// The next byte that the targets on the bus expect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Idle,
    /// After a START: the next byte is an address.
    Address,
    Write,
    Read,
    /// No target took the address, and the list goes on all the same.
    Unheard,
}

espalier_core::persist!(
    enum Phase {
        Idle,
        Address,
        Write,
        Read,
        Unheard,
    }
);

impl Phase {
    pub(super) fn after_address(acknowledged: bool, byte: u8) -> Phase {
        match (acknowledged, byte & 1 != 0) {
            (false, _) => Phase::Unheard,
            (true, false) => Phase::Write,
            (true, true) => Phase::Read,
        }
    }

    /// The targets of the bus get a byte; true if one of them acknowledges it.
    pub(super) fn write(&mut self, byte: u8, bus: &mut dyn I2cTarget, at: Time) -> bool {
        match self {
            Phase::Address => {
                let acknowledged = bus.start(byte >> 1, byte & 1 != 0, at);
                *self = Phase::after_address(acknowledged, byte);
                acknowledged
            }
            Phase::Write => bus.write(byte, at),
            // A target that sends, or none at all, pulls no acknowledge low.
            Phase::Read | Phase::Unheard | Phase::Idle => false,
        }
    }
}
