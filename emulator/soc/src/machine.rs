//! The machine: two cores, the system around them, and who runs when.
//!
//! Guest time advances in slices. The end of a slice depends on the machine's state alone, never on how far the caller wants to
//! go, so running in one go and running in many small steps give the same run. While both cores execute they take turns of
//! [`QUANTUM`] cycles; while one executes it runs up to the next event; while none does, time jumps to the next event.

mod jtag;

use std::sync::Arc;

use espalier_core::{Frequency, Span, Time};
use espalier_net::{Air, Lan};
use espalier_parts::{FlashChip, Oled};
use espalier_peripherals::{Cpu as Core, ResetCause, ResetScope};
use espalier_xtensa::{Config as CpuConfig, Cpu, Exit};

use crate::boards::BoardDefinition;
use crate::bus::CoreBus;
use crate::error::SocError;
use crate::fidelity::FidelityRow;
use crate::memory::Ram;
use crate::rom::Rom;
use crate::system::{CoreEffect, System};
use crate::unmodelled::{Origin, UnmodelledAccess};

pub use jtag::JtagCycle;

/// Cycles that one core runs before the other one has its turn.
const QUANTUM: u64 = 64;
/// The longest slice of a core that runs alone, in cycles, so that a caller gets control back in time.
const LONGEST_SLICE: u64 = 1 << 14;
/// Cores of the chip.
pub const CORES: usize = 2;

/// What a machine is made from.
#[derive(Clone, Debug, Default)]
pub struct MachineConfig {
    /// A development kit, unless another one is chosen.
    pub board: BoardDefinition,
    /// Seeds every random source: the chip's random number generator and the network.
    pub seed: u64,
    /// Stop at the first access to something that is not modelled.
    pub strict: bool,
}

/// How the strapping pins stand when the chip comes out of reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strap {
    /// GPIO0 high: boot from flash.
    FlashBoot,
    /// GPIO0 low: the ROM's serial download mode.
    Download,
}

impl Strap {
    /// The value of GPIO_STRAP (TRM "GPIO_STRAP_REG").
    fn register(self) -> u32 {
        match self {
            Strap::FlashBoot => 0x13,
            Strap::Download => 0x03,
        }
    }
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
}

/// An emulated board. Cloning it is a fork: both go on independently from the same state.
#[derive(Clone)]
pub struct Machine {
    config: MachineConfig,
    cpus: [Cpu; CORES],
    /// Cycles that a core has run beyond `now` in its last turn.
    ahead: [u64; CORES],
    ram: Arc<Ram>,
    system: System,
    now: Time,
    trace: u64,
    jtag: jtag::Jtag,
}

impl Machine {
    /// A board that has just been switched on. Its flash chip has what the board's definition puts there and is erased
    /// otherwise.
    ///
    /// # Errors
    /// If the definition asks for what cannot be, such as two networks of one address.
    pub fn new(config: &MachineConfig) -> Result<Machine, SocError> {
        let rom = Rom::load(config.board.rom)?;
        let mut machine = Machine {
            config: config.clone(),
            cpus: [Cpu::new(CpuConfig::ESP32_PRO), Cpu::new(CpuConfig::ESP32_APP)],
            ahead: [0; CORES],
            ram: Arc::new(Ram::default()),
            system: System::new(rom, config)?,
            now: Time::ZERO,
            trace: 0,
            jtag: jtag::Jtag::default(),
        };
        for content in &config.board.flash_content {
            machine.load_flash(content.offset, &content.bytes)?;
        }
        for network in &config.board.access_points {
            machine.air_mut().add_access_point(network.clone())?;
        }
        machine.power_on(Strap::FlashBoot);
        Ok(machine)
    }

    /// Takes the power away and gives it back: everything but the flash chip and the eFuses is lost.
    pub fn power_on(&mut self, strap: Strap) {
        self.ram = Arc::new(Ram::default());
        self.system.power_cycle();
        self.restart(ResetCause::PowerOn, strap);
    }

    /// A pulse on EN, with the strapping pins at `strap`. The chip cannot tell it from power-on.
    pub fn reset(&mut self, strap: Strap) {
        self.restart(ResetCause::PowerOn, strap);
    }

    fn restart(&mut self, cause: ResetCause, strap: Strap) {
        self.system.set_strap(strap.register(), strap == Strap::FlashBoot);
        self.reset_system(cause);
    }

    /// The board this machine was made as.
    pub fn board(&self) -> &BoardDefinition {
        &self.config.board
    }

    /// Guest time since the machine was made.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Runs until guest time reaches `limit`, or until something came out. May overshoot by one slice.
    pub fn run_until(&mut self, limit: Time) -> Stop {
        while self.now < limit {
            self.slice(limit);
            if let Some(access) = self.system.unmodelled.take_fresh()
                && self.config.strict
            {
                return Stop::Unmodelled(access);
            }
            if self.system.take_output_flag() {
                return Stop::Output;
            }
        }
        Stop::Limit
    }

