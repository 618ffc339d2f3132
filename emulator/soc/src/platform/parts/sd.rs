//! Cards on SD buses, for the chip's SD host.

use espalier_core::SdTarget;

use super::Parts;
use crate::platform::signals::SdSignals;

/// A card and its pads.
#[derive(Clone, Copy, Debug)]
pub struct SdLines {
    pub slot: usize,
    pub clk: u8,
    pub cmd: u8,
    pub data: [Option<u8>; 4],
}

impl Parts {
    /// The card at the pads that IO_MUX gives to a slot of the host, and the number of data lines between the two: one or four.
    pub fn sd_bus(&mut self, signals: SdSignals) -> Option<(&mut dyn SdTarget, usize)> {
        let Parts { cards, direct, slots, dirty, .. } = self;
        let carries = |pad: u8, signal: u32| direct.get(usize::from(pad)).copied().flatten() == Some(signal);
        let lines = cards.iter().find(|card| carries(card.clk, signals.clock) && carries(card.cmd, signals.command))?;
        let wired = lines.data.iter().zip(signals.data);
        let wired = wired.take_while(|(pad, signal)| pad.is_some_and(|pad| carries(pad, *signal))).count();
        let card = slots.get_mut(lines.slot)?.touched().sd()?;
        *dirty = true;
        match wired {
            0 => None,
            4 => Some((card, 4)),
            _ => Some((card, 1)),
        }
    }
}
