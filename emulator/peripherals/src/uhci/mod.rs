//! UHCI0 and UHCI1: UARTs by DMA (ESP32 TRM, chapter "UART Controller", section "UDMA").
//!
//! Lists of descriptors go out through the FIFO of a UART, and what it receives goes into a list. With separators on, each buffer that ends a
//! frame is sent between two of them, and bytes that look like one are sent as two; what is received is turned back. A frame that comes in
//! ends at a separator, after an idle line, or after so many bytes as `PKT_THRES` says.
//!
//! Facts that ESP-IDF's `uhci` driver relies on: escapes have no effect without separators, and the count of `PKT_THRES` holds without packet
//! headers only.

mod frame;
mod registers;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use espalier_core::{Device, DmaFault, Fidelity, Field, GuestMemory, Register, Registers, Time, Unmodelled};

use crate::linked_list::{self, Descriptor, MAX_EMPTY, OWNER};
use crate::uart::Uart;
use frame::{Decoder, Sequence, encode};
use registers::{DECODED, ENCODED, REGISTERS, reg};

const UARTS: usize = 3;
/// Bytes of a short packet.
const SHORT_PACKET: usize = 8;
const SHORT_PACKETS: u32 = 7;

/// One of the two.
#[derive(Clone, Debug)]
pub struct Uhci {
    registers: Registers,
    /// The next descriptor of the list that goes out, and the one that a restart goes on behind.
    out: Option<u32>,
    last_out: u32,
    /// Bytes for the line; the frame that they belong to has begun.
    sending: VecDeque<u8>,
    in_frame: bool,
    /// The interrupts that come once those bytes are in the UART.
    held: u32,
    /// The buffer that is filled, and its bytes so far.
    into: Option<Descriptor>,
    next_in: Option<u32>,
    filled: u32,
    /// Bytes of the frame that comes in.
    received: u32,
    decoder: Decoder,
    /// When the line has been idle for long enough to end it.
    idle: Option<Time>,
    /// When the UART has room again.
    room: Option<Time>,
}

espalier_core::persist! {
    state Uhci {
        registers, out, last_out, sending, in_frame, held, into, next_in, filled, received, decoder, idle, room
    }
}

impl Default for Uhci {
    fn default() -> Uhci {
        Uhci::new()
    }
}

impl Uhci {
    pub fn new() -> Uhci {
        Uhci {
            registers: Registers::new(&REGISTERS),
            out: None,
            last_out: linked_list::BASE,
            sending: VecDeque::new(),
            in_frame: false,
            held: 0,
            into: None,
            next_in: None,
            filled: 0,
            received: 0,
            decoder: Decoder::default(),
            idle: None,
            room: None,
        }
    }

    /// The UART that it is connected to: the first that software has chosen.
    pub fn uart(&self) -> Option<usize> {
        let conf = self.registers.get(reg::CONF0) >> reg::CONF0::UART0_CE.mask().trailing_zeros();
        (0..UARTS).find(|uart| conf >> uart & 1 != 0)
    }

    /// Whether it takes what the UART receives.
    pub fn receives(&self) -> bool {
        self.into.is_some() || self.next_in.is_some()
    }

    fn has_something_to_send(&self) -> bool {
        self.out.is_some() || !self.sending.is_empty() || self.held != 0
    }

    fn raise(&mut self, interrupts: u32) {
        self.registers.modify(reg::INT_RAW, 0, interrupts);
    }

    fn separates(&self) -> bool {
        self.registers.is_set(reg::CONF0::SEPER_EN)
    }

    /// The sequences that are in use, by the bits of `ESCAPE_CONF` for this direction.
    fn sequences(&self, enabled: [Field; 4]) -> impl Iterator<Item = Sequence> {
        let registers = [reg::ESC_CONF0, reg::ESC_CONF1, reg::ESC_CONF2, reg::ESC_CONF3].into_iter().zip(enabled);
        let used = registers.filter(|(_, enabled)| self.separates() && self.registers.is_set(*enabled));
        used.map(|(register, _)| Sequence::of(self.registers.get(register)))
    }

