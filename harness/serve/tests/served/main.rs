//! A served board, seen from outside: serial ports, QMP, HTTP, forwarded ports, many boards, shutdown.

mod client;
mod control;
mod isolation;
mod network;
mod qemu;
mod serial;
