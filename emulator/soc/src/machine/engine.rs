//! The interface of a chip with its cores to a machine that does not know the kind of chip.

use espalier_core::{Bus, Core, Fault, Persist, Signal, Span, Time};
use espalier_peripherals::ResetCause;

use super::assembly::Assembly;
use super::chip::{Chip, ChipBus};
use super::pad_connections::PadConnections;
use super::pad_signals::PadSignals;
use super::run::Run;
use super::settle::Settle;
use super::{JtagCycle, Strap};
use crate::platform::{Carried, FarEnd, NetDriver, Platform, WireDrive};

/// The JTAG pins of a chip.
pub trait JtagPort: Chip {
    /// Clocks the JTAG pins; see [`Machine::jtag`](super::Machine::jtag). A chip without a modelled port drives TDO high.
    fn jtag(machine: &mut Assembly<Self>, run: &mut Run, period: Span, cycles: &[JtagCycle]) -> Vec<bool> {
        let pause = Span::from_ticks(period.ticks() * cycles.len() as u64);
        run.catch_up(machine, pause);
        vec![true; cycles.len()]
    }
}

/// The result of an access of a debugger, for which no time passes: it does not wait.
fn granted<T>(mut access: impl FnMut() -> Result<T, Fault>) -> Result<T, Fault> {
    match access() {
        Err(Fault::Wait) => access(),
        other => other,
    }
}

/// The operations of a chip that a machine needs.
pub trait Engine: Persist + Send + Sync {
    fn fork(&self) -> Box<dyn Engine>;
    fn chip_name(&self) -> &'static str;
    fn rom_digest(&self) -> u32;
    fn cores(&self) -> usize;
    fn core(&self, core: usize) -> &dyn Core;
    fn core_mut(&mut self, core: usize) -> &mut dyn Core;
    fn platform(&self) -> &Platform;
    fn platform_mut(&mut self) -> &mut Platform;
    fn slice(&mut self, run: &mut Run, limit: Time);
    fn catch_up(&mut self, run: &mut Run, span: Span);
    fn rests_until(&mut self, run: &Run) -> Option<Time>;
    fn lose_power(&mut self, now: Time, seed: u64);
    fn set_supply(&mut self, millivolts: u32, now: Time);
    fn restart(&mut self, run: &mut Run, cause: ResetCause, strap: Strap);
    fn is_clocked(&self, core: usize) -> bool;
    fn memory_word(&mut self, core: usize, address: u32) -> Option<u32>;
    fn load32(&mut self, core: usize, address: u32, now: Time) -> Result<u32, Fault>;
    fn store8(&mut self, core: usize, address: u32, value: u8, now: Time) -> Result<(), Fault>;
    fn store32(&mut self, core: usize, address: u32, value: u32, now: Time) -> Result<(), Fault>;
    /// Brings what parts hear up to `now`.
    fn follow_wires(&mut self, now: Time);
    /// Other wires lead off the board from now on.
    fn connect_wire_ends(&mut self, ends: &[FarEnd], now: Time);
    /// Brings the board's drives on the wires that lead off it up to `now`.
    fn follow_wire_ends(&mut self, now: Time);
    /// Takes in the drives that have arrived over those wires.
    fn hear_wires(&mut self, now: Time);
    /// The board's drive on the net of a pad.
    fn wire_drive(&self, pin: usize) -> WireDrive;
    /// A part was changed from outside.
    fn follow_parts(&mut self, now: Time);
    fn attach_probe(&mut self, pin: usize, now: Time);
    fn detach_probe(&mut self, pin: usize, now: Time);
    fn take_probed(&mut self, pin: usize, now: Time) -> Vec<(Time, Signal)>;
    fn pad(&mut self, pin: usize, now: Time) -> Carried;
    fn drive_pin(&mut self, pin: usize, level: Option<bool>, now: Time);
    fn settle_port(&mut self, block: usize);
    fn analog_out(&self, pin: usize, now: Time) -> Option<u32>;
    fn efuses(&self) -> Vec<u8>;
    fn set_efuses(&mut self, image: &[u8]);
    fn jtag(&mut self, run: &mut Run, period: Span, cycles: &[JtagCycle]) -> Vec<bool>;
}

impl Clone for Box<dyn Engine> {
    fn clone(&self) -> Box<dyn Engine> {
        (**self).fork()
    }
}

impl<C: JtagPort> Engine for Assembly<C> {
    fn fork(&self) -> Box<dyn Engine> {
        Box::new(self.clone())
    }

