//! The host on its lines: a command and its answer, then blocks, then the command that stops them.

use espalier_core::{GuestMemory, SdData, SdResponse, Surroundings, Time};

use super::dma::Ended;
use super::registers::{interrupt, reg};
use super::transfer::{Stage, Transfer};
use super::{Clocks, Command, CommandStage, FIFO, Sdmmc};

/// Clocks of a command, of the answers to one, and of the gap before an answer or a command (section 4.12).
const COMMAND: u64 = 48;
const LONG_ANSWER: u64 = 136;
const GAP: u64 = 8;
/// Clocks with which a card begins.
const INITIALIZATION: u64 = 80;
/// Start bit, CRC and end bit of a block.
const AROUND_BLOCK: u64 = 18;
const STOP: u8 = 12;

impl Sdmmc {
    /// Takes the command that waits in CMD, if its lines are free.
    pub(super) fn accept(&mut self, now: Time) {
        let word = self.registers.get(reg::CMD);
        let waits = reg::CMD::WAIT_PRVDATA_COMPLETE.is_set(word) && self.transfer.is_some();
        if !reg::CMD::START_CMD.is_set(word) || self.command.is_some() || self.stop.is_some() || waits {
            return;
        }
        if reg::CMD::UPDATE_CLOCK_REGISTERS_ONLY.is_set(word) {
            self.clocks = Clocks {
                dividers: self.registers.get(reg::CLKDIV),
                sources: self.registers.get(reg::CLKSRC),
                enabled: self.registers.field(reg::CLKENA::CCLK_ENABLE),
            };
            self.registers.set_field(reg::CMD::START_CMD, 0);
            return;
        }
        // Without a clock nothing leaves the host.
        let Some(clock) = self.clock(slot(word)) else { return };
        self.registers.set_field(reg::CMD::START_CMD, 0);
        let before = if reg::CMD::SEND_INITIALIZATION.is_set(word) { INITIALIZATION } else { GAP };
        let (argument, until) = (self.registers.get(reg::CMDARG), now + clock.cycles(before + COMMAND));
        self.command = Some(Command { word, argument, until, stage: CommandStage::Sent });
    }

    /// Does what is due at `at`.
    pub(super) fn step(&mut self, surroundings: &mut dyn Surroundings, at: Time) {
        if let Some(command) = self.command.take_if(|command| command.until == at) {
            match command.stage {
                CommandStage::Sent => self.reach_card(command, surroundings, at),
                CommandStage::Answer(answer) => self.answered(command, answer, surroundings, at),
                CommandStage::Failed => self.raise(interrupt::COMMAND_DONE),
            }
        } else if self.due == Some(at) {
            self.due = None;
            self.go_on(surroundings, at);
        } else if let Some((_, slot)) = self.stop.take_if(|(until, _)| *until == at) {
            if let Some((card, _)) = surroundings.sd(slot).0
                && let SdResponse::Short { value, .. } = card.command(STOP, 0, at)
            {
                self.busy_until = card.busy_until();
                self.registers.set(reg::RESP1, value);
            }
            self.raise(interrupt::AUTO_STOP_DONE);
        }
    }

    /// The last bit of a command has gone out.
    fn reach_card(&mut self, command: Command, surroundings: &mut dyn Surroundings, at: Time) {
        let index = reg::CMD::INDEX.get(command.word) as u8;
        let mut answer = SdResponse::Silent;
        if let Some((card, _)) = surroundings.sd(slot(command.word)).0 {
            answer = card.command(index, command.argument, at);
            self.busy_until = card.busy_until();
        }
        if reg::CMD::STOP_ABORT_CMD.is_set(command.word) && self.transfer.is_some() {
            self.end_transfer(interrupt::DATA_OVER, surroundings.memory());
            (self.transfer, self.due) = (None, None);
        }
        let clocks = match answer {
            _ if !reg::CMD::RESPONSE_EXPECT.is_set(command.word) => 1,
            SdResponse::Silent => u64::from(self.registers.field(reg::TMOUT::RESPONSE_TIMEOUT)).max(1),
            SdResponse::Short { .. } => GAP + COMMAND,
            SdResponse::Long(_) => GAP + LONG_ANSWER,
        };
        let Some(clock) = self.clock(slot(command.word)) else { return };
        self.command =
            Some(Command { until: at + clock.cycles(clocks), stage: CommandStage::Answer(answer), ..command });
    }

