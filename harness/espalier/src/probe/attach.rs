//! From a probe to a session of probe-rs.

use std::sync::OnceLock;

use bitvec::field::BitField;
use probe_rs::config::{Registry, Target, TargetSelector};
use probe_rs::probe::list::Lister;
use probe_rs::probe::{DebugProbeError, DebugProbeSelector, JtagAccess, Probe};
use probe_rs::{Error, Permissions, Session};

use super::driver::Driver;
use super::failure;
use super::pins::Pins;
use crate::error::Failure;

/// The chip's name in the target descriptions of probe-rs.
const TARGET: &str = "esp32";
/// The port of the APP CPU, from the end of the chain that drives TDO.
const APP_PORT: usize = 1;
/// Instructions of a port: power control, and access to a register of the debug module (Xtensa Debug Guide, "Access Port").
const PWRCTL: u32 = 0x08;
const NARSEL: u32 = 0x1c;
const PWRCTL_BITS: u32 = 8;
const NEXUS_ADDRESS_BITS: u32 = 8;
const NEXUS_DATA_BITS: u32 = 32;
/// Power for core, memory and debug module; then the permission to use it as well, which has to be set by a write of its own.
const POWER: u8 = 0b0111;
const POWER_AND_USE: u8 = 1 << 7 | POWER;
/// The debug status register, which has its highest bit set whenever the module answers.
const DSR: u8 = 0x44;
const DSR_DBGMOD_POWER_ON: u32 = 1 << 31;

/// Attaches by pins in this process.
pub(super) fn to_pins(pins: impl Pins + 'static) -> Result<Session, Failure> {
    attach(Probe::new(Driver::new(pins)))
}

/// Attaches by a probe on USB.
pub(super) fn to_usb(selector: &str) -> Result<Session, Failure> {
    registry();
    let what = || format!("probe {selector}");
    let parsed: DebugProbeSelector = selector.parse().map_err(|error| failure("open", what(), error))?;
    let probe = Lister::new().open(parsed).map_err(|error| failure("open", what(), error))?;
    attach(probe)
}

fn attach(mut probe: Probe) -> Result<Session, Failure> {
    let refused = |error| failure("attach to", "chip".to_owned(), error);
    let target = target(&mut probe).map_err(refused)?;
    let target = TargetSelector::Specified(target);
    probe.attach_with_registry(target, Permissions::new(), registry()).map_err(|error| refused(error).into())
}

/// The chip with the cores that answer. Given a core without a clock, probe-rs asks it again and again, for 100 ms each time it
/// comes by.
fn target(probe: &mut Probe) -> Result<Target, Error> {
    let mut target = registry().get_target_by_name(TARGET)?;
    probe.attach_to_unspecified()?;
    if let Some(jtag) = probe.try_as_jtag_probe() {
        if !answers(jtag, APP_PORT)? {
            target.cores.truncate(APP_PORT);
        }
        jtag.select_target(0)?;
    }
    Ok(target)
}

/// Whether the debug module behind a port does.
fn answers(jtag: &mut dyn JtagAccess, port: usize) -> Result<bool, DebugProbeError> {
    jtag.tap_reset()?;
    jtag.select_target(port)?;
    jtag.write_register(PWRCTL, &[POWER], PWRCTL_BITS)?;
    jtag.write_register(PWRCTL, &[POWER_AND_USE], PWRCTL_BITS)?;
    jtag.write_register(NARSEL, &[DSR << 1], NEXUS_ADDRESS_BITS)?;
    let status = jtag.write_dr(&[0; 4], NEXUS_DATA_BITS)?;
    Ok(status.load_le::<u32>() & DSR_DBGMOD_POWER_ON != 0)
}

fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| {
        probe_rs_espressif::register_plugin();
        Registry::from_builtin_families()
    })
}
