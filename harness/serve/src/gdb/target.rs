//! The machine as the target of a debugger.
//!
//! Both cores are threads of one process. They share memory and time, so they stop and go together: an action for one of them
//! lets the other run as well, as far as the machine's own schedule takes it. Nothing that a debugger looks at or waits for
//! changes what the guest does, or when.

use std::convert::Infallible;

use espalier_core::Time;
use espalier_soc::{Machine, MemoryError, Strap};
use espalier_xtensa::{Cpu, DebugStop, WatchKind, Watchpoint};
use gdbstub::common::{Signal, Tid};
use gdbstub::stub::MultiThreadStopReason;
use gdbstub::target::ext::base::BaseOps;
use gdbstub::target::ext::base::multithread::{
    MultiThreadBase, MultiThreadRangeStepping, MultiThreadRangeSteppingOps, MultiThreadResume, MultiThreadResumeOps,
    MultiThreadSchedulerLocking, MultiThreadSchedulerLockingOps, MultiThreadSingleStep, MultiThreadSingleStepOps,
};
use gdbstub::target::ext::base::single_register_access::{SingleRegisterAccess, SingleRegisterAccessOps};
use gdbstub::target::ext::breakpoints as ext;
use gdbstub::target::ext::monitor_cmd::{ConsoleOutput, MonitorCmd, MonitorCmdOps, outputln};
use gdbstub::target::ext::thread_extra_info::{ThreadExtraInfo, ThreadExtraInfoOps};
use gdbstub::target::{Target, TargetError, TargetResult};

use super::arch::{CoreRegisters, REGISTER_BYTES, Register, XtensaLx6};

/// Error codes, which GDB shows as numbers: those of Linux.
const EFAULT: u8 = 14;
const EINVAL: u8 = 22;
const ENOSPC: u8 = 28;
/// Breakpoints, and watchpoints, that a debugger may set: each is looked at at every instruction.
const POINTS: usize = 1024;
/// Characters of a monitor command that is not known that are said back.
const ECHO: usize = 64;
/// The names of the cores.
const NAMES: [&str; 2] = ["PRO_CPU", "APP_CPU"];
const HELP: &str = "\
reset [halt]      a pulse on EN; the board stands at the reset vector until it is continued
reset download    the same into the ROM's serial download mode
status            board time, and what each core does
help              this";

/// The next action of a core when the machine goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    Continue,
    Step,
    /// Steps until the program counter leaves these addresses.
    StepWithin(u32, u32),
}

/// A machine, and what a debugger wants of it.
pub(crate) struct DebugTarget {
    pub machine: Machine,
    software: Vec<u32>,
    hardware: Vec<u32>,
    watchpoints: Vec<Watchpoint>,
    /// One for each core.
    plans: Vec<Plan>,
    /// When the debugger reset the board, until the next query.
    reset: Option<Time>,
}

fn thread(core: usize) -> Tid {
    Tid::MIN.saturating_add(core)
}

/// Adds one entry, once: GDB may insert again what is there.
fn add<T: PartialEq>(entries: &mut Vec<T>, entry: T) -> TargetResult<bool, DebugTarget> {
    if entries.contains(&entry) {
        return Ok(true);
    }
    if entries.len() == POINTS {
        return Err(TargetError::Errno(ENOSPC));
    }
    entries.push(entry);
    Ok(true)
}

/// Removes one entry that satisfies `condition`. False if there is none.
fn remove<T>(entries: &mut Vec<T>, condition: impl Fn(&T) -> bool) -> bool {
    let found = entries.iter().position(condition);
    found.map(|index| entries.remove(index)).is_some()
}

impl DebugTarget {
    pub fn new(machine: Machine) -> DebugTarget {
        DebugTarget {
            plans: vec![Plan::Continue; machine.cores()],
            machine,
            software: Vec::new(),
            hardware: Vec::new(),
            watchpoints: Vec::new(),
            reset: None,
        }
    }

    /// The core of a thread. A client may make up others.
    fn core(&self, thread: Tid) -> Result<usize, TargetError<Infallible>> {
        let core = thread.get() - 1;
        if core < self.plans.len() { Ok(core) } else { Err(TargetError::Errno(EINVAL)) }
    }

