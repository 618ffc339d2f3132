//! Observers are told of what happens, and change nothing.

mod common;
mod programs;

use common::{BOOTLOADER, program};
use espalier_core::{BlockEnd, CoreAccess, Interests, Observer, PadChange, Signal, Span, Time, Translation};
use espalier_soc::{Machine, MachineConfig};

const ALL: Interests = Interests { blocks: true, accesses: true, interrupts: true, frames: true, pads: u64::MAX };
/// Where the program is loaded, where it starts, and its loop.
const CODE: u32 = 0x4008_0400;
const ENTRY: u32 = CODE + 0x10;
const ROUND: u32 = CODE + 0x1C;
/// Address that the loop writes.
const COUNTER: u32 = 0x3FFB_8000;
const GPIO_OUT_W1TS: u32 = 0x3FF4_4008;
const PAD: usize = 2;
/// Through the ROM and into the program.
const RUN: Span = Span::from_millis(20);

/// Keeps what it is told.
#[derive(Clone, Default)]
struct Log {
    interests: Interests,
    forks: bool,
    blocks: Vec<BlockEnd>,
    accesses: Vec<CoreAccess>,
    pads: Vec<PadChange>,
}

impl Log {
    fn new(interests: Interests) -> Log {
        Log { interests, ..Log::default() }
    }
}

impl Observer for Log {
    fn interests(&self) -> Interests {
        self.interests
    }

    fn block_end(&mut self, block: &BlockEnd) {
        self.blocks.push(*block);
    }

    fn access(&mut self, access: &CoreAccess) {
        self.accesses.push(*access);
    }

    fn pad_change(&mut self, change: &PadChange) {
        self.pads.push(*change);
    }

    fn fork(&self) -> Option<Box<dyn Observer>> {
        self.forks.then(|| Box::new(self.clone()) as Box<dyn Observer>)
    }
}

/// A board that is about to run the program of `programs/toggle.s`, whose bytes `llvm-mc` made.
fn board() -> Machine {
    let mut machine = Machine::new(&MachineConfig::default()).unwrap();
    let code = programs::bytes(include_str!("programs/toggle.hex"));
    machine.load_flash(BOOTLOADER, &program(CODE, ENTRY, &code)).unwrap();
    machine
}

fn end(machine: &Machine) -> (Time, u64, u64) {
    (machine.now(), machine.trace_hash(), machine.cpu(0).cycles())
}

#[test]
fn an_observed_run_has_the_trace_of_one_that_is_not() {
    let mut expected = board();
    expected.run_for(RUN);
    for interests in
        [ALL, Interests { blocks: true, ..Interests::default() }, Interests { pads: 1 << PAD, ..Interests::default() }]
    {
        let mut machine = board();
        machine.set_translation(Translation::After(1));
        machine.observe(Log::new(interests));
        machine.run_for(RUN);
        assert_eq!(end(&machine), end(&expected), "{interests:?}");
    }
}

#[test]
fn blocks_accesses_and_pads_are_those_of_the_program() {
    let mut machine = board();
    machine.observe(Log::new(ALL));
    machine.run_for(RUN);
    let log = machine.take_observer::<Log>().unwrap();
    assert!(log.blocks.len() > 1000);
    for pair in log.blocks.windows(2) {
        let [before, after] = pair else { unreachable!() };
        assert!(before.start < before.end && before.at <= after.at);
        // In the ROM, an instruction that raises a window exception instead of being executed is in no block.
        assert!(before.start < CODE || before.next == after.start, "{before:x?} then {after:x?}");
    }
    let in_loop = log.blocks.iter().filter(|block| block.start == ROUND).count();
    let stores = |address| log.accesses.iter().filter(move |access| access.is_store && access.address == address);
    assert!(in_loop > 100);
    // The last round may not be over.
    assert!(stores(GPIO_OUT_W1TS).count().abs_diff(in_loop) <= 2);
    let counted: Vec<u32> = stores(COUNTER).map(|access| access.value).collect();
    assert!(counted.windows(2).all(|pair| pair[1] == pair[0] + 1));
    let toggles: Vec<bool> =
        log.pads.iter().filter(|change| change.pin == PAD).map(|change| change.signal == Signal::Level(true)).collect();
    assert!(toggles.len() > 200 && toggles.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn a_fork_has_the_observers_that_fork() {
    let mut machine = board();
    machine.observe(Log { forks: true, ..Log::new(Interests { blocks: true, ..Interests::default() }) });
    machine.run_for(Span::from_millis(1));
    let mut fork = machine.clone();
    machine.take_observer::<Log>().unwrap();
    let before = fork.observer::<Log>().unwrap().blocks.len();
    fork.run_for(Span::from_millis(1));
    assert!(fork.observer::<Log>().unwrap().blocks.len() > before);
    machine.observe(Log::new(ALL));
    assert!(machine.clone().observer::<Log>().is_none());
    machine.run_for(Span::from_millis(1));
    let mut other = machine.clone();
    other.run_for(Span::from_millis(1));
    machine.run_for(Span::from_millis(1));
    assert_eq!(end(&other), end(&machine));
}
