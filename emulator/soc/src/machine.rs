//! The machine: two cores, the system around them, and who runs when.
//!
//! Guest time advances in slices. The end of a slice depends on the machine's state alone, never on how far the caller wants to
//! go, so running in one go and running in many small steps give the same run. While both cores execute they take turns of
//! [`QUANTUM`] cycles; while one executes it runs up to the next event; while none does, time jumps to the next event.

mod controls;
mod efuses;
mod jtag;
mod polling;
mod ports;
mod resets;

use std::sync::Arc;

use espalier_core::{Frequency, Rgb, Signal, Span, Time};
use espalier_net::{Air, Lan};
use espalier_parts::{FlashChip, Oled, Sound};
use espalier_peripherals::{Cpu as Core, ResetCause, ResetScope};
use espalier_xtensa::{Config as CpuConfig, Cpu, DebugStop, Exit};

use crate::boards::BoardDefinition;
use crate::bus::CoreBus;
use crate::error::SocError;
use crate::fidelity::FidelityRow;
use crate::memory::Ram;
use crate::rom::Rom;
use crate::system::{CoreEffect, System};
use crate::unmodelled::{Origin, UnmodelledAccess, UnmodelledBlock};

pub use controls::UnknownPart;
pub use jtag::JtagCycle;
pub use resets::ChipReset;

/// Cycles that one core runs before the other one has its turn.
const QUANTUM: u64 = 64;
/// The longest slice of a core that runs alone, in cycles, so that a caller gets control back in time.
const LONGEST_SLICE: u64 = 1 << 14;
/// The strapping pin that chooses between flash and download (TRM "Boot Mode").
const BOOT_PIN: usize = 0;
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
    /// Blocks by their names in the memory map at which a strict machine does not stop.
    pub allowed: Vec<String>,
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
    /// A core came to what a debugger waits for.
    Debug {
        /// Which core.
        core: usize,
        /// What it came to.
        stop: DebugStop,
    },
}

