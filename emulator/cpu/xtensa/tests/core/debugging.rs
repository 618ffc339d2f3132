//! The debug option (ISA manual, "Debug Option"), and the debugger's own breakpoints.

use espalier_xtensa::{Config, Cpu, DebugStop, Exit, SpecialRegister, WatchKind, Watchpoint};

use crate::flat::Flat;

const CODE: u32 = 0x1000;
const VECTORS: u32 = 0x2000;
const DEBUG_VECTOR: u32 = VECTORS + 0x280;
const PS: u32 = 0x4_0020;
const DEBUG_LEVEL: u32 = 6;
const LOAD: u32 = 1 << 30;
const STORE: u32 = 1 << 31;
const ALL_BITS: u32 = 0x3f;

/// l32i a2, a3, 0; s32i a2, a3, 4; nop; nop
const PROGRAM: [u8; 12] = [0x22, 0x23, 0x00, 0x22, 0x63, 0x01, 0xf0, 0x20, 0x00, 0xf0, 0x20, 0x00];

fn start() -> (Cpu, Flat) {
    let mut bus = Flat::new(0x4000, &[]);
    bus.bytes[CODE as usize..][..PROGRAM.len()].copy_from_slice(&PROGRAM);
    let mut cpu = Cpu::new(Config { vector_base: VECTORS, reset_vector: CODE, ..Config::ESP32_PRO });
    cpu.set_special(SpecialRegister::Ps, PS);
    cpu.set_ar(3, 0x3000);
    (cpu, bus)
}

fn assert_stopped(cpu: &Cpu, pc: u32, cause: u32) {
    assert_eq!(cpu.pc(), DEBUG_VECTOR);
    assert_eq!(cpu.special(SpecialRegister::Epc6), pc);
    assert_eq!(cpu.special(SpecialRegister::Eps6), PS);
    assert_eq!(cpu.special(SpecialRegister::Debugcause), cause);
    assert_eq!(cpu.special(SpecialRegister::Ps) & 0xf, DEBUG_LEVEL);
}

#[test]
fn instruction_breakpoint() {
    let (mut cpu, mut bus) = start();
    cpu.set_special(SpecialRegister::Ibreaka1, CODE + 3);
    cpu.set_special(SpecialRegister::Ibreakenable, 2);
    cpu.run(&mut bus, 2);
    assert_stopped(&cpu, CODE + 3, 1 << 1);
}

#[test]
fn data_breakpoint_on_a_load() {
    let (mut cpu, mut bus) = start();
    cpu.set_special(SpecialRegister::Dbreaka0, 0x3000);
    cpu.set_special(SpecialRegister::Dbreakc0, LOAD | ALL_BITS);
    cpu.run(&mut bus, 1);
    assert_stopped(&cpu, CODE, 1 << 2);
}

#[test]
fn data_breakpoint_on_a_store_in_a_range() {
    let (mut cpu, mut bus) = start();
    cpu.set_special(SpecialRegister::Dbreaka1, 0x3000);
    cpu.set_special(SpecialRegister::Dbreakc1, STORE | 0x30);
    cpu.run(&mut bus, 2);
    assert_stopped(&cpu, CODE + 3, 1 << 2 | 1 << 8);
}

/// FreeRTOS's end of a stack: DBREAKC = 0x8000_0020 watches the stores to 32 bytes.
#[test]
fn the_end_of_a_stack_is_watched_to_the_byte() {
    for (address, stops) in
        [(0x2fdf, true), (0x2fdb, false), (0x2fe0, true), (0x2ffc, true), (0x2fff, true), (0x3000, false)]
    {
        for core in [Cpu::step::<Flat>, |cpu: &mut Cpu, bus: &mut Flat| cpu.run(bus, 1)] {
            let (mut cpu, mut bus) = start();
            cpu.set_special(SpecialRegister::Dbreaka1, 0x2fe0);
            cpu.set_special(SpecialRegister::Dbreakc1, STORE | 0x20);
            cpu.set_ar(3, address);
            core(&mut cpu, &mut bus);
            assert_eq!(cpu.pc(), CODE + 3, "a load from {address:#x}");
            cpu.set_ar(3, address - 4);
            core(&mut cpu, &mut bus);
            match stops {
                true => assert_stopped(&cpu, CODE + 3, 1 << 2 | 1 << 8),
                false => assert_eq!(cpu.pc(), CODE + 6, "a store to {address:#x}"),
            }
        }
    }
}

/// The address of an instruction whose window is not there yet comes from another frame's register.
#[test]
fn a_window_overflow_comes_before_a_data_breakpoint() {
    let (mut cpu, mut bus) = start();
    // s32i a2, a14, 0
    bus.bytes[CODE as usize..][..3].copy_from_slice(&[0x22, 0x6e, 0x00]);
    cpu.set_special(SpecialRegister::Windowstart, 0b1001);
    cpu.set_ar(14, 0x3000);
    cpu.set_special(SpecialRegister::Dbreaka0, 0x3000);
    cpu.set_special(SpecialRegister::Dbreakc0, STORE | ALL_BITS);
    for core in [Cpu::step::<Flat>, |cpu: &mut Cpu, bus: &mut Flat| cpu.run(bus, 1)] {
        let (mut cpu, mut bus) = (cpu.clone(), bus.clone());
        core(&mut cpu, &mut bus);
        assert_eq!((cpu.pc(), cpu.special(SpecialRegister::Debugcause)), (VECTORS + 0x100, 0));
    }
}

