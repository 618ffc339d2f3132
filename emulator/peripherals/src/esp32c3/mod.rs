//! Blocks that only the ESP32-C3 has this way. What it shares with other chips lies beside this folder.

mod efuse;
mod extmem;
mod gpio;
mod rtc_cntl;
mod system;

pub use efuse::Efuse;
pub use extmem::Extmem;
pub use gpio::{Gpio, PINS};
pub use rtc_cntl::{RtcCntl, RtcEffect};
pub use system::{CpuClock, System, SystemEffect};
