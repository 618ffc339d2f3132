//! A probe of probe-rs that clocks JTAG pins in this process.

use std::fmt;

use bitvec::vec::BitVec;
use espalier_core::Span;
use probe_rs::architecture::xtensa::communication_interface::{
    XtensaCommunicationInterface, XtensaDebugInterfaceState, XtensaError,
};
use probe_rs::probe::{
    AutoImplementJtagAccess, DebugProbe, DebugProbeError, JtagAccess, JtagDriverState, RawJtagIo, WireProtocol,
};

use super::pins::Pins;
use crate::driver::JtagCycle;

const NAME: &str = "espalier in-process JTAG";
/// Speed until it is set: the usual one of Espressif's own JTAG boards.
const DEFAULT_KHZ: u32 = 20_000;
const FASTEST_KHZ: u32 = 80_000;
const MILLISECOND: u64 = 1_000_000;
/// Time that a real probe on USB takes for every batch beyond its cycles: a microframe of high-speed USB. It also lets board
/// time pass while probe-rs polls.
const TURNAROUND: Span = Span::from_micros(125);
/// Cycles that wait at most before they are clocked.
const BATCH: usize = 1 << 16;

/// The driver.
pub(super) struct Driver {
    pins: Box<dyn Pins>,
    state: JtagDriverState,
    khz: u32,
    cycles: Vec<JtagCycle>,
    /// For each of the cycles, whether probe-rs wants to see its TDO.
    wanted: Vec<bool>,
    captured: BitVec,
}

impl Driver {
    pub(super) fn new(pins: impl Pins + 'static) -> Driver {
        Driver {
            pins: Box::new(pins),
            state: JtagDriverState::default(),
            khz: DEFAULT_KHZ,
            cycles: Vec::new(),
            wanted: Vec::new(),
            captured: BitVec::new(),
        }
    }

    fn flush(&mut self) -> Result<(), DebugProbeError> {
        if self.cycles.is_empty() {
            return Ok(());
        }
        let period = Span::from_nanos(MILLISECOND / u64::from(self.khz));
        let levels = self.pins.clock(period, &self.cycles);
        let levels = levels.ok_or_else(|| DebugProbeError::Other("the board of this probe is gone".to_owned()))?;
        self.captured.extend(levels.iter().zip(&self.wanted).filter(|(_, wanted)| **wanted).map(|(level, _)| *level));
        self.cycles.clear();
        self.wanted.clear();
        Ok(())
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("khz", &self.khz).finish_non_exhaustive()
    }
}

impl RawJtagIo for Driver {
    fn state_mut(&mut self) -> &mut JtagDriverState {
        &mut self.state
    }

    fn state(&self) -> &JtagDriverState {
        &self.state
    }

    fn shift_bit(&mut self, tms: bool, tdi: bool, capture: bool) -> Result<(), DebugProbeError> {
        self.state.state.update(tms);
        self.cycles.push(JtagCycle { tms, tdi });
        self.wanted.push(capture);
        if self.cycles.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    fn read_captured_bits(&mut self) -> Result<BitVec, DebugProbeError> {
        self.flush()?;
        self.pins.pause(TURNAROUND);
        Ok(std::mem::take(&mut self.captured))
    }
}

impl AutoImplementJtagAccess for Driver {}

fn no_reset_line(function_name: &'static str) -> DebugProbeError {
    DebugProbeError::NotImplemented { function_name }
}

impl DebugProbe for Driver {
    fn get_name(&self) -> &str {
        NAME
    }

    fn speed_khz(&self) -> u32 {
        self.khz
    }

    fn set_speed(&mut self, speed_khz: u32) -> Result<u32, DebugProbeError> {
        self.flush()?;
        self.khz = speed_khz.clamp(1, FASTEST_KHZ);
        Ok(self.khz)
    }

    fn attach(&mut self) -> Result<(), DebugProbeError> {
        self.select_target(0)
    }

    fn detach(&mut self) -> Result<(), probe_rs::Error> {
        self.flush()?;
        Ok(())
    }

    fn target_reset(&mut self) -> Result<(), DebugProbeError> {
        Err(no_reset_line("target_reset"))
    }

    fn target_reset_assert(&mut self) -> Result<(), DebugProbeError> {
        Err(no_reset_line("target_reset_assert"))
    }

    fn target_reset_deassert(&mut self) -> Result<(), DebugProbeError> {
        Err(no_reset_line("target_reset_deassert"))
    }

    fn select_protocol(&mut self, protocol: WireProtocol) -> Result<(), DebugProbeError> {
        match protocol {
            WireProtocol::Jtag => Ok(()),
            other => Err(DebugProbeError::UnsupportedProtocol(other)),
        }
    }

    fn active_protocol(&self) -> Option<WireProtocol> {
        Some(WireProtocol::Jtag)
    }

    fn try_as_jtag_probe(&mut self) -> Option<&mut dyn JtagAccess> {
        Some(self)
    }

    fn try_get_xtensa_interface<'probe>(
        &'probe mut self,
        state: &'probe mut XtensaDebugInterfaceState,
    ) -> Result<XtensaCommunicationInterface<'probe>, XtensaError> {
        Ok(XtensaCommunicationInterface::new(self, state))
    }

    fn has_xtensa_interface(&self) -> bool {
        true
    }

    fn into_probe(self: Box<Self>) -> Box<dyn DebugProbe> {
        self
    }
}
