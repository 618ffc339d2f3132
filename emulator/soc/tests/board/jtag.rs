//! A host on the chip's JTAG pins, in the way in which OpenOCD's Xtensa target talks to the chip.

use espalier_core::Span;
use espalier_soc::{JtagCycle, Machine, MachineConfig, Strap};

/// 20 MHz.
const PERIOD: Span = Span::from_nanos(50);
const IDCODE: u64 = 0x1200_34e5;
const BYPASS: u64 = 0x1f;
const PWRCTL: u64 = 0x08;
const PWRSTAT: u64 = 0x09;
const NARSEL: u64 = 0x1c;
const OCDID: u8 = 0x40;
const DCRSET: u8 = 0x43;
const DSR: u8 = 0x44;
const DDR: u8 = 0x45;
const DDREXEC: u8 = 0x46;
const DIR0EXEC: u8 = 0x47;
const OCDID_VALUE: u32 = 0x0733_bff2;
const HALT: u32 = 0b11;
const STOPPED: u32 = 1 << 4;
const EXCEPTION: u32 = 1 << 1;
/// rsr a3, ddr; wsr a3, ddr; rsr a3, epc6; rfdo; lddr32.p a3; sddr32.p a3
const RSR_DDR_A3: u32 = 0x0003_6830;
const WSR_DDR_A3: u32 = 0x0013_6830;
const RSR_EPC6_A3: u32 = 0x0003_b630;
const RFDO: u32 = 0x00f1_e000;
const LDDR32_P_A3: u32 = 0x0000_73e0;
const SDDR32_P_A3: u32 = 0x0000_73f0;

const ROM: std::ops::Range<u32> = 0x4000_0000..0x4006_0000;
const RESET_VECTOR: u32 = 0x4000_0400;
const DRAM: u32 = 0x3ffb_0000;
const RTC_SLOW: u32 = 0x5000_0000;
const RTC_CNTL_OPTIONS0: u32 = 0x3ff4_8000;
const SW_SYS_RST: u32 = 1 << 31;
const RTC_CNTL_RESET_STATE: u32 = 0x3ff4_8034;
const RTC_CNTL_WDTCONFIG0: u32 = 0x3ff4_808c;
const RTC_CNTL_WDTWPROTECT: u32 = 0x3ff4_80a4;
const WDT_KEY: u32 = 0x50d8_3aa1;
const DPORT_APPCPU_CTRL_A: u32 = 0x3ff0_002c;
const DPORT_APPCPU_CTRL_B: u32 = 0x3ff0_0030;
const IO_MUX_MTCK: u32 = 0x3ff4_9038;
const FUNCTION_GPIO: u32 = 2 << 12;

const PRO: u32 = 0;
const APP: u32 = 1;

struct Host {
    machine: Machine,
}

impl Host {
    /// A chip in download mode, which waits and leaves the watchdogs alone.
    fn new() -> Host {
        let mut machine = Machine::new(&MachineConfig::default()).unwrap();
        machine.reset(Strap::Download);
        machine.run_for(Span::from_millis(20));
        let mut host = Host { machine };
        host.walk(&[true, true, true, true, true, false]);
        host
    }

    fn clock(&mut self, cycles: &[JtagCycle]) -> Vec<bool> {
        self.machine.jtag(PERIOD, cycles)
    }

    fn walk(&mut self, tms: &[bool]) {
        let cycles: Vec<JtagCycle> = tms.iter().map(|&tms| JtagCycle { tms, tdi: false }).collect();
        self.clock(&cycles);
    }

    fn scan(&mut self, instruction: bool, value: u64, length: u32) -> u64 {
        self.walk(if instruction { &[true, true, false, false] } else { &[true, false, false] });
        let cycles: Vec<JtagCycle> =
            (0..length).map(|bit| JtagCycle { tms: bit == length - 1, tdi: value >> bit & 1 != 0 }).collect();
        let out = self.clock(&cycles).iter().rev().fold(0, |out, bit| out << 1 | u64::from(*bit));
        self.walk(&[true, false]);
        out
    }

    fn select(&mut self, core: u32, instruction: u64) {
        self.scan(true, instruction << (5 * core) | BYPASS << (5 * (1 - core)), 10);
    }

    fn data(&mut self, core: u32, value: u64, length: u32) -> u32 {
        let out = self.scan(false, value << core, length + 1);
        (out >> core & ((1 << length) - 1)) as u32
    }

    fn power(&mut self, core: u32, register: u64, value: u8) -> u8 {
        self.select(core, register);
        self.data(core, u64::from(value), 8) as u8
    }

    fn read(&mut self, core: u32, register: u8) -> u32 {
        self.select(core, NARSEL);
        self.data(core, u64::from(register) << 1, 8);
        self.data(core, 0, 32)
    }

    fn write(&mut self, core: u32, register: u8, value: u32) {
        self.select(core, NARSEL);
        self.data(core, u64::from(register) << 1 | 1, 8);
        self.data(core, u64::from(value), 32);
    }

    fn execute(&mut self, core: u32, instruction: u32) {
        self.write(core, DIR0EXEC, instruction);
    }

    fn halt(&mut self, core: u32) {
        self.write(core, DCRSET, HALT);
        assert_ne!(self.read(core, DSR) & STOPPED, 0);
    }

    fn pc(&mut self, core: u32) -> u32 {
        self.execute(core, RSR_EPC6_A3);
        self.execute(core, WSR_DDR_A3);
        self.read(core, DDR)
    }

    fn address(&mut self, core: u32, address: u32) {
        self.write(core, DDR, address);
        self.execute(core, RSR_DDR_A3);
    }

