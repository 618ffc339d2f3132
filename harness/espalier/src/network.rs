//! The network between the board and its peer, and what goes wrong on it.

use std::sync::Arc;

use crate::driver::{Cable, Capability, Faults, Unsupported};
use crate::session::{Result, Shared};

/// The board's side of the network: its cable. Handles are cheap and all lead to the same cable.
///
/// What is random is drawn from the board's seed, so every run of a test sees the same faults.
///
/// ```no_run
/// use espalier::{Board, Faults};
///
/// # fn test(board: Board) -> espalier::Result<()> {
/// board.network().set_faults(Faults { loss: 0.2, reordering: 0.1, ..Faults::default() })?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Network {
    shared: Arc<Shared>,
}

impl Network {
    pub(crate) fn new(shared: Arc<Shared>) -> Network {
        Network { shared }
    }

    /// From now on, this goes wrong in both directions, and nothing else. What is under way arrives as it would have.
    pub fn set_faults(&self, faults: Faults) -> Result<()> {
        self.change(|cable| *cable = Cable { from_board: faults.clone(), to_board: faults, cut: cable.cut })
    }

    /// From now on, this goes wrong with what the board sends.
    pub fn set_faults_from_board(&self, faults: Faults) -> Result<()> {
        self.change(|cable| cable.from_board = faults)
    }

    /// From now on, this goes wrong with what is sent to the board.
    pub fn set_faults_to_board(&self, faults: Faults) -> Result<()> {
        self.change(|cable| cable.to_board = faults)
    }

    /// Cuts the cable. The board's PHY notices, unlike with [`Peer::vanish`](crate::Peer::vanish).
    pub fn cut_cable(&self) -> Result<()> {
        self.change(|cable| cable.cut = true)
    }

    /// Puts the cable back, with the faults that it had.
    pub fn restore_cable(&self) -> Result<()> {
        self.change(|cable| cable.cut = false)
    }

    fn change(&self, change: impl FnOnce(&mut Cable)) -> Result<()> {
        let mut state = self.shared.lock();
        let (kind, capability) = (state.rig.kind(), Capability::Faults);
        if !state.rig.supports(capability) {
            return Err(state.fail(Unsupported { capability, kind }));
        }
        let mut cable = state.cable.clone();
        change(&mut cable);
        state.rig.set_cable(&cable).map_err(|kind| state.fail(kind))?;
        state.cable = cable;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::driver::fake::Fake;
    use crate::{Capability, Unsupported};

    #[tokio::test]
    async fn a_board_without_faults_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let board = Fake::new([]).board(folder.path());
        let error = board.network().cut_cable().unwrap_err();
        assert!(matches!(error.find(), Some(Unsupported { capability: Capability::Faults, .. })), "{error}");
        assert!(error.to_string().starts_with("emulated boards do not support faults on the network"), "{error}");
    }
}
