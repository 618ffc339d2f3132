//! The observers of a running machine, and the bus of a core that reports every access and every block to them.

use std::any::Any;
use std::sync::Arc;

use espalier_core::{
    BlockEnd, Bus, CodeMemory, CodeState, Core, CoreAccess, Exit, Fault, Interests, Observer, Page, Stored, Time,
    WindowLayout,
};

use super::assembly::Assembly;
use super::chip::{Chip, ChipBus};
use super::pad_connections::PadConnections;
use crate::platform::Event;

/// The observers of a machine.
#[derive(Default)]
pub struct Observers {
    list: Vec<Box<dyn Observer>>,
    /// The events that any of them subscribes to.
    interests: Interests,
    /// The chip does not know yet what they want.
    has_changed: bool,
}

/// The observers of a fork are those that fork.
impl Clone for Observers {
    fn clone(&self) -> Observers {
        if self.list.is_empty() && !self.has_changed {
            return Observers::default();
        }
        let mut observers =
            Observers { list: self.list.iter().filter_map(|one| one.fork()).collect(), ..Self::default() };
        observers.note_change();
        observers
    }
}

impl Observers {
    pub fn add(&mut self, observer: Box<dyn Observer>) {
        self.list.push(observer);
        self.note_change();
    }

    /// The first observer of this type.
    pub fn get<T: Observer>(&self) -> Option<&T> {
        let mut found = self.list.iter().map(|observer| -> &dyn Any { &**observer });
        found.find_map(|observer| observer.downcast_ref())
    }

    /// Removes the first observer of this type.
    pub fn remove<T: Observer>(&mut self) -> Option<Box<T>> {
        let place = self.list.iter().position(|observer| (&**observer as &dyn Any).is::<T>())?;
        let observer: Box<dyn Any> = self.list.remove(place);
        self.note_change();
        observer.downcast().ok()
    }

    fn note_change(&mut self) {
        self.interests = self.list.iter().fold(Interests::default(), |all, one| all.or(one.interests()));
        self.has_changed = true;
    }

    /// Whether the cores have to run by [`run`].
    #[inline(always)]
    pub fn watch_cores(&self) -> bool {
        self.interests.needs_interpreter()
    }

    /// Whether the chip has to be told by [`tell_chip`](Observers::tell_chip).
    #[inline(always)]
    pub fn have_changed(&self) -> bool {
        self.has_changed
    }

    /// Has the chip note what is wanted from now on.
    #[cold]
    pub fn tell_chip<C: Chip>(&mut self, machine: &mut Assembly<C>, now: Time) {
        self.has_changed = false;
        let pins = machine.chip.platform().pads.count();
        let pads = self.interests.pads & u64::MAX.checked_shr(u64::BITS - pins as u32).unwrap_or(0);
        let chip = machine.chip_mut();
        let follows = pads != chip.platform().events.pads();
        chip.platform_mut().events.set_interests(Interests { pads, ..self.interests });
        if follows {
            chip.follow_wires(now);
        }
    }

    /// Tells what the chip has noted.
    #[cold]
    pub fn report(&mut self, events: Vec<Event>) {
        for event in &events {
            let wanted = |interests: Interests| match event {
                Event::Interrupt(_) => interests.interrupts,
                Event::Frame(_) => interests.frames,
                Event::Pad(change) => interests.pads >> change.pin & 1 != 0,
            };
            for observer in self.list.iter_mut().filter(|observer| wanted(observer.interests())) {
                match event {
                    Event::Interrupt(interrupt) => observer.interrupt(interrupt),
                    Event::Frame(frame) => observer.frame(frame),
                    Event::Pad(change) => observer.pad_change(change),
                }
            }
        }
    }

    fn block_end(&mut self, block: &BlockEnd) {
        for observer in self.list.iter_mut().filter(|observer| observer.interests().blocks) {
            observer.block_end(block);
        }
    }

    fn compared(&mut self, one: u32, other: u32) {
        for observer in self.list.iter_mut().filter(|observer| observer.interests().comparisons) {
            observer.compared(one, other);
        }
    }

    fn access(&mut self, access: &CoreAccess) {
        for observer in self.list.iter_mut().filter(|observer| observer.interests().accesses) {
            observer.access(access);
        }
    }
}

/// Runs a core as [`Core::run`] does, without translated code, and tells what it executes.
pub fn run<C: Core>(cpu: &mut C, bus: &mut dyn ChipBus, cycles: u32, core: usize, observers: &mut Observers) -> Exit {
    let mut observed = Observed { block: cpu.pc(), bus, core, observers, ended: None };
    let exit = cpu.run(&mut observed, cycles);
    observed.finish_block(cpu.pc());
    exit
}

/// A bus under observation.
struct Observed<'a> {
    bus: &'a mut dyn ChipBus,
    core: usize,
    observers: &'a mut Observers,
    /// Start of the block that is being executed.
    block: u32,
    /// The block before, for as long as it is not known what follows.
    ended: Option<BlockEnd>,
}

