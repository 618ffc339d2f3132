//! Boards that crash or restart while MicroPython is at work: its script is lost, and no answer will come.

use espalier_core::Span;

use crate::driver::Reset;
use crate::session::{Crash, State};
use crate::text::find;

/// First bytes of the ROM's message after a reset: its build date follows.
const BANNER: &[u8] = b"ets J";
/// Time for bytes printed before a reset to arrive: a UART holds 128 bytes, which take 11 ms at 115200 baud.
const REST: Span = Span::from_millis(50);

/// The event by which MicroPython was lost.
///
/// ```
/// use espalier::BoardLoss;
///
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// if let Err(error) = board.micropython().exec("import machine; machine.reset()").await {
///     assert!(matches!(error.board_loss(), Some(BoardLoss::Restart(_))));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BoardLoss {
    /// The firmware crashed.
    #[error("{0}\n  MicroPython was at work")]
    Crash(Crash),
    /// The board restarted, because the script or the firmware wanted it.
    #[error("the board restarted while MicroPython was at work, by {0}")]
    Restart(Reset),
}

/// A moment from which on a board is not to crash or restart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since {
    resets: u64,
    crashed: bool,
}

impl Since {
    /// Now.
    pub(super) fn now(state: &State) -> Since {
        Since { resets: state.watch.count(), crashed: state.watch.crash(state.driver.now()).is_some() }
    }

    /// Returns the reset or the crash since then.
    pub(super) fn lost(&self, state: &State) -> Option<BoardLoss> {
        if let (false, Some(crash)) = (self.crashed, state.crash()) {
            return Some(BoardLoss::Crash(crash));
        }
        state.watch.reset_after(self.resets).map(|(reset, _)| BoardLoss::Restart(reset.clone()))
    }

    /// Where in the console the output ends of what ran before the board was reset, if it was. A reset of the cores leaves the UARTs
    /// alone, so the rest of what was printed still comes, and then what the ROM says.
    pub(super) fn end(&self, state: &State) -> Option<usize> {
        let (_, printed) = state.watch.reset_after(self.resets)?;
        let (first, after) = state.console.since(*printed);
        // Half of those words is no output either.
        let begun = (1..BANNER.len()).rev().find(|length| after.ends_with(&BANNER[..*length])).unwrap_or(0);
        Some(first + find(after, BANNER).unwrap_or(after.len() - begun))
    }

    /// Whether all has come that was printed before the board was lost.
    pub(super) fn is_heard_out(&self, state: &State) -> bool {
        let Some((reset, printed)) = state.watch.reset_after(self.resets) else { return true };
        find(state.console.since(*printed).1, BANNER).is_some() || state.driver.now().since(reset.at) >= REST
    }
}
