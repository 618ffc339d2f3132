//! Passing over the rounds of a loop that polls.
//!
//! Firmware that waits for something often reads a register again and again, as the ROM does while it waits for a download. If a core that
//! runs alone comes back to the very state in which it was before, and whatever it has written on its way is again what it was,
//! and it has read nothing that time alone changes, then every further round is the same until the next event: an interrupt, a timer, a deadline of a block,
//! something from outside. A turn ends there anyway, so whole rounds of it can pass without being executed, and what follows
//! is what would have followed: the trace is the same.
//!
//! Looking for such a loop executes instructions one by one, so it is done for the start of a turn only, and less and less often
//! while none is found.

use espalier_core::{Bus, CodeMemory, Core, Exit, Fault, Stored};

use super::chip::ChipBus;

/// The longest round that is looked for, in cycles.
const LONGEST_ROUND: u64 = 256;
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
    #[cfg(test)]
    is_off: bool,
}

impl PollSearch {
    pub(super) fn passed_over(self) -> u64 {
        self.passed_over
    }

    fn is_due(&mut self) -> bool {
        #[cfg(test)]
        if self.is_off {
            return false;
        }
        match self.pause.checked_sub(1) {
            Some(pause) => self.pause = pause,
            None => return true,
        }
        false
    }

    fn note_failure(&mut self) {
        self.failures = (self.failures + 1).min(RAREST);
        self.pause = (1 << self.failures) - 1;
    }

    fn note_success(&mut self, cycles: u64) {
        self.failures = 0;
        self.passed_over += cycles;
    }
}

/// Runs a core that runs alone, as [`Core::run`] does, and passes over what repeats itself.
pub(super) fn run<C: Core, B: ChipBus>(cpu: &mut C, bus: &mut B, cycles: u32, search: &mut PollSearch) -> Exit {
    if cycles < SHORTEST_TURN || cpu.is_debugged() || !search.is_due() {
        return cpu.run(bus, cycles);
    }
    let (start, clock, first) = (bus.start(), bus.clock(), cpu.cycles());
    let Some(origin) = cpu.mark() else { return cpu.run(bus, cycles) };
    let mut watched = Watched { bus, is_steady: true, written: Vec::new() };
    let mut is_found = false;
    while !is_found && cpu.cycles() - first < LONGEST_ROUND {
        watched.bus.set_start(start + clock.cycles(cpu.cycles() - first));
        if !cpu.next_is_timeless(&mut watched) {
            break;
        }
        let exit = cpu.step(&mut watched);
        if exit != Exit::Budget {
            search.note_failure();
            return exit;
        }
        if !watched.is_steady {
            break;
        }
        is_found = cpu.is_at(&origin) && watched.is_restored();
    }
    let round = cpu.cycles() - first;
    if is_found {
        let left = (u64::from(cycles) - round).min(cpu.cycles_to_match().saturating_sub(1));
        let passed_over = left / round * round;
        cpu.idle(passed_over);
        search.note_success(passed_over);
    } else {
        search.note_failure();
    }
    let spent = cpu.cycles() - first;
    bus.set_start(start + clock.cycles(spent));
    cpu.run(bus, cycles - spent as u32)
}

/// A core's bus that notes whether anything happens on it that a repetition would do again, or would find changed.
struct Watched<'a, B> {
    bus: &'a mut B,
    is_steady: bool,
    /// Words that were written, with what was there before.
    written: Vec<(u32, u32)>,
}

impl<B: ChipBus> Watched<'_, B> {
    fn note_load(&mut self, address: u32) {
        self.is_steady = self.is_steady && self.bus.steady_word(address & !3).is_some();
    }

    /// Notes a store; `plain` says whether it changes only what is read there.
    fn note_store(&mut self, address: u32, plain: impl FnOnce(&mut B) -> bool) {
        let address = address & !3;
        match self.bus.steady_word(address) {
            Some(before) if self.is_steady && plain(self.bus) => self.written.push((address, before)),
            _ => self.is_steady = false,
        }
    }

    fn note_narrow_store(&mut self, address: u32) {
        self.note_store(address, |bus| bus.memory_word(address & !3).is_some());
    }

    /// Whether everything that was written is again what it was. Of several stores to one word the first one counts, as it is the
    /// one that found what was there.
    fn is_restored(&mut self) -> bool {
        let written = std::mem::take(&mut self.written);
        let restored = written.iter().enumerate().all(|(index, (address, before))| {
            written[..index].iter().any(|(earlier, _)| earlier == address)
                || self.bus.steady_word(*address) == Some(*before)
        });
        self.written = written;
        restored
    }
}