impl Observed<'_> {
    fn time(&self, cycle: u32) -> Time {
        self.bus.start() + self.bus.clock().cycles(u64::from(cycle))
    }

    /// The core goes on at `next`.
    fn finish_block(&mut self, next: u32) {
        if let Some(block) = self.ended.take() {
            self.observers.block_end(&BlockEnd { next, ..block });
        }
    }

    fn note<T: Copy + Into<u32>>(&mut self, address: u32, value: T, is_store: bool, cycle: u32) {
        if self.observers.interests.accesses {
            let (core, block, at) = (self.core, self.block, self.time(cycle));
            let (width, value) = (size_of::<T>() as u8, value.into());
            self.observers.access(&CoreAccess { core, block, address, width, value, is_store, at });
        }
    }

    fn loaded<T: Copy + Into<u32>>(&mut self, address: u32, value: Result<T, Fault>, cycle: u32) -> Result<T, Fault> {
        if let Ok(value) = value {
            self.bus.note_read(address, size_of::<T>() as u32);
            self.note(address, value, false, cycle);
        }
        value
    }
}

impl Bus for Observed<'_> {
    fn fetch(&mut self, address: u32) -> Result<u32, Fault> {
        self.bus.fetch(address)
    }

    fn bring_in(&mut self, address: u32) -> bool {
        self.bus.bring_in(address)
    }

    fn code(&self, address: u32, length: usize) -> Option<&[u8]> {
        self.bus.code(address, length)
    }

    fn wait_for_code(&mut self, first: u32, last: u32) -> u32 {
        self.bus.wait_for_code(first, last)
    }

    fn take_wait(&mut self) -> u32 {
        self.bus.take_wait()
    }

    fn is_at_hand(&self, address: u32) -> bool {
        self.bus.is_at_hand(address)
    }

    fn load8(&mut self, address: u32, cycle: u32) -> Result<u8, Fault> {
        let value = self.bus.load8(address, cycle);
        self.loaded(address, value, cycle)
    }

    fn load16(&mut self, address: u32, cycle: u32) -> Result<u16, Fault> {
        let value = self.bus.load16(address, cycle);
        self.loaded(address, value, cycle)
    }

    fn load32(&mut self, address: u32, cycle: u32) -> Result<u32, Fault> {
        let value = self.bus.load32(address, cycle);
        self.loaded(address, value, cycle)
    }

    fn store8(&mut self, address: u32, value: u8, cycle: u32) -> Result<Stored, Fault> {
        let stored = self.bus.store8(address, value, cycle)?;
        self.note(address, value, true, cycle);
        Ok(stored)
    }

    fn store16(&mut self, address: u32, value: u16, cycle: u32) -> Result<Stored, Fault> {
        let stored = self.bus.store16(address, value, cycle)?;
        self.note(address, value, true, cycle);
        Ok(stored)
    }

    fn store32(&mut self, address: u32, value: u32, cycle: u32) -> Result<Stored, Fault> {
        let stored = self.bus.store32(address, value, cycle)?;
        self.note(address, value, true, cycle);
        Ok(stored)
    }

    fn check_store8(&self, address: u32) -> Result<(), Fault> {
        self.bus.check_store8(address)
    }

    fn executing(&mut self, address: u32) {
        self.finish_block(address);
        self.block = address;
        self.bus.executing(address);
    }

    fn is_observed(&self) -> bool {
        true
    }

    fn executed(&mut self, start: u32, end: u32, cycle: u32) {
        self.finish_block(start);
        self.bus.note_read(start, end.wrapping_sub(start));
        if self.observers.interests.blocks {
            self.ended = Some(BlockEnd { core: self.core, start, end, next: end, at: self.time(cycle) });
        }
    }

    fn compared(&mut self, one: u32, other: u32) {
        if self.observers.interests.comparisons {
            self.observers.compared(one, other);
        }
    }

    fn interrupted(&mut self, from: u32, vector: u32, number: u32, cycle: u32) {
        self.finish_block(from);
        self.bus.interrupted(from, vector, number, cycle);
    }

    fn attention(&self) -> bool {
        self.bus.attention()
    }

    fn code_version(&self, address: u32) -> u32 {
        self.bus.code_version(address)
    }

    fn note_decoded(&mut self, address: u32) -> u32 {
        self.bus.note_decoded(address)
    }

    fn code_memory(&self, address: u32) -> CodeMemory {
        self.bus.code_memory(address)
    }

    fn code_epoch(&self) -> u32 {
        self.bus.code_epoch()
    }

    fn code_state(&self) -> CodeState {
        self.bus.code_state()
    }

    fn window_layout(&self) -> WindowLayout {
        self.bus.window_layout()
    }

    fn page_generation(&self) -> u64 {
        self.bus.page_generation()
    }

    fn page(&self, number: usize) -> Option<Arc<Page>> {
        self.bus.page(number)
    }

    fn unmodelled_instruction(&mut self, mnemonic: &'static str, pc: u32) {
        self.bus.unmodelled_instruction(mnemonic, pc);
    }

    fn read_external(&mut self, address: u32, cycle: u32) -> u32 {
        self.bus.read_external(address, cycle)
    }

    fn write_external(&mut self, address: u32, value: u32, cycle: u32) {
        self.bus.write_external(address, value, cycle);
    }
}
