//! Stimuli of the board, as data: planned for a moment of its time, and recorded.

use espalier_core::Time;

use super::Board;
use crate::driver::{CountedFrames, FrameLink, Stimulus, StimulusRecord};
use crate::session::Result;

impl Board {
    /// Does something to it at a moment of its time, whatever a test waits for then; at once, if that moment is now or has passed.
    ///
    /// ```
    /// use espalier::{Stimulus, Units};
    ///
    /// # async fn test(board: espalier::Board) -> espalier::Result<()> {
    /// board.at(board.now() + 200.ms(), Stimulus::uart(1, "\r"))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If it is to happen now and cannot, such as on a button that is not there, or this kind of board cannot be forked.
    pub fn at(&self, moment: Time, stimulus: Stimulus) -> Result<()> {
        let mut state = self.shared.lock();
        state.driver.plan(moment, stimulus).map_err(|failure| state.fail(failure))
    }

    /// Records from now on what is done to it by the test: on its console, its pins and parts, by its peers, in its air. A board that
    /// starts where this one stands does the same again if all of it is planned for the same moments.
    ///
    /// # Errors
    /// If this kind of board cannot be forked.
    pub fn record_stimuli(&self) -> Result<()> {
        let mut state = self.shared.lock();
        state.driver.record_stimuli().map_err(|failure| state.fail(failure))
    }

    /// All stimuli since [`record_stimuli`](Board::record_stimuli); nothing, if that was not called.
    pub fn stimuli(&self) -> Option<StimulusRecord> {
        self.shared.lock().driver.stimuli()
    }

    /// The first frames that have passed one place since [`Stimulus::frames`] has had them counted there.
    pub fn counted_frames(&self, link: FrameLink) -> Option<CountedFrames> {
        self.shared.lock().driver.counted_frames(link)
    }
}
