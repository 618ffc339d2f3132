//! Passing over the rounds of a loop that polls.
//!
//! Firmware that waits for something often reads a register again and again, as the ROM does while it waits for a download. If a core that
//! runs alone comes back to the very state in which it was before, and whatever it has written on its way is again what it was,
//! and it has read nothing that time alone changes, then every further round is the same until the next event: an interrupt, a timer, a deadline of a block,
//! something from outside, or the time up to which a register that it has read stays as it is. A turn ends at an event anyway, so whole
//! rounds of it can pass without being executed, and what follows is what would have followed: the trace is the same.
//!
//! Looking for such a loop executes instructions one by one, without an effect on anything but the core, which goes back afterwards. So
//! whether it was looked for shows nowhere. It is done for the start of a turn only, and less and less often
//! while none is found.

use espalier_core::{Bus, CodeMemory, CodeState, Core, Exit, Fault, Stored, Time};

use super::chip::ChipBus;

/// The longest round that is looked for, in cycles.
const LONGEST_ROUND: u64 = 256;
/// The instruction bus begins here, where memory is seen that may be on the data bus as well.
const CODE: u32 = 0x4000_0000;
/// Shorter turns are not worth the search.
const SHORTEST_TURN: u32 = 1024;
/// After so many searches in vain in a row, they do not get rarer.
const RAREST: u32 = 8;

/// When to look for a loop, and what came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct PollSearch {
    /// Searches in vain, in a row.
    failures: u32,
    /// Turns without a search that are left.
    pause: u32,
    /// Cycles that were passed over.
    passed_over: u64,
}

espalier_core::persist!(value PollSearch { failures, pause, passed_over } if PollSearch::is_possible;);

impl PollSearch {
    fn is_possible(&self) -> bool {
        self.failures <= RAREST
    }

    pub(super) fn passed_over(self) -> u64 {
        self.passed_over
    }

    fn is_due(&mut self) -> bool {
        match self.pause.checked_sub(1) {
            Some(pause) => self.pause = pause,
            None => return true,
        }
        false
    }

    fn note(&mut self, passed_over: u64) {
        self.failures = if passed_over == 0 { (self.failures + 1).min(RAREST) } else { 0 };
        self.pause = (1 << self.failures) - 1;
        self.passed_over += passed_over;
    }
}

/// Runs a core that runs alone, as [`Core::run`] does, and passes over what repeats itself.
pub(super) fn run<C: Core, B: ChipBus>(cpu: &mut C, bus: &mut B, cycles: u32, search: &mut PollSearch) -> Exit {
    if cycles < SHORTEST_TURN || cpu.is_debugged() || !search.is_due() {
        return cpu.run(bus, cycles);
    }
    let first = cpu.cycles();
    let Some(origin) = cpu.mark() else { return cpu.run(bus, cycles) };
    let mut watched = Watched { bus, is_steady: true, until: Time::MAX, written: Vec::new() };
    let mut is_found = false;
    while !is_found && watched.is_steady && cpu.cycles() - first < LONGEST_ROUND {
        if !cpu.next_is_timeless(&mut watched) || cpu.step(&mut watched) != Exit::Budget {
            break;
        }
        is_found = watched.is_steady && cpu.is_at(&origin) && watched.is_restored();
    }
    let round = cpu.cycles() - first;
    let steady = watched.until.since(bus.start()).ticks().div_ceil(bus.clock().ticks_per_cycle());
    cpu.return_to(&origin);
    let left = u64::from(cycles).min(cpu.cycles_to_match().saturating_sub(1)).min(steady);
    let passed_over = if is_found { left / round * round } else { 0 };
    search.note(passed_over);
    cpu.idle(passed_over);
    let start = bus.start() + bus.clock().cycles(passed_over);
    bus.set_start(start);
    cpu.run(bus, cycles - passed_over as u32)
}

/// Records the accesses that a core would make on its bus. Only reads without an effect reach the bus.
struct Watched<'a, B> {
    bus: &'a mut B,
    /// False once something would happen that a repetition would do again, or would find changed.
    is_steady: bool,
    /// From when on something that was read may be different.
    until: Time,
    /// Words that would have been written, and what they read as then.
    written: Vec<(u32, u32)>,
}