/// How far a slice has got, for a debugger may stop it anywhere.
#[derive(Clone, Copy, Debug)]
struct Turn {
    /// The cores that execute; if both do, each for `cycles`.
    executing: [bool; CORES],
    cycles: u64,
    clock: Frequency,
    /// The core whose turn it is, and the cycles that it is ahead of the start of the slice.
    core: usize,
    done: u64,
    /// Cycles after those in which it waits for its flash cache.
    stalled: u64,
    /// It has been stopped in the middle of a run.
    interrupted: bool,
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
    /// The slice that a debugger has stopped.
    turn: Option<Turn>,
    debug_stop: Option<(usize, DebugStop)>,
    resets: resets::Resets,
    polls: [polling::PollSearch; CORES],
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
            turn: None,
            debug_stop: None,
            resets: resets::Resets::default(),
            polls: Default::default(),
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
        self.ram = Arc::new(self.ram.after_power_loss());
        self.system.power_cycle();
        self.restart(ResetCause::PowerOn, strap);
    }

    /// A pulse on EN, with the strapping pins at `strap`. The chip cannot tell it from power-on.
    /// A part of the board that holds GPIO0 low has the last word.
    pub fn reset(&mut self, strap: Strap) {
        self.restart(ResetCause::PowerOn, strap);
    }

    fn restart(&mut self, cause: ResetCause, strap: Strap) {
        // Whoever holds the button at GPIO0 down gets the download mode, as on every development board.
        let strap = if self.system.is_held_low(BOOT_PIN) { Strap::Download } else { strap };
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
            if let Some((core, stop)) = self.debug_stop.take() {
                return Stop::Debug { core, stop };
            }
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

    /// When something next happens if nothing comes from outside: until then no core executes. None while one does.
    pub fn rests_until(&mut self) -> Option<Time> {
        if self.turn.is_some() {
            return None;
        }
        for core in 0..CORES {
            self.cpus[core].set_interrupt_lines(self.system.interrupt_lines(core));
            if self.is_executing(core) {
                return None;
            }
        }
        let cycles = (0..CORES).map(|core| self.until_timer(core)).min().unwrap_or(u64::MAX);
        let ticks = cycles.saturating_mul(self.system.cpu_clock().ticks_per_cycle());
        let timer = Time::from_ticks(self.now.ticks().saturating_add(ticks));
        Some(self.system.next_event().min(timer).max(self.now))
    }

    /// One step of the schedule. See the module's documentation for what ends it.
    fn slice(&mut self, limit: Time) {
        let mut turn = match self.turn.take() {
            Some(turn) => turn,
            None => self.plan(),
        };
        let spent = match turn.executing {
            [true, true] => self.run_both(&mut turn),
            [true, false] | [false, true] => self.run_alone(&mut turn),
            [false, false] => {
                let until_limit = limit.since(self.now).ticks().div_ceil(turn.clock.ticks_per_cycle());
                let cycles = turn.cycles.min(until_limit).max(1);
                (0..CORES).for_each(|core| self.pass(core, cycles));
                self.now += turn.clock.cycles(cycles);
                return;
            }
        };
        let Some(spent) = spent else {
            self.turn = Some(turn);
            return;
        };
        self.now += turn.clock.cycles(spent);
        self.trace = mix(self.trace ^ self.now.ticks(), self.cpus[0].pc(), self.cpus[1].pc());
    }

    /// Does what is due and plans the next slice.
    #[inline(always)]
    fn plan(&mut self) -> Turn {
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
        let executing = [self.is_executing(0), self.is_executing(1)];
        let (core, cycles) = match executing {
            [true, true] => (0, QUANTUM.min(until_horizon)),
            [true, false] => (0, LONGEST_SLICE.min(until_horizon).min(self.until_timer(1).max(1))),
            [false, true] => (1, LONGEST_SLICE.min(until_horizon).min(self.until_timer(0).max(1))),
            [false, false] => (0, until_horizon.min(self.until_timer(0)).min(self.until_timer(1))),
        };
        Turn { executing, cycles, clock, core, done: self.ahead[core], stalled: 0, interrupted: false }
    }

    /// True if `core` has a clock and is not held by reset, stall or sleep.
    pub(crate) fn is_clocked(&self, core: usize) -> bool {
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

    /// One core runs for its turn. Returns the cycles that the slice took, or None if a debugger stopped it.
    fn run_alone(&mut self, turn: &mut Turn) -> Option<u64> {
        let (core, other) = (turn.core, 1 - turn.core);
        if turn.done >= turn.cycles {
            self.ahead[core] = turn.done - turn.cycles;
            self.pass(other, turn.cycles);
            return Some(turn.cycles);
        }
        self.ahead[core] = 0;
        if self.run_core(turn) == Exit::Debug {
            return None;
        }
        self.ahead[core] = turn.stalled;
        self.pass(other, turn.done);
        Some(turn.done)
    }

    /// Both cores run for their turns. Returns the cycles that the slice took, or None if a debugger stopped it.
    fn run_both(&mut self, turn: &mut Turn) -> Option<u64> {
        loop {
            let core = turn.core;
            while turn.done < turn.cycles {
                let before = turn.done;
                let exit = self.run_core(turn);
                if exit == Exit::Debug {
                    return None;
                }
                turn.done += std::mem::take(&mut turn.stalled);
                let stuck = turn.done == before;
                if matches!(exit, Exit::Waiting) || self.system.has_core_effect() || stuck {
                    // The rest of its turn passes idly.
                    if turn.done < turn.cycles {
                        self.cpus[core].idle(turn.cycles - turn.done);
                        turn.done = turn.cycles;
                    }
                    break;
                }
                self.cpus[core].set_interrupt_lines(self.system.interrupt_lines(core));
                if self.debug_stop.is_some() && turn.done < turn.cycles {
                    return None;
                }
            }
            self.ahead[core] = turn.done - turn.cycles;
            if core + 1 == CORES {
                return Some(turn.cycles);
            }
            (turn.core, turn.done) = (core + 1, self.ahead[core + 1]);
            if self.debug_stop.is_some() {
                return None;
            }
        }
    }

    /// Runs the core whose turn it is for about as long as its turn lasts.
    fn run_core(&mut self, turn: &mut Turn) -> Exit {
        let core = turn.core;
        if !std::mem::take(&mut turn.interrupted) {
            self.system.attention = false;
        }
        let mut search = self.polls[core];
        let (cpu, mut bus) = self.core(core, turn.done, turn.clock);
        let before = cpu.cycles();
        let cycles = (turn.cycles - turn.done).min(u64::from(u32::MAX)) as u32;
        let exit = polling::run(cpu, &mut bus, cycles, &mut search);
        turn.done += cpu.cycles() - before;
        if exit != Exit::Debug {
            turn.stalled = bus.system.take_stall(turn.clock);
            cpu.idle(turn.stalled);
        }
        if cpu.is_debugged() {
            turn.interrupted = exit == Exit::Debug;
            self.debug_stop = cpu.take_debug_stop().map(|stop| (core, stop));
        }
        self.polls[core] = search;
        exit
    }

    /// A core and its bus, `offset` cycles after `now`.
    pub(crate) fn core(&mut self, core: usize, offset: u64, clock: Frequency) -> (&mut Cpu, CoreBus<'_>) {
        let bus = CoreBus {
            ram: Arc::make_mut(&mut self.ram),
            system: &mut self.system,
            origin: Origin { core, pc: self.cpus[core].pc() },
            start: self.now + clock.cycles(offset),
            clock,
        };
        (&mut self.cpus[core], bus)
    }

    fn apply(&mut self, CoreEffect::Reset { cause, cpu }: CoreEffect) {
        self.note_reset(cause, cpu);
        match cpu {
            Some(cpu) if cause.scope() == ResetScope::Cpu => {
                let core = match cpu {
                    Core::Pro => 0,
                    Core::App => 1,
                };
                self.system.reset_core(cause, cpu, self.now);
                self.update_reset_vector(core);
                self.cpus[core].reset();
                self.ahead[core] = 0;
            }
            _ => self.reset_system(cause),
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
        self.turn = None;
        self.debug_stop = None;
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

    /// What the board's LEDs show, in the order of the chain, and since when. None if it has no LEDs.
    pub fn leds(&mut self) -> Option<(Vec<Rgb>, Time)> {
        self.system.leds(self.now)
    }

    /// The last 4096 tones that the board's buzzer has made since power-on, in order; the last one may go on. None if it has none.
    pub fn sounds(&mut self) -> Option<Vec<Sound>> {
        self.system.sounds(self.now)
    }

    /// Records what a pad carries from now on. Pads that do not exist are ignored.
    pub fn attach_probe(&mut self, pin: usize) {
        self.system.attach_probe(pin, self.now);
    }

    /// Takes what a pad has carried since its probe was attached or last read: each change with its time. The last 262144 changes
    /// are kept until then.
    pub fn take_probed(&mut self, pin: usize) -> Vec<(Time, Signal)> {
        self.system.take_probed(pin, self.now)
    }

    /// Changes of a pad that its probe has lost, because nobody took them before too many others came.
    pub fn lost_by_probe(&self, pin: usize) -> u64 {
        self.system.lost_by_probe(pin)
    }

    /// The network that the board's Ethernet is plugged into.
    pub fn lan(&self) -> &Lan {
        self.system.lan()
    }

    /// The network, to act on it. What changes takes effect with the next run.
    pub fn lan_mut(&mut self) -> &mut Lan {
        self.system.lan_mut(self.now)
    }

    /// The air around the board's antenna.
    pub fn air(&self) -> &Air {
        self.system.air()
    }

    /// The air, to put networks into it. What changes takes effect with the next run.
    pub fn air_mut(&mut self) -> &mut Air {
        self.system.air_mut(self.now)
    }

    /// Sends `bytes` to the RX pin of a UART; they arrive one frame after the other.
    pub fn uart_send(&mut self, uart: usize, bytes: &[u8]) {
        self.system.uart_send(uart, bytes, self.now);
    }

    /// Loses what was sent to a UART and has not arrived yet, as when the cable is pulled.
    pub fn uart_cut_line(&mut self, uart: usize) {
        self.system.uart_cut_line(uart, self.now);
    }

    /// Takes what a UART has sent, with the time at which each frame ended. Until then the last [`SERIAL_OUTPUT_BYTES`] bytes are
    /// kept.
    ///
    /// [`SERIAL_OUTPUT_BYTES`]: crate::SERIAL_OUTPUT_BYTES
    pub fn uart_take(&mut self, uart: usize) -> Vec<(Time, u8)> {
        self.system.uart_take(uart)
    }

    /// Bytes that a UART has sent and that were lost, because nobody took them before too many others came.
    pub fn uart_lost(&self, uart: usize) -> u64 {
        self.system.uart_lost(uart)
    }

    /// The bit rate at which the other side of a UART's RX line sends; `None` follows the UART's own setting.
    pub fn set_uart_line_baud(&mut self, uart: usize, baud: Option<u32>) {
        self.system.set_uart_line_baud(uart, baud);
    }

    /// What was dropped because nobody took it before too much else came, one line each: output of the UARTs, tones, changes of
    /// probed pads.
    pub fn dropped(&self) -> Vec<String> {
        self.system.dropped()
    }

    /// Drives a GPIO pad from outside the chip, or lets go of it with `None`. Pads that do not exist are ignored.
    pub fn drive_pin(&mut self, pin: usize, level: Option<bool>) {
        self.system.sample_adcs(self.now);
        self.system.drive_pin(pin, level, self.now);
    }

    /// From now on the parts on an I2C controller's bus hold SCL low for `stretch` in every byte: a fault to inject. Unit 0 or 1.
    pub fn set_i2c_stretch(&mut self, unit: usize, stretch: Span) {
        self.system.set_i2c_stretch(unit, stretch);
    }

    /// A digest of the run so far: where both cores were at the end of each slice in which one executed. Two runs that had the same input have the
    /// same digest.
    pub fn trace_hash(&self) -> u64 {
        self.trace
    }

    /// What blocks of the chip did by themselves so far: how often one was called because its time had come, and how many pulses
    /// of the RMT were followed. No guest makes that grow faster than guest time does.
    pub fn device_work(&self) -> u64 {
        self.system.device_work()
    }

    /// Cycles of the cores that were not executed one by one, because they were rounds of a loop that polls and could find nothing new.
    pub fn cycles_passed_over(&self) -> u64 {
        self.polls.iter().map(|search| search.passed_over()).sum()
    }

    /// Everything that software has touched and the model does not have.
    pub fn unmodelled(&self) -> Vec<UnmodelledAccess> {
        self.system.unmodelled.iter().cloned().collect()
    }

    /// The first touch of each block that is not modelled and of each register that a modelled block lacks, in the order in which
    /// they happened, without the first `skip` of them. There is a bound; the counts of [`Machine::unmodelled_blocks`] have none.
    pub fn unmodelled_notes(&self, skip: usize) -> &[UnmodelledAccess] {
        self.system.unmodelled.notes().get(skip..).unwrap_or_default()
    }

    /// How often software has touched what is not modelled, by block.
    pub fn unmodelled_blocks(&self) -> Vec<UnmodelledBlock> {
        self.system.unmodelled.blocks()
    }

    /// A core, to look at its registers.
    pub fn cpu(&self, core: usize) -> &Cpu {
        &self.cpus[core]
    }

    /// A core, to change its registers.
    pub fn cpu_mut(&mut self, core: usize) -> &mut Cpu {
        &mut self.cpus[core]
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
