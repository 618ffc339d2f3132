//! Looking on while a machine runs: for coverage, captures and traces.
//!
//! An observer receives events and changes nothing, so an observed run has the trace of an unobserved one. Events without a subscriber
//! are not gathered. The price of the others:
//!
//! - block ends and accesses: the cores run without translated code, and every access goes through a virtual call. MicroPython's boot and
//!   a loop in it, 3 seconds of guest time, took 0.18 s of CPU time translated and 0.21 s interpreted; 0.28 s with block ends counted,
//!   0.31 s with accesses, 0.36 s with both (6 million blocks, 11 million accesses);
//! - interrupts and frames: what the observer does with them;
//! - pads: the pads asked for are followed like those that a part of the board is connected to.

use std::any::Any;

use crate::signal::Signal;
use crate::time::Time;

/// The events that an observer subscribes to. The default is none.
///
/// ```
/// use espalier_core::Interests;
///
/// let interests = Interests { frames: true, pads: 1 << 4, ..Interests::default() };
/// assert!(!interests.needs_interpreter());
/// assert_eq!(interests.or(Interests { blocks: true, ..Interests::default() }).pads, 1 << 4);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interests {
    /// Every block that a core has executed.
    pub blocks: bool,
    /// Every load and store of a core, but for the fetches of code.
    pub accesses: bool,
    /// The numbers that each conditional branch compares.
    pub comparisons: bool,
    /// Every interrupt that a core takes.
    pub interrupts: bool,
    /// Every frame that the board sends or receives.
    pub frames: bool,
    /// Every change of these pads; bit n is GPIO n.
    pub pads: u64,
}

impl Interests {
    /// Returns the events of both.
    pub fn or(self, other: Interests) -> Interests {
        Interests {
            blocks: self.blocks || other.blocks,
            accesses: self.accesses || other.accesses,
            comparisons: self.comparisons || other.comparisons,
            interrupts: self.interrupts || other.interrupts,
            frames: self.frames || other.frames,
            pads: self.pads | other.pads,
        }
    }

    /// Whether each single access, block or branch of a core is wanted.
    pub fn needs_interpreter(self) -> bool {
        self.blocks || self.accesses || self.comparisons
    }
}

/// A core has executed instructions that follow each other in memory. That is a whole block or the part of it up to where the run of
/// the core ended; under a debugger it is one instruction.
///
/// ```
/// use espalier_core::{BlockEnd, Time};
///
/// let block = BlockEnd { core: 0, start: 0x400D_0000, end: 0x400D_0009, next: 0x400D_0000, at: Time::ZERO };
/// assert_ne!(block.next, block.end, "it jumped");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockEnd {
    /// Index of the core.
    pub core: usize,
    /// Address of the first instruction.
    pub start: u32,
    /// Address after the last one that was executed, which may have raised an exception.
    pub end: u32,
    /// Where the core goes on, before interrupts: `end` if nothing was jumped to. What is there may raise an exception instead of being
    /// executed.
    pub next: u32,
    /// When it was done.
    pub at: Time,
}

/// A core has loaded or stored something.
///
/// ```
/// use espalier_core::{CoreAccess, Time};
///
/// let (block, address) = (0x400D_0000, 0x3FFB_8000);
/// let store = CoreAccess { core: 0, block, address, width: 4, value: 7, is_store: true, at: Time::ZERO };
/// assert!(store.is_store);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreAccess {
    /// Index of the core.
    pub core: usize,
    /// Start of the block that the instruction is in.
    pub block: u32,
    /// The address.
    pub address: u32,
    /// Bytes: 1, 2 or 4. Unaligned accesses are made of several.
    pub width: u8,
    /// The value that was loaded or stored.
    pub value: u32,
    /// A store.
    pub is_store: bool,
    /// When.
    pub at: Time,
}

