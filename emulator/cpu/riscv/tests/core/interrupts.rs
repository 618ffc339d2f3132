//! Interrupts, waiting, traps within handlers, and the counter (TRM "ESP-RISC-V CPU"; volume II, "Machine-Level ISA").

use crate::flat::Flat;
use crate::snapshot::prepared;
use espalier_riscv::{Config, Cpu, Csr, DebugStop, Exit, InterruptController, Privilege, WatchKind, Watchpoint};

/// `mstatus`: interrupts on; interrupts were on and the trap came from machine mode.
const MIE: u32 = 8;
const FROM_MACHINE_WITH_MIE: u32 = 0x1880;
const VECTORS: u32 = 0x400;
const START: u32 = 0x1000;

/// c.nop, c.addi a0, 1, mret, wfi, csrrsi zero, mstatus, 8.
const NOP: [u8; 2] = [0x01, 0x00];
const COUNT: [u8; 2] = [0x05, 0x05];
const MRET: [u8; 4] = [0x73, 0x00, 0x20, 0x30];
const WFI: [u8; 4] = [0x73, 0x00, 0x50, 0x10];
const ENABLE: [u8; 4] = [0x73, 0x60, 0x04, 0x30];

/// A core at `code`, and memory in which everything else counts up `a0` without end.
fn start(code: &[&[u8]], mstatus: u32) -> (Cpu, Flat) {
    let mut memory = Flat::new(0x2000, &COUNT.repeat(0x1000));
    let code = code.concat();
    memory.bytes[START as usize..][..code.len()].copy_from_slice(&code);
    let mut cpu = prepared(Cpu::new(Config::ESP32C3), &[(Csr::Mtvec, VECTORS), (Csr::Mstatus, mstatus)]);
    cpu.set_pc(START);
    (cpu, memory)
}

#[test]
fn an_interrupt_goes_through_its_vector_and_mret_goes_back() {
    let (mut cpu, mut memory) = start(&[&NOP, &NOP, &NOP], MIE);
    memory.bytes[VECTORS as usize + 4 * 5..][..4].copy_from_slice(&MRET);
    cpu.step(&mut memory);
    cpu.set_interrupt_lines(1 << 5 | 1 << 9);
    let (mut stepped, mut ran) = (cpu.clone(), cpu);
    stepped.step(&mut memory.clone());
    assert_eq!(stepped.pc(), START + 2, "mret is the whole handler");
    // It is taken again at once, as its level is still there.
    assert_eq!(ran.run(&mut memory, 1), Exit::Budget);
    assert_eq!((ran.pc(), ran.csr(Csr::Mcause)), (START + 2, 0x8000_0005));
    assert_eq!((ran.csr(Csr::Mepc), ran.csr(Csr::Mtval)), (START + 2, 0));
    assert_eq!(ran.csr(Csr::Mstatus), 0x88);
    ran.set_interrupt_lines(0);
    ran.run(&mut memory, 1);
    assert_eq!(ran.pc(), START + 4);
}

#[test]
fn a_handler_runs_with_interrupts_off_until_it_turns_them_on() {
    let (mut cpu, mut memory) = start(&[&NOP], MIE);
    memory.bytes[VECTORS as usize + 4 * 3..][..8].copy_from_slice(&[NOP, NOP, NOP, NOP].concat());
    cpu.set_interrupt_lines(1 << 3);
    cpu.run(&mut memory, 2);
    assert_eq!((cpu.pc(), cpu.csr(Csr::Mstatus)), (VECTORS + 4 * 3 + 4, FROM_MACHINE_WITH_MIE));
    cpu.set_csr(Csr::Mstatus, MIE);
    cpu.set_interrupt_lines(1 << 31);
    cpu.run(&mut memory, 1);
    assert_eq!((cpu.pc(), cpu.csr(Csr::Mepc)), (VECTORS + 4 * 31 + 2, VECTORS + 4 * 3 + 4));
}

#[test]
fn enabling_interrupts_is_seen_by_the_next_instruction() {
    let (mut cpu, mut memory) = start(&[&NOP, &ENABLE, &NOP], 0);
    cpu.set_interrupt_lines(1 << 2);
    cpu.run(&mut memory, 3);
    assert_eq!((cpu.csr(Csr::Mepc), cpu.pc()), (START + 6, VECTORS + 4 * 2 + 2));
}

#[test]
fn user_mode_is_interrupted_whatever_mstatus_says() {
    let (mut cpu, mut memory) = start(&[&NOP], 0);
    cpu.set_privilege(Privilege::User);
    cpu.set_interrupt_lines(1 << 2);
    cpu.run(&mut memory, 1);
    assert_eq!((cpu.csr(Csr::Mepc), cpu.privilege(), cpu.csr(Csr::Mstatus)), (START, Privilege::Machine, 0));
}

#[test]
fn waiting_ends_with_any_interrupt_masked_or_not() {
    for (mstatus, goes_on_at) in [(0, START + 6), (MIE, VECTORS + 4 * 7 + 2)] {
        let (mut cpu, mut memory) = start(&[&WFI, &NOP], mstatus);
        assert_eq!(cpu.run(&mut memory, 10), Exit::Waiting);
        assert_eq!((cpu.cycles(), cpu.pc(), cpu.is_waiting()), (1, START + 4, true));
        cpu.idle(100);
        assert_eq!(cpu.step(&mut memory), Exit::Waiting);
        cpu.set_interrupt_lines(1 << 7);
        assert!(!cpu.is_waiting());
        assert_eq!(cpu.run(&mut memory, 1), Exit::Budget);
        assert_eq!((cpu.cycles(), cpu.pc()), (102, goes_on_at));
    }
}

