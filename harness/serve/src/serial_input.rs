//! Input of a client to the serial line: bytes and changes of the line's settings, in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::lines::ModemLines;

/// Cancels bytes that the line has not carried yet. Clones cancel the same bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Something that a client did to the serial line.
#[derive(Clone, Debug)]
pub(crate) enum SerialInput {
    /// It sent bytes.
    Bytes(Vec<u8>, CancelToken),
    /// It sends at this rate from now on; None follows the UART's own.
    Baud(Option<u32>),
    /// It set its modem lines.
    Lines(ModemLines),
}
