//! The machine: a chip, the board around it, and how far it has run. It knows neither the chip's blocks nor its cores by name.

mod assembly;
mod chip;
mod controls;
mod debug;
mod engine;
mod interrupts;
mod observed;
mod pad_connections;
mod pad_signals;
mod polling;
mod ports;
mod power;
mod resets;
mod run;
pub mod sealed;
mod settle;
mod snapshot;

use std::any::Any;
use std::sync::Arc;

use espalier_core::{
    Core, DebugStop, EDGES, EdgeCounts, Frequency, LineSettings, Observer, SerialPort, Signal, Span, Time, Translation,
};
use espalier_net::{Air, Lan};
use espalier_parts::{FlashChip, Oled};
use espalier_peripherals::ResetCause;

use crate::boards::BoardDefinition;
use crate::error::SocError;
use crate::platform::{FidelityRow, SerialOutput, UnmodelledAccess, UnmodelledBlock};

pub use assembly::Assembly;
pub use chip::{Access, Chip, ChipBus, Network, PadFunction};
pub use controls::{PartError, UnknownPart};
pub use debug::MemoryError;
pub use engine::{Engine, JtagPort};
pub use interrupts::Interrupts;
pub use pad_connections::PadConnections;
pub use pad_signals::PadSignals;
pub use resets::ChipReset;
pub use run::Run;
pub use sealed::{BUILD, SnapshotError};
pub use settle::Settle;
pub use snapshot::is_snapshot;

/// The configuration of a machine.
#[derive(Clone, Debug, Default)]
pub struct MachineConfig {
    /// A development kit, unless another one is chosen.
    pub board: BoardDefinition,
    /// Seeds every random source: the chip's random number generator and the network.
    pub seed: u64,
    /// Stop at the first access to something that is not modelled.
    pub strict: bool,
    /// Blocks by their names in the memory map at which a strict machine does not stop.
    pub allowed: Vec<String>,
}

espalier_core::persist!(value MachineConfig { board, seed, strict, allowed });

impl MachineConfig {
    /// The same without what the flash chip had at the start: a snapshot has what it has now.
    fn without_flash_content(&self) -> MachineConfig {
        let board = BoardDefinition { flash_content: Vec::new(), ..self.board.clone() };
        MachineConfig { board, allowed: self.allowed.clone(), ..*self }
    }
}

/// The levels of the strapping pins at the chip's release from reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strap {
    /// The boot pin high: boot from flash.
    FlashBoot,
    /// The boot pin low: the ROM's serial download mode.
    Download,
}

/// Levels that a host puts on the JTAG pins for one cycle of TCK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JtagCycle {
    pub tms: bool,
    pub tdi: bool,
}

/// Why [`Machine::run_until`] returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The limit is reached.
    Limit,
    /// A UART sent something, or a frame reached the network.
    Output,
    /// In strict mode: software touched something that is not modelled.
    Unmodelled(UnmodelledAccess),
    /// A core came to what a debugger waits for.
    Debug {
        /// Index of the core.
        core: usize,
        /// The debugger's stop.
        stop: DebugStop,
    },
}

/// An emulated board. Cloning it is a fork: both go on independently from the same state.
#[derive(Clone)]
pub struct Machine {
    /// Shared with forks.
    config: Arc<MachineConfig>,
    engine: Box<dyn Engine>,
    run: Run,
}

impl Machine {
    /// A board around `engine` that has just been switched on.
    ///
    /// # Errors
    /// If the definition asks for what cannot be, such as two networks of one address.
    pub fn with_engine(config: &MachineConfig, engine: Box<dyn Engine>) -> Result<Machine, SocError> {
        let run = Run::new(engine.cores());
        let mut machine = Machine { config: Arc::new(config.clone()), engine, run };
        for content in &config.board.flash_content {
            machine.load_flash(content.offset, &content.bytes)?;
        }
        for network in &config.board.access_points {
            machine.air_mut().add_access_point(network.clone())?;
        }
        machine.power_on(Strap::FlashBoot);
        Ok(machine)
    }