    fn load(&mut self, core: u32, address: u32) -> u32 {
        self.address(core, address);
        self.execute(core, LDDR32_P_A3);
        self.read(core, DDR)
    }

    fn store(&mut self, core: u32, address: u32, value: u32) {
        self.address(core, address);
        self.write(core, DDR, value);
        self.execute(core, SDDR32_P_A3);
        assert_eq!(self.read(core, DSR) & EXCEPTION, 0);
    }

    fn start_app(&mut self) {
        self.store(PRO, DPORT_APPCPU_CTRL_B, 1);
        self.store(PRO, DPORT_APPCPU_CTRL_A, 1);
        self.store(PRO, DPORT_APPCPU_CTRL_A, 0);
    }
}

#[test]
fn two_ports_answer_and_the_clockless_core_does_not() {
    let mut host = Host::new();
    assert_eq!(host.scan(false, u64::MAX, 64), IDCODE << 32 | IDCODE);
    assert_eq!(host.scan(true, u64::MAX, 10), 0b00001_00001);
    assert_eq!(host.read(PRO, OCDID), OCDID_VALUE);
    assert_eq!(host.read(APP, OCDID), 0);
    assert_eq!(host.power(PRO, PWRSTAT, 0x50), 0x5f);
    assert_eq!(host.power(PRO, PWRSTAT, 0), 0x0f);
}

#[test]
fn a_halted_core_stands_still_while_time_goes_on() {
    let mut host = Host::new();
    host.halt(PRO);
    let (pc, now) = (host.pc(PRO), host.machine.now());
    assert!(ROM.contains(&pc), "{pc:#x}");
    host.machine.run_for(Span::from_millis(10));
    assert_eq!(host.pc(PRO), pc);
    assert!(host.machine.now().since(now) >= Span::from_millis(10));
    host.execute(PRO, RFDO);
    assert_eq!(host.read(PRO, DSR) & STOPPED, 0);
}

#[test]
fn memory_is_read_and_written_in_a_stream() {
    let mut host = Host::new();
    host.halt(PRO);
    assert_eq!(host.load(PRO, 0x4000_1000), 0x00f0_1d83, "the word by which esptool tells the chip");
    host.store(PRO, DRAM, 0x1122_3344);
    host.write(PRO, DDREXEC, 0x5566_7788);
    host.address(PRO, DRAM);
    host.execute(PRO, LDDR32_P_A3);
    assert_eq!(host.read(PRO, DDREXEC), 0x1122_3344);
    assert_eq!(host.read(PRO, DDR), 0x5566_7788);
    host.address(PRO, 0x6fff_0000);
    host.execute(PRO, LDDR32_P_A3);
    assert_ne!(host.read(PRO, DSR) & EXCEPTION, 0);
}

#[test]
fn a_core_reset_stops_at_the_reset_vector() {
    let mut host = Host::new();
    for core in [PRO, APP] {
        if core == APP {
            host.start_app();
        }
        host.power(core, PWRSTAT, 0x50);
        host.power(core, PWRCTL, 0x97);
        host.write(core, DCRSET, HALT);
        host.power(core, PWRCTL, 0x87);
        assert_ne!(host.read(core, DSR) & STOPPED, 0);
        assert_eq!(host.pc(core), RESET_VECTOR);
        assert_eq!(host.power(core, PWRSTAT, 0), 0x1f);
    }
}

/// OpenOCD and probe-rs reset the chip with code in RTC memory, because a reset of the system takes the debug modules along.
#[test]
fn a_system_reset_frees_the_core_and_can_start_in_rtc_memory() {
    let mut host = Host::new();
    host.halt(PRO);
    // j .
    host.store(PRO, RTC_SLOW, 0x00ff_ff06);
    host.store(PRO, RTC_CNTL_WDTWPROTECT, WDT_KEY);
    host.store(PRO, RTC_CNTL_RESET_STATE, 0);
    host.store(PRO, RTC_CNTL_OPTIONS0, SW_SYS_RST);
    host.machine.run_for(Span::from_micros(100));
    host.walk(&[true, true, true, true, true, false]);
    assert_eq!(host.power(PRO, PWRSTAT, 0), 0x5f);
    assert_eq!(host.read(PRO, DSR) & STOPPED, 0);
    host.halt(PRO);
    assert_eq!(host.pc(PRO), RTC_SLOW);
    host.store(PRO, RTC_CNTL_WDTWPROTECT, WDT_KEY);
    host.store(PRO, RTC_CNTL_WDTCONFIG0, 0);
}

#[test]
fn pads_with_another_function_are_no_jtag() {
    let mut host = Host::new();
    host.halt(PRO);
    host.address(PRO, IO_MUX_MTCK);
    host.write(PRO, DDR, FUNCTION_GPIO);
    host.execute(PRO, SDDR32_P_A3);
    assert_eq!(host.read(PRO, OCDID), u32::MAX);
    host.machine.reset(Strap::Download);
    host.machine.run_for(Span::from_millis(1));
    host.walk(&[true, true, true, true, true, false]);
    assert_eq!(host.read(PRO, OCDID), OCDID_VALUE);
}

#[test]
fn the_same_host_gives_the_same_run() {
    let run = || {
        let mut host = Host::new();
        host.halt(PRO);
        host.start_app();
        host.halt(APP);
        host.execute(PRO, RFDO);
        host.machine.run_for(Span::from_millis(5));
        (host.machine.trace_hash(), host.machine.now())
    };
    assert_eq!(run(), run());
}
