//! The master's command list (TRM chapter 11.3.3 and 11.3.4).

use espalier_core::{I2cTarget, Span, Time};

use super::I2c;
use super::regs::{COMMANDS, Command, MainState, Opcode, SclState, reg};

/// Bits on the wire for each byte: eight of data and the acknowledge.
pub(super) const BITS_PER_BYTE: u64 = 9;

/// The level that a released SDA line reads as.
const RELEASED: u8 = 0xFF;

/// Where the master stands in its list and on the bus.
#[derive(Clone, Debug, Default)]
pub(super) struct Master {
    /// The activity on the wires, and its end.
    step: Option<(Time, Step)>,
    /// The command that `step` belongs to.
    command: u32,
    /// The byte that waits behind a time-out until the target lets go of SCL.
    held: Option<(Time, Step)>,
    /// Bytes of this command after the one of `step`.
    remaining: u8,
    phase: Phase,
    /// Bytes since the start of the list, for the thresholds of non-FIFO mode.
    sent: u32,
    received: u32,
}

espalier_core::persist!(value Master { step, command, held, remaining, phase, sent, received });

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Start,
    Write(u8),
    Read,
    /// A STOP, of the list or after a refused acknowledge.
    Stop {
        of_list: bool,
    },
    End,
    TimeOut,
}

espalier_core::persist!(enum Step { Start, Write(value), Read, Stop { of_list }, End, TimeOut });

/// The next byte that the targets on the bus expect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Idle,
    /// After a START: the next byte is an address.
    Address,
    Write,
    Read,
    /// No target took the address, and the list goes on all the same.
    Unheard,
}

espalier_core::persist!(
    enum Phase {
        Idle,
        Address,
        Write,
        Read,
        Unheard,
    }
);

impl Master {
    pub(super) fn deadline(&self) -> Option<Time> {
        self.step.map(|(due, _)| due)
    }

    /// Between START and STOP.
    pub(super) fn holds_bus(&self) -> bool {
        self.phase != Phase::Idle
    }

    /// Whether the lines are not both released. SDA falls when a START begins, long before it is over.
    pub(super) fn is_busy(&self) -> bool {
        self.holds_bus() || self.step.is_some()
    }
}

impl I2c {
    /// TRANS_START was set at `now`.
    pub(super) fn start_list(&mut self, now: Time) {
        if self.master.step.is_some() {
            return;
        }
        self.master.command = 0;
        self.master.sent = 0;
        self.master.received = 0;
        if self.is_nonfifo() {
            self.tx.clear();
            self.rx.clear();
        }
        self.set_status(reg::SR::TIME_OUT.mask() | reg::SR::BYTE_TRANS.mask(), 0);
        self.begin_command(now);
    }

    pub(super) fn run_master(&mut self, bus: &mut dyn I2cTarget, now: Time) {
        while let Some((due, step)) = self.master.step.take_if(|(due, _)| *due <= now) {
            self.finish_step(step, due, bus);
        }
    }

    /// Puts the command at the list's position on the wires at `at`. Without such a command the list ends silently.
    fn begin_command(&mut self, at: Time) {
        while self.master.command < COMMANDS {
            let command = self.command();
            match command.opcode() {
                Opcode::Rstart => {
                    let setup = if self.master.holds_bus() { self.registers.get(reg::SCL_RSTART_SETUP) } else { 0 };
                    let hold = self.registers.get(reg::SCL_START_HOLD);
                    return self.begin_step(Step::Start, setup + hold, at);
                }
                Opcode::Stop => return self.begin_stop(true, at),
                Opcode::End => return self.begin_step(Step::End, 1, at),
                Opcode::Write | Opcode::Read if command.byte_num() > 0 => {
                    self.master.remaining = command.byte_num();
                    return self.begin_byte(at);
                }
                Opcode::Write | Opcode::Read => self.next_command(),
                Opcode::Reserved => return,
            }
        }
    }