    /// A pulse on EN, with the strapping pins at `strap`. The chip cannot tell it from power-on.
    /// A part of the board that holds the boot pin low overrides `strap`. A board without power stays as it is.
    pub fn reset(&mut self, strap: Strap) {
        if self.run.off {
            return;
        }
        self.engine.restart(&mut self.run, ResetCause::PowerOn, strap);
    }

    /// The board this machine was made as.
    pub fn board(&self) -> &BoardDefinition {
        &self.config.board
    }

    /// Cores of the chip.
    pub fn cores(&self) -> usize {
        self.engine.cores()
    }

    /// Whether this machine and another one have one copy of the chip with its memories between them: a fork shares it until one of the
    /// two changes, and copies it then.
    pub fn shares_chip_with(&self, other: &Machine) -> bool {
        std::ptr::eq(self.engine.platform(), other.engine.platform())
    }

    /// Guest time since the machine was made.
    pub fn now(&self) -> Time {
        self.run.now
    }

    /// The number of cycles that its cores have executed in this process: a measure of the host's work.
    pub fn executed(&self) -> u64 {
        self.run.executed
    }

    /// Runs until guest time reaches `limit`, or until something came out. May overshoot by one slice.
    pub fn run_until(&mut self, limit: Time) -> Stop {
        if self.run.off {
            self.pass_without_power(limit);
            return Stop::Limit;
        }
        while self.run.now < limit {
            self.engine.slice(&mut self.run, limit);
            if let Some((core, stop)) = self.run.debug_stop.take() {
                return Stop::Debug { core, stop };
            }
            let platform = self.engine.platform_mut();
            if let Some(access) = platform.unmodelled.take_fresh()
                && self.config.strict
            {
                return Stop::Unmodelled(access);
            }
            if platform.take_output_flag() {
                return Stop::Output;
            }
        }
        Stop::Limit
    }

    /// When something next happens if nothing comes from outside: until then no core executes. None while one does.
    pub fn rests_until(&mut self) -> Option<Time> {
        if self.run.off {
            let arrival = self.engine.platform().wire_ends.deadline();
            return Some(arrival.unwrap_or(Time::from_ticks(u64::MAX)));
        }
        self.engine.rests_until(&self.run)
    }

    /// Takes the resets from inside the chip since the last call, oldest first, and no more than 16. That one core starts another
    /// is none.
    pub fn take_resets(&mut self) -> Vec<ChipReset> {
        self.run.resets.take()
    }

    /// Whether the chip has reset itself since [`take_resets`](Machine::take_resets) was called last.
    pub fn has_resets(&self) -> bool {
        !self.run.resets.is_empty()
    }

    /// Clocks the JTAG pins. Guest time goes on by `period` for each cycle, and catches up before each access to a debug
    /// module; it may run ahead by one slice. Returns the level of TDO in each cycle: high while nothing drives it, which is
    /// always if the pads have another function or a fuse disables JTAG.
    pub fn jtag(&mut self, period: Span, cycles: &[JtagCycle]) -> Vec<bool> {
        if self.run.off {
            self.pass_without_power(self.run.now + period * cycles.len() as u64);
            return vec![true; cycles.len()];
        }
        self.engine.jtag(&mut self.run, period, cycles)
    }

    /// Lets `span` of guest time pass as [`jtag`](Machine::jtag) does, without a cycle.
    pub fn jtag_pause(&mut self, span: Span) {
        if self.run.off {
            return self.pass_without_power(self.run.now + span);
        }
        self.engine.catch_up(&mut self.run, span);
    }

    /// The voltage that a DAC of the chip gives to a pad at present; None if none does.
    pub fn analog_out(&self, pin: usize) -> Option<f64> {
        const MICRO: f64 = 1e-6;
        self.engine.analog_out(pin, self.run.now).map(|microvolts| f64::from(microvolts) * MICRO)
    }

    /// The chip's fuses as they are burnt, whatever is protected: the words of its blocks, the lowest byte first, as Espressif's
    /// QEMU keeps them in a file.
    pub fn efuses(&self) -> Vec<u8> {
        self.engine.efuses()
    }

    /// Gives the chip other fuses than those that the board's definition burns. Firmware that runs finds them changed.
    pub fn set_efuses(&mut self, image: &[u8]) {
        self.engine.set_efuses(image);
    }

