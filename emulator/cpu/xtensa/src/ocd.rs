//! On-chip debugging: the registers of the Xtensa debug module (XDM), by which a host stops the core, has it execute instructions and
//! lets it go. The module is registers only and knows no core.
//!
//! Follows the *Xtensa Debug Guide*, chapters "On-Chip Debug" and "Access Port"; register numbers and bits also stand in
//! OpenOCD's `xtensa_debug_module.h`. Each core has a module of its own. What is absent here: trace (TRAX), performance
//! counters, CoreSight identification, and the break signals between cores, whose enables are only stored.
//!
//! While [`DCR_ENABLE_OCD`] is set, a debug exception stops the core instead of entering the handler: `EPC6`, `EPS6` and
//! `DEBUGCAUSE` are set as for the handler, and then the core executes only what the host puts into `DIR0`, until that is
//! `RFDO`.

/// Registers of the debug module, by their numbers in its address space (`NAR`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the register names of the debug guide")]
#[repr(u8)]
pub enum DebugRegister {
    Ocdid = 0x40,
    Dcrclr = 0x42,
    Dcrset = 0x43,
    Dsr = 0x44,
    Ddr = 0x45,
    Ddrexec = 0x46,
    Dir0exec = 0x47,
    Dir0 = 0x48,
}

impl DebugRegister {
    const ALL: [DebugRegister; 8] = [
        DebugRegister::Ocdid,
        DebugRegister::Dcrclr,
        DebugRegister::Dcrset,
        DebugRegister::Dsr,
        DebugRegister::Ddr,
        DebugRegister::Ddrexec,
        DebugRegister::Dir0exec,
        DebugRegister::Dir0,
    ];

    /// The register with a number; `None` for those that are absent.
    pub fn from_number(number: u8) -> Option<DebugRegister> {
        DebugRegister::ALL.into_iter().find(|register| *register as u8 == number)
    }

    /// The register at an address of `RER` and `WER`.
    pub(crate) fn from_external(address: u32) -> Option<DebugRegister> {
        let number = address.checked_sub(EXTERNAL_BASE)? / 4 + FIRST_NUMBER;
        DebugRegister::from_number(u8::try_from(number).ok()?).filter(|_| address.is_multiple_of(4))
    }
}

/// Where software finds the module with `RER` and `WER`, and the number of its first register.
const EXTERNAL_BASE: u32 = 0x0010_2000;
const FIRST_NUMBER: u32 = DebugRegister::Ocdid as u32;

/// `DCR`: debug exceptions stop the core.
pub const DCR_ENABLE_OCD: u32 = 1 << 0;
/// `DCR`: the host's debug interrupt.
pub const DCR_DEBUG_INTERRUPT: u32 = 1 << 1;
/// `DCR`: debug interrupts whatever the interrupt level is.
pub(crate) const DCR_INTERRUPT_ALL_CONDITIONS: u32 = 1 << 2;
/// `DCR`: enables of break and stall signals, software's own flag, and topology detection.
pub(crate) const DCR_STORED: u32 = 1 << 16 | 1 << 17 | 1 << 20 | 1 << 21 | 1 << 22 | 1 << 24 | 1 << 25;

/// `DSR`: the last instruction from `DIR` has completed.
pub const DSR_EXEC_DONE: u32 = 1 << 0;
/// `DSR`: the last instruction from `DIR` has raised an exception.
pub const DSR_EXEC_EXCEPTION: u32 = 1 << 1;
/// `DSR`: the core is stopped.
pub const DSR_STOPPED: u32 = 1 << 4;
pub(crate) const DSR_CORE_WROTE_DDR: u32 = 1 << 10;
pub(crate) const DSR_CORE_READ_DDR: u32 = 1 << 11;
pub(crate) const DSR_HOST_WROTE_DDR: u32 = 1 << 14;
pub(crate) const DSR_HOST_READ_DDR: u32 = 1 << 15;
/// `DSR`: the host's debug interrupt is pending.
pub(crate) const DSR_DEBUG_PEND_HOST: u32 = 1 << 17;
/// `DSR`: the host's debug interrupt was taken.
pub(crate) const DSR_DEBUG_INT_HOST: u32 = 1 << 21;
/// `DSR`: the module has power.
pub(crate) const DSR_DBGMOD_POWER_ON: u32 = 1 << 31;
/// Bits that remember something until the host writes one to them.
pub(crate) const DSR_STICKY: u32 = 0x00f7_cc0b;

/// `PWRCTL`: holds the core in reset.
pub(crate) const PWRCTL_CORE_RESET: u8 = 1 << 4;
/// `PWRCTL`: holds the debug module in reset.
pub(crate) const PWRCTL_DEBUG_RESET: u8 = 1 << 6;
/// `PWRCTL`: bits that exist: three power requests, two resets, and the permission to use the module.
pub(crate) const PWRCTL_BITS: u8 = 0b1101_0111;
/// `PWRSTAT`: core, memory and module have power, and the core is needed.
pub(crate) const PWRSTAT_POWERED: u8 = 0b1111;
/// `PWRSTAT`: reset since the bit was last cleared.
pub(crate) const PWRSTAT_CORE_WAS_RESET: u8 = 1 << 4;
pub(crate) const PWRSTAT_DEBUG_WAS_RESET: u8 = 1 << 6;

/// The debug module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ocd {
    pub control: u32,
    pub status: u32,
    pub instruction: u32,
    pub stopped: bool,
    pub power_control: u8,
    pub power_status: u8,
}

espalier_core::persist!(value Ocd { control, status, instruction, stopped, power_control, power_status });

impl Ocd {
    pub(crate) fn new() -> Ocd {
        let power_status = PWRSTAT_CORE_WAS_RESET | PWRSTAT_DEBUG_WAS_RESET;
        Ocd { control: 0, status: 0, instruction: 0, stopped: false, power_control: 0, power_status }
    }

    /// Returns the state of the module after a reset of its core.
    pub(crate) fn after_core_reset(&self) -> Ocd {
        Ocd { stopped: false, power_status: self.power_status | PWRSTAT_CORE_WAS_RESET, ..self.clone() }
    }

    /// Returns the state after a reset of the module. That the core is stopped is the core's own state: probe-rs resets the module of
    /// a stopped core and relies on it.
    pub(crate) fn after_module_reset(&self) -> Ocd {
        Ocd {
            stopped: self.stopped,
            power_control: self.power_control,
            power_status: self.power_status | PWRSTAT_DEBUG_WAS_RESET,
            ..Ocd::new()
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    pub(crate) fn is_interrupt_pending(&self) -> bool {
        self.status & DSR_DEBUG_PEND_HOST != 0
    }

    /// True if the core has to look here before it executes.
    pub(crate) fn needs_attention(&self) -> bool {
        self.stopped || self.is_interrupt_pending()
    }

    pub(crate) fn note_core_read_ddr(&mut self) {
        self.status |= DSR_CORE_READ_DDR;
    }

    pub(crate) fn note_core_wrote_ddr(&mut self) {
        self.status |= DSR_CORE_WROTE_DDR;
    }

    pub(crate) fn dcr(&self) -> u32 {
        self.control | if self.is_interrupt_pending() { DCR_DEBUG_INTERRUPT } else { 0 }
    }

    pub(crate) fn dsr(&self) -> u32 {
        self.status | DSR_DBGMOD_POWER_ON | if self.stopped { DSR_STOPPED } else { 0 }
    }
}
