//! The master's command list (TRM chapter 11.3.3 and 11.3.4).

use espalier_core::{I2cTarget, Span, Time};

use super::I2c;
use super::bits::Bits;
use super::regs::{COMMANDS, Command, MainState, Opcode, SclState, reg};
use super::steps::{BITS_PER_BYTE, Phase, RELEASED, Step};

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
    /// The present activity bit by bit, where the wires are shared.
    bits: Bits,
}

espalier_core::persist!(value Master { step, command, held, remaining, phase, sent, received, bits });

impl Master {
    pub(super) fn deadline(&self) -> Option<Time> {
        if self.bits.are_planned() { self.bits.deadline() } else { self.step.map(|(due, _)| due) }
    }

    pub(super) fn bits(&mut self) -> &mut Bits {
        &mut self.bits
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
        self.begin_counts();
        if self.is_nonfifo() {
            self.tx.clear();
            self.rx.clear();
        }
        self.set_status(reg::SR::TIME_OUT.mask() | reg::SR::BYTE_TRANS.mask(), 0);
        self.begin_command(now);
    }

    /// Bytes are counted anew.
    pub(super) fn begin_counts(&mut self) {
        (self.master.sent, self.master.received) = (0, 0);
    }

    pub(super) fn run_master(&mut self, bus: &mut dyn I2cTarget, now: Time) {
        if self.master.bits.are_planned() {
            return self.run_bits(bus, now);
        }
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
                    self.begin_step(Step::Start, setup + hold, at);
                    if self.wires.are_shared() {
                        self.plan_start(self.apb.cycles(setup.into()), self.apb.cycles(hold.into()), at);
                    }
                    return;
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
        if self.wires.are_shared() {
            self.master.step = Some((at, step));
            return self.plan_byte(step, reg::COMD::ACK_VALUE.is_set(self.command().0), at);
        }
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
        if self.wires.are_shared() {
            self.plan_stop(at);
        }
    }

    fn begin_step(&mut self, step: Step, cycles: u32, at: Time) {
        self.master.step = Some((at + self.apb.cycles(cycles.max(1).into()), step));
    }

    /// The bits of the present activity are over.
    pub(super) fn finish_bits(&mut self, at: Time, bus: &mut dyn I2cTarget) {
        if let Some((_, step)) = self.master.step.take() {
            self.finish_step(step, at, bus);
        }
    }

    /// Another controller has sent a zero where this one let go of SDA.
    pub(super) fn lose_arbitration(&mut self) {
        (self.master.step, self.master.held, self.master.phase) = (None, None, Phase::Idle);
        self.set_status(reg::SR::ARB_LOST.mask(), reg::SR::ARB_LOST.mask());
        self.raise(reg::INT_RAW::ARBITRATION_LOST.mask());
    }

    fn finish_step(&mut self, step: Step, at: Time, bus: &mut dyn I2cTarget) {
        match step {
            Step::Start => {
                let repeated = self.master.holds_bus();
                let cycles = |register| self.apb.cycles(u64::from(self.registers.get(register)));
                let setup = if repeated { cycles(reg::SCL_RSTART_SETUP) } else { Span::ZERO };
                self.trace_start(cycles(reg::SCL_START_HOLD), setup, at);
                self.master.phase = Phase::Address;
                self.master.bits.start();
                self.set_states(SclState::Start, MainState::Idle);
                self.raise(reg::INT_RAW::TRANS_START.mask());
                self.finish_command(at);
            }
            Step::Write(byte) => self.finish_write(byte, at, bus),
            Step::Read => {
                let byte = match self.master.bits.take_byte() {
                    Some(byte) => byte,
                    None if self.master.phase == Phase::Read => bus.read(at),
                    None => RELEASED,
                };
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
        let acknowledged = match self.master.bits.take_acknowledge() {
            Some(acknowledged) => {
                if self.master.phase == Phase::Address {
                    self.master.phase = Phase::after_address(acknowledged, byte);
                }
                acknowledged
            }
            None => self.master.phase.write(byte, bus, at),
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

    /// The next byte of a master's command, or of a slave.
    pub(super) fn next_byte_to_send(&mut self) -> u8 {
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

    pub(super) fn store_received(&mut self, byte: u8) {
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

    pub(super) fn set_status(&mut self, mask: u32, value: u32) {
        self.registers.set(reg::SR, self.registers.get(reg::SR) & !mask | value);
    }

    fn set_states(&mut self, scl: SclState, main: MainState) {
        let mask = reg::SR::SCL_STATE_LAST.mask() | reg::SR::SCL_MAIN_STATE_LAST.mask();
        let value = reg::SR::SCL_STATE_LAST.put(scl as u32) | reg::SR::SCL_MAIN_STATE_LAST.put(main as u32);
        self.set_status(mask, value);
    }
}