    /// The answer has come in, or none has in time.
    fn answered(&mut self, command: Command, answer: SdResponse, surroundings: &mut dyn Surroundings, at: Time) {
        use reg::CMD;
        let word = command.word;
        let mut errors = 0;
        if CMD::RESPONSE_EXPECT.is_set(word) {
            let long = CMD::RESPONSE_LENGTH.is_set(word);
            let checks = CMD::CHECK_RESPONSE_CRC.is_set(word);
            match answer {
                SdResponse::Silent => errors = interrupt::RESPONSE_TIMEOUT,
                SdResponse::Short { index, value, has_crc } => {
                    self.registers.set(reg::RESP0, value);
                    self.registers.set_field(reg::STATUS::RESPONSE_INDEX, index.into());
                    errors |= if long || checks && !has_crc { interrupt::RESPONSE_CRC } else { 0 };
                }
                SdResponse::Long(bytes) => {
                    for (register, word) in
                        [reg::RESP3, reg::RESP2, reg::RESP1, reg::RESP0].into_iter().zip(bytes.as_chunks().0)
                    {
                        self.registers.set(register, u32::from_be_bytes(*word));
                    }
                    errors |= if long { 0 } else { interrupt::RESPONSE_CRC };
                }
            }
        }
        if errors != 0 {
            self.raise(errors);
            // The command is done once the gap after it is over. ESP-IDF's drivers before 4.4 count on two interrupts.
            match self.clock(slot(word)) {
                Some(clock) => {
                    self.command =
                        Some(Command { until: at + clock.cycles(GAP), stage: CommandStage::Failed, ..command });
                }
                None => self.raise(interrupt::COMMAND_DONE),
            }
            return;
        }
        self.raise(interrupt::COMMAND_DONE);
        if CMD::DATA_EXPECTED.is_set(word) && self.transfer.is_none() {
            let bytes = self.registers.get(reg::BYTCNT);
            self.transfer = Some(Transfer {
                slot: slot(word),
                to_card: CMD::READ_WRITE.is_set(word),
                auto_stop: CMD::SEND_AUTO_STOP.is_set(word),
                left: (bytes != 0).then_some(bytes),
                block: self.registers.get(reg::BLKSIZ),
                held: Vec::new(),
                stage: Stage::Block,
            });
            for count in [reg::TCBCNT, reg::TBBCNT] {
                self.registers.set(count, 0);
            }
            self.next_block(surroundings.memory(), at);
        }
    }

    /// Begins with the next block, if there is one and the host is ready for it.
    fn next_block(&mut self, memory: &mut dyn GuestMemory, at: Time) {
        let Some(mut transfer) = self.transfer.take() else { return };
        let size = transfer.size();
        if size == 0 {
            self.transfer = Some(transfer);
            self.finish(interrupt::DATA_OVER, memory, at);
            return;
        }
        if transfer.to_card && !self.fetch(&mut transfer, size, memory) {
            self.wait_for_host(transfer, at);
            return;
        }
        let Some(clock) = self.clock(transfer.slot) else {
            self.wait_for_host(transfer, at);
            return;
        };
        let bits = 8 * u64::from(size) / self.lines(transfer.slot) as u64;
        let start = if transfer.to_card { at.max(self.busy_until) } else { at };
        self.due = Some(start + clock.cycles(GAP + AROUND_BLOCK + bits));
        transfer.stage = Stage::Block;
        self.transfer = Some(transfer);
    }

