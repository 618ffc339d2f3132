//! The bytes that a UART has sent, until they are read.

use std::collections::VecDeque;

use espalier_core::Time;

/// Bytes that are kept for each UART. The output of UART1 and UART2 may stay unread; beyond this the oldest bytes are dropped.
pub const SERIAL_OUTPUT_BYTES: usize = 1 << 16;

/// The output of a UART: each byte with the end of its frame.
#[derive(Clone, Debug, Default)]
pub struct SerialOutput {
    bytes: VecDeque<(Time, u8)>,
    lost: u64,
}

espalier_core::persist!(value SerialOutput { bytes, lost });

impl SerialOutput {
    pub fn push(&mut self, sent: impl IntoIterator<Item = (Time, u8)>) {
        self.bytes.extend(sent);
        let above = self.bytes.len().saturating_sub(SERIAL_OUTPUT_BYTES);
        self.bytes.drain(..above);
        self.lost += above as u64;
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn take(&mut self) -> Vec<(Time, u8)> {
        std::mem::take(&mut self.bytes).into()
    }

    /// Unread bytes that were dropped.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::Time;

    use super::{SERIAL_OUTPUT_BYTES, SerialOutput};

    #[test]
    fn the_newest_bytes_are_kept_and_the_others_counted() {
        let mut output = SerialOutput::default();
        for index in 0..SERIAL_OUTPUT_BYTES as u64 + 100 {
            output.push([(Time::from_micros(index), index as u8)]);
        }
        assert_eq!(output.lost(), 100);
        let taken = output.take();
        assert_eq!((taken.len(), taken[0]), (SERIAL_OUTPUT_BYTES, (Time::from_micros(100), 100)));
        assert_eq!((output.take(), output.lost()), (vec![], 100));
    }
}
