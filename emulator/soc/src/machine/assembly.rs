//! A chip with its cores.

use std::sync::Arc;

use espalier_core::{Core, Damaged, Frequency, Persist, Reader, Time, Writer};

use super::chip::{Access, Chip};
use crate::platform::{Origin, Platform};

/// A chip and its cores. A fork shares the chip until one of the two runs, and takes over the code that an earlier one has decoded.
pub struct Assembly<C: Chip> {
    pub cores: Vec<C::Core>,
    pub chip: Arc<C>,
}

impl<C: Chip> Clone for Assembly<C> {
    fn clone(&self) -> Assembly<C> {
        let (mut cores, code) = (self.cores.clone(), self.chip.code_state());
        cores.iter_mut().for_each(|core| core.cloned_with(code));
        Assembly { cores, chip: Arc::clone(&self.chip) }
    }
}

impl<C: Chip> Drop for Assembly<C> {
    fn drop(&mut self) {
        let code = self.chip.code_state();
        self.cores.iter_mut().for_each(|core| core.leave_code(code));
    }
}

/// The access of a core that is about to run.
pub fn access(cpu: &impl Core, core: usize, start: Time, clock: Frequency) -> Access {
    Access { origin: Origin { core, pc: cpu.pc() }, start, clock }
}

impl<C: Chip> Assembly<C> {
    pub fn chip_mut(&mut self) -> &mut C {
        Arc::make_mut(&mut self.chip)
    }

    pub fn platform_mut(&mut self) -> &mut Platform {
        self.chip_mut().platform_mut()
    }

    pub fn core_and_chip(&mut self, core: usize) -> (&mut C::Core, &mut C) {
        (&mut self.cores[core], Arc::make_mut(&mut self.chip))
    }

    /// A core and its bus at `now`.
    pub fn core_and_bus(&mut self, core: usize, now: Time) -> (&mut C::Core, C::Bus<'_>) {
        let (cpu, chip) = self.core_and_chip(core);
        let access = access(cpu, core, now, chip.platform().cpu_clock);
        (cpu, chip.bus(access))
    }

    /// Gives a core the levels of its interrupt inputs.
    pub fn update_lines_of(&mut self, core: usize) {
        self.cores[core].set_interrupt_lines(self.chip.platform().lines[core]);
    }

    /// True if `core` has a clock and is not held by reset, stall or sleep.
    pub fn is_clocked(&self, core: usize) -> bool {
        self.chip.core_runs(core) && !self.cores[core].is_held_in_reset()
    }

    pub fn is_executing(&self, core: usize) -> bool {
        self.is_clocked(core) && !self.cores[core].is_waiting() && !self.cores[core].is_stopped()
    }

    /// Cycles until a timer interrupts one of the cores that are not in `executing`.
    pub fn until_timers(&self, executing: u32) -> u64 {
        let idle = (0..self.cores.len()).filter(|core| executing >> core & 1 == 0);
        let can_wake = idle.filter(|core| self.is_clocked(*core) && !self.cores[*core].is_stopped());
        can_wake.filter_map(|core| self.cores[core].cycles_to_timer()).min().unwrap_or(u64::MAX)
    }

    /// Takes the vector for the next reset of `core` over from the chip.
    pub fn update_reset_vector(&mut self, core: usize) {
        let vector = self.chip.reset_vector(core);
        self.cores[core].set_reset_vector(vector);
    }

    pub fn reset_core(&mut self, core: usize) {
        self.update_reset_vector(core);
        self.cores[core].reset();
    }
}

impl<C: Chip> Persist for Assembly<C> {
    fn save(&self, to: &mut Writer) {
        let Assembly { cores, chip } = self;
        to.length(cores.len());
        Persist::save_all(cores, to);
        (**chip).save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        from.fixed_length(self.cores.len())?;
        Persist::restore_all(&mut self.cores, from)?;
        self.chip_mut().restore(from)
    }
}
