//! The chain of test access ports (IEEE 1149.1; Xtensa Debug Guide, chapter "Access Port").

use espalier_xtensa::{DebugPorts, IDCODE, INSTRUCTION_BITS, JtagChain, TapState};

const PWRCTL: u64 = 0x08;
const PWRSTAT: u64 = 0x09;
const NARSEL: u64 = 0x1c;
const BYPASS: u64 = 0x1f;
const DSR: u8 = 0x44;
const DDR: u8 = 0x45;

/// A call of the ports.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    PowerControl(usize, u8),
    ClearStatus(usize, u8),
    Read(usize, u8),
    Finish(usize, u8),
    Write(usize, u8, u32),
}

#[derive(Default)]
struct Ports(Vec<Call>);

impl DebugPorts for Ports {
    fn power_control(&mut self, port: usize) -> u8 {
        0x80 | port as u8
    }

    fn set_power_control(&mut self, port: usize, value: u8) {
        self.0.push(Call::PowerControl(port, value));
    }

    fn power_status(&mut self, _: usize) -> u8 {
        0x5f
    }

    fn clear_power_status(&mut self, port: usize, bits: u8) {
        self.0.push(Call::ClearStatus(port, bits));
    }

    fn read(&mut self, port: usize, number: u8) -> u32 {
        self.0.push(Call::Read(port, number));
        0xcafe_0000 | u32::from(number)
    }

    fn finish_read(&mut self, port: usize, number: u8) {
        self.0.push(Call::Finish(port, number));
    }

    fn write(&mut self, port: usize, number: u8, value: u32) {
        self.0.push(Call::Write(port, number, value));
    }
}

#[derive(Default)]
struct Bench {
    chain: JtagChain<2>,
    ports: Ports,
}

impl Bench {
    fn new() -> Bench {
        let mut bench = Bench::default();
        bench.walk(&[true, true, true, true, true, false]);
        bench
    }

    fn walk(&mut self, tms: &[bool]) {
        for &level in tms {
            self.chain.clock(level, false, &mut self.ports);
        }
    }

    /// Shifts `length` bits and returns to Run-Test/Idle.
    fn scan(&mut self, instruction: bool, value: u64, length: u32) -> u64 {
        self.walk(if instruction { &[true, true, false, false] } else { &[true, false, false] });
        let out = (0..length).fold(0, |out, bit| {
            let tdo = self.chain.clock(bit == length - 1, value >> bit & 1 != 0, &mut self.ports);
            out | u64::from(tdo) << bit
        });
        self.walk(&[true, false]);
        assert_eq!(self.chain.state(), TapState::RunTestIdle);
        out
    }

    /// Selects an instruction for one port and `BYPASS` for the other.
    fn select(&mut self, port: u32, instruction: u64) {
        let other = BYPASS << (INSTRUCTION_BITS * (1 - port));
        self.scan(true, instruction << (INSTRUCTION_BITS * port) | other, 2 * INSTRUCTION_BITS);
    }

    /// Shifts through the data register of one port, past the one-bit register of the other.
    fn data(&mut self, port: u32, value: u64, length: u32) -> u64 {
        let position = 1 - port;
        let out = self.scan(false, value << (1 - position), length + 1);
        if port == 0 { out & ((1 << length) - 1) } else { out >> 1 }
    }
}

#[test]
fn five_ones_reset_from_everywhere() {
    use TapState::{
        CaptureDr, CaptureIr, Exit1Dr, Exit1Ir, Exit2Dr, Exit2Ir, PauseDr, PauseIr, RunTestIdle, SelectDrScan,
        SelectIrScan, ShiftDr, ShiftIr, TestLogicReset, UpdateDr, UpdateIr,
    };
    let states = [
        TestLogicReset,
        RunTestIdle,
        SelectDrScan,
        CaptureDr,
        ShiftDr,
        Exit1Dr,
        PauseDr,
        Exit2Dr,
        UpdateDr,
        SelectIrScan,
        CaptureIr,
        ShiftIr,
        Exit1Ir,
        PauseIr,
        Exit2Ir,
        UpdateIr,
    ];
    for start in states {
        assert_eq!((0..5).fold(start, |state, _| state.next(true)), TestLogicReset, "{start:?}");
    }
}

#[test]
fn after_reset_both_ports_identify_themselves() {
    let mut bench = Bench::new();
    assert_eq!(bench.scan(false, u64::MAX, 64), u64::from(IDCODE) << 32 | u64::from(IDCODE));
}

#[test]
fn the_instruction_registers_capture_one() {
    let mut bench = Bench::new();
    assert_eq!(bench.scan(true, u64::MAX, 10), 0b00001_00001);
    assert_eq!(bench.scan(false, 0b101, 3) >> 2, 1, "two bits of bypass before what was shifted in");
}

#[test]
fn power_registers_belong_to_their_port() {
    let mut bench = Bench::new();
    bench.select(0, PWRCTL);
    assert_eq!(bench.data(0, 0x87, 8), 0x80);
    bench.select(1, PWRCTL);
    assert_eq!(bench.data(1, 0x17, 8), 0x81);
    bench.select(1, PWRSTAT);
    assert_eq!(bench.data(1, 0x50, 8), 0x5f);
    let expected = [Call::PowerControl(0, 0x87), Call::PowerControl(1, 0x17), Call::ClearStatus(1, 0x50)];
    assert_eq!(bench.ports.0, expected);
}

#[test]
fn registers_are_reached_by_address_then_data() {
    let mut bench = Bench::new();
    for port in [0, 1] {
        bench.select(port, NARSEL);
        bench.data(port, u64::from(DDR) << 1 | 1, 8);
        bench.data(port, 0x1234_5678, 32);
        bench.data(port, u64::from(DSR) << 1, 8);
        assert_eq!(bench.data(port, 0, 32), 0xcafe_0044);
        let port = port as usize;
        let expected = [Call::Write(port, DDR, 0x1234_5678), Call::Read(port, DSR), Call::Finish(port, DSR)];
        assert_eq!(std::mem::take(&mut bench.ports.0), expected);
    }
}

#[test]
fn a_new_instruction_scan_starts_with_an_address() {
    let mut bench = Bench::new();
    bench.select(0, NARSEL);
    bench.data(0, u64::from(DDR) << 1 | 1, 8);
    bench.select(0, NARSEL);
    bench.data(0, u64::from(DSR) << 1, 8);
    assert_eq!(bench.data(0, 0, 32), 0xcafe_0044);
}

#[test]
fn pausing_changes_nothing() {
    let mut bench = Bench::new();
    bench.walk(&[true, false, false]);
    let mut out = 0u64;
    for bit in 0..64 {
        // Through Exit1-DR, Pause-DR and Exit2-DR before every bit but the first.
        let pause = bit % 8 == 7;
        out |= u64::from(bench.chain.clock(pause, false, &mut bench.ports)) << bit;
        if pause {
            bench.walk(&[false, false, true, false]);
        }
    }
    assert_eq!(out, u64::from(IDCODE) << 32 | u64::from(IDCODE));
}