    fn begin_byte(&mut self, at: Time) {
        if !self.master.holds_bus() {
            return;
        }
        let step = match self.command().opcode() {
            Opcode::Read => Step::Read,
            _ => Step::Write(self.next_byte_to_send()),
        };
        self.master.remaining -= 1;
        let byte = (at + self.bit_time() * BITS_PER_BYTE + self.stretch, step);
        let time_out = self.apb.cycles(self.registers.get(reg::TO).into());
        if self.stretch > time_out {
            self.master.held = Some(byte);
            self.master.step = Some((at + time_out, Step::TimeOut));
        } else {
            self.master.step = Some(byte);
        }
    }

    fn begin_stop(&mut self, of_list: bool, at: Time) {
        let cycles = self.registers.get(reg::SCL_STOP_SETUP) + self.registers.get(reg::SCL_STOP_HOLD);
        self.begin_step(Step::Stop { of_list }, cycles, at);
    }

    fn begin_step(&mut self, step: Step, cycles: u32, at: Time) {
        self.master.step = Some((at + self.apb.cycles(cycles.max(1).into()), step));
    }

    fn finish_step(&mut self, step: Step, at: Time, bus: &mut dyn I2cTarget) {
        match step {
            Step::Start => {
                let repeated = self.master.holds_bus();
                let cycles = |register| self.apb.cycles(u64::from(self.registers.get(register)));
                let setup = if repeated { cycles(reg::SCL_RSTART_SETUP) } else { Span::ZERO };
                self.trace_start(cycles(reg::SCL_START_HOLD), setup, at);
                self.master.phase = Phase::Address;
                self.set_states(SclState::Start, MainState::Idle);
                self.raise(reg::INT_RAW::TRANS_START.mask());
                self.finish_command(at);
            }
            Step::Write(byte) => self.finish_write(byte, at, bus),
            Step::Read => {
                let byte = if self.master.phase == Phase::Read { bus.read(at) } else { RELEASED };
                // The controller acknowledges with the level that the command has.
                self.trace_byte(byte, reg::COMD::ACK_VALUE.is_set(self.command().0), at);
                self.store_received(byte);
                self.set_states(SclState::Low, MainState::SendAck);
                self.finish_byte(at);
            }
            Step::Stop { of_list } => {
                self.trace_stop(at);
                if self.master.holds_bus() {
                    bus.stop(at);
                }
                self.master.phase = Phase::Idle;
                self.set_states(SclState::Stop, MainState::Idle);
                self.raise(reg::INT_RAW::TRANS_COMPLETE.mask());
                if of_list {
                    self.mark_done();
                }
            }
            Step::End => self.raise(reg::INT_RAW::END_DETECT.mask()),
            Step::TimeOut => {
                self.set_status(reg::SR::TIME_OUT.mask(), reg::SR::TIME_OUT.mask());
                self.raise(reg::INT_RAW::TIME_OUT.mask());
                self.master.step = self.master.held.take();
            }
        }
    }

    fn finish_write(&mut self, byte: u8, at: Time, bus: &mut dyn I2cTarget) {
        let acknowledged = match self.master.phase {
            Phase::Address => {
                let read = byte & 1 != 0;
                let acknowledged = bus.start(byte >> 1, read, at);
                self.master.phase = match (acknowledged, read) {
                    (false, _) => Phase::Unheard,
                    (true, false) => Phase::Write,
                    (true, true) => Phase::Read,
                };
                acknowledged
            }
            Phase::Write => bus.write(byte, at),
            // A target that sends, or none at all, pulls no acknowledge low.
            Phase::Read | Phase::Unheard | Phase::Idle => false,
        };
        let level = !acknowledged;
        self.trace_byte(byte, level, at);
        self.set_status(reg::SR::ACK_REC.mask(), if level { reg::SR::ACK_REC.mask() } else { 0 });
        self.set_states(SclState::Low, MainState::WaitAck);
        if self.command().refuses(level) {
            self.raise(reg::INT_RAW::NACK.mask());
            self.begin_stop(false, at);
        } else {
            self.finish_byte(at);
        }
    }

