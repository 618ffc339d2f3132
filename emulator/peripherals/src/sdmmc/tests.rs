//! The host as ESP-IDF's driver uses it, with a card that keeps what it hears.

use espalier_core::{
    Device, GuestMemory, I2cTarget, SdData, SdResponse, SdTarget, Signal, Span, SpiTarget, Surroundings, Time,
};

use super::registers::interrupt;
use super::{Sdmmc, reg};
use crate::test_ram::Ram;

const BASE: u32 = 0x3FFB_0000;
const DESCRIPTORS: u32 = BASE;
const BUFFER: u32 = BASE + 0x100;
const OWN: u32 = 1 << 31;
const LAST: u32 = 1 << 2;
const CHAINED: u32 = 1 << 4;
const BLOCK: usize = 512;
const START: u32 = 1 << 31;
const WAIT: u32 = 1 << 13;
const RESPONSE: u32 = 1 << 6 | 1 << 8;
const DATA: u32 = 1 << 9;
const WRITE: u32 = 1 << 10;
const AUTO_STOP: u32 = 1 << 12;
const UPDATE_CLOCK: u32 = 1 << 21;
const CARD: u32 = 1 << 16;

/// A card on four lines.
#[derive(Default)]
struct Card {
    commands: Vec<(u8, u32, Time)>,
    blocks: Vec<Vec<u8>>,
    busy_until: Time,
    /// It sends nothing.
    silent: bool,
}

impl SdTarget for Card {
    fn command(&mut self, index: u8, argument: u32, now: Time) -> SdResponse {
        self.commands.push((index, argument, now));
        match index {
            5 => SdResponse::Silent,
            2 => SdResponse::Long(*b"0123456789abcdef"),
            41 => SdResponse::Short { index: 0x3F, value: 0x80FF_8000, has_crc: false },
            _ => SdResponse::Short { index, value: 0x900, has_crc: true },
        }
    }

    fn send_block(&mut self, into: &mut [u8], lines: usize, _now: Time) -> SdData {
        into.fill(self.commands.len() as u8);
        match lines {
            _ if self.silent => SdData::Silent,
            1 => SdData::Garbled,
            4 => SdData::Block,
            _ => SdData::NoStart,
        }
    }

    fn take_block(&mut self, block: &[u8], lines: usize, now: Time) -> bool {
        self.blocks.push(block.to_vec());
        self.busy_until = now + Span::from_micros(100);
        lines == 4
    }

    fn busy_until(&self) -> Time {
        self.busy_until
    }
}

struct Around {
    ram: Ram,
    card: Card,
}

impl Surroundings for Around {
    fn memory(&mut self) -> &mut dyn GuestMemory {
        &mut self.ram
    }

    fn spi(&mut self, _chip_select: Option<usize>) -> (Option<&mut dyn SpiTarget>, &mut dyn GuestMemory) {
        (None, &mut self.ram)
    }

    fn i2c(&mut self) -> Option<&mut dyn I2cTarget> {
        None
    }

    fn sd(&mut self, slot: usize) -> (Option<(&mut dyn SdTarget, usize)>, &mut dyn GuestMemory) {
        let card = (slot == 1).then_some((&mut self.card as &mut dyn SdTarget, 4));
        (card, &mut self.ram)
    }

    fn transmit(&mut self, _sent: Vec<(Time, u8)>) {}
}

struct Bench {
    host: Sdmmc,
    around: Around,
    now: Time,
}

impl Bench {
    /// 160 MHz / 8 are 20 MHz at the second card: a clock of 50 ns.
    fn new() -> Bench {
        let around = Around { ram: Ram::new(BASE, 0x4000), card: Card::default() };
        let mut bench = Bench { host: Sdmmc::new(), around, now: Time::ZERO };
        bench.set(reg::CLK_EDGE_SEL, 7 << 17 | 7 << 9 | 3 << 13);
        bench.set(reg::CLKSRC, 1 << 2);
        bench.set(reg::CLKENA, 2);
        bench.set(reg::CMD, START | WAIT | UPDATE_CLOCK | CARD);
        assert_eq!(bench.get(reg::CMD) & START, 0);
        bench.set(reg::CTYPE, 2);
        bench.set(reg::INTMASK, 0xFFFF);
        bench.set(reg::CTRL, 1 << 4 | 1 << 5);
        bench.set(reg::IDINTEN, 0x103);
        bench
    }

