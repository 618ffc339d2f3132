//! The reset circuit: DTR and RTS reset a board.

use std::time::Duration;

use serde::Deserialize;

use crate::driver::Start;
use crate::driver::live::Order;

/// Time for which EN is low. The capacitor at EN of development boards takes a few milliseconds; a network and a bridge take more.
const LOW: Duration = Duration::from_millis(100);
/// Time for which the strapping pin stays low after EN has risen, so that the ROM sees it.
const STRAP: Duration = Duration::from_millis(50);
/// Time after which bytes that were in transit when EN went low have arrived.
const STRAGGLERS: Duration = Duration::from_millis(50);

/// The circuit between the modem lines of a serial port and the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Circuit {
    /// The crossed pair of transistors of development boards (ESP32-DevKitC schematic): RTS alone pulls EN low, DTR alone pulls
    /// IO0 low, both together do nothing.
    Classic,
    /// The chip's own USB-Serial-JTAG (ESP32-C3 TRM, chapter "USB Serial/JTAG Controller"): RTS resets the chip, and DTR at that
    /// moment chooses the download mode.
    UsbSerialJtag,
    /// Nothing.
    None,
}

impl Circuit {
    /// Returns the changes of the lines for a start. While the chip is held in reset, `held` is done.
    pub(super) fn orders(self, start: Start, held: Vec<Order>) -> Vec<Order> {
        let lines = |dtr, rts| Order::Lines { dtr, rts };
        let pause = Order::Pause;
        let mut orders = Vec::new();
        match (self, start) {
            (Circuit::None, _) => orders.extend(held),
            (Circuit::Classic, Start::Flash) => {
                orders.extend([lines(false, true), pause(LOW), pause(STRAGGLERS)]);
                orders.extend(held);
                orders.push(lines(false, false));
            }
            (Circuit::Classic, Start::Download) => {
                orders.extend([lines(false, true), pause(LOW), pause(STRAGGLERS)]);
                orders.extend(held);
                orders.extend([lines(true, false), pause(STRAP), lines(false, false)]);
            }
            (Circuit::UsbSerialJtag, Start::Flash) => {
                orders.extend([lines(false, true), pause(LOW), pause(STRAGGLERS)]);
                orders.extend(held);
                orders.push(lines(false, false));
            }
            (Circuit::UsbSerialJtag, Start::Download) => {
                orders.extend([lines(false, false), pause(LOW), lines(true, false), pause(LOW)]);
                // Both pass through the state in which both are asserted, so that the idle state is never seen.
                orders.extend([lines(true, true), lines(false, true), pause(LOW), pause(STRAGGLERS)]);
                orders.extend(held);
                orders.push(lines(false, false));
            }
        }
        orders
    }
}

#[cfg(test)]
mod tests {
    use super::{Circuit, Order, Start};

    /// Levels of EN and IO0 on a development board: true is high.
    fn levels(orders: &[Order]) -> Vec<(bool, bool)> {
        let level = |order: &Order| match order {
            Order::Lines { dtr, rts } => Some((!*rts || *dtr, !*dtr || *rts)),
            _ => None,
        };
        orders.iter().filter_map(level).collect()
    }

    #[test]
    fn the_classic_circuit_resets_with_the_strap_as_asked() {
        let flash = Circuit::Classic.orders(Start::Flash, vec![Order::Forget]);
        assert_eq!(levels(&flash), [(false, true), (true, true)]);
        let download = Circuit::Classic.orders(Start::Download, vec![Order::Forget]);
        assert_eq!(levels(&download), [(false, true), (true, false), (true, true)]);
        for orders in [flash, download] {
            let held = orders.iter().position(|order| *order == Order::Forget).unwrap();
            assert_eq!(levels(&orders[..held]), [(false, true)], "the chip stands still meanwhile");
        }
    }
}
