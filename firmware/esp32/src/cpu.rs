//! The processor: sleeping, halting, interrupt routing.

use crate::register::Register;

const DPORT: u32 = 0x3FF0_0000;
/// First of the registers that map an interrupt source to an interrupt of the PRO CPU (TRM chapter 2.3).
const DPORT_PRO_MAC_INTR_MAP: Register = Register::at(DPORT, 0x104);

/// Interrupt sources and the level-1, level-triggered CPU interrupt that each is given (TRM chapter 2.3, tables 2-1, 2-2).
#[derive(Clone, Copy)]
pub enum Source {
    TimerGroup0Timer0,
    Uart0,
    EthernetMac,
    I2cExt0,
}

impl Source {
    /// Source number and CPU interrupt.
    const fn route(self) -> (u32, u32) {
        match self {
            Source::TimerGroup0Timer0 => (14, 0),
            Source::Uart0 => (34, 1),
            Source::EthernetMac => (38, 2),
            Source::I2cExt0 => (49, 3),
        }
    }

    /// Connects the source to its CPU interrupt.
    pub fn connect(self) {
        let (source, interrupt) = self.route();
        DPORT_PRO_MAC_INTR_MAP.nth(source).write(interrupt);
    }

    const fn mask(self) -> u32 {
        1 << self.route().1
    }
}

unsafe extern "C" {
    /// In start.S.
    safe fn sleep_until_interrupt(mask: u32);
    /// In start.S.
    safe fn halt_cpu() -> !;
}

/// Sleeps until one of the sources has something; returns at once if one already has.
pub fn sleep(sources: &[Source]) {
    sleep_until_interrupt(sources.iter().fold(0, |mask, source| mask | source.mask()));
}

/// Stops for good.
pub fn halt() -> ! {
    halt_cpu()
}