    fn set(&mut self, offset: u32, value: u32) {
        self.host.write(offset, value, self.now).unwrap();
        self.host.settle(&mut self.around, self.now);
    }

    fn get(&mut self, offset: u32) -> u32 {
        let value = self.host.read(offset, self.now).unwrap();
        self.host.settle(&mut self.around, self.now);
        value
    }

    /// Takes the bits of RINTSTS and IDSTS.
    fn told(&mut self) -> (u32, u32) {
        let told = (self.get(reg::RINTSTS), self.get(reg::IDSTS));
        self.set(reg::RINTSTS, told.0);
        self.set(reg::IDSTS, told.1);
        assert_eq!(self.host.interrupts(), 0);
        told
    }

    fn run(&mut self, span: Span) {
        let end = self.now + span;
        while let Some(at) = self.host.deadline().filter(|at| *at <= end) {
            self.now = at;
            self.host.advance(at);
            self.host.settle(&mut self.around, at);
        }
        self.now = end;
    }

    fn command(&mut self, index: u32, flags: u32) {
        self.set(reg::CMD, START | CARD | WAIT | index | flags);
    }

    /// Descriptors of so many bytes each for a transfer of so many blocks.
    fn prepare(&mut self, sizes: &[u32], blocks: u32) {
        let mut buffer = BUFFER;
        for (place, size) in (0..).zip(sizes) {
            let last = place as usize + 1 == sizes.len();
            let at = DESCRIPTORS + 16 * place;
            let next = if last { 0 } else { at + 16 };
            let control = OWN | CHAINED | if last { LAST } else { 0 };
            for (word, value) in (0..).zip([control, *size, buffer, next]) {
                self.around.ram.write_u32(at + 4 * word, value).unwrap();
            }
            buffer += size;
        }
        self.set(reg::BYTCNT, blocks * BLOCK as u32);
        self.set(reg::BLKSIZ, BLOCK as u32);
        self.set(reg::DBADDR, DESCRIPTORS);
        self.set(reg::CTRL, 1 << 25 | 1 << 5 | 1 << 4);
        self.set(reg::BMOD, 1 << 7 | 1 << 1);
        self.set(reg::PLDMND, 1);
    }

    fn buffer(&self, at: usize, length: usize) -> &[u8] {
        &self.around.ram.bytes[0x100 + at..][..length]
    }
}

#[test]
fn commands_take_their_time_and_answers_come_in_registers() {
    let mut bench = Bench::new();
    bench.set(reg::CMDARG, 0x1AA);
    bench.command(8, RESPONSE);
    assert_eq!(bench.get(reg::CMD) & START, 0, "it is on the line");
    // 8 clocks, the command, 8 clocks, the answer.
    bench.run(Span::from_nanos(111 * 50));
    assert_eq!(bench.told(), (0, 0));
    bench.run(Span::from_nanos(50));
    assert_eq!((bench.host.interrupts(), bench.get(reg::MINTSTS)), (1, interrupt::COMMAND_DONE));
    assert_eq!((bench.get(reg::RESP0), bench.get(reg::STATUS) >> 11 & 0x3F), (0x900, 8));
    assert_eq!(bench.around.card.commands, [(8, 0x1AA, Time::ZERO + Span::from_nanos(56 * 50))]);
    assert_eq!(bench.told(), (interrupt::COMMAND_DONE, 0));
    bench.command(2, RESPONSE | 1 << 7);
    bench.run(Span::from_millis(1));
    assert_eq!(bench.told(), (interrupt::COMMAND_DONE, 0));
    assert_eq!(bench.get(reg::RESP3).to_be_bytes(), *b"0123");
    assert_eq!(bench.get(reg::RESP0).to_be_bytes(), *b"cdef");
    // An answer without a CRC is right where none is looked for.
    for (flags, expected) in [(RESPONSE, interrupt::RESPONSE_CRC), (1 << 6, 0)] {
        bench.command(41, flags);
        bench.run(Span::from_millis(1));
        assert_eq!(bench.told(), (expected | interrupt::COMMAND_DONE, 0));
    }
    bench.command(5, RESPONSE);
    bench.run(Span::from_millis(1));
    assert_eq!(bench.told(), (interrupt::RESPONSE_TIMEOUT | interrupt::COMMAND_DONE, 0));
    // The first slot's clock is off.
    bench.set(reg::CMD, START | RESPONSE);
    bench.run(Span::from_millis(1));
    assert_eq!((bench.told(), bench.get(reg::CMD) & START), ((0, 0), START));
    bench.set(reg::CMD, START);
    assert_eq!(bench.told(), (interrupt::LOCKED_WRITE, 0));
    bench.set(reg::CTRL, 1 << 4 | 1);
    assert_eq!((bench.get(reg::CMD) & START, bench.get(reg::CTRL) & 7), (0, 0));
}