    fn separator(&self) -> u8 {
        Sequence::of(self.registers.get(reg::ESC_CONF0)).byte
    }

    /// Moves bytes between the lists and the UART that it is connected to.
    pub fn exchange(&mut self, uart: &mut Uart, memory: &mut dyn GuestMemory, now: Time) {
        self.send(uart, memory, now);
        self.receive(uart, memory, now);
    }

    fn send(&mut self, uart: &mut Uart, memory: &mut dyn GuestMemory, now: Time) {
        self.room = None;
        let (mut room, mut empty) = (uart.room(now), 0);
        while self.has_something_to_send() {
            while room > 0
                && let Some(byte) = self.sending.pop_front()
            {
                uart.push(byte, now);
                room -= 1;
            }
            if !self.sending.is_empty() {
                self.room = uart.room_at();
                return;
            }
            let held = std::mem::take(&mut self.held);
            self.raise(held);
            let Some(address) = self.out else { continue };
            let fetched = self.fetch(address, memory);
            empty = if self.sending.is_empty() { empty + 1 } else { 0 };
            if fetched.is_err() || empty > MAX_EMPTY {
                self.out = None;
                self.raise(reg::INT_RAW::OUT_DSCR_ERR.mask());
            }
        }
    }

    /// Takes the next buffer of the list.
    fn fetch(&mut self, address: u32, memory: &mut dyn GuestMemory) -> Result<(), DmaFault> {
        let descriptor = self.descriptor(address, memory)?;
        let mut data = vec![0; descriptor.length() as usize];
        memory.read(descriptor.buffer, &mut data)?;
        let (separates, separator) = (self.separates(), self.separator());
        let mut bytes = VecDeque::new();
        if separates && !self.in_frame {
            bytes.push_back(separator);
        }
        self.in_frame = true;
        for byte in data {
            encode(byte, self.sequences(ENCODED), |byte| bytes.push_back(byte));
        }
        self.registers.set(reg::DMA_OUT_DSCR, address);
        self.last_out = address;
        self.held |= reg::INT_RAW::OUT_DONE.mask();
        self.out = (descriptor.next != 0).then_some(descriptor.next);
        if descriptor.is_end() || self.out.is_none() {
            if separates {
                bytes.push_back(separator);
                self.held |= reg::INT_RAW::RX_START.mask();
            }
            self.in_frame = false;
            self.registers.set(reg::DMA_OUT_EOF_DES_ADDR, address);
            self.held |= reg::INT_RAW::OUT_EOF.mask();
        }
        if self.out.is_none() {
            self.held |= reg::INT_RAW::OUT_TOTAL_EOF.mask();
        }
        self.sending = bytes;
        Ok(())
    }

    fn descriptor(&self, address: u32, memory: &mut dyn GuestMemory) -> Result<Descriptor, DmaFault> {
        let descriptor = Descriptor::read(address, memory)?;
        let refused = self.registers.is_set(reg::CONF1::CHECK_OWNER) && !descriptor.is_for_dma();
        if refused { Err(DmaFault { address }) } else { Ok(descriptor) }
    }

    fn receive(&mut self, uart: &mut Uart, memory: &mut dyn GuestMemory, now: Time) {
        while self.receives() {
            let Some(byte) = uart.pop(now) else { break };
            self.idle = Some(now + uart.idle_after());
            self.take_in(byte, memory);
        }
        let by_idle = self.registers.is_set(reg::CONF0::UART_IDLE_EOF_EN);
        if !by_idle || self.received == 0 {
            self.idle = None;
        }
        if let Some(at) = self.idle.filter(|at| *at <= now) {
            self.idle = None;
            // The next byte is on its way: its end counts anew.
            if uart.comes_in_since().is_none_or(|since| since >= at) {
                self.end_frame(memory);
            }
        }
    }

