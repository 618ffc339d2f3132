//! A debugger outside the core: breakpoints, watchpoints and single steps that the program cannot see.
//!
//! A program behaves the same with a debugger as without, at the same times: a debugged core executes the same blocks, and checks
//! interrupts and its surroundings between the same instructions. A run that stops inside a block remembers its position, and the
//! next run goes on from there as if it had never stopped.

use espalier_core::{Damaged, DebugStop, Load, Persist, Reader, WatchKind, Watchpoint, Writer};

use crate::debug::Access;
use crate::instruction::Instruction;
use crate::register::SpecialRegister;
use crate::state::{State, ps};
use crate::watch::{ON_LOAD, ON_STORE};

/// The vectors of window overflows and underflows lie at the start of the vectors (ISA manual, "Windowed Register Option").
const WINDOW_VECTORS: u32 = 0x180;

/// The first address that `access` touches and `watchpoint` watches.
fn touched(watchpoint: &Watchpoint, access: &Access) -> Option<u32> {
    let kinds = match watchpoint.kind {
        WatchKind::Read => ON_LOAD,
        WatchKind::Write => ON_STORE,
        WatchKind::Access => ON_LOAD | ON_STORE,
    };
    let touched = (0..access.size).map(|offset| access.address.wrapping_add(offset));
    let mut touched = touched.filter(|address| address.wrapping_sub(watchpoint.address) < watchpoint.length);
    if access.kinds & kinds == 0 { None } else { touched.next() }
}

/// Where in a block a run stopped, or is to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// Address of the block's first instruction.
    pub block: u32,
    /// Index of the next instruction in the block.
    pub index: u32,
    /// Address of the next instruction.
    pub pc: u32,
    /// Its breakpoint has been reported.
    pub reported: bool,
}

espalier_core::persist!(value Position { block, index, pc, reported });

impl Position {
    /// The start of the block at `pc`.
    pub fn at(pc: u32) -> Position {
        Position { block: pc, index: 0, pc, reported: false }
    }
}

/// One core's debugger.
#[derive(Clone, Debug, Default)]
pub(crate) struct Debugger {
    breakpoints: Vec<u32>,
    watchpoints: Vec<Watchpoint>,
    /// Address of the instruction that is being stepped, and where the step has got to.
    step: Option<Step>,
    paused: Option<Position>,
    stop: Option<DebugStop>,
    /// Some of the above is there, so that the core has to look.
    engaged: bool,
}

/// The stop conditions belong to the debugger and are not saved. The position inside a block belongs to the core.
impl Persist for Debugger {
    fn save(&self, to: &mut Writer) {
        let Debugger { breakpoints: _, watchpoints: _, step: _, paused, stop: _, engaged: _ } = self;
        paused.save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        *self = Debugger { paused: Load::load(from)?, ..Debugger::default() };
        self.update();
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The next instruction is the one.
    Next,
    /// The instruction at this address is the one, once its window is there.
    Detour(u32),
}

impl Debugger {
    /// True if instructions have to be looked at one by one.
    #[inline(always)]
    pub fn is_engaged(&self) -> bool {
        self.engaged
    }

    fn update(&mut self) {
        self.engaged = !self.breakpoints.is_empty()
            || !self.watchpoints.is_empty()
            || self.step.is_some()
            || self.paused.is_some()
            || self.stop.is_some();
    }

    pub fn set_breakpoints(&mut self, addresses: &[u32]) {
        self.breakpoints = addresses.to_vec();
        self.update();
    }

    pub fn set_watchpoints(&mut self, watchpoints: &[Watchpoint]) {
        self.watchpoints = watchpoints.to_vec();
        self.update();
    }

    pub fn set_step(&mut self, wanted: bool) {
        self.step = wanted.then_some(Step::Next);
        self.update();
    }

    /// True while a step is wanted: then each instruction is decoded anew, so that a run of steps owes nothing to blocks but where they
    /// end.
    pub fn is_stepping(&self) -> bool {
        self.step.is_some()
    }

    /// Forgets where the core stopped: it is somewhere else now.
    pub fn forget_position(&mut self) {
        self.paused = None;
        self.update();
    }

    pub fn take_stop(&mut self) -> Option<DebugStop> {
        let stop = self.stop.take();
        self.update();
        stop
    }

    /// Where to go on if the core stopped at `pc`.
    pub fn take_position(&mut self, pc: u32) -> Option<Position> {
        let position = self.paused.take();
        self.update();
        position.filter(|position| position.pc == pc)
    }

    /// The core stops at `position`.
    pub fn pause(&mut self, position: Position) {
        self.paused = Some(position);
        self.update();
    }

    /// True if the instruction at `pc` has a breakpoint, which is noted as the reason to stop.
    pub fn breaks_at(&mut self, pc: u32) -> bool {
        let breaks = self.breakpoints.contains(&pc);
        if breaks {
            self.stop = Some(DebugStop::Breakpoint);
        }
        breaks
    }

    /// The watchpoint that `op` is about to touch.
    pub fn watched(&self, state: &State, op: &Instruction) -> Option<DebugStop> {
        if self.watchpoints.is_empty() {
            return None;
        }
        let access = state.access(op)?;
        let touched = |watchpoint: &Watchpoint| {
            let address = touched(watchpoint, &access)?;
            Some(DebugStop::Watchpoint { watchpoint: *watchpoint, address })
        };
        self.watchpoints.iter().find_map(touched)
    }

    /// Notes that an instruction touched what is watched.
    pub fn note(&mut self, stop: Option<DebugStop>) {
        self.stop = stop.or(self.stop);
    }

    /// True if there is a reason to stop.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_some()
    }

    /// The instruction at `pc` is done, or has raised its exception. A step is not over while a window is being spilled or
    /// filled for the instruction.
    pub fn note_step(&mut self, state: &State, pc: u32, started_in_vectors: bool) {
        let done = match self.step {
            None => return,
            Some(Step::Next) if !started_in_vectors && state.is_in_window_vectors() => {
                self.step = Some(Step::Detour(pc));
                false
            }
            Some(Step::Next) => true,
            Some(Step::Detour(target)) if state.pc == target && !state.is_in_window_vectors() => {
                self.step = Some(Step::Next);
                false
            }
            Some(Step::Detour(_)) => !state.is_in_window_vectors(),
        };
        if done {
            self.step = None;
            self.stop = self.stop.or(Some(DebugStop::Step));
            self.update();
        }
    }
}

impl State {
    /// True while the core spills or fills a register window.
    pub(crate) fn is_in_window_vectors(&self) -> bool {
        self.ps & ps::EXCM != 0 && self.pc.wrapping_sub(self.plain(SpecialRegister::Vecbase)) < WINDOW_VECTORS
    }
}
