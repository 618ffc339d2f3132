//! The JTAG side of the debug modules: test access ports in a chain, as pure state.
//!
//! The state machine and what happens on which edge follow IEEE 1149.1, chapter "Test logic architecture"; instructions
//! and registers follow the *Xtensa Debug Guide*, chapter "Access Port". Instructions are [`INSTRUCTION_BITS`] long.

use espalier_core::{Damaged, Persist, Reader, Writer};

/// Length of the instruction register of one port.
pub const INSTRUCTION_BITS: u32 = 5;
/// The value that `IDCODE` shifts out: version 1, part 0x2003 of Tensilica.
pub const IDCODE: u32 = 0x1200_34e5;

/// Instructions of a port. All others are `BYPASS`.
mod instruction {
    pub const PWRCTL: u32 = 0x08;
    pub const PWRSTAT: u32 = 0x09;
    pub const NARSEL: u32 = 0x1c;
    pub const IDCODE: u32 = 0x1e;
    pub const BYPASS: u32 = 0x1f;
}

/// The value that the instruction register captures: IEEE 1149.1 wants its last two bits to be 01.
const INSTRUCTION_CAPTURE: u32 = 0b00001;
/// Lengths of data registers.
const POWER_BITS: u32 = 8;
const NEXUS_ADDRESS_BITS: u32 = 8;
const WORD_BITS: u32 = 32;
/// The bit of the Nexus address that tells a write from a read.
const NEXUS_WRITE: u32 = 1;

/// The debug modules at the ports of a chain. `port` counts from the end of the chain that drives TDO.
pub trait DebugPorts {
    /// Value of `PWRCTL`.
    fn power_control(&mut self, port: usize) -> u8;
    /// Writes `PWRCTL`.
    fn set_power_control(&mut self, port: usize, value: u8);
    /// Value of `PWRSTAT`.
    fn power_status(&mut self, port: usize) -> u8;
    /// Clears the bits of `PWRSTAT` that are set in `bits`.
    fn clear_power_status(&mut self, port: usize, bits: u8);
    /// Value of the register of the debug module with this number; zero if there is none.
    fn read(&mut self, port: usize, number: u8) -> u32;
    /// The host has read the register.
    fn finish_read(&mut self, port: usize, number: u8);
    /// Writes the register.
    fn write(&mut self, port: usize, number: u8, value: u32);
}

/// States of the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the state names of IEEE 1149.1")]
pub enum TapState {
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
}

espalier_core::persist! {
    enum TapState {
        TestLogicReset, RunTestIdle, SelectDrScan, CaptureDr, ShiftDr, Exit1Dr, PauseDr, Exit2Dr, UpdateDr,
        SelectIrScan, CaptureIr, ShiftIr, Exit1Ir, PauseIr, Exit2Ir, UpdateIr
    }
}

impl TapState {
    /// The state after a rising edge of TCK with this level of TMS.
    pub fn next(self, tms: bool) -> TapState {
        let (low, high) = match self {
            TapState::TestLogicReset => (TapState::RunTestIdle, TapState::TestLogicReset),
            TapState::RunTestIdle => (TapState::RunTestIdle, TapState::SelectDrScan),
            TapState::SelectDrScan => (TapState::CaptureDr, TapState::SelectIrScan),
            TapState::CaptureDr | TapState::ShiftDr => (TapState::ShiftDr, TapState::Exit1Dr),
            TapState::Exit1Dr => (TapState::PauseDr, TapState::UpdateDr),
            TapState::PauseDr => (TapState::PauseDr, TapState::Exit2Dr),
            TapState::Exit2Dr => (TapState::ShiftDr, TapState::UpdateDr),
            TapState::SelectIrScan => (TapState::CaptureIr, TapState::TestLogicReset),
            TapState::CaptureIr | TapState::ShiftIr => (TapState::ShiftIr, TapState::Exit1Ir),
            TapState::Exit1Ir => (TapState::PauseIr, TapState::UpdateIr),
            TapState::PauseIr => (TapState::PauseIr, TapState::Exit2Ir),
            TapState::Exit2Ir => (TapState::ShiftIr, TapState::UpdateIr),
            TapState::UpdateDr | TapState::UpdateIr => (TapState::RunTestIdle, TapState::SelectDrScan),
        };
        if tms { high } else { low }
    }
}

/// The content of the next data scan with `NARSEL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nexus {
    /// The number of a register, and whether it is to be written.
    Address,
    /// The register's value.
    Data { number: u8, write: bool },
}

espalier_core::persist!(enum Nexus { Address, Data { number, write } });

/// One port of the chain.
#[derive(Clone, Debug)]
struct Port {
    instruction: u32,
    nexus: Nexus,
    /// The register between TDI and TDO, and its length.
    shift: u32,
    length: u32,
}

