//! The network between the board and its peer, and faults on it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::driver::{FaultConfig, Faults, Segment};
use crate::session::{Result, Shared};

/// The board's side of the network: its cable. Handles are cheap and all lead to the same cable.
///
/// Random faults are drawn from the board's seed, so every run of a test sees the same ones.
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

    /// From now on, these faults happen in both directions, and no others. Frames that are under way arrive as they would have.
    ///
    /// # Errors
    /// If the network of this kind of board is out of reach, or a probability is not from 0 to 1.
    pub fn set_faults(&self, faults: Faults) -> Result<()> {
        self.change(|config| {
            replace(&mut config.from_board, faults.clone());
            replace(&mut config.to_board, faults);
        })
    }

    /// From now on, these faults happen to frames of the board.
    ///
    /// # Errors
    /// As [`set_faults`](Network::set_faults).
    pub fn set_faults_from_board(&self, faults: Faults) -> Result<()> {
        self.change(|config| replace(&mut config.from_board, faults))
    }

    /// From now on, these faults happen to frames for the board.
    ///
    /// # Errors
    /// As [`set_faults`](Network::set_faults).
    pub fn set_faults_to_board(&self, faults: Faults) -> Result<()> {
        self.change(|config| replace(&mut config.to_board, faults))
    }

    /// From now on, the name server of the LAN gives `address` for `name`, and it answers multicast DNS for it if it ends in `.local`.
    /// Names are the same in any case of letters; `peer.lan` and `gateway.lan` are there from the start.
    ///
    /// # Errors
    /// If this kind of board has no such network; see [`Capability::Datagrams`](crate::Capability::Datagrams).
    pub fn name(&self, name: &str, address: Ipv4Addr) -> Result<()> {
        let mut state = self.shared.lock();
        let named = state.driver.datagrams().and_then(|driver| driver.set_name(Segment::Lan, name, address));
        named.map_err(|failure| state.fail(failure))
    }

    /// Cuts the cable. The board's PHY notices, unlike with [`Peer::vanish`](crate::Peer::vanish).
    ///
    /// # Errors
    /// If the network of this kind of board is out of reach.
    pub fn cut_cable(&self) -> Result<()> {
        self.change(|config| (config.from_board.cut, config.to_board.cut) = (true, true))
    }

    /// Puts the cable back, with the faults that it had.
    ///
    /// # Errors
    /// If the network of this kind of board is out of reach.
    pub fn restore_cable(&self) -> Result<()> {
        self.change(|config| (config.from_board.cut, config.to_board.cut) = (false, false))
    }

    fn change(&self, change: impl FnOnce(&mut FaultConfig)) -> Result<()> {
        let mut state = self.shared.lock();
        let mut faults = state.faults.clone();
        change(&mut faults);
        state.driver.set_faults(&faults).map_err(|failure| state.fail(failure))?;
        state.faults = faults;
        Ok(())
    }
}

/// Other faults; a cable that was cut stays cut.
fn replace(direction: &mut Faults, faults: Faults) {
    *direction = Faults { cut: direction.cut || faults.cut, ..faults };
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