/// ESP-IDF's drivers before 4.4 lose the end of the command if it comes with the error.
#[test]
fn a_command_that_fails_is_done_a_gap_after_its_error() {
    let mut bench = Bench::new();
    for (index, flags, error) in [(5, RESPONSE, interrupt::RESPONSE_TIMEOUT), (41, RESPONSE, interrupt::RESPONSE_CRC)] {
        bench.set(reg::TMOUT, 64);
        bench.command(index, flags);
        while bench.host.interrupts() == 0 {
            bench.run(Span::from_nanos(50));
        }
        assert_eq!(bench.told(), (error, 0));
        bench.run(Span::from_nanos(7 * 50));
        assert_eq!(bench.told(), (0, 0));
        bench.run(Span::from_nanos(50));
        assert_eq!(bench.told(), (interrupt::COMMAND_DONE, 0));
        assert_eq!(bench.host.deadline(), None);
    }
}

#[test]
fn blocks_go_through_descriptors_and_a_stop_command_follows() {
    let mut bench = Bench::new();
    bench.prepare(&[1024, 512], 3);
    bench.command(18, RESPONSE | DATA | AUTO_STOP);
    bench.run(Span::from_millis(1));
    let expected = interrupt::COMMAND_DONE | interrupt::DATA_OVER | interrupt::AUTO_STOP_DONE;
    assert_eq!(bench.told(), (expected, 0x102), "RI and the summary");
    assert_eq!(bench.buffer(0, 3 * BLOCK), [1; 3 * BLOCK]);
    assert_eq!(bench.around.ram.read_u32(DESCRIPTORS).unwrap(), CHAINED, "software's again");
    assert_eq!(bench.around.ram.read_u32(DESCRIPTORS + 16).unwrap(), CHAINED | LAST);
    assert_eq!((bench.get(reg::RESP1), bench.around.card.commands[1].0), (0x900, 12));
    // Each block of 512 bytes takes 1024 clocks on four lines, and 26 around it; then come the stop command and its answer.
    let stopped = bench.around.card.commands[1].2.since(bench.around.card.commands[0].2);
    assert_eq!(stopped, Span::from_nanos((56 + 3 * (1024 + 26) + 112) * 50));

    bench.around.ram.bytes[0x100..0x100 + BLOCK].fill(0x55);
    bench.prepare(&[1024], 2);
    bench.command(25, RESPONSE | DATA | WRITE | AUTO_STOP);
    bench.run(Span::from_micros(120));
    assert_eq!(bench.get(reg::STATUS) >> 9 & 3, 3, "the card is busy, and the transfer goes on");
    bench.run(Span::from_millis(1));
    assert_eq!(bench.told(), (expected, 0x101), "TI and the summary");
    assert_eq!(bench.around.card.blocks, [vec![0x55; BLOCK], vec![1; BLOCK]]);
    assert_eq!(bench.get(reg::STATUS) >> 9 & 3, 0);
}

#[test]
fn a_transfer_waits_for_descriptors() {
    let mut bench = Bench::new();
    bench.prepare(&[512, 512], 2);
    bench.around.ram.write_u32(DESCRIPTORS + 16, CHAINED).unwrap();
    bench.set(reg::IDINTEN, 0x313);
    bench.command(18, RESPONSE | DATA);
    bench.run(Span::from_millis(1));
    assert_eq!(bench.told(), (interrupt::COMMAND_DONE, 0x312), "the second one is missing");
    bench.run(Span::from_secs(2));
    assert_eq!(bench.told(), (interrupt::STARVATION, 0));
    bench.around.ram.write_u32(DESCRIPTORS + 16, OWN | CHAINED | LAST).unwrap();
    bench.set(reg::PLDMND, 1);
    bench.run(Span::from_millis(1));
    assert_eq!(bench.told(), (interrupt::DATA_OVER, 0x102));
    assert_eq!(bench.buffer(BLOCK, BLOCK), [1; BLOCK]);
    // A list that leads nowhere.
    bench.prepare(&[512], 1);
    bench.set(reg::DBADDR, 0x100);
    bench.set(reg::IDINTEN, 0x317);
    bench.command(17, RESPONSE | DATA);
    bench.run(Span::from_millis(1));
    assert_eq!(bench.told(), (interrupt::COMMAND_DONE, 0x204));
    bench.set(reg::CTRL, 7);
    bench.run(Span::from_secs(2));
    assert_eq!(bench.told(), (0, 0));
}

