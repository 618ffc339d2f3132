//! User-defined transactions: command, address, dummy, MOSI and MISO phases as the `USER` registers say (TRM, chapter 7.4.1).

use espalier_core::{GuestMemory, SpiTransaction, Time};

use super::line::Timing;
use super::registers::reg;
use super::{BUFFER_BYTES, BYTE_BITS, Bus, CHIP_SELECTS, Spi};

impl Spi {
    /// Bytes of the data phases; in full duplex both are one.
    pub(super) fn user_data_bytes(&self) -> usize {
        let phases = self.registers.get(reg::USER);
        let mosi = if reg::USER::USR_MOSI.is_set(phases) { bytes_of(self.registers.get(reg::MOSI_DLEN)) } else { 0 };
        if reg::USER::DOUTDIN.is_set(phases) { mosi.max(self.miso_bytes()) } else { mosi + self.miso_bytes() }
    }

    pub(super) fn execute_user(&mut self, bus: &mut Bus<'_>, memory: &mut dyn GuestMemory) {
        let phases = self.registers.get(reg::USER);
        let mosi = if reg::USER::USR_MOSI.is_set(phases) { self.user_mosi(memory) } else { Vec::new() };
        let transaction = SpiTransaction {
            command: self.user_command(),
            address: self.user_address(),
            dummy_cycles: self.user_dummy_cycles(),
            mosi: &mosi,
            full_duplex: reg::USER::DOUTDIN.is_set(phases),
            keeps_selected: self.registers.is_set(reg::PIN::CS_KEEP_ACTIVE),
        };
        let timing = self.line_timing();
        self.lines.begin(&transaction, self.miso_bytes(), timing, bus.now);
        let mut miso = vec![0; self.miso_bytes()];
        if bus.target.is_none() && !miso.is_empty() && self.timed && self.answer.is_driven() {
            let SpiTransaction { command, address, dummy_cycles, .. } = transaction;
            let preamble = u64::from(command.1) + u64::from(address.1) + u64::from(dummy_cycles);
            let before = if transaction.full_duplex { 0 } else { u64::from(BYTE_BITS) * mosi.len() as u64 };
            self.answer.begin(preamble + before, miso.len(), timing.bit, bus.now);
            // Its bits are on one line, whatever the time of the mode.
            self.busy = self.busy.max(self.lines.end());
            return;
        }
        bus.transfer(&transaction, &mut miso);
        if reg::USER::USR_MISO.is_set(phases) {
            self.user_miso(&mut miso, memory);
        }
    }

    fn line_timing(&self) -> Timing {
        let idles_high = self.registers.is_set(reg::PIN::CK_IDLE_EDGE);
        let select = self.chip_select().map(|select| (select as usize, self.selecting_level(select as usize)));
        Timing {
            bit: self.apb.cycles(u64::from(self.clock_divider())),
            idles_high,
            late: self.registers.is_set(reg::USER::CK_OUT_EDGE) != idles_high,
            select,
            keeps_selected: self.registers.is_set(reg::PIN::CS_KEEP_ACTIVE),
        }
    }

    /// The level of a chip select that selects.
    fn selecting_level(&self, select: usize) -> bool {
        self.registers.field(reg::PIN::MASTER_CS_POL) >> select & 1 != 0
    }

    /// Software has written to `PIN`: the lines have the levels of its settings between transactions.
    pub(super) fn rest(&mut self, now: Time) {
        let keeps = self.registers.is_set(reg::PIN::CS_KEEP_ACTIVE);
        let polarity = self.registers.field(reg::PIN::MASTER_CS_POL);
        let idles_high = self.registers.is_set(reg::PIN::CK_IDLE_EDGE);
        let deselected = (0..CHIP_SELECTS).filter(|_| !keeps).map(|select| (select, polarity >> select & 1 == 0));
        self.lines.rest(idles_high, deselected, now);
    }

    /// A transaction whose answer comes by the line is over, with all edges.
    pub(super) fn take_answer(&mut self, memory: &mut dyn GuestMemory) {
        if let Some(mut miso) = self.answer.take() {
            self.user_miso(&mut miso, memory);
        }
    }

    /// The command leaves from bit 7 of the low byte on, then from bit 7 of the high byte, unless a register turns the order
    /// of bytes or bits.
    pub(super) fn user_command(&self) -> (u16, u8) {
        if !self.registers.is_set(reg::USER::USR_COMMAND) {
            return (0, 0);
        }
        let register = self.registers.get(reg::USER2);
        let bits = (reg::USER2::USR_COMMAND_BITLEN.get(register)) + 1;
        let value = reg::USER2::USR_COMMAND_VALUE.get(register) as u16;
        let big_endian = self.registers.is_set(reg::USER::WR_BYTE_ORDER);
        let mut bytes = if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        self.order_sent_bits(&mut bytes);
        (u16::from_be_bytes(bytes) >> (u16::BITS - bits), bits as u8)
    }

