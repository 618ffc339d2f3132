//! On-chip debugging (Xtensa Debug Guide, chapter "On-Chip Debug"), as a host uses it through the debug module.

use espalier_xtensa::{
    Config, Cpu, DCR_DEBUG_INTERRUPT, DCR_ENABLE_OCD, DSR_EXEC_DONE, DSR_EXEC_EXCEPTION, DSR_STOPPED, DebugRegister,
    Exit, SpecialRegister,
};

use crate::flat::Flat;

const CODE: u32 = 0x1000;
const VECTORS: u32 = 0x2000;
const DATA: u32 = 0x3000;
const PS: u32 = 0x4_0020;
const DEBUG_LEVEL: u32 = 6;
/// PS.EXCM and the debug level.
const PS_STOPPED: u32 = 1 << 4 | DEBUG_LEVEL;
/// DEBUGCAUSE of a debug interrupt, and of the instruction counter.
const DEBUG_INTERRUPT: u32 = 1 << 5;
const ICOUNT: u32 = 1 << 0;
const IBREAK: u32 = 1 << 1;
const BREAK: u32 = 1 << 3;
const CORE_RESET: u8 = 1 << 4;
const JTAG_DEBUG_USE: u8 = 1 << 7;
const WAS_RESET: u8 = 1 << 4 | 1 << 6;

/// addi a2, a2, 1; j to it
const LOOP: [u8; 6] = [0x22, 0xc2, 0x01, 0x46, 0xfe, 0xff];
/// break 1, 15; addi a2, a2, 1; waiti 0; addi a2, a2, 1
const BREAKING: [u8; 12] = [0xf0, 0x41, 0x00, 0x22, 0xc2, 0x01, 0x00, 0x70, 0x00, 0x22, 0xc2, 0x01];

const RFDO: u32 = 0x00f1_e000;
const LDDR32_P_A3: u32 = 0x0000_73e0;
const SDDR32_P_A3: u32 = 0x0000_73f0;
const RSR_DDR_A3: u32 = 0x0003_6830;
const WSR_DDR_A3: u32 = 0x0013_6830;
const RSR_DDR_A2: u32 = 0x0003_6820;
const WSR_DDR_A2: u32 = 0x0013_6820;
const WSR_PS_A3: u32 = 0x0013_e630;
const WSR_IBREAKA0_A3: u32 = 0x0013_8030;
const WSR_IBREAKENABLE_A3: u32 = 0x0013_6030;
const WSR_ICOUNT_A3: u32 = 0x0013_ec30;
const WSR_ICOUNTLEVEL_A3: u32 = 0x0013_ed30;
const RSR_EPC6_A3: u32 = 0x0003_b630;
const L32I_A4_A3_0: u32 = 0x0000_2342;

struct Host {
    cpu: Cpu,
    bus: Flat,
}

impl Host {
    fn new(program: &[u8]) -> Host {
        let mut bus = Flat::new(0x4000, &[]);
        bus.bytes[CODE as usize..][..program.len()].copy_from_slice(program);
        // nop
        bus.bytes[(VECTORS + 0x280) as usize..][..3].copy_from_slice(&[0xf0, 0x20, 0x00]);
        let mut cpu = Cpu::new(Config { vector_base: VECTORS, reset_vector: CODE, ..Config::ESP32_PRO });
        cpu.set_special(SpecialRegister::Ps, PS);
        Host { cpu, bus }
    }

    fn run(&mut self, cycles: u32) -> Exit {
        self.cpu.run(&mut self.bus, cycles)
    }

    fn read(&mut self, register: DebugRegister) -> u32 {
        let value = self.cpu.debug_register(register);
        self.cpu.finish_debug_read(&mut self.bus, register);
        value
    }

    fn write(&mut self, register: DebugRegister, value: u32) {
        self.cpu.write_debug_register(&mut self.bus, register, value);
    }

    fn execute(&mut self, instruction: u32) {
        self.write(DebugRegister::Dir0exec, instruction);
    }

    fn set_a3(&mut self, value: u32) {
        self.write(DebugRegister::Ddr, value);
        self.execute(RSR_DDR_A3);
    }

    fn has(&self, bits: u32) -> bool {
        self.cpu.debug_register(DebugRegister::Dsr) & bits == bits
    }

    fn halt(&mut self) {
        self.write(DebugRegister::Dcrset, DCR_ENABLE_OCD | DCR_DEBUG_INTERRUPT);
        assert_eq!(self.run(1), Exit::Stopped);
        assert!(self.has(DSR_STOPPED));
    }
}