    /// A byte has come from the line.
    fn take_in(&mut self, byte: u8, memory: &mut dyn GuestMemory) {
        if self.separates() && byte == self.separator() {
            if self.received > 0 {
                self.end_frame(memory);
            } else {
                self.raise(reg::INT_RAW::TX_START.mask());
            }
            return;
        }
        let sequences: Vec<Sequence> = self.sequences(DECODED).collect();
        let (mut decoder, mut bytes) = (self.decoder, Vec::new());
        decoder.decode(byte, &sequences, |byte| bytes.push(byte));
        self.decoder = decoder;
        for byte in bytes {
            if self.store(byte, memory).is_err() {
                (self.into, self.next_in) = (None, None);
                self.raise(reg::INT_RAW::IN_DSCR_ERR.mask());
                return;
            }
        }
        let conf = self.registers.get(reg::CONF0);
        let by_length = reg::CONF0::LEN_EOF_EN.is_set(conf) && !reg::CONF0::HEAD_EN.is_set(conf);
        if by_length && self.received > 0 && self.received >= self.registers.field(reg::PKT_THRES::PKT_THRS) {
            self.end_frame(memory);
        }
    }

    fn store(&mut self, byte: u8, memory: &mut dyn GuestMemory) -> Result<(), DmaFault> {
        let mut empty = 0;
        let descriptor = loop {
            match (self.into, self.next_in) {
                (Some(descriptor), _) if self.filled < descriptor.size() => break descriptor,
                (Some(descriptor), _) => self.close(descriptor, false, memory)?,
                (None, Some(address)) if empty <= MAX_EMPTY => {
                    let descriptor = self.descriptor(address, memory)?;
                    self.registers.set(reg::DMA_IN_DSCR, address);
                    self.next_in = (descriptor.next != 0).then_some(descriptor.next);
                    (self.into, self.filled, empty) = (Some(descriptor), 0, empty + 1);
                }
                (None, Some(address)) => return Err(DmaFault { address }),
                // The byte is lost.
                (None, None) => return Ok(()),
            }
        };
        memory.write(descriptor.buffer.wrapping_add(self.filled), &[byte])?;
        self.filled += 1;
        self.received += 1;
        Ok(())
    }

    /// A buffer is handed over.
    fn close(&mut self, descriptor: Descriptor, end: bool, memory: &mut dyn GuestMemory) -> Result<(), DmaFault> {
        memory.write_u32(descriptor.address, descriptor.filled(self.filled, end) & !OWNER)?;
        (self.into, self.filled) = (None, 0);
        self.raise(reg::INT_RAW::IN_DONE.mask());
        if end {
            self.registers.set(reg::DMA_IN_SUC_EOF_DES_ADDR, descriptor.address);
            self.raise(reg::INT_RAW::IN_SUC_EOF.mask());
        }
        if self.next_in.is_none() {
            self.raise(reg::INT_RAW::IN_DSCR_EMPTY.mask());
        }
        Ok(())
    }

    /// The frame that came in is complete.
    fn end_frame(&mut self, memory: &mut dyn GuestMemory) {
        (self.received, self.decoder, self.idle) = (0, Decoder::default(), None);
        if let Some(descriptor) = self.into
            && self.close(descriptor, true, memory).is_err()
        {
            (self.into, self.next_in) = (None, None);
            self.raise(reg::INT_RAW::IN_DSCR_ERR.mask());
        }
    }

    fn write_conf0(&mut self, value: u32) {
        if reg::CONF0::OUT_RST.is_set(value) {
            (self.out, self.in_frame, self.held) = (None, false, 0);
            self.sending.clear();
        }
        if reg::CONF0::IN_RST.is_set(value) {
            (self.into, self.next_in, self.filled, self.received) = (None, None, 0, 0);
            (self.decoder, self.idle) = (Decoder::default(), None);
        }
    }