impl<B: ChipBus> Watched<'_, B> {
    fn give_up(&mut self) -> u32 {
        self.is_steady = false;
        0
    }

    fn overlay(&self, address: u32) -> Option<u32> {
        self.written.iter().find(|(written, _)| *written == address).map(|(_, word)| *word)
    }

    /// The word at an aligned address if it stays as it is for some time.
    fn steady_word(&mut self, address: u32) -> Option<u32> {
        let (word, until) = self.bus.steady_word(address)?;
        self.until = self.until.min(until);
        Some(word)
    }

    /// Whether everything that would have been written is what it was.
    fn is_restored(&mut self) -> bool {
        (0..self.written.len()).all(|index| {
            let (address, word) = self.written[index];
            self.steady_word(address) == Some(word)
        })
    }

    fn load<T>(
        &mut self,
        address: u32,
        width: u32,
        load: impl FnOnce(&mut B) -> Result<T, Fault>,
        narrow: impl FnOnce(u32) -> T,
    ) -> Result<T, Fault> {
        let (aligned, shift) = (address & !3, 8 * (address & 3 & !(width - 1)));
        let is_memory = self.bus.memory_word(aligned).is_some();
        // Code can be seen at other addresses as well.
        let is_aliased = is_memory && address >= CODE && self.bus.code_memory(address) == CodeMemory::Writable;
        if is_aliased && !self.is_restored() {
            return Ok(narrow(self.give_up()));
        }
        match (self.overlay(aligned), is_memory) {
            (Some(word), _) => Ok(narrow(word >> shift)),
            (None, true) => load(self.bus),
            (None, false) => Ok(narrow(match self.steady_word(aligned) {
                Some(word) => word >> shift,
                None => self.give_up(),
            })),
        }
    }

    fn store(&mut self, address: u32, width: u32, value: u32) -> Result<Stored, Fault> {
        let (aligned, shift) = (address & !3, 8 * (address & 3));
        let memory = self.bus.memory_word(aligned);
        let word = match memory {
            Some(word) if address < CODE && self.bus.check_store8(address).is_ok() => {
                let mask = (u32::MAX >> (32 - 8 * width)) << shift;
                Some(self.overlay(aligned).unwrap_or(word) & !mask | value << shift & mask)
            }
            None if width == 4 => self.bus.plain_write(aligned, value),
            _ => None,
        };
        match word {
            None => self.is_steady = false,
            Some(word) => match self.written.iter_mut().find(|(written, _)| *written == aligned) {
                Some((_, written)) => *written = word,
                None => self.written.push((aligned, word)),
            },
        }
        Ok(Stored::Data)
    }
}

impl<B: ChipBus> Bus for Watched<'_, B> {
    fn fetch(&mut self, address: u32) -> Result<u32, Fault> {
        // The written memory may be this code, seen at another address.
        if self.bus.code_memory(address) == CodeMemory::Writable && !self.is_restored() {
            self.is_steady = false;
        }
        self.bus.fetch(address)
    }

    fn bring_in(&mut self, address: u32) -> bool {
        self.bus.is_at_hand(address)
    }

    fn is_at_hand(&self, address: u32) -> bool {
        self.bus.is_at_hand(address)
    }

    fn load8(&mut self, address: u32, cycle: u32) -> Result<u8, Fault> {
        self.load(address, 1, |bus| bus.load8(address, cycle), |word| word as u8)
    }

    fn load16(&mut self, address: u32, cycle: u32) -> Result<u16, Fault> {
        self.load(address, 2, |bus| bus.load16(address, cycle), |word| word as u16)
    }

    fn load32(&mut self, address: u32, cycle: u32) -> Result<u32, Fault> {
        self.load(address, 4, |bus| bus.load32(address, cycle), |word| word)
    }

    fn store8(&mut self, address: u32, value: u8, _cycle: u32) -> Result<Stored, Fault> {
        self.store(address, 1, value.into())
    }

    fn store16(&mut self, address: u32, value: u16, _cycle: u32) -> Result<Stored, Fault> {
        self.store(address, 2, value.into())
    }

    fn store32(&mut self, address: u32, value: u32, _cycle: u32) -> Result<Stored, Fault> {
        self.store(address, 4, value)
    }

    fn check_store8(&self, address: u32) -> Result<(), Fault> {
        self.bus.check_store8(address)
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

    fn unmodelled_instruction(&mut self, _mnemonic: &'static str, _pc: u32) {
        self.is_steady = false;
    }

    fn read_external(&mut self, _address: u32, _cycle: u32) -> u32 {
        self.give_up()
    }

    fn write_external(&mut self, _address: u32, _value: u32, _cycle: u32) {
        self.is_steady = false;
    }
}
