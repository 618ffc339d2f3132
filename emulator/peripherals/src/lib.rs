//! Espressif IP blocks as register models.

mod dport;

pub use dport::{AppCpuControl, Dport, DportEffect, FROM_CPU_SOURCE, INTERRUPT_SOURCES};
