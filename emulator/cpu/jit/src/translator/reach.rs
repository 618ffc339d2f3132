//! The bus of a core, as translated code reaches it.

use espalier_core::{Bus, Stored, Windows};

use crate::outside::{Access, Moment, Outside, Reached};

/// The bus of a core, as translated code reaches it.
pub(super) struct Reach<'a, B> {
    pub(super) bus: &'a mut B,
    /// The cycle of the core's run in which that of translated code ends.
    pub(super) end: u32,
    /// The generation of the pages that it knows.
    pub(super) generation: u64,
    /// The last access has changed code.
    pub(super) is_changed: bool,
}

impl<B: Bus> Reach<'_, B> {
    /// An access with this result is done. The code goes on unless the interpreter would have something to do behind the block, or something
    /// is not as translated code knows it.
    fn done(&mut self, access: Access, cycle: u32) -> Reached {
        let bus = &mut *self.bus;
        let is_plain = !self.is_changed && !bus.attention() && bus.page_generation() == self.generation;
        // Registers that were read before are read again in time.
        if is_plain && bus.steady_until(cycle + 1) >= self.end { Reached::GoOn(access) } else { Reached::Stop(access) }
    }

    /// The interpreter waits for a register as if nothing had been done: not again if that was over.
    #[cold]
    fn refused(&mut self, address: u32, waited: u32) -> Reached {
        if waited == 0 {
            self.bus.wait_ahead(address, u32::MAX);
        }
        Reached::Refused
    }

    /// Waits for a register as long as there is time for the rest of the block. Returns the cycles that it takes, and the cycle of the access.
    fn wait(&mut self, address: u32, moment: Moment) -> Option<(u32, u32)> {
        self.bus.executing(moment.block);
        let waited = self.bus.wait_ahead(address, moment.left.saturating_sub(moment.needed))?;
        Some((waited, self.end - moment.left + waited))
    }
}

impl<B: Bus> Outside for Reach<'_, B> {
    fn windows(&mut self) -> Option<Windows<'_>> {
        self.bus.windows()
    }

    fn looked(&mut self, left: u32) {
        self.bus.looked_at_steady(self.end - left);
    }

    fn read(&mut self, address: u32, moment: Moment) -> Reached {
        let Some((waited, cycle)) = self.wait(address, moment) else { return Reached::Refused };
        match self.bus.load_register(address, cycle) {
            Ok(value) => self.done(Access { value, waited }, cycle),
            Err(_) => self.refused(address, waited),
        }
    }

    fn write(&mut self, address: u32, value: u32, moment: Moment) -> Reached {
        let Some((waited, cycle)) = self.wait(address, moment) else { return Reached::Refused };
        match self.bus.store_register(address, value, cycle) {
            Ok(stored) => {
                self.is_changed = stored == Stored::Code;
                self.done(Access { value: 0, waited }, cycle)
            }
            Err(_) => self.refused(address, waited),
        }
    }
}