    /// The host has nothing for the lines, or no room for what came.
    fn wait_for_host(&mut self, mut transfer: Transfer, at: Time) {
        // It tells that once.
        if transfer.stage != Stage::Host {
            let clocks = u64::from(self.registers.field(reg::TMOUT::DATA_TIMEOUT)).max(1);
            self.due = self.clock(transfer.slot).map(|clock| at + clock.cycles(clocks));
        }
        transfer.stage = Stage::Host;
        self.transfer = Some(transfer);
        self.request();
    }

    /// A transfer that waited goes on, or waits no longer.
    fn go_on(&mut self, surroundings: &mut dyn Surroundings, at: Time) {
        let Some(mut transfer) = self.transfer.take() else { return };
        let size = transfer.size() as usize;
        let lines = self.lines(transfer.slot);
        let (card, memory) = surroundings.sd(transfer.slot);
        let errors = match transfer.stage {
            Stage::Host => {
                self.raise(interrupt::STARVATION);
                self.transfer = Some(transfer);
                return;
            }
            Stage::Silence => interrupt::READ_TIMEOUT | interrupt::DATA_OVER,
            Stage::Block if transfer.to_card => {
                let taken = card.is_some_and(|(card, wired)| {
                    let taken = wired >= lines && card.take_block(&transfer.held, lines, at);
                    self.busy_until = card.busy_until();
                    taken
                });
                transfer.held.clear();
                if taken { 0 } else { interrupt::END_BIT | interrupt::DATA_OVER }
            }
            Stage::Block => {
                transfer.held = vec![0; size];
                let data =
                    card.map_or(SdData::Silent, |(card, wired)| match card.send_block(&mut transfer.held, lines, at) {
                        SdData::Block if wired < lines => SdData::NoStart,
                        data => data,
                    });
                match data {
                    SdData::Block => 0,
                    SdData::NoStart => interrupt::START_BIT,
                    SdData::Garbled => interrupt::DATA_CRC | interrupt::DATA_OVER,
                    SdData::Silent => {
                        let clocks = u64::from(self.registers.field(reg::TMOUT::DATA_TIMEOUT)).max(1);
                        self.due = self.clock(transfer.slot).map(|clock| at + clock.cycles(clocks));
                        (transfer.held, transfer.stage) = (Vec::new(), Stage::Silence);
                        self.transfer = Some(transfer);
                        return;
                    }
                }
            }
        };
        if errors != 0 {
            self.transfer = Some(transfer);
            self.finish(errors, memory, at);
            return;
        }
        transfer.count(size as u32);
        self.registers.set(reg::TCBCNT, self.registers.get(reg::TCBCNT).wrapping_add(size as u32));
        if transfer.to_card || self.deliver(&mut transfer, memory) {
            self.transfer = Some(transfer);
            self.next_block(memory, at);
        } else {
            self.wait_for_host(transfer, at);
        }
    }

    /// Software has given descriptors, or has used the FIFO.
    pub(super) fn feed(&mut self, surroundings: &mut dyn Surroundings, now: Time) {
        let Some(mut transfer) = self.transfer.take_if(|transfer| transfer.stage == Stage::Host) else {
            self.request();
            return;
        };
        let memory = surroundings.memory();
        let ready = transfer.to_card || self.deliver(&mut transfer, memory);
        if ready {
            self.due = None;
            self.transfer = Some(transfer);
            self.next_block(memory, now);
        } else {
            self.wait_for_host(transfer, now);
        }
    }

    /// Brings the bytes of a block that goes to the card. False if there are not enough yet.
    fn fetch(&mut self, transfer: &mut Transfer, size: u32, memory: &mut dyn GuestMemory) -> bool {
        let mut missing = size.saturating_sub(transfer.held.len() as u32);
        if self.uses_dma() {
            let (held, list) = (&mut transfer.held, self.list());
            let ended = self.dma.work(list, memory, &mut missing, |memory, address, bytes| {
                let end = held.len();
                held.resize(end + bytes as usize, 0);
                memory.read(address, &mut held[end..]).inspect_err(|_| held.truncate(end))
            });
            self.moved_by_dma(ended, reg::IDSTS::TI.mask());
            self.registers.set(reg::TBBCNT, self.registers.get(reg::TBBCNT).wrapping_add(size - missing));
            return ended == Ended::Done;
        }
        while missing > 0 {
            let Some(word) = self.fifo.pop_front() else { return false };
            let bytes = missing.min(4);
            transfer.held.extend(&word.to_le_bytes()[..bytes as usize]);
            missing -= bytes;
        }
        self.request();
        true
    }