    /// The debugger has gone: nothing stops the machine any more.
    pub fn release(&mut self) {
        self.software.clear();
        self.hardware.clear();
        self.watchpoints.clear();
        self.plans.fill(Plan::Continue);
        self.apply();
    }

    /// The request to the cores.
    pub fn plans(&self) -> Vec<Plan> {
        self.plans.clone()
    }

    /// Has the cores do that.
    pub fn set_plans(&mut self, plans: Vec<Plan>) {
        self.plans = plans;
        self.apply();
    }

    /// True once after each time that the debugger has reset the board.
    pub fn take_reset(&mut self) -> bool {
        self.reset.take().is_some()
    }

    /// Tells the cores what to look out for.
    fn apply(&mut self) {
        let breakpoints: Vec<u32> = self.software.iter().chain(&self.hardware).copied().collect();
        self.machine.set_breakpoints(&breakpoints);
        self.machine.set_watchpoints(&self.watchpoints);
        for (core, plan) in self.plans.iter().enumerate() {
            self.machine.cpu_mut(core).set_step(*plan != Plan::Continue);
        }
    }

    /// Why a core has stopped, in the debugger's words; None if the debugger does not want to know of it, and the machine goes on.
    pub fn reason(&mut self, core: usize, stop: DebugStop) -> Option<MultiThreadStopReason<u32>> {
        let tid = thread(core);
        let pc = self.machine.cpu(core).pc();
        let reason = match stop {
            DebugStop::Step => {
                if matches!(self.plans[core], Plan::StepWithin(start, end) if (start..end).contains(&pc)) {
                    self.machine.cpu_mut(core).set_step(true);
                    return None;
                }
                MultiThreadStopReason::SignalWithThread { tid, signal: Signal::SIGTRAP }
            }
            DebugStop::Breakpoint if self.software.contains(&pc) => MultiThreadStopReason::SwBreak(tid),
            DebugStop::Breakpoint => MultiThreadStopReason::HwBreak(tid),
            DebugStop::Watchpoint { watchpoint, address } => {
                let kind = match watchpoint.kind {
                    WatchKind::Read => ext::WatchKind::Read,
                    WatchKind::Write => ext::WatchKind::Write,
                    WatchKind::Access => ext::WatchKind::ReadWrite,
                };
                MultiThreadStopReason::Watch { tid, kind, addr: address }
            }
        };
        self.plans.fill(Plan::Continue);
        self.apply();
        Some(reason)
    }

    /// A step of a core that is held is over before it begins: the core may never execute.
    pub fn idle_step(&mut self) -> Option<MultiThreadStopReason<u32>> {
        let core =
            (0..self.plans.len()).find(|core| self.plans[*core] != Plan::Continue && self.machine.is_held(*core))?;
        self.plans.fill(Plan::Continue);
        self.apply();
        Some(MultiThreadStopReason::SignalWithThread { tid: thread(core), signal: Signal::SIGTRAP })
    }

    /// The board was stopped by another client, or stopped itself.
    pub fn interrupted(&mut self, signal: Signal) -> MultiThreadStopReason<u32> {
        self.plans.fill(Plan::Continue);
        self.apply();
        MultiThreadStopReason::SignalWithThread { tid: thread(0), signal }
    }

    fn describe(&self, core: usize) -> String {
        let cpu = self.machine.cpu(core);
        let state = match (self.machine.is_held(core), cpu.is_waiting()) {
            (true, _) => "held",
            (false, true) => "waiting for an interrupt",
            (false, false) => "executing",
        };
        format!("{}, {state}", NAMES.get(core).unwrap_or(&"CPU"))
    }

    /// The core of a thread, for GDB knows its registers by the names of its instruction set.
    fn xtensa(&self, tid: Tid) -> Result<&Cpu, TargetError<Infallible>> {
        self.machine.core_as(self.core(tid)?).ok_or(TargetError::NonFatal)
    }

    fn xtensa_mut(&mut self, tid: Tid) -> Result<&mut Cpu, TargetError<Infallible>> {
        let core = self.core(tid)?;
        self.machine.core_as_mut(core).ok_or(TargetError::NonFatal)
    }

    /// Notes what a core is to do. A core that is not there does nothing.
    fn plan(&mut self, tid: Tid, plan: Plan) {
        if let Ok(core) = self.core(tid) {
            self.plans[core] = plan;
        }
    }

