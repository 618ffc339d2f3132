//! Firmware that uses the debug option of its cores itself, as FreeRTOS does in the Arduino core: a watchpoint on the end of the
//! stack, on both cores.

use crate::common::{BOOTLOADER, program};
use espalier_core::{Span, Time};
use espalier_soc::{CORES, Machine, MachineConfig};
use espalier_xtensa::{Cpu, SpecialRegister};

/// Where the program is loaded, and where it starts.
const CODE: u32 = 0x4008_0400;
const ENTRY: u32 = CODE + 0x20;
/// Offsets of what a test changes: how far the watchpoint is from the end of the stack, and its control register.
const DISTANCE: usize = 0x10;
const CONTROL: usize = 0x14;
/// `DBREAKC1` as FreeRTOS sets it: stores to 32 bytes.
const STACK_WATCHPOINT: u32 = 0x8000_0020;
/// End of the stack of each core, and where in it the program reports.
const STACKS: [u32; CORES] = [0x3FFB_8000, 0x3FFB_9000];
const REPORT: u32 = 0x800;
/// The store of the program's loop.
const STORE: u32 = CODE + 0x77;
/// `DEBUGCAUSE` of the second data breakpoint.
const DBREAK_1: u32 = 1 << 2 | 1 << 8;

/// A board that is about to run the program of `programs/stack-watchpoint.s`, whose bytes `llvm-mc` made.
fn board(distance: u32, control: u32) -> Machine {
    let mut code = crate::programs::bytes(include_str!("programs/stack-watchpoint.hex"));
    code[DISTANCE..][..4].copy_from_slice(&distance.to_le_bytes());
    code[CONTROL..][..4].copy_from_slice(&control.to_le_bytes());
    let mut machine = Machine::new(&MachineConfig::default()).unwrap();
    machine.load_flash(BOOTLOADER, &program(CODE, ENTRY, &code)).unwrap();
    machine
}

/// Words that the program of a core has written: how far it got, stores made, DEBUGCAUSE, EPC6.
fn report(machine: &mut Machine, core: usize) -> [u32; 4] {
    std::array::from_fn(|index| {
        let mut word = [0; 4];
        machine.peek(core, STACKS[core] + REPORT + 4 * index as u32, &mut word).unwrap();
        u32::from_le_bytes(word)
    })
}

#[test]
fn the_end_of_the_stack_stops_the_store_that_reaches_it_on_both_cores() {
    let mut machine = board(0, STACK_WATCHPOINT);
    machine.run_for(Span::from_millis(30));
    for (core, stack) in STACKS.into_iter().enumerate() {
        assert_eq!(machine.core_as::<Cpu>(core).unwrap().special(SpecialRegister::Dbreakc1), STACK_WATCHPOINT);
        let stores = (0x400 - 32) / 4;
        assert_eq!(report(&mut machine, core), [stack + 28, stores, DBREAK_1, STORE], "core {core}");
        let mut word = [0; 4];
        machine.peek(core, stack + 32, &mut word).unwrap();
        assert_eq!(u32::from_le_bytes(word), stores - 1, "the last store before the watched bytes");
        machine.peek(core, stack + 28, &mut word).unwrap();
        assert_eq!(word, [0; 4], "the watched store was not made");
    }
}

#[test]
fn a_watchpoint_that_nothing_touches_changes_nothing() {
    const ELSEWHERE: u32 = 0x4_0000;
    let traces = [0, STACK_WATCHPOINT, STACK_WATCHPOINT >> 1].map(|control| {
        let mut machine = board(ELSEWHERE, control);
        machine.run_for(Span::from_millis(30));
        for (core, stack) in STACKS.into_iter().enumerate() {
            assert_eq!(report(&mut machine, core), [stack, 0x100, 0, 0], "core {core}");
        }
        (machine.trace_hash(), machine.now())
    });
    assert_eq!(traces[0], traces[1]);
    assert_eq!(traces[0], traces[2]);
}

/// A fork decodes its code anew, and small steps stop where they like: the trace is the same.
#[test]
fn forks_and_small_steps_have_the_trace_of_a_straight_run() {
    fn run_to(machine: &mut Machine, limit: Time) {
        while machine.now() < limit {
            machine.run_until(limit);
        }
    }
    let mut straight = board(0, STACK_WATCHPOINT);
    let (mut small, mut forked) = (straight.clone(), straight.clone());
    for step in 1..=300 {
        let limit = Time::ZERO + Span::from_micros(100 * step);
        run_to(&mut small, limit);
        forked = forked.clone();
        run_to(&mut forked, limit);
    }
    run_to(&mut straight, Time::ZERO + Span::from_millis(30));
    let expected = (straight.trace_hash(), straight.now(), report(&mut straight, 1));
    for other in [&mut small, &mut forked] {
        assert_eq!((other.trace_hash(), other.now(), report(other, 1)), expected);
    }
}