#[test]
fn the_host_stops_the_core_and_lets_it_go() {
    let mut host = Host::new(&LOOP);
    host.run(10);
    let pc = host.cpu.pc();
    assert!(!host.has(DSR_STOPPED));
    host.halt();
    let special = |register| host.cpu.special(register);
    assert_eq!(special(SpecialRegister::Debugcause), DEBUG_INTERRUPT);
    assert_eq!((special(SpecialRegister::Epc6), special(SpecialRegister::Eps6)), (pc, PS));
    assert_eq!(special(SpecialRegister::Ps) & PS_STOPPED, PS_STOPPED);
    assert_eq!(host.run(100), Exit::Stopped);
    host.execute(RFDO);
    assert!(host.has(DSR_EXEC_DONE) && !host.has(DSR_STOPPED));
    assert_eq!((host.cpu.pc(), host.cpu.special(SpecialRegister::Ps)), (pc, PS));
    assert_eq!(host.run(100), Exit::Budget);
}

#[test]
fn without_ocd_a_debug_interrupt_is_an_interrupt() {
    let mut host = Host::new(&LOOP);
    host.cpu.set_special(SpecialRegister::Ps, PS | DEBUG_LEVEL);
    host.write(DebugRegister::Dcrset, DCR_DEBUG_INTERRUPT);
    assert_eq!(host.run(10), Exit::Budget);
    assert_eq!(host.read(DebugRegister::Dcrset), DCR_DEBUG_INTERRUPT, "masked");
    host.cpu.set_special(SpecialRegister::Ps, PS);
    host.run(1);
    assert_eq!(host.cpu.pc(), VECTORS + 0x280 + 3);
    assert_eq!(host.cpu.special(SpecialRegister::Debugcause), DEBUG_INTERRUPT);
    assert_eq!(host.read(DebugRegister::Dcrclr), 0);
}

#[test]
fn the_host_stops_the_core_at_any_level() {
    let mut host = Host::new(&LOOP);
    host.cpu.set_special(SpecialRegister::Ps, PS | 15);
    host.halt();
    assert_eq!(host.cpu.special(SpecialRegister::Eps6), PS | 15);
}

#[test]
fn registers_and_memory_move_through_ddr() {
    let mut host = Host::new(&LOOP);
    host.bus.bytes[DATA as usize..][..8].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
    host.halt();
    host.set_a3(DATA);
    host.execute(LDDR32_P_A3);
    assert_eq!(host.read(DebugRegister::Ddrexec), 0x0403_0201, "DDREXEC reads, then executes");
    assert_eq!(host.read(DebugRegister::Ddr), 0x0807_0605);
    assert_eq!(host.cpu.ar(3), DATA + 8);
    host.set_a3(DATA + 4);
    host.write(DebugRegister::Dir0, SDDR32_P_A3);
    host.write(DebugRegister::Ddrexec, 0xdead_beef);
    host.write(DebugRegister::Ddrexec, 0x1234_5678);
    assert_eq!(host.bus.bytes[DATA as usize + 4..][..8], [0xef, 0xbe, 0xad, 0xde, 0x78, 0x56, 0x34, 0x12]);
    host.execute(RSR_EPC6_A3);
    host.execute(WSR_DDR_A3);
    assert_eq!(host.read(DebugRegister::Ddr), CODE);
}

#[test]
fn an_exception_is_recorded_and_not_taken() {
    let mut host = Host::new(&LOOP);
    host.halt();
    let pc = host.cpu.pc();
    host.set_a3(0xffff_0000);
    host.execute(L32I_A4_A3_0);
    assert!(host.has(DSR_EXEC_DONE | DSR_EXEC_EXCEPTION | DSR_STOPPED));
    assert_eq!(host.cpu.special(SpecialRegister::Excvaddr), 0xffff_0000);
    assert_eq!(host.cpu.pc(), pc);
    host.write(DebugRegister::Dsr, DSR_EXEC_EXCEPTION);
    assert!(!host.has(DSR_EXEC_EXCEPTION));
    host.execute(0);
    assert!(host.has(DSR_EXEC_EXCEPTION), "an illegal instruction");
}

#[test]
fn a_running_core_ignores_the_instruction_register() {
    let mut host = Host::new(&LOOP);
    host.write(DebugRegister::Dcrset, DCR_ENABLE_OCD);
    host.execute(WSR_PS_A3);
    assert!(!host.has(DSR_EXEC_DONE));
    assert_eq!(host.cpu.special(SpecialRegister::Ps), PS);
}

