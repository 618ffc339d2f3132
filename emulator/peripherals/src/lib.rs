//! Espressif IP blocks as register models.

mod aes;
mod apb_ctrl;
mod clocks;
mod dport;
mod efuse;
mod frc;
mod gpio;
mod i2c;
mod io_mux;
mod opencores_eth;
mod rng;
mod rsa;
mod rtc_cntl;
mod sha;
mod spi;
mod timg;
mod uart;
mod watchdog;

pub use aes::Aes;
pub use apb_ctrl::ApbCtrl;
pub use clocks::{APB_WITH_PLL, SlowClock, SocClock, XTAL};
pub use dport::{AppCpuControl, Dport, DportEffect, FROM_CPU_SOURCE, INTERRUPT_SOURCES};
pub use efuse::{ChipPackage, ChipRevision, Efuse, EfuseConfig};
pub use frc::FrcTimer;
pub use gpio::{Gpio, InputSource, PINS, SIGNAL_GPIO};
pub use i2c::I2c;
pub use io_mux::{FUNCTION_GPIO, IoMux, Pull};
pub use opencores_eth::OpenCoresEth;
pub use rng::Rng;
pub use rsa::Rsa;
pub use rtc_cntl::{Cpu, ResetCause, ResetScope, RtcCntl, RtcEffect, Sleep, WakeupSource};
pub use sha::Sha;
pub use spi::{ChipSelect, Spi};
pub use timg::{TimerGroup, WatchdogReset};
pub use uart::Uart;
