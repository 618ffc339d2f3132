//! Xtensa LX6 core as configured in the ESP32.
//!
//! The core knows a [`Bus`](espalier_core::Bus) and nothing else. It follows the *Xtensa Instruction Set Architecture Reference
//! Manual*; the options and numbers of the configuration are those of the ESP32.
//!
//! Time is counted in cycles, and one instruction takes one cycle, whatever it does, unless the core keeps the time of silicon
//! ([`Cost`]). `CCOUNT` is a base plus the cycles
//! since reset, so that it costs nothing to keep. An instruction that raises an exception takes its cycle too; entering
//! an interrupt handler takes none.
//!
//! [`Cpu::run`] decodes code into blocks once and executes those; [`Cpu::step`] fetches and decodes one instruction at
//! a time. Both execute an instruction by the same function and end with the same state after the same number of
//! cycles, also when code rewrites what comes next: a store is seen by the very next instruction, whereas silicon promises that
//! only after `ISYNC`.

mod atomic;
mod block;
mod config;
mod cost;
mod cpu;
mod cpu_as_core;
mod debug;
mod debugger;
mod decode;
mod disassemble;
mod exception;
mod execute;
mod float;
mod float_divide;
mod float_number;
mod instruction;
mod interrupt;
mod jtag;
mod mac16;
mod memory;
mod ocd;
mod ocd_host;
mod operand;
mod region;
mod register;
mod special;
mod state;
mod step;
mod table;
mod timing;
mod trap;
mod watch;
mod window;

pub use config::Config;
pub use cost::Cost;
pub use cpu::Cpu;
pub use espalier_core::{DebugStop, Exit, Timing, Translation, WatchKind, Watchpoint};
pub use espalier_jit::host as translation_host;
pub use instruction::{Description, Flow, Instruction, Opcode, TABLE};
pub use jtag::{DebugPorts, IDCODE, INSTRUCTION_BITS, JtagChain, TapState};
pub use ocd::{DCR_DEBUG_INTERRUPT, DCR_ENABLE_OCD, DSR_EXEC_DONE, DSR_EXEC_EXCEPTION, DSR_STOPPED, DebugRegister};
pub use operand::{Field, Operand};
pub use register::{SpecialRegister, UserRegister};
pub use state::PHYSICAL_REGISTERS;
pub use trap::Cause;
