//! Plain data that crosses between boards and what is above them.

use espalier_core::{Bitmap, Picture, Pixmap, Rgb, Signal, Time};

/// From where the chip starts after a reset.
///
/// ```
/// use espalier::Start;
///
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// board.reset_to(Start::Download).await?;
/// board.console().expect("waiting for download").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The firmware in flash.
    Flash,
    /// The serial download mode of the ROM.
    Download,
}

espalier_core::persist!(
    enum Start {
        Flash,
        Download,
    }
);

/// A host's access to the debug modules of a board's chip.
#[cfg(feature = "probe")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProbePort {
    /// By the JTAG pins, with [`Driver::jtag`].
    Pins,
    /// By a probe on the host's USB, as probe-rs selects it: `VID:PID` or `VID:PID:SERIAL`.
    Usb(String),
}

/// Levels on the JTAG pins for one cycle of the clock.
#[cfg(feature = "probe")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JtagCycle {
    pub(crate) tms: bool,
    pub(crate) tdi: bool,
}

/// The state of a display.
#[derive(Clone, Debug)]
pub(crate) struct DisplayState {
    /// Its dots; of a display with colours, where it is bright.
    pub(crate) bitmap: Bitmap,
    /// The picture of a display with colours.
    pub(crate) colours: Option<Pixmap>,
    pub(crate) memory: Vec<u8>,
    pub(crate) changed: Time,
    pub(crate) on: bool,
    /// When it is known to have shown this.
    pub(crate) at: Time,
}

impl DisplayState {
    /// The visible pixels: dots or colours.
    pub(crate) fn picture(&self) -> Picture {
        match &self.colours {
            Some(colours) => Picture::Colours(colours.clone()),
            None => Picture::Dots(self.bitmap.clone()),
        }
    }
}

/// The changes of the signal on a pin.
#[derive(Clone, Debug)]
pub(crate) struct PadHistory {
    /// The signal before the first change.
    pub(crate) before: Signal,
    /// Each change with its time and the new signal.
    pub(crate) changes: Vec<(Time, Signal)>,
}

/// The state of coloured LEDs.
#[derive(Clone, Debug)]
pub(crate) struct LedState {
    pub(crate) colours: Vec<Rgb>,
    pub(crate) changed: Time,
}

/// A connection of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConnectionId(pub(crate) u64);

espalier_core::persist!(value ConnectionId(value));

/// A listening socket of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ListenerId(pub(crate) u64);

espalier_core::persist!(value ListenerId(value));

/// The state of a connection, as its owner sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// The handshake is under way.
    Connecting,
    /// Bytes can flow towards the peer.
    Open,
    /// The other side has sent all that it will send.
    Finished,
    /// The other side refused the connection.
    Refused,
    /// The other side cut the connection, or it was given up.
    Reset,
}
