//! A machine from outside: what debuggers, observers, hosts and hostile firmware see of it. These tests are one program, since
//! each program has to be linked.

mod breakpoints;
mod common;
mod debugger;
mod definitions;
mod download;
mod esp32c3;
mod external_ram;
mod flash_encryption;
mod hostile;
mod jtag;
mod observers;
mod polling;
mod power;
mod programs;
mod registers;
mod sealed;
mod snapshot;
#[path = "../tutorial_board/mod.rs"]
mod tutorial_board;
mod work;
