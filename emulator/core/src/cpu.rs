//! A core as the machine sees it, whatever its instruction set.

use std::any::Any;

use crate::bus::{Bus, CodeState};
use crate::counts::BlockCounts;
use crate::edges::EdgeCounts;

/// Why [`Core::run`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The cycles are spent.
    Budget,
    /// [`Bus::attention`] asked for it.
    Attention,
    /// The core waits for an interrupt and no enabled one is pending.
    Waiting,
    /// A host has stopped the core through its debug module.
    Stopped,
    /// A debugger wants to look, for the reason that [`Core::take_debug_stop`] gives. The next run goes on as if this one had not
    /// returned.
    Debug,
}

/// The accesses that trigger a watchpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchKind {
    /// Loads.
    Read,
    /// Stores.
    Write,
    /// Both.
    Access,
}

/// A range of data addresses. An access that touches any of its bytes stops the core once it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watchpoint {
    /// The first address.
    pub address: u32,
    /// Its length in bytes.
    pub length: u32,
    /// The accesses that trigger it.
    pub kind: WatchKind,
}

/// Why a debugger's core stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DebugStop {
    /// The next instruction has a breakpoint.
    Breakpoint,
    /// The last instruction touched what a watchpoint watches.
    Watchpoint {
        /// The watchpoint.
        watchpoint: Watchpoint,
        /// The first watched address that was touched.
        address: u32,
    },
    /// The instruction that was to be stepped is done.
    Step,
}

/// The blocks that are translated to code of the host. Nothing but speed depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Translation {
    /// None: the interpreter executes all.
    Off,
    /// Blocks that were executed so many times, if the host has a back end; those that a fork has translated earlier.
    After(u32),
}

impl Default for Translation {
    fn default() -> Translation {
        Translation::HOT
    }
}

impl Translation {
    /// Translating pays for code that is executed more often than this.
    pub const HOT: Translation = Translation::After(64);
}

/// The cycles that instructions and memory take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timing {
    /// One cycle for each instruction.
    #[default]
    Fast,
    /// As many as on silicon, as far as that is known.
    Silicon,
}

crate::persist!(
    enum Timing {
        Fast,
        Silicon,
    }
);

/// The state of a core at some time: everything that decides how it goes on, but for the time and for what is around it.
#[derive(Debug)]
pub struct Mark(Box<dyn Any>);

impl Mark {
    /// Wraps what a core wants to find again.
    pub fn new<T: Any>(state: T) -> Mark {
        Mark(Box::new(state))
    }

    /// The wrapped value.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

/// One core: it executes code that it fetches from a [`Bus`], one instruction per cycle unless it keeps the time of silicon.
///
/// The machine runs cores by this trait alone. What only one instruction set has (special registers, a debug module) is found on
/// the concrete type, which a `&dyn Core` can be cast to.
pub trait Core: Any + Send + Sync {
    /// Runs until `cycles` cycles are spent or there is another reason to return.
    fn run<B: Bus>(&mut self, bus: &mut B, cycles: u32) -> Exit
    where
        Self: Sized;

    /// Executes one instruction by the plain interpreter, with which [`run`](Core::run) has to agree.
    fn step<B: Bus>(&mut self, bus: &mut B) -> Exit
    where
        Self: Sized;

    /// This core is a clone, of a machine whose code is in this state. It may go on with the code that other clones of the same have
    /// decoded and [left](Core::leave_code).
    fn cloned_with(&mut self, code: CodeState) {
        let _ = code;
    }

    /// This core is about to go, with code in this state. It leaves what it has decoded to other clones.
    fn leave_code(&mut self, code: CodeState) {
        let _ = code;
    }

    /// Chooses which blocks of code are translated to the host's.
    fn set_translation(&mut self, translation: Translation) {
        let _ = translation;
    }

    /// Counts from now on the blocks that it executes. It may leave out rounds of a loop that repeat themselves.
    fn count_blocks(&mut self);

    /// The counts; none unless it counts.
    fn block_counts(&self) -> Option<&BlockCounts>;

    /// Counts from now on the jumps that it takes, with the same leave.
    fn count_edges(&mut self);

    /// The counts of jumps; none unless it counts them.
    fn edge_counts(&self) -> Option<&EdgeCounts>;

    /// Lets time pass without executing anything, while the core waits or is stalled.
    fn idle(&mut self, cycles: u64);

    /// Cycles since reset, idle ones included.
    fn cycles(&self) -> u64;

    /// Resets the core. Decoded code and breakpoints stay, and so do the levels of the interrupt inputs.
    fn reset(&mut self);

    /// The whole chip is reset: so is what a reset of the core alone leaves as it is, such as its debug module.
    fn reset_with_chip(&mut self) {}

    /// Where execution starts after the next reset.
    fn set_reset_vector(&mut self, address: u32);

    /// Sets the levels of the core's interrupt inputs.
    fn set_interrupt_lines(&mut self, lines: u32);

    /// Cycles until a timer inside the core interrupts it; none if no timer of it will.
    fn cycles_to_timer(&self) -> Option<u64> {
        None
    }

    /// Cycles until a timer inside the core changes what software can read of it, whether that interrupts or not.
    fn cycles_to_match(&self) -> u64 {
        u64::MAX
    }

    /// Notes the state of the core; None if it cannot tell whether it has come back to a state.
    fn mark(&self) -> Option<Mark> {
        None
    }

    /// Whether the core is in the state that was noted, so that it goes on as it did from there unless time or something else than
    /// the core makes a difference.
    fn is_at(&self, mark: &Mark) -> bool {
        let _ = mark;
        false
    }

    /// Restores a state of [`mark`](Core::mark), and its time. It is called only on cores that have such states.
    fn return_to(&mut self, mark: &Mark) {
        let _ = mark;
    }

    /// Whether the next instruction is at hand and does not itself look at the time.
    fn next_is_timeless<B: Bus>(&self, bus: &mut B) -> bool
    where
        Self: Sized,
    {
        let _ = bus;
        false
    }

    /// True while the core waits for an interrupt and none is pending.
    fn is_waiting(&self) -> bool;

    /// True while a host has stopped the core through its debug module.
    fn is_stopped(&self) -> bool {
        false
    }

    /// True while a host holds the core in reset through its debug module.
    fn is_held_in_reset(&self) -> bool {
        false
    }

    /// Address of the next instruction.
    fn pc(&self) -> u32;

    /// Makes execution go on at `address`.
    fn set_pc(&mut self, address: u32);

    /// Addresses before whose instructions a run stops with [`Exit::Debug`].
    fn set_breakpoints(&mut self, addresses: &[u32]);

    /// Data whose accesses stop a run.
    fn set_watchpoints(&mut self, watchpoints: &[Watchpoint]);

    /// Whether a run stops after each instruction.
    fn set_step(&mut self, step: bool);

    /// True while there are breakpoints, watchpoints or steps.
    fn is_debugged(&self) -> bool;

    /// Takes the reason for which the core stopped last.
    fn take_debug_stop(&mut self) -> Option<DebugStop>;
}