impl<B: ChipBus> Bus for Watched<'_, B> {
    fn fetch(&mut self, address: u32) -> Result<u32, Fault> {
        self.bus.fetch(address)
    }

    fn bring_in(&mut self, address: u32) -> bool {
        self.bus.bring_in(address)
    }

    fn is_at_hand(&self, address: u32) -> bool {
        self.bus.is_at_hand(address)
    }

    fn load8(&mut self, address: u32, cycle: u32) -> Result<u8, Fault> {
        self.note_load(address);
        self.bus.load8(address, cycle)
    }

    fn load16(&mut self, address: u32, cycle: u32) -> Result<u16, Fault> {
        self.note_load(address);
        self.bus.load16(address, cycle)
    }

    fn load32(&mut self, address: u32, cycle: u32) -> Result<u32, Fault> {
        self.note_load(address);
        self.bus.load32(address, cycle)
    }

    fn store8(&mut self, address: u32, value: u8, cycle: u32) -> Result<Stored, Fault> {
        self.note_narrow_store(address);
        self.bus.store8(address, value, cycle)
    }

    fn store16(&mut self, address: u32, value: u16, cycle: u32) -> Result<Stored, Fault> {
        self.note_narrow_store(address);
        self.bus.store16(address, value, cycle)
    }

    fn store32(&mut self, address: u32, value: u32, cycle: u32) -> Result<Stored, Fault> {
        self.note_store(address, |bus| bus.is_plain_store(address, value));
        self.bus.store32(address, value, cycle)
    }

    fn check_store8(&self, address: u32) -> Result<(), Fault> {
        self.bus.check_store8(address)
    }

    fn executing(&mut self, address: u32) {
        self.bus.executing(address);
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

    fn unmodelled_instruction(&mut self, mnemonic: &'static str, pc: u32) {
        self.is_steady = false;
        self.bus.unmodelled_instruction(mnemonic, pc);
    }

    fn read_external(&mut self, address: u32, cycle: u32) -> u32 {
        self.is_steady = false;
        self.bus.read_external(address, cycle)
    }

    fn write_external(&mut self, address: u32, value: u32, cycle: u32) {
        self.is_steady = false;
        self.bus.write_external(address, value, cycle);
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::Span;

    use crate::machine::{Machine, MachineConfig, Strap};

    /// A machine in the ROM's download mode, which is spoken to now and then. Returns it with what it printed.
    fn downloading(is_off: bool) -> (Machine, Vec<u8>) {
        let mut machine = Machine::new(&MachineConfig::default()).unwrap();
        machine.run.polls.iter_mut().for_each(|search| search.is_off = is_off);
        machine.reset(Strap::Download);
        machine.set_uart_line_baud(0, Some(115_200));
        machine.run_for(Span::from_millis(200));
        let mut sync = vec![0xC0, 0, 8, 36, 0, 0, 0, 0, 0, 7, 7, 0x12, 0x20];
        sync.extend([0x55; 32]);
        sync.push(0xC0);
        for pause in [100_003, 57, 20_001] {
            machine.uart_send(0, &sync);
            machine.run_for(Span::from_micros(pause));
        }
        let printed = machine.uart_take(0).into_iter().map(|(_, byte)| byte).collect();
        (machine, printed)
    }

    #[test]
    fn passing_over_rounds_of_polling_leaves_the_trace_as_it_is() {
        let (executed, executed_output) = downloading(true);
        let (machine, output) = downloading(false);
        assert_eq!(output, executed_output);
        assert_eq!((machine.now(), machine.trace_hash()), (executed.now(), executed.trace_hash()));
        assert_eq!(machine.cpu(0).cycles(), executed.cpu(0).cycles());
        let passed_over = machine.cycles_passed_over();
        assert!(passed_over > machine.cpu(0).cycles() / 10 * 8, "{passed_over} of {}", machine.cpu(0).cycles());
    }
}