#[test]
fn a_break_stops_with_ocd_and_vectors_without() {
    let mut host = Host::new(&BREAKING);
    host.run(1);
    assert_eq!(host.cpu.pc(), VECTORS + 0x280);
    let mut host = Host::new(&BREAKING);
    host.write(DebugRegister::Dcrset, DCR_ENABLE_OCD);
    assert_eq!(host.run(10), Exit::Stopped);
    assert_eq!(host.cpu.special(SpecialRegister::Debugcause), BREAK);
    assert_eq!(host.cpu.special(SpecialRegister::Epc6), CODE);
}

#[test]
fn a_debug_interrupt_ends_waiting() {
    let mut host = Host::new(&BREAKING[6..]);
    assert_eq!(host.run(10), Exit::Waiting);
    assert!(host.cpu.is_waiting());
    host.write(DebugRegister::Dcrset, DCR_ENABLE_OCD | DCR_DEBUG_INTERRUPT);
    assert!(!host.cpu.is_waiting());
    assert_eq!(host.run(10), Exit::Stopped);
    assert_eq!(host.cpu.special(SpecialRegister::Epc6), CODE + 3, "after the waiti");
    host.execute(RFDO);
    assert_eq!(host.run(1), Exit::Budget);
    assert_eq!(host.cpu.ar(2), 1);
}

#[test]
fn hardware_breakpoints_and_single_steps() {
    let mut host = Host::new(&LOOP);
    host.run(4);
    host.halt();
    host.set_a3(CODE);
    host.execute(WSR_IBREAKA0_A3);
    host.set_a3(1);
    host.execute(WSR_IBREAKENABLE_A3);
    host.execute(WSR_DDR_A2);
    let before = host.read(DebugRegister::Ddr);
    host.execute(RFDO);
    assert_eq!(host.run(10), Exit::Stopped);
    assert_eq!(host.cpu.special(SpecialRegister::Debugcause), IBREAK);
    assert_eq!(host.cpu.special(SpecialRegister::Epc6), CODE);
    host.set_a3(0);
    host.execute(WSR_IBREAKENABLE_A3);
    for step in 1..4 {
        host.set_a3(1);
        host.execute(WSR_ICOUNTLEVEL_A3);
        host.set_a3(u32::MAX - 1);
        host.execute(WSR_ICOUNT_A3);
        host.execute(RFDO);
        assert_eq!(host.run(10), Exit::Stopped);
        assert_eq!(host.cpu.special(SpecialRegister::Debugcause), ICOUNT);
        assert_eq!(host.cpu.special(SpecialRegister::Epc6), CODE + [3, 0][(step - 1) % 2]);
    }
    assert_eq!(host.cpu.ar(2), before + 2);
    host.write(DebugRegister::Ddr, 100);
    host.execute(RSR_DDR_A2);
    assert_eq!(host.cpu.ar(2), 100);
}

#[test]
fn a_core_that_leaves_reset_stops_at_its_vector() {
    let mut host = Host::new(&LOOP);
    host.run(10);
    host.cpu.clear_power_status(WAS_RESET);
    assert_eq!(host.cpu.power_status(), 0x0f, "as OpenOCD's logs show it");
    host.cpu.set_power_control(JTAG_DEBUG_USE | CORE_RESET);
    assert!(host.cpu.is_held_in_reset());
    host.write(DebugRegister::Dcrset, DCR_ENABLE_OCD | DCR_DEBUG_INTERRUPT);
    host.cpu.set_power_control(JTAG_DEBUG_USE);
    assert!(!host.cpu.is_held_in_reset());
    assert_eq!(host.run(1), Exit::Stopped);
    assert_eq!(host.cpu.power_status(), 0x1f);
    assert_eq!(host.cpu.special(SpecialRegister::Epc6), CODE);
    assert_eq!(host.cpu.special(SpecialRegister::Debugcause), DEBUG_INTERRUPT);
}

#[test]
fn a_reset_of_the_module_leaves_the_core_stopped() {
    let mut host = Host::new(&LOOP);
    host.halt();
    host.cpu.reset_debug_module();
    assert!(host.cpu.is_stopped());
    assert_eq!(host.read(DebugRegister::Dcrset), 0);
    assert_eq!(host.cpu.power_status(), 0x5f, "as OpenOCD's logs show it");
    host.execute(RFDO);
    assert!(!host.cpu.is_stopped());
}

/// ESP-IDF asks whether a debugger is attached by reading DCRSET with RER.
#[test]
fn software_sees_the_module_too() {
    // rer a4, a3
    let mut host = Host::new(&[0x40, 0x63, 0x40]);
    host.cpu.set_ar(3, 0x10_200c);
    host.write(DebugRegister::Dcrset, DCR_ENABLE_OCD);
    host.run(1);
    assert_eq!(host.cpu.ar(4), DCR_ENABLE_OCD);
}