espalier_core::persist!(value Port { instruction, nexus, shift, length } if Port::is_sound;);

impl Port {
    const RESET: Port = Port { instruction: instruction::IDCODE, nexus: Nexus::Address, shift: 0, length: 1 };

    fn is_sound(&self) -> bool {
        (1..=WORD_BITS).contains(&self.length)
    }

    fn capture_data(&mut self, port: usize, ports: &mut impl DebugPorts) {
        (self.shift, self.length) = match (self.instruction, self.nexus) {
            (instruction::IDCODE, _) => (IDCODE, WORD_BITS),
            (instruction::PWRCTL, _) => (u32::from(ports.power_control(port)), POWER_BITS),
            (instruction::PWRSTAT, _) => (u32::from(ports.power_status(port)), POWER_BITS),
            // The status of the access before: accesses complete between two scans and do not fail.
            (instruction::NARSEL, Nexus::Address) => (0, NEXUS_ADDRESS_BITS),
            (instruction::NARSEL, Nexus::Data { write: true, .. }) => (0, WORD_BITS),
            (instruction::NARSEL, Nexus::Data { number, write: false }) => (ports.read(port, number), WORD_BITS),
            _ => (0, 1),
        };
    }

    fn update_data(&mut self, port: usize, ports: &mut impl DebugPorts) {
        match (self.instruction, self.nexus) {
            (instruction::PWRCTL, _) => ports.set_power_control(port, self.shift as u8),
            (instruction::PWRSTAT, _) => ports.clear_power_status(port, self.shift as u8),
            (instruction::NARSEL, Nexus::Address) => {
                let number = (self.shift as u8) >> 1;
                self.nexus = Nexus::Data { number, write: self.shift & NEXUS_WRITE != 0 };
            }
            (instruction::NARSEL, Nexus::Data { number, write }) => {
                self.nexus = Nexus::Address;
                if write {
                    ports.write(port, number, self.shift);
                } else {
                    ports.finish_read(port, number);
                }
            }
            _ => {}
        }
    }

    fn capture_instruction(&mut self) {
        (self.shift, self.length) = (INSTRUCTION_CAPTURE, INSTRUCTION_BITS);
    }

    fn update_instruction(&mut self) {
        self.instruction = self.shift & instruction::BYPASS;
        self.nexus = Nexus::Address;
    }

    /// Moves the register by one bit.
    fn shift(&mut self, input: bool) -> bool {
        let output = self.shift & 1 != 0;
        self.shift = self.shift >> 1 | u32::from(input) << (self.length - 1);
        output
    }
}

/// Ports with common TCK and TMS, each of which feeds the next: the first one drives TDO, the last one is fed by TDI.
#[derive(Clone, Debug)]
pub struct JtagChain<const PORTS: usize> {
    state: TapState,
    ports: [Port; PORTS],
}

impl<const PORTS: usize> Persist for JtagChain<PORTS> {
    fn save(&self, to: &mut Writer) {
        let JtagChain { state, ports } = self;
        state.save(to);
        ports.save(to);
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        self.state.restore(from)?;
        self.ports.restore(from)
    }
}

impl<const PORTS: usize> Default for JtagChain<PORTS> {
    fn default() -> JtagChain<PORTS> {
        JtagChain { state: TapState::TestLogicReset, ports: [Port::RESET; PORTS] }
    }
}

impl<const PORTS: usize> JtagChain<PORTS> {
    /// One cycle of TCK. Returns the level of TDO before the rising edge, which is where a host samples it; it is high while
    /// nothing is shifted, because nothing drives it.
    pub fn clock(&mut self, tms: bool, tdi: bool, debug: &mut impl DebugPorts) -> bool {
        let mut tdo = true;
        match self.state {
            TapState::ShiftDr | TapState::ShiftIr => {
                tdo = self.ports.iter_mut().rev().fold(tdi, |bit, port| port.shift(bit));
            }
            TapState::CaptureDr => {
                self.ports.iter_mut().enumerate().for_each(|(number, port)| port.capture_data(number, debug));
            }
            TapState::CaptureIr => self.ports.iter_mut().for_each(Port::capture_instruction),
            _ => {}
        }
        self.state = self.state.next(tms);
        match self.state {
            TapState::UpdateDr => {
                self.ports.iter_mut().enumerate().for_each(|(number, port)| port.update_data(number, debug));
            }
            TapState::UpdateIr => self.ports.iter_mut().for_each(Port::update_instruction),
            TapState::TestLogicReset => self.ports = [Port::RESET; PORTS],
            _ => {}
        }
        tdo
    }

    /// The state of the controllers, which is the same for all ports.
    pub fn state(&self) -> TapState {
        self.state
    }
}