    fn reset(&mut self, strap: Strap) {
        self.machine.reset(strap);
        self.reset = Some(self.machine.now());
    }
}

fn memory_error(error: MemoryError) -> TargetError<Infallible> {
    match error {
        MemoryError::Unmapped(_) => TargetError::Errno(EFAULT),
        MemoryError::ReadOnly(_) => TargetError::Errno(EINVAL),
    }
}

impl Target for DebugTarget {
    type Arch = XtensaLx6;
    type Error = Infallible;

    fn base_ops(&mut self) -> BaseOps<'_, XtensaLx6, Infallible> {
        BaseOps::MultiThread(self)
    }

    fn support_breakpoints(&mut self) -> Option<ext::BreakpointsOps<'_, Self>> {
        Some(self)
    }

    fn support_monitor_cmd(&mut self) -> Option<MonitorCmdOps<'_, Self>> {
        Some(self)
    }
}

impl MultiThreadBase for DebugTarget {
    fn read_registers(&mut self, registers: &mut CoreRegisters, tid: Tid) -> TargetResult<(), Self> {
        let cpu = self.xtensa(tid)?;
        registers.values = Register::in_g_packet().map(|register| register.read(cpu)).collect();
        Ok(())
    }

    fn write_registers(&mut self, registers: &CoreRegisters, tid: Tid) -> TargetResult<(), Self> {
        let cpu = self.xtensa_mut(tid)?;
        Register::in_g_packet().zip(&registers.values).for_each(|(register, value)| register.write(cpu, *value));
        Ok(())
    }

    fn support_single_register_access(&mut self) -> Option<SingleRegisterAccessOps<'_, Tid, Self>> {
        Some(self)
    }

    fn read_addrs(&mut self, address: u32, data: &mut [u8], tid: Tid) -> TargetResult<usize, Self> {
        let core = self.core(tid)?;
        self.machine.peek(core, address, data).map_err(memory_error)?;
        Ok(data.len())
    }

    fn write_addrs(&mut self, address: u32, data: &[u8], tid: Tid) -> TargetResult<(), Self> {
        let core = self.core(tid)?;
        self.machine.poke(core, address, data).map_err(memory_error)
    }

    fn list_active_threads(&mut self, is_active: &mut dyn FnMut(Tid)) -> Result<(), Infallible> {
        (0..self.plans.len()).map(thread).for_each(is_active);
        Ok(())
    }

    fn support_resume(&mut self) -> Option<MultiThreadResumeOps<'_, Self>> {
        Some(self)
    }

    fn support_thread_extra_info(&mut self) -> Option<ThreadExtraInfoOps<'_, Self>> {
        Some(self)
    }
}

impl SingleRegisterAccess<Tid> for DebugTarget {
    fn read_register(&mut self, tid: Tid, register: Register, buffer: &mut [u8]) -> TargetResult<usize, Self> {
        let value = register.read(self.xtensa(tid)?).to_le_bytes();
        buffer.get_mut(..REGISTER_BYTES).ok_or(TargetError::NonFatal)?.copy_from_slice(&value);
        Ok(REGISTER_BYTES)
    }

    fn write_register(&mut self, tid: Tid, register: Register, value: &[u8]) -> TargetResult<(), Self> {
        let value = value.try_into().map_err(|_| TargetError::NonFatal)?;
        register.write(self.xtensa_mut(tid)?, u32::from_le_bytes(value));
        Ok(())
    }
}

impl ThreadExtraInfo for DebugTarget {
    fn thread_extra_info(&self, tid: Tid, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let text = self.core(tid).map_or_else(|_| "no such core".to_owned(), |core| self.describe(core));
        let length = text.len().min(buffer.len());
        buffer[..length].copy_from_slice(&text.as_bytes()[..length]);
        Ok(length)
    }
}

impl MultiThreadResume for DebugTarget {
    fn resume(&mut self) -> Result<(), Infallible> {
        self.apply();
        Ok(())
    }

    fn clear_resume_actions(&mut self) -> Result<(), Infallible> {
        self.plans.fill(Plan::Continue);
        Ok(())
    }

    fn set_resume_action_continue(&mut self, tid: Tid, _signal: Option<Signal>) -> Result<(), Infallible> {
        self.plan(tid, Plan::Continue);
        Ok(())
    }

