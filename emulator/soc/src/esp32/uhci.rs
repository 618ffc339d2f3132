//! UHCI among the rest of the chip: DMA between memory and the FIFOs of the UARTs.

use espalier_core::Time;

use super::Esp32;
use super::table::{UARTS, UHCI};
use crate::machine::{Chip, Interrupts, PadSignals};

impl Esp32 {
    /// A UHCI or a UART has something to do, or may have.
    pub(super) fn settle_uhci(&mut self, now: Time) {
        for uhci in UHCI {
            let Some(uart) = self.get(uhci).uart().and_then(|uart| UARTS.get(uart)) else { continue };
            let (platform, memory) = self.with_memory();
            let Some((model, port)) = platform.blocks.pair(uhci, *uart) else { continue };
            model.exchange(port, memory, now);
            self.carry_changes(uart.index);
            for index in [uhci.index, uart.index] {
                self.settle_interrupts(index);
                self.platform.renew_deadline(index);
            }
        }
        for (place, uart) in UARTS.into_iter().enumerate() {
            let takes = UHCI.iter().any(|uhci| {
                let uhci = self.get(*uhci);
                uhci.uart() == Some(place) && uhci.receives()
            });
            if self.get(uart).has_dma() != takes {
                self.get_mut(uart).set_dma(takes);
                self.platform.renew_deadline(uart.index);
            }
        }
    }
}