    /// The address leaves from the top of `ADDR` on; past 32 bits it goes on in `SLV_WR_STATUS`.
    pub(super) fn user_address(&self) -> (u64, u8) {
        if !self.registers.is_set(reg::USER::USR_ADDR) {
            return (0, 0);
        }
        let bits = (self.registers.field(reg::USER1::USR_ADDR_BITLEN)) + 1;
        let high = u64::from(self.registers.get(reg::ADDR)) << u32::BITS;
        let mut bytes = (high | u64::from(self.registers.get(reg::SLV_WR_STATUS))).to_be_bytes();
        self.order_sent_bits(&mut bytes);
        (u64::from_be_bytes(bytes) >> (u64::BITS - bits), bits as u8)
    }

    pub(super) fn user_dummy_cycles(&self) -> u16 {
        if !self.registers.is_set(reg::USER::USR_DUMMY) {
            return 0;
        }
        self.registers.field(reg::USER1::USR_DUMMY_CYCLELEN) as u16 + 1
    }

    fn user_mosi(&mut self, memory: &mut dyn GuestMemory) -> Vec<u8> {
        self.data_to_send(bytes_of(self.registers.get(reg::MOSI_DLEN)), reg::USER::USR_MOSI_HIGHPART.mask(), memory)
    }

    /// Takes data to send from the list, or from the buffer's upper half if the bit `high_part` says so.
    pub(super) fn data_to_send(&mut self, length: usize, high_part: u32, memory: &mut dyn GuestMemory) -> Vec<u8> {
        let mut data = if self.outlink.is_running() {
            self.dma_fetch(length, memory)
        } else {
            let buffer = self.buffer();
            let part = BufferPart::of(self.registers.get(reg::USER), high_part, reg::USER::WR_BYTE_ORDER.mask());
            (0..length).map(|index| buffer[part.position(index)]).collect()
        };
        self.order_sent_bits(&mut data);
        data
    }

    /// In full duplex both data phases are one, as long as `MOSI_DLEN` says.
    fn miso_bytes(&self) -> usize {
        let phases = self.registers.get(reg::USER);
        if !reg::USER::USR_MISO.is_set(phases) {
            return 0;
        }
        let duplex = reg::USER::DOUTDIN.is_set(phases) && reg::USER::USR_MOSI.is_set(phases);
        bytes_of(self.registers.get(if duplex { reg::MOSI_DLEN } else { reg::MISO_DLEN }))
    }

    fn user_miso(&mut self, data: &mut [u8], memory: &mut dyn GuestMemory) {
        self.store(data, reg::USER::USR_MISO_HIGHPART.mask(), memory);
    }

    /// Puts what was received into the list, or into the buffer's upper half if the bit `high_part` says so.
    pub(super) fn store(&mut self, data: &mut [u8], high_part: u32, memory: &mut dyn GuestMemory) {
        if self.registers.is_set(reg::CTRL::RD_BIT_ORDER) {
            reverse_bits(data);
        }
        if self.inlink.is_running() {
            self.dma_store(data, memory);
            return;
        }
        let part = BufferPart::of(self.registers.get(reg::USER), high_part, reg::USER::RD_BYTE_ORDER.mask());
        for (index, byte) in data.iter().enumerate() {
            self.set_buffer_byte(part.position(index), *byte);
        }
    }

    fn order_sent_bits(&self, bytes: &mut [u8]) {
        if self.registers.is_set(reg::CTRL::WR_BIT_ORDER) {
            reverse_bits(bytes);
        }
    }
}

/// Where a data phase lies in the buffer.
#[derive(Clone, Copy)]
struct BufferPart {
    start: usize,
    big_endian: bool,
}

impl BufferPart {
    fn of(phases: u32, high_part: u32, byte_order: u32) -> BufferPart {
        let start = if phases & high_part != 0 { BUFFER_BYTES / 2 } else { 0 };
        BufferPart { start, big_endian: phases & byte_order != 0 }
    }

    /// Place of the phase's `index`-th byte; a longer phase starts again at the part's start.
    fn position(self, index: usize) -> usize {
        let position = self.start + index % (BUFFER_BYTES - self.start);
        if self.big_endian { position ^ 3 } else { position }
    }
}

/// The length registers hold bits, less one.
pub(super) fn bytes_of(length: u32) -> usize {
    (length + 1).div_ceil(BYTE_BITS) as usize
}

fn reverse_bits(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = byte.reverse_bits();
    }
}