/// A core takes an interrupt.
///
/// ```
/// use espalier_core::{InterruptTaken, Time};
///
/// let taken = InterruptTaken { core: 1, from: 0x400D_0003, vector: 0x4008_0340, level: 1, at: Time::ZERO };
/// assert_eq!(taken.core, 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterruptTaken {
    /// Index of the core.
    pub core: usize,
    /// The instruction that it would have executed.
    pub from: u32,
    /// The handler's vector.
    pub vector: u32,
    /// Its level on the ESP32, 1 to 7; its priority on the ESP32-C3, 1 to 15. The highest goes first.
    pub level: u32,
    /// When.
    pub at: Time,
}

/// The medium of a frame.
///
/// ```
/// use espalier_core::{NetworkFrame, Medium, Time};
///
/// let frame = NetworkFrame { medium: Medium::Radio, is_sent: true, bytes: vec![0x80, 0], at: Time::ZERO };
/// assert_ne!(frame.medium, Medium::Ethernet);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// The cable: an Ethernet frame, without its check sequence.
    Ethernet,
    /// The air: a frame of 802.11, without its check sequence.
    Radio,
}

/// The board has sent a frame of Ethernet or of 802.11, or one reaches it, whether or not it takes it.
///
/// ```
/// use espalier_core::{NetworkFrame, Medium, Time};
///
/// let frame = NetworkFrame { medium: Medium::Ethernet, is_sent: false, bytes: vec![0xFF; 60], at: Time::from_micros(5) };
/// assert_eq!(frame.bytes.len(), 60);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkFrame {
    /// The medium.
    pub medium: Medium,
    /// The board has sent it.
    pub is_sent: bool,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// When.
    pub at: Time,
}

/// The signal on a pad changes.
///
/// ```
/// use espalier_core::{PadChange, Signal, Time};
///
/// let change = PadChange { pin: 2, signal: Signal::Level(true), at: Time::from_micros(10) };
/// assert!(change.signal.level_at(change.at));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PadChange {
    /// Number of the GPIO.
    pub pin: usize,
    /// The new signal: a level, or pulses that are described instead of being reported one by one.
    pub signal: Signal,
    /// Since when.
    pub at: Time,
}

/// Receives the events of a machine to which it subscribes.
///
/// Events of one kind come in the order of their times, for each core. An event of another kind may come up to a slice later than
/// the block in which it happened; the times say what was first.
///
/// ```
/// use espalier_core::{Interests, Observer, PadChange, Signal, Time};
///
/// /// Counts the changes of GPIO2.
/// #[derive(Default)]
/// struct Changes(u64);
///
/// impl Observer for Changes {
///     fn interests(&self) -> Interests {
///         Interests { pads: 1 << 2, ..Interests::default() }
///     }
///
///     fn pad_change(&mut self, _change: &PadChange) {
///         self.0 += 1;
///     }
/// }
///
/// let mut changes = Changes::default();
/// changes.pad_change(&PadChange { pin: 2, signal: Signal::Level(true), at: Time::ZERO });
/// assert_eq!(changes.0, 1);
/// ```
pub trait Observer: Any + Send + Sync {
    /// The events that it asks for. Must not change.
    fn interests(&self) -> Interests;

    /// A core has executed a block.
    fn block_end(&mut self, block: &BlockEnd) {
        let _ = block;
    }

    /// A core has loaded or stored something.
    fn access(&mut self, access: &CoreAccess) {
        let _ = access;
    }

    /// A core compares these two numbers for a conditional branch; one of them may be part of the instruction.
    fn compared(&mut self, one: u32, other: u32) {
        let _ = (one, other);
    }

    /// A core takes an interrupt.
    fn interrupt(&mut self, interrupt: &InterruptTaken) {
        let _ = interrupt;
    }

    /// The board has sent a frame, or one reaches it.
    fn frame(&mut self, frame: &NetworkFrame) {
        let _ = frame;
    }

    /// The signal on a pad changes.
    fn pad_change(&mut self, change: &PadChange) {
        let _ = change;
    }

    /// The observer of a fork of the machine. None, unless it says otherwise: then nothing observes the fork.
    fn fork(&self) -> Option<Box<dyn Observer>> {
        None
    }
}
