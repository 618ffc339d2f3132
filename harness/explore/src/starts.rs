//! Boards on their way through the boot, from which the cases of power cuts go on.
//!
//! All boards do the same until one reads what the scenario has still to change, so that part of the boot is done once. Behind the last
//! change of a sector, cases no longer differ there: if the boards have waited for it, later cases go on from further on.

use espalier::{Board, FlashHistory, FlashMemory, FlashOperation, FlashSectors, Result, Span, Time};

/// Name of the board on which the invariant is checked.
pub(crate) const NAME: &str = "power-cut";
/// Time limit for a board to read what differs, for that part of its boot to be shared by cases.
const BOOT: Span = Span::from_secs(5);
/// Time behind a start within which a board reads what it was stopped for.
const LOOK: Span = Span::from_millis(2);
/// Starts that are made; later cases share the last one.
const STARTS_MAX: usize = 64;

/// A board shortly before it reads what its cases may differ in.
struct Start {
    /// The first operation whose cases go on from here.
    operation: usize,
    board: Board,
}

/// The starts of a history, in the order of their operations.
pub(crate) struct Starts(Vec<Start>);

impl Starts {
    /// Of a board without power.
    ///
    /// # Errors
    /// If the board cannot be forked or run.
    pub(crate) fn new(off: &Board, history: &FlashHistory) -> Result<Starts> {
        let board = off.fork_as(NAME)?;
        board.power_on()?;
        let stops = board.run_to_flash_read(&history.sectors(), BOOT)?;
        let mut starts = Starts(vec![Start { operation: 0, board: if stops { board } else { off.fork_as(NAME)? } }]);
        if stops {
            starts.add_later(history)?;
        }
        Ok(starts)
    }

    /// Adds the starts of later cases, which differ in fewer sectors.
    fn add_later(&mut self, history: &FlashHistory) -> Result<()> {
        let mut replay = history.replay();
        let mut replayed = 0;
        let mut awaited = reads_behind(&self.0[0].board)?;
        for (operation, differ) in changed_later(history.operations()) {
            if awaited.meet(&differ) {
                continue;
            }
            while replayed < operation && replay.step() {
                replayed += 1;
            }
            // Bits that read either way are drawn again for each case, wherever they are.
            if replay.content().unstable().next().is_some() {
                continue;
            }
            let Some(last) = self.0.last().filter(|_| self.0.len() < STARTS_MAX) else { break };
            let board = last.board.fork_as(NAME)?;
            board.set_flash_memory(replay.content())?;
            if !board.run_to_flash_read(&differ, BOOT)? {
                break;
            }
            awaited = reads_behind(&board)?;
            self.0.push(Start { operation, board });
        }
        Ok(())
    }

    /// The number of the start of an operation's cases.
    pub(crate) fn number(&self, operation: usize) -> usize {
        self.0.iter().rposition(|start| start.operation <= operation).unwrap_or_default()
    }

    /// When a board of an operation's cases goes on.
    pub(crate) fn now(&self, operation: usize) -> Time {
        self.0[self.number(operation)].board.now()
    }

    /// A board that boots with what a case of this operation has left in its flash chip.
    ///
    /// # Errors
    /// If the board cannot be forked.
    pub(crate) fn boot(&self, operation: usize, memory: &FlashMemory) -> Result<Board> {
        let board = self.0[self.number(operation)].board.fork_as(NAME)?;
        board.set_flash_memory(memory)?;
        if !board.is_powered() {
            board.power_on()?;
        }
        Ok(board)
    }
}

/// The operations behind the last change of a sector, each with the sectors that it and later ones change, in order.
fn changed_later(operations: &[FlashOperation]) -> Vec<(usize, FlashSectors)> {
    let mut points = Vec::new();
    let mut sectors = FlashSectors::default();
    for (number, operation) in operations.iter().enumerate().rev() {
        let mut more = sectors.clone();
        more.insert(&(operation.range.start as usize..operation.range.end as usize));
        if more != sectors {
            points.push((number + 1, std::mem::replace(&mut sectors, more)));
        }
    }
    points.reverse();
    points
}

/// The sectors that a board reads next.
fn reads_behind(board: &Board) -> Result<FlashSectors> {
    let board = board.fork_as(NAME)?;
    board.watch_flash_reads(true)?;
    board.run_to_rest(LOOK, LOOK)?;
    Ok(board.flash_reads().unwrap_or_default())
}