#[test]
fn without_dma_data_goes_through_the_fifo() {
    let mut bench = Bench::new();
    bench.set(reg::FIFOTH, 15 << 16 | 16);
    bench.set(reg::BYTCNT, BLOCK as u32);
    bench.command(17, RESPONSE | DATA);
    bench.run(Span::from_millis(1));
    assert_eq!(bench.told(), (interrupt::COMMAND_DONE | interrupt::RECEIVE_REQUEST, 0));
    assert_eq!(bench.get(reg::STATUS) >> 17 & 0x1FFF, 32);
    for _ in 0..BLOCK / 4 {
        assert_eq!(bench.get(reg::BUFFIFO), 0x0101_0101);
    }
    assert_eq!(bench.told().0 & !interrupt::RECEIVE_REQUEST, interrupt::DATA_OVER);
    bench.get(reg::BUFFIFO);
    assert_eq!(bench.told().0, interrupt::FIFO_RUN);
    bench.command(24, RESPONSE | DATA | WRITE);
    bench.run(Span::from_millis(1));
    assert_eq!(bench.told().0, interrupt::COMMAND_DONE | interrupt::TRANSMIT_REQUEST);
    for word in 0..BLOCK as u32 / 4 {
        bench.set(reg::BUFFIFO, word);
    }
    bench.run(Span::from_millis(1));
    assert_eq!(bench.told().0 & !interrupt::TRANSMIT_REQUEST, interrupt::DATA_OVER);
    assert_eq!(bench.around.card.blocks[0][4..12], [1, 0, 0, 0, 2, 0, 0, 0]);
}

#[test]
fn data_that_does_not_come_as_it_should_is_told() {
    for (width, silent, write, expected) in [
        (0, false, false, interrupt::DATA_CRC | interrupt::DATA_OVER),
        (2 << 16, false, false, interrupt::START_BIT),
        (2, true, false, interrupt::READ_TIMEOUT | interrupt::DATA_OVER),
        (0, false, true, interrupt::END_BIT | interrupt::DATA_OVER),
    ] {
        let mut bench = Bench::new();
        bench.set(reg::CTYPE, width);
        bench.set(reg::TMOUT, 2000 << 8 | 0xFF);
        bench.around.card.silent = silent;
        bench.prepare(&[512], 1);
        bench.command(17, RESPONSE | DATA | if write { WRITE } else { 0 });
        bench.run(Span::from_millis(10));
        assert_eq!(bench.told().0, expected | interrupt::COMMAND_DONE, "{width:#x}");
        assert_eq!(bench.host.deadline(), None);
    }
}

#[test]
fn a_transfer_without_end_is_stopped_by_a_command() {
    let mut bench = Bench::new();
    bench.prepare(&[4096], 0);
    bench.command(18, RESPONSE | DATA);
    bench.run(Span::from_micros(200));
    bench.set(reg::CMD, START | CARD | RESPONSE | 1 << 14 | 12);
    bench.run(Span::from_millis(1));
    assert_eq!(bench.told(), (interrupt::COMMAND_DONE | interrupt::DATA_OVER, 0x102));
    assert_eq!((bench.host.deadline(), bench.get(reg::STATUS) >> 10 & 1), (None, 0));
    let moved = bench.get(reg::TCBCNT);
    assert!(moved > 0 && moved.is_multiple_of(BLOCK as u32) && moved < 4096, "{moved}");
}

#[test]
fn a_card_that_is_put_in_is_detected() {
    let mut bench = Bench::new();
    assert_eq!((bench.host.listening(), bench.get(reg::CDETECT), bench.get(reg::WRTPRT)), (0x3F, 3, 0));
    bench.host.connect_input(1, Signal::Level(true));
    assert_eq!(bench.told(), (0, 0));
    bench.host.set_input(1, Signal::Level(false), bench.now);
    bench.host.set_input(3, Signal::Level(true), bench.now);
    assert_eq!((bench.get(reg::CDETECT), bench.get(reg::WRTPRT)), (1, 2));
    assert_eq!(bench.told(), (interrupt::CARD_DETECT, 0));
}