    fn support_single_step(&mut self) -> Option<MultiThreadSingleStepOps<'_, Self>> {
        Some(self)
    }

    fn support_range_step(&mut self) -> Option<MultiThreadRangeSteppingOps<'_, Self>> {
        Some(self)
    }

    fn support_scheduler_locking(&mut self) -> Option<MultiThreadSchedulerLockingOps<'_, Self>> {
        Some(self)
    }
}

impl MultiThreadSingleStep for DebugTarget {
    fn set_resume_action_step(&mut self, tid: Tid, _signal: Option<Signal>) -> Result<(), Infallible> {
        self.plan(tid, Plan::Step);
        Ok(())
    }
}

impl MultiThreadRangeStepping for DebugTarget {
    fn set_resume_action_range_step(&mut self, tid: Tid, start: u32, end: u32) -> Result<(), Infallible> {
        self.plan(tid, Plan::StepWithin(start, end));
        Ok(())
    }
}

impl MultiThreadSchedulerLocking for DebugTarget {
    /// The other core is not held: the guest would see it standing still.
    fn set_resume_action_scheduler_lock(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl ext::Breakpoints for DebugTarget {
    fn support_sw_breakpoint(&mut self) -> Option<ext::SwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_breakpoint(&mut self) -> Option<ext::HwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_watchpoint(&mut self) -> Option<ext::HwWatchpointOps<'_, Self>> {
        Some(self)
    }
}

/// Memory is not touched for these: they are addresses that the cores look out for, as many as are wanted, in ROM as well.
impl ext::SwBreakpoint for DebugTarget {
    fn add_sw_breakpoint(&mut self, address: u32, _kind: usize) -> TargetResult<bool, Self> {
        add(&mut self.software, address)
    }

    fn remove_sw_breakpoint(&mut self, address: u32, _kind: usize) -> TargetResult<bool, Self> {
        Ok(remove(&mut self.software, |known| *known == address))
    }
}

impl ext::HwBreakpoint for DebugTarget {
    fn add_hw_breakpoint(&mut self, address: u32, _kind: usize) -> TargetResult<bool, Self> {
        add(&mut self.hardware, address)
    }

    fn remove_hw_breakpoint(&mut self, address: u32, _kind: usize) -> TargetResult<bool, Self> {
        Ok(remove(&mut self.hardware, |known| *known == address))
    }
}

fn watchpoint(address: u32, length: u32, kind: ext::WatchKind) -> Watchpoint {
    let kind = match kind {
        ext::WatchKind::Read => WatchKind::Read,
        ext::WatchKind::Write => WatchKind::Write,
        ext::WatchKind::ReadWrite => WatchKind::Access,
    };
    Watchpoint { address, length, kind }
}

impl ext::HwWatchpoint for DebugTarget {
    fn add_hw_watchpoint(&mut self, address: u32, length: u32, kind: ext::WatchKind) -> TargetResult<bool, Self> {
        add(&mut self.watchpoints, watchpoint(address, length, kind))
    }

    fn remove_hw_watchpoint(&mut self, address: u32, length: u32, kind: ext::WatchKind) -> TargetResult<bool, Self> {
        let wanted = watchpoint(address, length, kind);
        Ok(remove(&mut self.watchpoints, |known| *known == wanted))
    }
}

impl MonitorCmd for DebugTarget {
    fn handle_monitor_cmd(&mut self, command: &[u8], mut out: ConsoleOutput<'_>) -> Result<(), Infallible> {
        let text = String::from_utf8_lossy(command);
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["reset"] | ["reset", "halt" | "init" | "run"] => {
                self.reset(Strap::FlashBoot);
                outputln!(out, "reset; the board stands at the reset vector (`maintenance flush register-cache`)");
            }
            ["reset", "download"] => {
                self.reset(Strap::Download);
                outputln!(out, "reset into download mode (`maintenance flush register-cache`)");
            }
            ["status"] => {
                outputln!(out, "board time {}", self.machine.now());
                (0..self.plans.len()).for_each(|core| outputln!(out, "{}", self.describe(core)));
            }
            ["help"] | [] => outputln!(out, "{HELP}"),
            _ => {
                let said: String = text.trim().chars().take(ECHO).collect();
                outputln!(out, "`{said}` is not known; `monitor help` lists what is");
            }
        }
        Ok(())
    }
}