    /// One step of the schedule. See the module's documentation for what ends it.
    fn slice(&mut self, limit: Time) {
        self.system.advance_due(Arc::make_mut(&mut self.ram), self.now);
        while let Some(effect) = self.system.take_core_effect() {
            self.apply(effect);
        }
        let clock = self.system.cpu_clock();
        let horizon = self.system.plan().unwrap_or(Time::from_ticks(u64::MAX));
        let until_horizon = horizon.since(self.now).ticks().div_ceil(clock.ticks_per_cycle()).max(1);
        for core in 0..CORES {
            self.cpus[core].set_interrupt_lines(self.system.interrupt_lines(core));
        }
        let spent = match [self.is_executing(0), self.is_executing(1)] {
            [true, true] => self.run_both(QUANTUM.min(until_horizon), clock),
            [true, false] => self.run_alone(0, until_horizon, clock),
            [false, true] => self.run_alone(1, until_horizon, clock),
            [false, false] => {
                let until_limit = limit.since(self.now).ticks().div_ceil(clock.ticks_per_cycle());
                let cycles = until_horizon.min(until_limit).min(self.until_timer(0)).min(self.until_timer(1)).max(1);
                (0..CORES).for_each(|core| self.pass(core, cycles));
                cycles
            }
        };
        self.now += clock.cycles(spent);
        self.trace = mix(self.trace ^ self.now.ticks(), self.cpus[0].pc(), self.cpus[1].pc());
    }

    /// True if `core` has a clock and is not held by reset, stall or sleep.
    fn is_clocked(&self, core: usize) -> bool {
        self.system.core_runs(core) && !self.cpus[core].is_held_in_reset()
    }

    fn is_executing(&self, core: usize) -> bool {
        self.is_clocked(core) && !self.cpus[core].is_waiting() && !self.cpus[core].is_stopped()
    }

    /// Cycles until a timer of the core interrupts it.
    fn until_timer(&self, core: usize) -> u64 {
        let can_wake = self.is_clocked(core) && !self.cpus[core].is_stopped();
        let timer = if can_wake { self.cpus[core].cycles_to_timer() } else { None };
        timer.unwrap_or(u64::MAX)
    }

    /// Lets time pass for a core that does not execute.
    fn pass(&mut self, core: usize, cycles: u64) {
        if self.is_clocked(core) {
            self.cpus[core].idle(cycles.saturating_sub(self.ahead[core]));
        }
        self.ahead[core] = self.ahead[core].saturating_sub(cycles);
    }

    fn run_alone(&mut self, core: usize, until_horizon: u64, clock: Frequency) -> u64 {
        let other = 1 - core;
        let budget = LONGEST_SLICE.min(until_horizon).min(self.until_timer(other).max(1));
        let head_start = std::mem::take(&mut self.ahead[core]);
        if head_start >= budget {
            self.ahead[core] = head_start - budget;
            self.pass(other, budget);
            return budget;
        }
        let (spent, _) = self.run_core(core, budget - head_start, head_start, clock);
        let spent = spent + head_start;
        self.pass(other, spent);
        spent
    }

    fn run_both(&mut self, quantum: u64, clock: Frequency) -> u64 {
        for core in 0..CORES {
            let mut done = self.ahead[core];
            while done < quantum {
                let (spent, exit) = self.run_core(core, quantum - done, done, clock);
                done += spent;
                if matches!(exit, Exit::Waiting) || self.system.has_core_effect() || spent == 0 {
                    // The rest of its turn passes idly.
                    if done < quantum {
                        self.cpus[core].idle(quantum - done);
                        done = quantum;
                    }
                    break;
                }
                self.cpus[core].set_interrupt_lines(self.system.interrupt_lines(core));
            }
            self.ahead[core] = done - quantum;
        }
        quantum
    }

    /// Runs one core for about `budget` cycles, beginning `offset` cycles after `now`. Returns the cycles it took.
    fn run_core(&mut self, core: usize, budget: u64, offset: u64, clock: Frequency) -> (u64, Exit) {
        self.system.attention = false;
        let (cpu, mut bus) = self.core(core, offset, clock);
        let before = cpu.cycles();
        let exit = cpu.run(&mut bus, budget.min(u64::from(u32::MAX)) as u32);
        (cpu.cycles() - before, exit)
    }

    /// A core and its bus, `offset` cycles after `now`.
    fn core(&mut self, core: usize, offset: u64, clock: Frequency) -> (&mut Cpu, CoreBus<'_>) {
        let bus = CoreBus {
            ram: Arc::make_mut(&mut self.ram),
            system: &mut self.system,
            origin: Origin { core, pc: self.cpus[core].pc() },
            start: self.now + clock.cycles(offset),
            clock,
        };
        (&mut self.cpus[core], bus)
    }

