//! Espressif IP blocks as register models.

mod aes;
mod dport;
mod i2c;
mod opencores_eth;
mod rsa;
mod sha;
mod spi;

pub use aes::Aes;
pub use dport::{AppCpuControl, Dport, DportEffect, FROM_CPU_SOURCE, INTERRUPT_SOURCES};
pub use i2c::I2c;
pub use opencores_eth::OpenCoresEth;
pub use rsa::Rsa;
pub use sha::Sha;
pub use spi::{ChipSelect, Spi};
