//! Data on its way between the card and the host.

/// The reason for which a transfer waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// A block is on the data lines.
    Block,
    /// The card sends nothing.
    Silence,
    /// The host has no data, or no room.
    Host,
}

espalier_core::persist!(
    enum Stage {
        Block,
        Silence,
        Host,
    }
);

/// A transfer of blocks.
#[derive(Clone, Debug)]
pub(super) struct Transfer {
    pub slot: usize,
    pub to_card: bool,
    /// CMD12 follows.
    pub auto_stop: bool,
    /// Bytes that are still to be moved on the lines; none if it only ends with CMD12.
    pub left: Option<u32>,
    pub block: u32,
    /// Bytes of a block: those that the host has still to take, or has brought.
    pub held: Vec<u8>,
    pub stage: Stage,
}

espalier_core::persist!(value Transfer { slot, to_card, auto_stop, left, block, held, stage } if Transfer::is_sound;);

impl Transfer {
    fn is_sound(&self) -> bool {
        self.slot < u32::BITS as usize && self.block <= u32::from(u16::MAX) && self.held.len() <= usize::from(u16::MAX)
    }

    /// Bytes of the next block on the lines; zero if there is none.
    pub fn size(&self) -> u32 {
        self.left.map_or(self.block, |left| left.min(self.block))
    }

    /// A block was moved.
    pub fn count(&mut self, bytes: u32) {
        self.left = self.left.map(|left| left.saturating_sub(bytes));
    }
}
