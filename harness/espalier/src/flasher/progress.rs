//! The progress of a flash operation.

use std::sync::mpsc::Sender;

use espflash::target::ProgressCallbacks;

/// The operation on a part of the flash chip.
///
/// ```no_run
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// use espalier::Stage;
///
/// let mut flasher = board.flasher().connect().await?;
/// let stage = flasher.write(0x10000, b"data", |_| {}).await?;
/// assert!(matches!(stage, Stage::Written | Stage::Unchanged));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// It is being written.
    Writing,
    /// The chip computes the MD5 digest of what was written.
    Verifying,
    /// It is written and verified.
    Written,
    /// It held these bytes already.
    Unchanged,
}

/// The progress of the work on one part of the flash chip.
///
/// ```no_run
/// # async fn test(board: espalier::Board) -> espalier::Result<()> {
/// let mut flasher = board.flasher().connect().await?;
/// let tell = |progress: espalier::Progress| println!("{} of {} bytes", progress.done, progress.length);
/// flasher.write(0x10000, b"data", tell).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Where the part begins in flash.
    pub offset: u32,
    /// Its size in bytes.
    pub length: u32,
    /// About how many of them are written.
    pub done: u32,
    /// The operation.
    pub stage: Stage,
}

/// Passes espflash's reports on to the task that waits for it.
pub(super) struct Reporter {
    progress: Progress,
    blocks: usize,
    to: Sender<Progress>,
}

impl Reporter {
    pub(super) fn new(offset: u32, length: u32, to: Sender<Progress>) -> Reporter {
        Reporter { progress: Progress { offset, length, done: 0, stage: Stage::Writing }, blocks: 0, to }
    }

    fn report(&mut self, stage: Stage, done: u32) {
        self.progress = Progress { stage, done, ..self.progress };
        // The receiver may be gone, which is no reason to stop.
        let _ = self.to.send(self.progress);
    }
}

impl ProgressCallbacks for Reporter {
    fn init(&mut self, _: u32, total: usize) {
        self.blocks = total;
        self.report(Stage::Writing, 0);
    }

    /// The blocks are compressed; the number of bytes in each is unknown.
    fn update(&mut self, current: usize) {
        let done = u64::from(self.progress.length) * current as u64 / self.blocks.max(1) as u64;
        self.report(Stage::Writing, u32::try_from(done).unwrap_or(self.progress.length).min(self.progress.length));
    }

    fn verifying(&mut self) {
        self.report(Stage::Verifying, self.progress.length);
    }

    fn finish(&mut self, skipped: bool) {
        self.report(if skipped { Stage::Unchanged } else { Stage::Written }, self.progress.length);
    }
}
