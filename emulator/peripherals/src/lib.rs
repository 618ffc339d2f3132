//! Espressif IP blocks as register models.

mod dport;
mod opencores_eth;

pub use dport::{AppCpuControl, Dport, DportEffect, FROM_CPU_SOURCE, INTERRUPT_SOURCES};
pub use opencores_eth::OpenCoresEth;