    fn chip_name(&self) -> &'static str {
        C::NAME
    }

    fn rom_digest(&self) -> u32 {
        self.chip.rom_digest()
    }

    fn cores(&self) -> usize {
        self.cores.len()
    }

    fn core(&self, core: usize) -> &dyn Core {
        &self.cores[core]
    }

    fn core_mut(&mut self, core: usize) -> &mut dyn Core {
        &mut self.cores[core]
    }

    fn platform(&self) -> &Platform {
        self.chip.platform()
    }

    fn platform_mut(&mut self) -> &mut Platform {
        Assembly::platform_mut(self)
    }

    fn slice(&mut self, run: &mut Run, limit: Time) {
        run.slice(self, limit);
    }

    fn catch_up(&mut self, run: &mut Run, span: Span) {
        run.catch_up(self, span);
    }

    fn rests_until(&mut self, run: &Run) -> Option<Time> {
        run.rests_until(self)
    }

    fn lose_power(&mut self, now: Time, seed: u64) {
        let chip = self.chip_mut();
        chip.power_cycle();
        let platform = chip.platform_mut();
        platform.parts.lose_power(now, seed);
        platform.note_flash_change();
        platform.pads.power_cycle();
    }

    fn set_supply(&mut self, millivolts: u32, now: Time) {
        self.chip_mut().set_supply(millivolts, now);
    }

    fn restart(&mut self, run: &mut Run, cause: ResetCause, strap: Strap) {
        // Holding down the button at the strapping pad selects the download mode, as on every development board.
        let (platform, pad) = (self.chip.platform(), self.chip.boot_pad());
        let level = platform.driven[pad].or(platform.parts.pad_level(pad));
        let held = level == Some(false) || platform.wire_ends.drivers(platform.pads.net(pad)).any(NetDriver::is_low);
        self.chip_mut().set_strap(if held { Strap::Download } else { strap });
        run.reset(self, cause);
    }

    fn is_clocked(&self, core: usize) -> bool {
        Assembly::is_clocked(self, core)
    }

    fn memory_word(&mut self, core: usize, address: u32) -> Option<u32> {
        let now = self.chip.platform().clock();
        self.core_and_bus(core, now).1.memory_word(address)
    }

    fn load32(&mut self, core: usize, address: u32, now: Time) -> Result<u32, Fault> {
        granted(|| self.core_and_bus(core, now).1.load32(address, 0))
    }

    fn store8(&mut self, core: usize, address: u32, value: u8, now: Time) -> Result<(), Fault> {
        granted(|| self.core_and_bus(core, now).1.store8(address, value, 0).map(drop))
    }

    fn store32(&mut self, core: usize, address: u32, value: u32, now: Time) -> Result<(), Fault> {
        granted(|| self.core_and_bus(core, now).1.store32(address, value, 0).map(drop))
    }

    fn follow_wires(&mut self, now: Time) {
        self.chip_mut().follow_wires(now);
    }

    fn connect_wire_ends(&mut self, ends: &[FarEnd], now: Time) {
        self.chip_mut().connect_wire_ends(ends, now);
    }

    fn follow_wire_ends(&mut self, now: Time) {
        self.chip_mut().follow_wire_ends(now);
    }

    fn hear_wires(&mut self, now: Time) {
        let now = self.platform_mut().tick(now);
        self.chip_mut().hear_wires(now);
    }

    fn wire_drive(&self, pin: usize) -> WireDrive {
        self.chip.wire_drive(pin)
    }

    fn follow_parts(&mut self, now: Time) {
        self.chip_mut().follow_parts(now);
    }

    fn attach_probe(&mut self, pin: usize, now: Time) {
        self.chip_mut().attach_probe(pin, now);
    }

    fn detach_probe(&mut self, pin: usize, now: Time) {
        self.chip_mut().detach_probe(pin, now);
    }

    fn pad(&mut self, pin: usize, now: Time) -> Carried {
        self.chip_mut().pad(pin, now)
    }

    fn take_probed(&mut self, pin: usize, now: Time) -> Vec<(Time, Signal)> {
        self.chip_mut().take_probed(pin, now)
    }

    fn drive_pin(&mut self, pin: usize, level: Option<bool>, now: Time) {
        let chip = self.chip_mut();
        chip.before_pads_change(now);
        chip.drive_pin(pin, level, now);
    }

    fn settle_port(&mut self, block: usize) {
        // The port has come to the present, so what it has sent by now waits for no deadline any more.
        let chip = self.chip_mut();
        let now = chip.platform().clock();
        chip.settle(block, now);
    }

    fn analog_out(&self, pin: usize, now: Time) -> Option<u32> {
        self.chip.analog_out(pin, now)
    }

    fn efuses(&self) -> Vec<u8> {
        self.chip.efuses()
    }

    fn set_efuses(&mut self, image: &[u8]) {
        self.chip_mut().set_efuses(image);
    }

    fn jtag(&mut self, run: &mut Run, period: Span, cycles: &[JtagCycle]) -> Vec<bool> {
        C::jtag(self, run, period, cycles)
    }
}
