//! A served board, seen from outside: serial ports, QMP, GDB, HTTP, forwarded ports, many boards, shutdown.

mod client;
mod control;
mod gdb;
mod hostile;
mod isolation;
mod network;
mod page;
mod qemu;
mod serial;
mod world;