    /// Writes `bytes` into the flash chip from `offset` on, past the chip's own commands.
    pub fn load_flash(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SocError> {
        self.engine.platform_mut().load_flash(offset, bytes)
    }

    /// The flash chip.
    pub fn flash(&self) -> &FlashChip {
        &self.engine.platform().parts.flash
    }

    /// The first OLED of the board, if it has one.
    pub fn oled(&self) -> Option<&Oled> {
        self.engine.platform().parts.first()
    }

    /// Records what a pad carries from now on. Pads that do not exist are ignored.
    pub fn attach_probe(&mut self, pin: usize) {
        self.engine.attach_probe(pin, self.run.now);
    }

    /// Records what a pad carries no more.
    pub fn detach_probe(&mut self, pin: usize) {
        self.engine.detach_probe(pin, self.run.now);
    }

    /// Returns the signal on a pad: a level, or a wave; low if there is no such pad.
    pub fn pad(&mut self, pin: usize) -> Signal {
        if pin >= self.engine.platform().pads.count() {
            return Signal::Level(false);
        }
        self.engine.pad(pin, self.run.now).signal
    }

    /// Number of times that two drivers came to want different levels of one of the followed pads, with the time and the pad of the
    /// first conflict.
    pub fn conflicts(&self) -> Option<(u64, Time, usize)> {
        self.engine.platform().pads.conflicts()
    }

    /// Whether the chip has a pad of this number.
    pub fn has_pad(&self, pin: usize) -> bool {
        self.board().chip.has_pad(pin)
    }

    /// The pads that the chip has, for messages.
    pub fn pad_names(&self) -> &'static str {
        self.board().chip.pad_names()
    }

    /// Number of UARTs of the chip.
    pub fn uarts(&self) -> usize {
        self.engine.platform().serial().len()
    }

    /// Number of changes that the probe of a pad has recorded.
    pub fn probed_changes(&mut self, pin: usize) -> u64 {
        self.engine.follow_wires(self.run.now);
        self.engine.platform().pads.changes(pin)
    }

    /// The changes of a pad with a probe after the first `skip`, as far as they are kept, and what it carried before them. Nothing is
    /// taken.
    pub fn probed(&mut self, pin: usize, skip: u64) -> (Signal, Vec<(Time, Signal)>) {
        self.engine.follow_wires(self.run.now);
        self.engine.platform().pads.probed(pin, skip).unwrap_or((Signal::Level(false), Vec::new()))
    }

    /// Takes what a pad has carried since its probe was attached or last read: each change with its time. The last 262144 changes
    /// are kept until then.
    pub fn take_probed(&mut self, pin: usize) -> Vec<(Time, Signal)> {
        self.engine.take_probed(pin, self.run.now)
    }

    /// Unread changes of a pad that its probe has dropped to make room for later ones.
    pub fn lost_by_probe(&self, pin: usize) -> u64 {
        self.engine.platform().pads.lost_by_probe(pin)
    }

    /// The network that the board's Ethernet is plugged into.
    pub fn lan(&self) -> &Lan {
        &self.engine.platform().lan
    }

    /// The network, to act on it. What changes takes effect with the next run.
    pub fn lan_mut(&mut self) -> &mut Lan {
        let platform = self.engine.platform_mut();
        // Whatever the caller does, the next run begins by looking at the network.
        platform.wake(platform.lan_slot());
        platform.lan.advance(self.run.now);
        &mut platform.lan
    }

    /// The air around the board's antenna.
    pub fn air(&self) -> &Air {
        &self.engine.platform().air
    }

    /// The air, to put networks into it. What changes takes effect with the next run.
    pub fn air_mut(&mut self) -> &mut Air {
        let platform = self.engine.platform_mut();
        platform.wake(platform.air_slot());
        platform.air.advance(self.run.now);
        &mut platform.air
    }

    /// Sends `bytes` to the RX pin of a UART; they arrive one frame after the other.
    pub fn uart_send(&mut self, uart: usize, bytes: &[u8]) {
        self.with_port(uart, |port, now| port.receive(bytes, now));
    }

    /// Loses what was sent to a UART and has not arrived yet, as when the cable is pulled.
    pub fn uart_cut_line(&mut self, uart: usize) {
        self.with_port(uart, |port, now| port.cut_line(now));
    }

