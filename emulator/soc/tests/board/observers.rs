//! Observers are told of what happens, and change nothing.

use std::collections::BTreeMap;

use crate::common::{BOOTLOADER, program};
use espalier_core::{
    BlockEnd, CoreAccess, CountedBlock, EDGES, Interests, InterruptTaken, Medium, NetworkFrame, Observer, PadChange,
    Signal, Span, Time, Translation,
};
use espalier_soc::{BoardDefinition, Machine, MachineConfig};

const ALL: Interests =
    Interests { blocks: true, accesses: true, comparisons: true, interrupts: true, frames: true, pads: u64::MAX };
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
    interrupts: Vec<InterruptTaken>,
    frames: Vec<NetworkFrame>,
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

    fn interrupt(&mut self, interrupt: &InterruptTaken) {
        self.interrupts.push(*interrupt);
    }

    fn frame(&mut self, frame: &NetworkFrame) {
        self.frames.push(frame.clone());
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
    board_with(include_str!("programs/toggle.hex"))
}

fn board_with(hex: &str) -> Machine {
    let mut machine = Machine::new(&MachineConfig::default()).unwrap();
    machine.load_flash(BOOTLOADER, &program(CODE, ENTRY, &crate::programs::bytes(hex))).unwrap();
    machine
}

fn word(machine: &mut Machine, address: u32) -> u32 {
    let mut word = [0; 4];
    machine.peek(0, address, &mut word).unwrap();
    u32::from_le_bytes(word)
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

/// Executions by the addresses of the first instruction and behind the last one.
type Counts = BTreeMap<(u32, u32), CountedBlock>;

/// The counts of the first core.
fn counted(machine: &Machine) -> Counts {
    let counts = machine.cpu(0).block_counts().unwrap();
    assert_eq!(counts.dropped(), 0);
    counts.blocks().into_iter().map(|block| ((block.start, block.end), block)).collect()
}

/// Lets a machine run, and returns what an observer saw its first core execute.
fn observed(machine: &mut Machine) -> Counts {
    machine.observe(Log::new(ALL));
    machine.run_for(RUN);
    let mut seen = Counts::new();
    for BlockEnd { start, end, next, .. } in machine.take_observer::<Log>().unwrap().blocks {
        let block = seen.entry((start, end)).or_insert(CountedBlock { start, end, count: 0, jumps: 0 });
        block.count += 1;
        block.jumps += u64::from(next != end);
    }
    seen
}

#[test]
fn counts_are_those_of_an_observer_and_change_nothing() {
    let mut expected = board();
    // In the ROM, an observer cannot tell a window exception from a jump.
    let seen = observed(&mut expected).split_off(&(CODE, 0));
    assert!(seen.len() > 2, "{seen:x?}");
    let mut all = Vec::new();
    for translation in [Translation::Off, Translation::After(1), Translation::default()] {
        let mut machine = board();
        machine.set_translation(translation);
        machine.count_blocks();
        machine.run_for(RUN);
        assert_eq!(end(&machine), end(&expected), "{translation:?}");
        let counts = counted(&machine);
        let of_program = counts.clone().split_off(&(CODE, 0));
        assert_eq!(of_program, seen, "{translation:?}");
        all.push(counts);
    }
    assert!(all[0].len() > 100 && all[0] == all[1] && all[1] == all[2], "the engines count the same, in the ROM too");
}

/// The mask ROM of the ESP32-C3 finds nothing in its flash chip.
#[test]
fn a_riscv_core_counts_as_an_observer_and_a_debugger_do() {
    let board = BoardDefinition::by_name("esp32c3-devkit").unwrap();
    let config = MachineConfig { board, ..MachineConfig::default() };
    let machine = || Machine::new(&config).unwrap();
    let mut expected = machine();
    let seen = observed(&mut expected);
    let mut straight = machine();
    straight.count_blocks();
    straight.run_for(RUN);
    assert_eq!(end(&straight), end(&expected));
    let counts = counted(&straight);
    assert!(counts.len() > 100, "{} blocks", counts.len());
    let mut pairs = counts.keys().zip(counts.keys().skip(1));
    assert!(pairs.any(|(one, other)| one.0 == other.0), "a branch within a block is taken, and is not");
    assert_eq!(counts, seen);
    // A debugger has every instruction executed by itself, here with a breakpoint where nothing is executed.
    const NOWHERE: u32 = 0x3FF0_0000;
    let mut debugged = machine();
    debugged.count_blocks();
    debugged.cpu_mut(0).set_breakpoints(&[NOWHERE]);
    debugged.run_for(RUN);
    assert_eq!(end(&debugged), end(&expected));
    for CountedBlock { start, count, .. } in counted(&debugged).into_values() {
        let within = counts.values().filter(|block| (block.start..block.end).contains(&start));
        assert_eq!(within.map(|block| block.count).sum::<u64>(), count, "{start:#x}");
    }
}

/// The counters of jumps of all cores.
fn edges(machine: &Machine) -> Vec<u8> {
    let mut sum = [0; EDGES];
    assert!(machine.add_edges(&mut sum));
    sum.to_vec()
}

/// Small steps cut blocks short where a straight run does not, as the time at which anything comes does.
#[test]
fn jumps_are_the_same_in_both_engines_and_in_small_steps_and_counting_them_changes_nothing() {
    for hex in [include_str!("programs/toggle.hex"), include_str!("programs/interrupts.hex")] {
        let mut expected = board_with(hex);
        expected.run_for(RUN);
        assert!(!expected.add_edges(&mut [0; EDGES]));
        let mut all = Vec::new();
        for (translation, step) in [
            (Translation::Off, RUN),
            (Translation::After(1), RUN),
            (Translation::default(), RUN),
            (Translation::After(1), Span::from_micros(37)),
        ] {
            let mut machine = board_with(hex);
            machine.set_translation(translation);
            machine.count_edges();
            let until = machine.now() + RUN;
            while machine.now() < until {
                machine.run_for(step.min(until.since(machine.now())));
            }
            assert_eq!(end(&machine), end(&expected), "{translation:?}");
            all.push(edges(&machine));
        }
        let count = all[0].iter().filter(|count| **count > 0).count();
        assert!(count > 50, "{count}");
        for edges in &all[1..] {
            let differences = edges.iter().zip(&all[0]).enumerate().filter(|(_, (one, other))| one != other);
            assert_eq!(differences.collect::<Vec<_>>(), [], "the engines and the steps count the same, in the ROM too");
        }
    }
}

/// The mask ROM of the ESP32-C3 again, in one go and in steps that cut its blocks short.
#[test]
fn a_riscv_core_counts_its_jumps_whatever_the_steps_are() {
    let board = BoardDefinition::by_name("esp32c3-devkit").unwrap();
    let config = MachineConfig { board, ..MachineConfig::default() };
    let mut expected = Machine::new(&config).unwrap();
    expected.run_for(RUN);
    let mut all = Vec::new();
    for step in [RUN, Span::from_micros(37), Span::from_micros(1)] {
        let mut machine = Machine::new(&config).unwrap();
        machine.count_edges();
        let until = machine.now() + RUN;
        while machine.now() < until {
            machine.run_for(step.min(until.since(machine.now())));
        }
        assert_eq!(end(&machine), end(&expected), "{step}");
        all.push(edges(&machine));
        let mut fork = machine.clone();
        assert!(edges(&fork).iter().all(|count| *count == 0));
        fork.run_for(Span::from_millis(5));
        all.push(edges(&fork));
    }
    let counts = |edges: &[u8]| edges.iter().filter(|count| **count > 0).count();
    assert!(counts(&all[0]) > 100 && counts(&all[1]) > 0, "{} and {}", counts(&all[0]), counts(&all[1]));
    for pair in all[2..].chunks(2) {
        assert!(pair == &all[..2], "steps change no counter");
    }
}

#[test]
fn a_fork_counts_its_jumps_for_itself_and_with_blocks_too() {
    let mut machine = board();
    machine.count_edges();
    machine.run_for(RUN);
    let before = edges(&machine);
    let mut fork = machine.clone();
    assert!(edges(&fork).iter().all(|count| *count == 0));
    fork.run_for(Span::from_millis(1));
    let alone = edges(&fork);
    assert!(alone.iter().any(|count| *count > 0) && before == edges(&machine));
    // Translated code has one list of counts at hand, so code is interpreted now; the counts are the same.
    let mut both = machine.clone();
    both.set_translation(Translation::After(1));
    both.count_blocks();
    both.run_for(Span::from_millis(1));
    assert!(edges(&both) == alone && !counted(&both).is_empty());
    assert_eq!(end(&both), end(&fork));
}

#[test]
fn a_fork_counts_for_itself_and_a_reset_forgets_nothing() {
    let mut straight = board();
    straight.count_blocks();
    straight.run_for(RUN);
    let mut machine = board();
    machine.count_blocks();
    machine.run_for(Span::from_millis(10));
    let before = counted(&machine);
    let mut fork = machine.clone();
    assert!(counted(&fork).is_empty() && before == counted(&machine));
    fork.run_for(straight.now().since(fork.now()));
    let mut sum = before.clone();
    for (key, block) in counted(&fork) {
        let both = sum.entry(key).or_insert(CountedBlock { count: 0, jumps: 0, ..block });
        (both.count, both.jumps) = (both.count + block.count, both.jumps + block.jumps);
    }
    assert_eq!(sum, counted(&straight));
    assert_eq!(before, counted(&machine));
    machine.power_on(espalier_soc::Strap::FlashBoot);
    assert_eq!(before, counted(&machine));
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

/// The program of `programs/interrupts.s` counts its interrupts and notes the core's clock at those of level 1.
#[test]
fn interrupts_are_those_of_the_program_with_level_vector_and_time() {
    const LEVEL_1: u32 = CODE + 0x340;
    const LEVEL_3: u32 = CODE + 0x1C0;
    const REPORT: u32 = 0x3FFB_8000;
    const TIMES: u32 = REPORT + 0x100;
    let hex = include_str!("programs/interrupts.hex");
    let mut expected = board_with(hex);
    expected.run_for(RUN);
    for (interests, translation) in [
        (Interests { interrupts: true, ..Interests::default() }, Translation::After(1)),
        (Interests { interrupts: true, ..Interests::default() }, Translation::Off),
        (ALL, Translation::Off),
    ] {
        let mut machine = board_with(hex);
        machine.set_translation(translation);
        machine.observe(Log::new(interests));
        machine.run_for(RUN);
        assert_eq!(end(&machine), end(&expected), "{interests:?}");
        let log = machine.take_observer::<Log>().unwrap();
        let of = |level, vector| {
            let taken = log.interrupts.iter().filter(move |taken| (taken.level, taken.vector) == (level, vector));
            taken.collect::<Vec<_>>()
        };
        let (timer, software) = (of(1, LEVEL_1), of(3, LEVEL_3));
        assert!(log.interrupts.iter().all(|taken| taken.core == 0 && (CODE..CODE + 0x400).contains(&taken.from)));
        assert!(log.interrupts.windows(2).all(|pair| pair[0].at < pair[1].at));
        assert_eq!(timer.len() + software.len(), log.interrupts.len());
        // The handler of the last one may not have come to its count.
        let counted = word(&mut machine, REPORT) as usize;
        assert!(counted > 50 && timer.len().abs_diff(counted) <= 1, "{} of {counted}", timer.len());
        let counted_software = word(&mut machine, REPORT + 4) as usize;
        assert!(counted_software > 50 && software.len().abs_diff(counted_software) <= 1);
        // The handler reads the clock first, so its times and those of the observer are equally far apart.
        let clock: Vec<u32> = (0..counted as u32).map(|index| word(&mut machine, TIMES + 4 * index)).collect();
        let clock: Vec<u64> = clock.windows(2).map(|pair| u64::from(pair[1].wrapping_sub(pair[0]))).collect();
        let ticks: Vec<u64> = timer.windows(2).map(|pair| pair[1].at.since(pair[0].at).ticks()).collect();
        let per_cycle = ticks[0] / clock[0];
        assert!(clock.iter().zip(&ticks).all(|(cycles, ticks)| *ticks == cycles * per_cycle), "{ticks:?} of {clock:?}");
    }
}

/// A frame of a pcap file with its time.
fn captured(file: &[u8]) -> Vec<(u64, Vec<u8>)> {
    const HEADER: usize = 24;
    const RECORD: usize = 16;
    let mut rest = &file[HEADER..];
    let mut frames = Vec::new();
    while let Some((record, after)) = rest.split_at_checked(RECORD) {
        let number = |at: usize| u32::from_le_bytes(record[at..at + 4].try_into().unwrap());
        let (frame, next) = after.split_at(number(8) as usize);
        frames.push((u64::from(number(0)) * 1_000_000_000 + u64::from(number(4)), frame.to_vec()));
        rest = next;
    }
    frames
}

/// The tutorial asks for an address and is asked by a peer who it is.
#[test]
fn frames_on_the_cable_are_those_of_the_network() {
    const PORT: u16 = 5001;
    const SOURCE: std::ops::Range<usize> = 6..12;
    let run = |machine: &mut Machine| {
        machine.run_for(Span::from_millis(2500));
        let address = machine.lan().board_address().expect("the board has an address");
        machine.lan_mut().connect(std::net::SocketAddrV4::new(address, PORT)).unwrap();
        machine.run_for(Span::from_millis(100));
    };
    let mut expected = crate::tutorial_board::board();
    run(&mut expected);
    let mut machine = crate::tutorial_board::board();
    machine.observe(Log::new(Interests { frames: true, ..Interests::default() }));
    machine.lan_mut().start_capture(1 << 20);
    run(&mut machine);
    assert_eq!(end(&machine), end(&expected));
    let frames = machine.take_observer::<Log>().unwrap().frames;
    let captured = captured(&machine.lan().capture());
    let board: Vec<u8> = frames.iter().find(|frame| frame.is_sent).expect("it sends").bytes[SOURCE].to_vec();
    assert!(captured.len() > 5, "{} frames", captured.len());
    assert_eq!(frames.len(), captured.len());
    for (frame, (at, bytes)) in frames.iter().zip(&captured) {
        assert_eq!((frame.medium, &frame.bytes), (Medium::Ethernet, bytes));
        assert_eq!(frame.is_sent, bytes[SOURCE] == board[..]);
        // The chip takes a frame in after the instruction during which it comes.
        let seen = std::time::Duration::from(frame.at.since(Time::ZERO)).as_nanos() as u64;
        assert!((*at..at + 1000).contains(&seen) && (!frame.is_sent || seen == *at), "{seen} ns, captured at {at} ns");
    }
}