#[test]
fn the_controller_decides_which_interrupt_the_core_takes() {
    let (mut cpu, mut memory) = start(&[&NOP], MIE);
    let mut controller = InterruptController::new();
    controller.set_enabled(u32::MAX);
    [(1, 3), (20, 9), (4, 9)].iter().for_each(|(line, priority)| controller.set_priority(*line, *priority));
    controller.set_levels(1 << 1 | 1 << 20);
    cpu.set_interrupt_lines(controller.presented());
    cpu.run(&mut memory, 1);
    assert_eq!(cpu.csr(Csr::Mcause), 0x8000_0000 | 20);
    // The handler raises the threshold, as esp-hal and ESP-IDF do to let only more urgent ones in.
    controller.set_threshold(10);
    controller.set_levels(1 << 1 | 1 << 20 | 1 << 4);
    cpu.set_interrupt_lines(controller.presented());
    cpu.set_csr(Csr::Mstatus, MIE);
    cpu.run(&mut memory, 1);
    assert_eq!(cpu.csr(Csr::Mcause), 0x8000_0000 | 20);
    controller.set_threshold(0);
    cpu.set_interrupt_lines(controller.presented());
    cpu.run(&mut memory, 1);
    assert_eq!(cpu.csr(Csr::Mcause), 0x8000_0000 | 4);
}

#[test]
fn code_that_cannot_be_fetched_says_where() {
    let (mut cpu, mut memory) = start(&[], 0);
    cpu.set_pc(0x8000_0000);
    cpu.run(&mut memory, 1);
    assert_eq!((cpu.csr(Csr::Mcause), cpu.csr(Csr::Mtval), cpu.csr(Csr::Mepc)), (1, 0x8000_0000, 0x8000_0000));
    // The second half of an instruction at the end of memory.
    memory.bytes[0x1ffe..].copy_from_slice(&[0x13, 0x05]);
    cpu.set_pc(0x1ffe);
    cpu.run(&mut memory, 1);
    assert_eq!((cpu.csr(Csr::Mcause), cpu.csr(Csr::Mtval), cpu.csr(Csr::Mepc)), (1, 0x2000, 0x1ffe));
    assert_eq!(cpu.pc(), VECTORS);
}

#[test]
fn the_counter_counts_cycles_or_instructions_and_can_stop_at_its_end() {
    let (mut cpu, mut memory) = start(&[&NOP], 0);
    let count = |cpu: &Cpu| cpu.csr(Csr::Mpccr);
    cpu.set_csr(Csr::Mpcer, 1);
    cpu.run(&mut memory, 10);
    cpu.idle(5);
    assert_eq!(count(&cpu), 15);
    cpu.set_csr(Csr::Mpcer, 2);
    cpu.run(&mut memory, 10);
    cpu.idle(5);
    assert_eq!(count(&cpu), 25);
    cpu.set_csr(Csr::Mpcmr, 0);
    cpu.run(&mut memory, 10);
    assert_eq!(count(&cpu), 25);
    cpu.set_csr(Csr::Mpccr, u32::MAX - 3);
    cpu.set_csr(Csr::Mpcmr, 1);
    let mut saturating = prepared(cpu.clone(), &[(Csr::Mpcmr, 3)]);
    cpu.run(&mut memory, 10);
    saturating.run(&mut memory, 10);
    assert_eq!((count(&cpu), count(&saturating)), (6, u32::MAX));
}

#[test]
fn a_reset_keeps_the_inputs_and_nothing_else() {
    let (mut cpu, mut memory) = start(&[&NOP], MIE);
    cpu.set_input_pins(0x5a);
    cpu.set_interrupt_lines(1 << 4);
    cpu.run(&mut memory, 20);
    cpu.reset();
    assert_eq!((cpu.pc(), cpu.cycles(), cpu.register(10)), (0x4000_0000, 0, 0));
    assert_eq!((cpu.csr(Csr::CpuGpioIn), cpu.csr(Csr::Mstatus), cpu.csr(Csr::Mcause)), (0x5a, 0, 0));
    cpu.set_csr(Csr::Mtvec, VECTORS);
    cpu.set_csr(Csr::Mstatus, MIE);
    cpu.run(&mut memory, 1);
    assert_eq!(cpu.csr(Csr::Mcause), 0x8000_0004);
}

#[test]
fn a_debugger_stops_where_it_wants_and_once() {
    // sw a0, 0(sp)
    let (mut cpu, mut memory) = start(&[&NOP, &NOP, &[0x23, 0x20, 0xa1, 0x00], &NOP], 0);
    cpu.set_register(2, 0x1800);
    let watchpoint = Watchpoint { address: 0x1802, length: 1, kind: WatchKind::Write };
    cpu.set_breakpoints(&[START + 2]);
    cpu.set_watchpoints(&[watchpoint]);
    assert_eq!((cpu.run(&mut memory, 100), cpu.pc(), cpu.cycles()), (Exit::Debug, START + 2, 1));
    assert_eq!(cpu.take_debug_stop(), Some(DebugStop::Breakpoint));
    assert_eq!((cpu.run(&mut memory, 100), cpu.pc(), cpu.cycles()), (Exit::Debug, START + 8, 3));
    assert_eq!(cpu.take_debug_stop(), Some(DebugStop::Watchpoint { watchpoint, address: 0x1802 }));
    cpu.set_step(true);
    assert_eq!((cpu.run(&mut memory, 100), cpu.pc()), (Exit::Debug, START + 10));
    assert_eq!((cpu.take_debug_stop(), cpu.take_debug_stop()), (Some(DebugStop::Step), None));
    cpu.set_breakpoints(&[]);
    cpu.set_watchpoints(&[]);
    assert_eq!((cpu.run(&mut memory, 100), cpu.is_debugged()), (Exit::Budget, false));
}