    /// Takes what a UART has sent, with the time at which each frame ended. Until then the last [`SERIAL_OUTPUT_BYTES`] bytes are
    /// kept.
    ///
    /// [`SERIAL_OUTPUT_BYTES`]: crate::SERIAL_OUTPUT_BYTES
    pub fn uart_take(&mut self, uart: usize) -> Vec<(Time, u8)> {
        // Forks share the chip with this machine until one of them changes, so one that has nothing to give is left alone.
        if self.engine.platform().serial().get(uart).is_none_or(SerialOutput::is_empty) {
            return Vec::new();
        }
        let output = self.engine.platform_mut().serial_mut(uart);
        output.map(|output| output.take()).unwrap_or_default()
    }

    /// Unread bytes of a UART that were dropped to make room for later ones.
    pub fn uart_lost(&self, uart: usize) -> u64 {
        self.engine.platform().serial().get(uart).map_or(0, |output| output.lost())
    }

    /// The bit rate at which the other side of a UART's RX line sends; `None` follows the UART's own setting.
    pub fn set_uart_line_baud(&mut self, uart: usize, baud: Option<u32>) {
        self.with_port(uart, |port, now| port.set_line_baud(baud, now));
    }

    /// Unread data that was dropped to make room, one line each: output of the UARTs, tones, changes of
    /// probed pads.
    pub fn dropped(&self) -> Vec<String> {
        let platform = self.engine.platform();
        let ports = platform.serial().iter().enumerate();
        let ports = ports.map(|(port, output)| (format!("bytes that UART{port} sent"), output.lost()));
        let parts = platform.parts.iter().filter_map(|(_, name, part)| {
            let (count, what) = part.dropped()?;
            Some((format!("{what} of {name}"), count))
        });
        let pins = 0..platform.driven.len();
        let changes = pins.map(|pin| (format!("changes of GPIO{pin}"), platform.pads.lost_by_probe(pin)));
        let all = ports.chain(parts).chain(changes);
        all.filter(|(_, count)| *count != 0).map(|(what, count)| format!("{count} {what}")).collect()
    }

    /// Drives a GPIO pad from outside the chip, or lets go of it with `None`. Pads that do not exist are ignored.
    pub fn drive_pin(&mut self, pin: usize, level: Option<bool>) {
        self.engine.drive_pin(pin, level, self.run.now);
    }

    /// From now on the parts on the bus of the I2C controller `name` hold SCL low for `stretch` in every byte: a fault to inject.
    /// Ignored if the chip has no block of this name, or another kind of block.
    pub fn set_i2c_stretch(&mut self, name: &str, stretch: Span) {
        let platform = self.engine.platform_mut();
        if let Some(index) = platform.map.rows().iter().position(|row| row.name == name) {
            platform.blocks.device_mut(index).set_stretch(stretch);
        }
    }

    /// Sets how the other side of a UART's line sends and reads from now on; a setting that is `None` follows the UART's own.
    pub fn set_uart_line(&mut self, uart: usize, settings: LineSettings) {
        self.with_port(uart, |port, now| port.set_line(settings, now));
    }

    /// Does something to a serial port. Ports that do not exist are ignored.
    fn with_port(&mut self, port: usize, act: impl FnOnce(&mut dyn SerialPort, Time)) {
        let platform = self.engine.platform_mut();
        let now = platform.tick(self.run.now);
        let Some(index) = platform.serial_block(port) else { return };
        if let Some(port) = platform.blocks.device_mut(index).serial() {
            act(port, now);
        }
        self.engine.settle_port(index);
    }

    /// A digest of the run so far: where the cores were at the end of each slice in which one executed. Two runs that had the same input have the
    /// same digest.
    pub fn trace_hash(&self) -> u64 {
        self.run.trace
    }

    /// Returns counts of the work that blocks of the chip did by themselves: calls because of a deadline, and pulses of the RMT that were
    /// followed. No guest makes them grow faster than guest time does.
    pub fn device_work(&self) -> u64 {
        self.engine.platform().device_work()
    }