#[test]
fn instruction_count_steps() {
    let (mut cpu, mut bus) = start();
    cpu.set_special(SpecialRegister::Icountlevel, 1);
    cpu.set_special(SpecialRegister::Icount, u32::MAX - 1);
    cpu.run(&mut bus, 2);
    assert_stopped(&cpu, CODE + 3, 1 << 0);
}

#[test]
fn nothing_stops_at_the_debug_level() {
    let (mut cpu, mut bus) = start();
    cpu.set_special(SpecialRegister::Ps, PS | DEBUG_LEVEL);
    cpu.set_special(SpecialRegister::Ibreaka0, CODE);
    cpu.set_special(SpecialRegister::Ibreakenable, 1);
    cpu.set_special(SpecialRegister::Dbreaka0, 0x3000);
    cpu.set_special(SpecialRegister::Dbreakc0, LOAD | STORE | ALL_BITS);
    cpu.run(&mut bus, 3);
    assert_eq!(cpu.pc(), CODE + 9);
}

#[test]
fn a_debugger_stops_before_its_breakpoints() {
    let (mut cpu, mut bus) = start();
    cpu.set_breakpoints(&[CODE, CODE + 6]);
    assert_eq!(cpu.run(&mut bus, 10), Exit::Debug);
    assert_eq!((cpu.take_debug_stop(), cpu.pc(), cpu.cycles()), (Some(DebugStop::Breakpoint), CODE, 0));
    assert_eq!(cpu.run(&mut bus, 10), Exit::Debug, "one that has been reported does not hold the core for ever");
    assert_eq!((cpu.take_debug_stop(), cpu.pc(), cpu.cycles()), (Some(DebugStop::Breakpoint), CODE + 6, 2));
    assert_eq!(cpu.run(&mut bus, 1), Exit::Budget);
    assert_eq!((cpu.take_debug_stop(), cpu.pc()), (None, CODE + 9));
}

#[test]
fn a_debugger_steps_instruction_by_instruction() {
    let (mut cpu, mut bus) = start();
    for pc in [CODE + 3, CODE + 6, CODE + 9] {
        cpu.set_step(true);
        assert_eq!(cpu.run(&mut bus, 10), Exit::Debug);
        assert_eq!((cpu.take_debug_stop(), cpu.pc()), (Some(DebugStop::Step), pc));
    }
    cpu.set_step(true);
    assert_eq!(cpu.run(&mut bus, 1), Exit::Budget, "a step that ends with the run does not need to end it");
    assert_eq!(cpu.take_debug_stop(), Some(DebugStop::Step));
}

#[test]
fn a_debugger_stops_after_what_its_watchpoints_watch() {
    let (mut cpu, mut bus) = start();
    let watch = |address, length, kind| Watchpoint { address, length, kind };
    let (load, store) = (watch(0x3002, 1, WatchKind::Read), watch(0x3005, 2, WatchKind::Write));
    cpu.set_watchpoints(&[load, watch(0x3000, 4, WatchKind::Write), store]);
    assert_eq!(cpu.run(&mut bus, 10), Exit::Debug);
    let stop = DebugStop::Watchpoint { watchpoint: load, address: 0x3002 };
    assert_eq!((cpu.take_debug_stop(), cpu.pc()), (Some(stop), CODE + 3));
    assert_eq!(cpu.run(&mut bus, 10), Exit::Debug);
    let stop = DebugStop::Watchpoint { watchpoint: store, address: 0x3005 };
    assert_eq!((cpu.take_debug_stop(), cpu.pc()), (Some(stop), CODE + 6));
    cpu.set_watchpoints(&[]);
    assert_eq!(cpu.run(&mut bus, 2), Exit::Budget);
}

/// ISA manual, "Windowed Procedure-Call Protocol": a `call8` into a window that still belongs to another frame.
#[test]
fn a_step_includes_the_spilling_of_the_window_that_it_needs() {
    let (mut cpu, mut bus) = start();
    // l32i a14, a3, 0 needs the last quarter of the window.
    bus.bytes[CODE as usize..][..3].copy_from_slice(&[0xe2, 0x23, 0x00]);
    // The handler of WindowOverflow12 does nothing but return: rfwo.
    bus.bytes[VECTORS as usize + 0x100..][..3].copy_from_slice(&[0x00, 0x34, 0x00]);
    cpu.set_special(SpecialRegister::Windowstart, 0b1001);
    cpu.set_ar(3, 0x3000);
    cpu.set_special(SpecialRegister::Ps, PS);
    cpu.set_step(true);
    assert_eq!(cpu.run(&mut bus, 100), Exit::Debug);
    assert_eq!((cpu.take_debug_stop(), cpu.pc()), (Some(DebugStop::Step), CODE + 3));
    assert_eq!(cpu.special(SpecialRegister::Windowstart) & 0b1000, 0, "the frame was spilled on the way");
    assert_eq!(cpu.cycles(), 3);
}
