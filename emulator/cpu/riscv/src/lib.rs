//! RISC-V core (RV32IMC) as configured in the ESP32-C3.
//!
//! The core knows a [`Bus`](espalier_core::Bus) and nothing else. It follows *The RISC-V Instruction Set Manual*, volumes I and II,
//! and the chapter "ESP-RISC-V CPU" of the *ESP32-C3 Technical Reference Manual*: machine and user mode, vectored traps, no counters
//! but Espressif's own, and interrupts that a controller beside the core arbitrates ([`InterruptController`]). Physical memory
//! protection and triggers keep what is written to them; neither is enforced.
//!
//! Time is counted in cycles, and one instruction takes one cycle, whatever it does, unless the core keeps the time of silicon
//! ([`Timing::Silicon`]), in which jumps and divisions take longer. An instruction that raises an exception
//! takes its cycle too; entering an interrupt handler takes none.
//!
//! [`Cpu::run`] decodes code into blocks once and executes those, or what hot ones are translated to, unless the core keeps the time of
//! silicon; [`Cpu::step`] fetches and decodes one instruction at a time. Both execute an instruction by the same function and end with the same state after the same number of
//! cycles, also when code rewrites what comes next: a store is seen by the very next instruction, whereas silicon promises that
//! only after `FENCE.I`.

mod block;
mod config;
mod controller;
mod cost;
mod counter;
mod cpu;
mod cpu_as_core;
mod csr;
mod debugger;
mod execute;
mod handler;
mod instruction;
mod memory;
mod operand;
mod register;
mod state;
mod step;
mod table;
mod trap;

pub use config::Config;
pub use controller::{InterruptController, LINES};
pub use cpu::Cpu;
pub use csr::{CSRS, Csr};
pub use espalier_core::{DebugStop, Exit, Timing, Translation, WatchKind, Watchpoint};
pub use instruction::{Description, Flow, Instruction, Opcode, TABLE};
pub use operand::Operand;
pub use register::register_name;
pub use state::Privilege;