    /// Cycles of the cores that were not executed one by one, because they were rounds of a loop that polls and could find nothing
    /// new.
    pub fn cycles_passed_over(&self) -> u64 {
        self.run.polls.iter().map(|search| search.passed_over()).sum()
    }

    /// Everything that software has touched and the model does not have.
    pub fn unmodelled(&self) -> Vec<UnmodelledAccess> {
        self.engine.platform().unmodelled.iter().cloned().collect()
    }

    /// The first touch of each block that is not modelled and of each register that a modelled block lacks, in the order in which
    /// they happened, without the first `skip` of them. There is a bound; the counts of [`Machine::unmodelled_blocks`] have none.
    pub fn unmodelled_notes(&self, skip: usize) -> &[UnmodelledAccess] {
        self.engine.platform().unmodelled.notes().get(skip..).unwrap_or_default()
    }

    /// Returns the number of accesses of software to hardware that is not modelled, by block.
    pub fn unmodelled_blocks(&self) -> Vec<UnmodelledBlock> {
        self.engine.platform().unmodelled.blocks()
    }

    /// A core, to look at its registers.
    pub fn cpu(&self, core: usize) -> &dyn Core {
        self.engine.core(core)
    }

    /// Chooses which blocks of code are translated to the host's. Nothing but speed depends on it.
    pub fn set_translation(&mut self, translation: Translation) {
        (0..self.cores()).for_each(|core| self.cpu_mut(core).set_translation(translation));
    }

    /// A core, to change its registers.
    pub fn cpu_mut(&mut self, core: usize) -> &mut dyn Core {
        self.engine.core_mut(core)
    }

    /// A core as what it is, such as an Xtensa core; None if it is another kind.
    pub fn core_as<C: Core>(&self, core: usize) -> Option<&C> {
        let core: &dyn Any = self.engine.core(core);
        core.downcast_ref()
    }

    /// The same, to change its registers.
    pub fn core_as_mut<C: Core>(&mut self, core: usize) -> Option<&mut C> {
        let core: &mut dyn Any = self.engine.core_mut(core);
        core.downcast_mut()
    }

    /// Has each core count the blocks that it executes from now on, which changes nothing that they do. A fork counts from nothing on;
    /// a snapshot has no counts and does not count.
    pub fn count_blocks(&mut self) {
        (0..self.cores()).for_each(|core| self.cpu_mut(core).count_blocks());
    }

    /// Has each core count the jumps that it takes from now on, in the same way.
    pub fn count_edges(&mut self) {
        (0..self.cores()).for_each(|core| self.cpu_mut(core).count_edges());
    }

    /// The counts of jumps of all cores that count them.
    pub fn edges(&self) -> impl Iterator<Item = &EdgeCounts> {
        (0..self.cores()).filter_map(|core| self.cpu(core).edge_counts())
    }

    /// Adds the jumps of all cores to `sum`. False if they are not counted.
    pub fn add_edges(&self, sum: &mut [u8; EDGES]) -> bool {
        self.edges().for_each(|counts| counts.add_to(sum));
        self.edges().next().is_some()
    }

    /// From now on `observer` is told of what it is interested in. A fork has only those observers that fork, a snapshot none.
    pub fn observe(&mut self, observer: impl Observer) {
        self.run.observers.add(Box::new(observer));
    }

    /// The first observer of this type, to look at what it has seen.
    pub fn observer<T: Observer>(&self) -> Option<&T> {
        self.run.observers.get()
    }

    /// Takes the first observer of this type away: it is told of nothing any more.
    pub fn take_observer<T: Observer>(&mut self) -> Option<Box<T>> {
        self.run.observers.remove()
    }

    /// Returns the extent to which each block of the chip is modelled.
    pub fn fidelity(&self) -> Vec<FidelityRow> {
        self.engine.platform().fidelity()
    }

    /// The clock of the cores at present.
    pub fn cpu_clock(&self) -> Frequency {
        self.engine.platform().cpu_clock
    }

    /// Runs for `span` of guest time, whatever comes out. Stops early only in strict mode.
    pub fn run_for(&mut self, span: Span) -> Stop {
        let limit = self.run.now + span;
        loop {
            match self.run_until(limit) {
                Stop::Output => {}
                stop => return stop,
            }
        }
    }
}
