//! Translation of hot blocks of guest code to code of the host.
//!
//! A core lowers a block of decoded instructions to [`Op`]s, which know no instruction set: they work on numbered registers of the
//! guest ([`Slot`]) and on a few windows of its memory. The [`Engine`] translates them and runs what it has translated. Which blocks those
//! are, and which are joined, is what [`translator`] decides for every instruction set alike.
//!
//! Translated code touches the guest's registers, the memory that [`Windows`] lend it, registers of peripherals that
//! are known to read as they did, and the number of instructions that are left. For a word of another register of a peripheral it calls
//! [`Outside`], and goes on unless something has changed that it cannot know. Whatever else an instruction wants (a rare opcode, an
//! exception) ends the run *before* that instruction, and the interpreter of the core executes it, which stays the one place that says
//! what an instruction does.
//!
//! Instructions are counted as in QEMU's icount: a block that does not fit into what is left is not entered, and the interpreter does
//! its beginning. Runs therefore end at the same instruction with and without translation.
//!
//! All `unsafe` of the emulator is here and in `espalier-pages`. What makes it sound: code only reaches registers below [`Engine`]'s highest slot and memory
//! inside the windows, whose sizes [`Engine::run`] compares with those that the code was made for; and the memory that code lies in
//! has two mappings, one that can be written and one that can be executed. Engines of a machine and its forks share code by copying it
//! from a [`CodePool`], where it is kept with the operations and the layout that it was made for.

mod block;
mod engine;
mod ir;
mod layout;
#[cfg_attr(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")), path = "native/mod.rs")]
#[cfg_attr(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))), path = "absent.rs")]
mod native;
mod outside;
pub mod translator;

pub use block::{Block, Exit, Outcome};
pub use engine::{Engine, host};
pub use espalier_core::{Page, SteadyWords, Window, WindowLayout, Windows};
pub use ir::{Binary, Condition, Float, FloatCondition, Op, Ring, Slot, Space, Unary, Value, Width};
pub use native::{CodePool, fuses};
pub use outside::{Access, Moment, Outside, Reached};
