//! A debugger sees everything and changes nothing.

use espalier_core::{Span, Time};
use espalier_soc::{Machine, MachineConfig, MemoryError, Stop, Strap};
use espalier_xtensa::{Cpu, DebugStop, SpecialRegister, WatchKind, Watchpoint};

const UART0_FIFO: u32 = 0x3FF4_0000;
const UART0_STATUS: u32 = 0x3FF4_001C;
const ROM_VECTORS: u32 = 0x4000_0000;
const DRAM: u32 = 0x3FFB_0000;
const IRAM: u32 = 0x4008_0000;

/// A board that waits in the ROM's download mode.
fn downloading() -> Machine {
    let mut machine = Machine::new(&MachineConfig::default()).unwrap();
    machine.power_on(Strap::Download);
    machine
}

/// Where the cores are now and then.
fn whereabouts(machine: &mut Machine, samples: usize) -> Vec<u32> {
    let mut addresses = Vec::new();
    for _ in 0..samples {
        machine.run_until(machine.now() + Span::from_micros(37));
        addresses.extend((0..2).map(|core| machine.cpu(core).pc()));
    }
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// Runs to `limit`; returns how often a debugger's wish came true. Every third one is followed by a step.
fn run(machine: &mut Machine, limit: Time) -> usize {
    let mut stops = 0;
    while machine.now() < limit {
        if let Stop::Debug { core, .. } = machine.run_until(limit) {
            stops += 1;
            if stops % 3 == 0 {
                machine.cpu_mut(core).set_step(true);
            }
            let mut code = [0; 3];
            let pc = machine.cpu(core).pc();
            machine.peek(core, pc, &mut code).unwrap();
        }
    }
    stops
}

#[test]
fn a_run_with_breakpoints_is_the_same_run() {
    let breakpoints = whereabouts(&mut downloading(), 40);
    let (mut plain, mut debugged) = (downloading(), downloading());
    debugged.set_breakpoints(&breakpoints[..breakpoints.len().min(20)]);
    debugged.set_watchpoints(&[Watchpoint { address: 0x3FFE_3E00, length: 0x20, kind: WatchKind::Access }]);
    let limit = Time::ZERO + Span::from_millis(20);
    assert_eq!(run(&mut plain, limit), 0);
    let stops = run(&mut debugged, limit);
    assert!(stops > 20, "{stops} stops at {breakpoints:x?}");
    assert_eq!(plain.trace_hash(), debugged.trace_hash());
    assert_eq!((plain.now(), plain.uart_take(0)), (debugged.now(), debugged.uart_take(0)));
}

#[test]
fn a_stopped_machine_can_be_forked_and_reset() {
    let breakpoints = whereabouts(&mut downloading(), 40);
    let mut machine = downloading();
    machine.set_breakpoints(&breakpoints);
    let limit = Time::ZERO + Span::from_millis(20);
    let stop = machine.run_until(limit);
    assert!(matches!(stop, Stop::Debug { stop: DebugStop::Breakpoint, .. }), "{stop:?}");
    let mut fork = machine.clone();
    assert_eq!(run(&mut machine, limit), run(&mut fork, limit));
    assert_eq!(machine.trace_hash(), fork.trace_hash());
    machine.reset(Strap::Download);
    assert_eq!(machine.cpu(0).pc(), 0x4000_0400);
    let limit = machine.now() + Span::from_millis(1);
    assert!(matches!(machine.run_until(limit), Stop::Debug { .. }), "breakpoints survive a reset");
}

#[test]
fn steps_of_a_core_follow_each_other_without_a_gap() {
    let mut machine = downloading();
    let before = machine.cpu(0).cycles();
    for steps in 1..=500 {
        machine.cpu_mut(0).set_step(true);
        let limit = machine.now() + Span::from_secs(1);
        assert_eq!(machine.run_until(limit), Stop::Debug { core: 0, stop: DebugStop::Step });
        // A step over a window exception takes more than one cycle.
        assert!(machine.cpu(0).cycles() - before >= steps);
    }
    assert!(machine.cpu(0).cycles() - before < 600);
}

#[test]
fn memory_is_read_and_written_as_the_core_sees_it() {
    let mut machine = downloading();
    let mut vectors = [0; 7];
    machine.peek(1, ROM_VECTORS + 1, &mut vectors).unwrap();
    assert_ne!(vectors, [0; 7]);
    for address in [DRAM + 1, IRAM + 1, 0x400A_0003, 0x3FF8_0002, 0x5000_0001] {
        machine.poke(0, address, b"espalier!").unwrap();
        let mut back = [0; 9];
        machine.peek(1, address, &mut back).unwrap();
        assert_eq!(&back, b"espalier!", "{address:#x}");
    }
    assert_eq!(machine.poke(0, ROM_VECTORS, &[0]), Err(MemoryError::ReadOnly(ROM_VECTORS)));
    for address in [0, 0x2000_0000, 0x3FF7_F000, 0x6100_0000] {
        assert_eq!(machine.peek(0, address, &mut [0]), Err(MemoryError::Unmapped(address)));
        assert_eq!(machine.poke(0, address, &[0]), Err(MemoryError::Unmapped(address)));
    }
    let across = DRAM - 0x2000 - 2;
    assert_eq!(machine.peek(0, across, &mut [0; 4]), Err(MemoryError::Unmapped(across)));
}

#[test]
fn looking_at_a_register_has_no_effect() {
    /// Interrupts off.
    const PS: u32 = 0x1F;
    /// `j .`
    const FOR_EVER: [u8; 4] = [0x06, 0xFF, 0xFF, 0];
    let mut machine = downloading();
    machine.poke(0, IRAM, &FOR_EVER).unwrap();
    machine.cpu_mut(0).set_pc(IRAM);
    machine.core_as_mut::<Cpu>(0).unwrap().set_special(SpecialRegister::Ps, PS);
    machine.uart_send(0, b"xy");
    machine.run_for(Span::from_millis(1));
    let trace = machine.trace_hash();
    for _ in 0..2 {
        let mut word = [0; 4];
        machine.peek(0, UART0_FIFO, &mut word).unwrap();
        assert_eq!(word, [b'x', 0, 0, 0]);
        machine.peek(0, UART0_STATUS, &mut word).unwrap();
        assert_eq!(word[0], 2, "bytes in the receive FIFO");
    }
    assert_eq!(machine.trace_hash(), trace);
    machine.poke(0, UART0_FIFO, b"!").unwrap();
    machine.run_for(Span::from_millis(1));
    let sent: Vec<u8> = machine.uart_take(0).into_iter().map(|(_, byte)| byte).collect();
    assert_eq!(sent.last(), Some(&b'!'), "a write is carried out");
}