    fn write_out_link(&mut self, value: u32) {
        if reg::DMA_OUT_LINK::OUTLINK_STOP.is_set(value) {
            self.out = None;
        } else if value & (reg::DMA_OUT_LINK::OUTLINK_START.mask() | reg::DMA_OUT_LINK::OUTLINK_RESTART.mask()) != 0 {
            self.out = Some(linked_list::BASE | reg::DMA_OUT_LINK::OUTLINK_ADDR.get(value));
        }
    }

    fn write_in_link(&mut self, value: u32) {
        if reg::DMA_OUT_LINK::OUTLINK_STOP.is_set(value) {
            (self.into, self.next_in) = (None, None);
        } else if value & (reg::DMA_OUT_LINK::OUTLINK_START.mask() | reg::DMA_OUT_LINK::OUTLINK_RESTART.mask()) != 0 {
            (self.into, self.filled) = (None, 0);
            self.next_in = Some(linked_list::BASE | reg::DMA_OUT_LINK::OUTLINK_ADDR.get(value));
        }
    }

    /// A short packet out of two registers.
    fn quick_send(&mut self, value: u32) {
        let number = reg::QUICK_SENT::SINGLE_SEND_NUM.get(value);
        if !reg::QUICK_SENT::SINGLE_SEND_EN.is_set(value) || number >= SHORT_PACKETS {
            return;
        }
        self.registers.set(reg::QUICK_SENT, value & !reg::QUICK_SENT::SINGLE_SEND_EN.mask());
        let first = reg::Q0_WORD0 + SHORT_PACKET as u32 * number;
        let words = [first, first + 4].map(|word| self.registers.get(word).to_le_bytes());
        let mut bytes = Vec::new();
        for byte in words.into_iter().flatten() {
            encode(byte, self.sequences(ENCODED), |byte| bytes.push(byte));
        }
        let separator = self.separates().then(|| self.separator());
        // Bytes on their way have their place before it.
        if self.sending.len() < MOST_WAITING {
            self.sending.extend(separator.into_iter().chain(bytes).chain(separator));
            self.held |= reg::INT_RAW::SEND_S_Q.mask();
        }
    }

    fn link(&self, register: u32, parked: bool) -> u32 {
        let park = if parked { reg::DMA_OUT_LINK::OUTLINK_PARK.mask() } else { 0 };
        self.registers.get(register) | park
    }
}

/// Bytes that short packets may add to: as many as a buffer has whose bytes are all sent as two.
const MOST_WAITING: usize = 0x2000;

impl Device for Uhci {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "packet headers with their checksums, short packets that repeat, the end of a frame by a break and time-outs are registers only",
        )
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        match offset {
            reg::INT_ST => Ok(self.registers.get(reg::INT_RAW) & self.registers.get(reg::INT_ENA)),
            reg::DMA_OUT_LINK => Ok(self.link(offset, self.out.is_none())),
            reg::DMA_IN_LINK => Ok(self.link(offset, !self.receives())),
            _ => self.registers.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        self.registers.write(offset, value)?;
        match offset {
            reg::CONF0 => self.write_conf0(value),
            reg::INT_CLR => self.registers.modify(reg::INT_RAW, value, 0),
            reg::DMA_OUT_LINK => self.write_out_link(value),
            reg::DMA_IN_LINK => self.write_in_link(value),
            reg::QUICK_SENT => self.quick_send(value),
            _ => {}
        }
        Ok(())
    }

    fn deadline(&self) -> Option<Time> {
        self.idle.into_iter().chain(self.room).min()
    }

    fn interrupts(&self) -> u32 {
        u32::from(self.registers.get(reg::INT_RAW) & self.registers.get(reg::INT_ENA) != 0)
    }

    fn reset(&mut self) {
        *self = Uhci::new();
    }
}