    fn finish_byte(&mut self, at: Time) {
        self.set_status(reg::SR::BYTE_TRANS.mask(), reg::SR::BYTE_TRANS.mask());
        self.raise(reg::INT_RAW::MASTER_TRAN_COMP.mask());
        if self.master.remaining > 0 {
            self.begin_byte(at);
        } else {
            self.finish_command(at);
        }
    }

    fn finish_command(&mut self, at: Time) {
        self.next_command();
        self.begin_command(at);
    }

    fn next_command(&mut self) {
        self.mark_done();
        self.master.command += 1;
    }

    fn mark_done(&mut self) {
        let offset = self.command_offset();
        self.registers.modify(offset, 0, reg::COMD::COMMAND_DONE.mask());
    }

    fn command(&self) -> Command {
        Command(self.registers.get(self.command_offset()))
    }

    fn command_offset(&self) -> u32 {
        reg::COMD + 4 * self.master.command
    }

    fn next_byte_to_send(&mut self) -> u8 {
        let byte = if self.is_nonfifo() {
            self.master.sent += 1;
            if self.master.sent > self.registers.field(reg::FIFO_CONF::NONFIFO_TX_THRES) {
                self.raise(reg::INT_RAW::TX_SEND_EMPTY.mask());
            }
            self.tx.step_over()
        } else {
            // An empty FIFO sends what its RAM holds.
            let stale = self.tx.stale();
            self.tx.pop().unwrap_or(stale)
        };
        if self.registers.is_set(reg::CTR::TX_LSB_FIRST) { byte.reverse_bits() } else { byte }
    }

    fn store_received(&mut self, byte: u8) {
        let lsb_first = self.registers.is_set(reg::CTR::RX_LSB_FIRST);
        let byte = if lsb_first { byte.reverse_bits() } else { byte };
        if self.is_nonfifo() {
            self.rx.step_into(byte);
            self.master.received += 1;
            if self.master.received > self.registers.field(reg::FIFO_CONF::NONFIFO_RX_THRES) {
                self.raise(reg::INT_RAW::RX_REC_FULL.mask());
            }
        } else if !self.rx.push(byte) {
            self.raise(reg::INT_RAW::RXFIFO_OVF.mask());
        }
    }

    /// One SCL period. The controller adds cycles to what the registers say (TRM chapter 11.3.5): one to the low
    /// period, and to the high period those in which it notices that SCL has risen, more of them with the filter.
    pub(super) fn bit_time(&self) -> Span {
        let low = self.registers.get(reg::SCL_LOW_PERIOD) + 1;
        let filter = self.registers.get(reg::SCL_FILTER_CFG);
        let rise = match (
            reg::SCL_FILTER_CFG::SCL_FILTER_EN.is_set(filter),
            reg::SCL_FILTER_CFG::SCL_FILTER_THRES.get(filter),
        ) {
            (false, _) => 7,
            (true, 0..=2) => 8,
            (true, threshold) => 6 + threshold,
        };
        let high = self.registers.get(reg::SCL_HIGH_PERIOD) + rise;
        self.apb.cycles((low + high).into())
    }

    fn set_status(&mut self, mask: u32, value: u32) {
        self.registers.set(reg::SR, self.registers.get(reg::SR) & !mask | value);
    }

    fn set_states(&mut self, scl: SclState, main: MainState) {
        let mask = reg::SR::SCL_STATE_LAST.mask() | reg::SR::SCL_MAIN_STATE_LAST.mask();
        let value = reg::SR::SCL_STATE_LAST.put(scl as u32) | reg::SR::SCL_MAIN_STATE_LAST.put(main as u32);
        self.set_status(mask, value);
    }
}