    /// Hands over the bytes of a block that came from the card. False if there is not room for all of them yet.
    fn deliver(&mut self, transfer: &mut Transfer, memory: &mut dyn GuestMemory) -> bool {
        if self.uses_dma() {
            let (held, list, mut done) = (&mut transfer.held, self.list(), 0);
            let mut left = held.len() as u32;
            let ended = self.dma.work(list, memory, &mut left, |memory, address, bytes| {
                memory.write(address, &held[done..done + bytes as usize])?;
                done += bytes as usize;
                Ok(())
            });
            held.drain(..done);
            self.moved_by_dma(ended, reg::IDSTS::RI.mask());
            return ended == Ended::Done;
        }
        while !transfer.held.is_empty() && self.fifo.len() < FIFO {
            let count = transfer.held.len().min(4);
            let mut word = [0; 4];
            word.iter_mut().zip(transfer.held.drain(..count)).for_each(|(to, from)| *to = from);
            self.fifo.push_back(u32::from_le_bytes(word));
        }
        self.request();
        transfer.held.is_empty()
    }

    /// Tells software that the FIFO is full or empty enough.
    fn request(&mut self) {
        let count = self.fifo.len() as u32;
        match &self.transfer {
            _ if self.uses_dma() => {}
            Some(transfer) if transfer.to_card => {
                let low = count <= self.registers.field(reg::FIFOTH::TX_WMARK);
                self.raise(if low { interrupt::TRANSMIT_REQUEST } else { 0 });
            }
            _ if count > self.registers.field(reg::FIFOTH::RX_WMARK) => self.raise(interrupt::RECEIVE_REQUEST),
            _ => {}
        }
    }

    /// Tells what the DMA has done.
    fn moved_by_dma(&mut self, ended: Ended, finished: u32) {
        use reg::IDSTS;
        let mut told = if self.dma.take_finished() { finished } else { 0 };
        told |= match ended {
            Ended::Done => 0,
            Ended::NoDescriptor => IDSTS::DU.mask(),
            Ended::Fault => IDSTS::FBE.mask(),
        };
        let enabled = self.registers.get(reg::IDINTEN);
        if told & enabled & (IDSTS::TI.mask() | IDSTS::RI.mask()) != 0 {
            told |= IDSTS::NIS.mask();
        }
        if told & enabled & (IDSTS::DU.mask() | IDSTS::FBE.mask()) != 0 {
            told |= IDSTS::AIS.mask();
        }
        self.registers.modify(IDSTS, 0, told);
    }

    /// The transfer is over; a stop command follows if software wants that.
    fn finish(&mut self, told: u32, memory: &mut dyn GuestMemory, at: Time) {
        self.end_transfer(told, memory);
        self.due = None;
        if let Some(transfer) = self.transfer.take().filter(|transfer| transfer.auto_stop)
            && let Some(clock) = self.clock(transfer.slot)
        {
            self.stop = Some((at + clock.cycles(2 * GAP + 2 * COMMAND), transfer.slot));
        }
    }

    /// Gives an open descriptor back, and tells the end.
    fn end_transfer(&mut self, told: u32, memory: &mut dyn GuestMemory) {
        let to_card = self.transfer.as_ref().is_some_and(|transfer| transfer.to_card);
        let ended = match self.dma.close(memory) {
            Ok(()) => Ended::Done,
            Err(_) => Ended::Fault,
        };
        self.moved_by_dma(ended, if to_card { reg::IDSTS::TI.mask() } else { reg::IDSTS::RI.mask() });
        self.raise(told);
    }
}

/// The slot that a command goes to.
fn slot(word: u32) -> usize {
    reg::CMD::CARD_NUMBER.get(word) as usize
}