    fn apply(&mut self, effect: CoreEffect) {
        match effect {
            CoreEffect::Reset { cause, cpu: Some(cpu) } if cause.scope() == ResetScope::Cpu => {
                let core = match cpu {
                    Core::Pro => 0,
                    Core::App => 1,
                };
                self.system.reset_core(cause, cpu, self.now);
                self.update_reset_vector(core);
                self.cpus[core].reset();
                self.ahead[core] = 0;
            }
            CoreEffect::Reset { cause, .. } => self.reset_system(cause),
        }
    }

    /// Everything in the scope of `cause` starts over.
    fn reset_system(&mut self, cause: ResetCause) {
        if cause == ResetCause::DeepSleep {
            Arc::make_mut(&mut self.ram).clear_digital();
        }
        self.system.reset(cause, self.now);
        self.reset_jtag();
        for core in 0..CORES {
            self.update_reset_vector(core);
            self.cpus[core].reset();
        }
        self.ahead = [0; CORES];
    }

    /// Writes `bytes` into the flash chip from `offset` on, past the chip's own commands.
    pub fn load_flash(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SocError> {
        self.system.load_flash(offset, bytes)
    }

    /// The flash chip.
    pub fn flash(&self) -> &FlashChip {
        self.system.flash()
    }

    /// The display, if the board has one.
    pub fn oled(&self) -> Option<&Oled> {
        self.system.oled()
    }

    /// The network that the board's Ethernet is plugged into.
    pub fn lan(&self) -> &Lan {
        self.system.lan()
    }

    /// The network, to act on it. What changes takes effect with the next run.
    pub fn lan_mut(&mut self) -> &mut Lan {
        self.system.lan_mut()
    }

    /// The air around the board's antenna.
    pub fn air(&self) -> &Air {
        self.system.air()
    }

    /// The air, to put networks into it. What changes takes effect with the next run.
    pub fn air_mut(&mut self) -> &mut Air {
        self.system.air_mut()
    }

    /// Sends `bytes` to the RX pin of a UART; they arrive one frame after the other.
    pub fn uart_send(&mut self, uart: usize, bytes: &[u8]) {
        self.system.uart_send(uart, bytes, self.now);
    }

    /// Loses what was sent to a UART and has not arrived yet, as when the cable is pulled.
    pub fn uart_cut_line(&mut self, uart: usize) {
        self.system.uart_cut_line(uart, self.now);
    }

    /// Takes what a UART has sent, with the time at which each frame ended.
    pub fn uart_take(&mut self, uart: usize) -> Vec<(Time, u8)> {
        self.system.uart_take(uart)
    }

    /// The bit rate at which the other side of a UART's RX line sends; `None` follows the UART's own setting.
    pub fn set_uart_line_baud(&mut self, uart: usize, baud: Option<u32>) {
        self.system.set_uart_line_baud(uart, baud);
    }

    /// Drives a GPIO pad from outside the chip, or lets go of it with `None`. Pads that do not exist are ignored.
    pub fn drive_pin(&mut self, pin: usize, level: Option<bool>) {
        self.system.drive_pin(pin, level);
    }

    /// From now on the parts on an I2C controller's bus hold SCL low for `stretch` in every byte: a fault to inject. Unit 0 or 1.
    pub fn set_i2c_stretch(&mut self, unit: usize, stretch: Span) {
        self.system.set_i2c_stretch(unit, stretch);
    }

    /// A digest of the run so far: where both cores were at the end of each slice. Two runs that had the same input have the
    /// same digest.
    pub fn trace_hash(&self) -> u64 {
        self.trace
    }

    /// Everything that software has touched and the model does not have.
    pub fn unmodelled(&self) -> Vec<UnmodelledAccess> {
        self.system.unmodelled.iter().cloned().collect()
    }

    /// A core, to look at its registers.
    pub fn cpu(&self, core: usize) -> &Cpu {
        &self.cpus[core]
    }

    /// How far each block of the chip is modelled.
    pub fn fidelity(&mut self) -> Vec<FidelityRow> {
        self.system.fidelity()
    }

    /// The clock of the cores at present.
    pub fn cpu_clock(&self) -> Frequency {
        self.system.cpu_clock()
    }

    /// Runs for `span` of guest time, whatever comes out. Stops early only in strict mode.
    pub fn run_for(&mut self, span: Span) -> Stop {
        let limit = self.now + span;
        loop {
            match self.run_until(limit) {
                Stop::Output => {}
                stop => return stop,
            }
        }
    }
}

/// One step of the trace digest: multiply and rotate, as in FxHash.
fn mix(state: u64, pro_pc: u32, app_pc: u32) -> u64 {
    const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
    let word = (u64::from(pro_pc) << 32) | u64::from(app_pc);
    (state.rotate_left(5) ^ word).wrapping_mul(MULTIPLIER)
}
