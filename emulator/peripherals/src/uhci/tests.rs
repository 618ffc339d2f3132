use espalier_core::{Device, Frequency, GuestMemory, Span, Time};
use proptest::prelude::{ProptestConfig, any, prop, proptest};

use super::Uhci;
use super::registers::{REGISTERS, reg};
use crate::test_ram::Ram;
use crate::uart::Uart;

const APB: Frequency = Frequency::from_hertz(80_000_000);
const RAM_BASE: u32 = 0x3FFB_0000;
const START: u32 = reg::DMA_OUT_LINK::OUTLINK_START.mask();
const OWNED: u32 = 1 << 31;
const EOF: u32 = 1 << 30;
/// The UART's registers: divider, settings with loop-back, and idle time.
const CLKDIV: u32 = 0x14;
const CONF0: u32 = 0x20;
const LOOPBACK: u32 = 1 << 14;
/// Ten bits at 1 Mbit/s.
const FRAME: Span = Span::from_micros(10);

struct Bench {
    uhci: Uhci,
    uart: Uart,
    ram: Ram,
    now: Time,
}

impl Bench {
    /// The UART hears itself. Frames end by `conf`, bits of `CONF0`.
    fn new(conf: u32) -> Bench {
        let (mut uhci, mut uart, now) = (Uhci::new(), Uart::new(APB), Time::from_micros(1));
        uart.write(CLKDIV, 80, now).expect("a register");
        let settings = uart.read(CONF0, now).expect("a register");
        uart.write(CONF0, settings | LOOPBACK, now).expect("a register");
        uhci.write(reg::CONF0, reg::CONF0::UART1_CE.mask() | conf, now).expect("a register");
        assert_eq!(uhci.uart(), Some(1));
        Bench { uhci, uart, ram: Ram::new(RAM_BASE, 0x4000), now }
    }

    fn set(&mut self, offset: u32, value: u32) {
        self.uhci.write(offset, value, self.now).expect("a register");
        self.exchange();
    }

    fn get(&mut self, offset: u32) -> u32 {
        self.uhci.read(offset, self.now).expect("a register")
    }

    fn exchange(&mut self) {
        self.uhci.exchange(&mut self.uart, &mut self.ram, self.now);
        self.uart.set_dma(self.uhci.receives());
    }

    fn run(&mut self) {
        while let Some(due) = self.uart.deadline().into_iter().chain(self.uhci.deadline()).min() {
            self.now = self.now.max(due);
            self.uart.advance(self.now);
            self.uhci.advance(self.now);
            self.exchange();
        }
    }

    fn descriptor(&mut self, at: u32, control: u32, buffer: u32, next: u32) {
        for (index, word) in [control, RAM_BASE + buffer, next].into_iter().enumerate() {
            self.ram.write_u32(RAM_BASE + at + 4 * index as u32, word).expect("memory");
        }
    }

    fn sends(&mut self, data: &[u8]) {
        let length = data.len() as u32;
        self.ram.write(RAM_BASE + 0x100, data).expect("memory");
        self.descriptor(0, OWNED | EOF | length << 12 | length, 0x100, 0);
        self.set(reg::DMA_OUT_LINK, START | reg::DMA_OUT_LINK::OUTLINK_ADDR.get(RAM_BASE));
    }

    /// Buffers of these sizes, one after the other, each in its own 256 bytes from 0x1000 on.
    fn receives_into(&mut self, sizes: &[u32]) {
        for (place, size) in (0..).zip(sizes) {
            let next = if place as usize + 1 < sizes.len() { RAM_BASE + 0x20 + 12 * (place + 1) } else { 0 };
            self.descriptor(0x20 + 12 * place, OWNED | size, 0x1000 + 0x100 * place, next);
        }
        self.set(reg::DMA_IN_LINK, START | reg::DMA_OUT_LINK::OUTLINK_ADDR.get(RAM_BASE + 0x20));
    }

    fn received(&mut self, place: u32) -> (Vec<u8>, bool) {
        let control = self.ram.read_u32(RAM_BASE + 0x20 + 12 * place).expect("memory");
        assert_eq!(control & OWNED, 0, "it belongs to software");
        let (start, length) = (0x1000 + 0x100 * place as usize, (control >> 12 & 0xFFF) as usize);
        (self.ram.bytes[start..start + length].to_vec(), control & EOF != 0)
    }

    fn sent(&mut self) -> Vec<u8> {
        self.uart.take_transmitted().into_iter().map(|(_, byte)| byte).collect()
    }
}

/// ESP-IDF's `uhci` driver: no separators, the end of a frame is an idle line.
#[test]
fn plain_bytes_go_out_and_an_idle_line_ends_what_comes_in() {
    let mut bench = Bench::new(reg::CONF0::UART_IDLE_EOF_EN.mask());
    let data: Vec<u8> = (0..=255).map(|byte: u8| byte.wrapping_mul(3)).chain(0xB0..=0xDF).collect();
    bench.receives_into(&[200, 200]);
    bench.sends(&data[..250]);
    let begin = bench.now;
    bench.run();
    assert_eq!(bench.sent(), data[..250]);
    // 256 bit times of idle line, as the UART has it after reset.
    assert_eq!(bench.now.since(begin), FRAME * 250 + Span::from_micros(256));
    assert_eq!(
        (bench.received(0), bench.received(1)),
        ((data[..200].to_vec(), false), (data[200..250].to_vec(), true))
    );
    let raised = bench.get(reg::INT_RAW);
    let out = reg::INT_RAW::OUT_DONE.mask() | reg::INT_RAW::OUT_EOF.mask() | reg::INT_RAW::OUT_TOTAL_EOF.mask();
    let into = reg::INT_RAW::IN_DONE.mask() | reg::INT_RAW::IN_SUC_EOF.mask();
    assert_eq!(raised & (out | into), out | into);
    assert_eq!(bench.get(reg::DMA_IN_SUC_EOF_DES_ADDR), RAM_BASE + 0x20 + 12);
    bench.set(reg::INT_ENA, reg::INT_RAW::IN_SUC_EOF.mask());
    assert_eq!((bench.uhci.interrupts(), bench.get(reg::INT_ST)), (1, reg::INT_RAW::IN_SUC_EOF.mask()));
    bench.set(reg::INT_CLR, u32::MAX);
    assert_eq!(bench.uhci.interrupts(), 0);
}

/// Separators around the frame, and two bytes for each that looks like one (TRM; RFC 1055).
#[test]
fn frames_lie_between_separators_and_are_escaped() {
    let mut bench = Bench::new(reg::CONF0::SEPER_EN.mask());
    bench.set(reg::ESCAPE_CONF, 0xFF);
    let data = [0x01, 0xC0, 0xDB, 0x11, 0x13, 0xDC, 0xFF];
    bench.receives_into(&[64, 64]);
    bench.sends(&data);
    bench.run();
    let line = [0xC0, 0x01, 0xDB, 0xDC, 0xDB, 0xDD, 0xDB, 0xDE, 0xDB, 0xDF, 0xDC, 0xFF, 0xC0];
    assert_eq!(bench.sent(), line);
    assert_eq!(bench.received(0), (data.to_vec(), true));
    // Flow control characters stay as they are without their bits.
    bench.set(reg::ESCAPE_CONF, 0x33);
    bench.sends(&[0x11, 0xC0]);
    bench.run();
    assert_eq!(bench.sent(), [0xC0, 0x11, 0xDB, 0xDC, 0xC0]);
    assert_eq!(bench.received(1), (vec![0x11, 0xC0], true));
}

#[test]
fn frames_of_a_length_end_by_it() {
    let mut bench = Bench::new(reg::CONF0::LEN_EOF_EN.mask());
    bench.set(reg::PKT_THRES, 5);
    bench.receives_into(&[64, 64, 64]);
    bench.sends(b"onetwothreefour");
    bench.run();
    let frames = [0, 1, 2].map(|place| bench.received(place));
    assert_eq!(frames, [b"onetw", b"othre", b"efour"].map(|frame| (frame.to_vec(), true)));
    let empty = reg::INT_RAW::IN_DSCR_EMPTY.mask();
    assert_eq!(bench.get(reg::INT_RAW) & empty, empty);
    assert_eq!(
        bench.get(reg::DMA_IN_LINK) & reg::DMA_OUT_LINK::OUTLINK_PARK.mask(),
        reg::DMA_OUT_LINK::OUTLINK_PARK.mask()
    );
}

#[test]
fn a_short_packet_needs_no_list() {
    let mut bench = Bench::new(reg::CONF0::SEPER_EN.mask());
    bench.set(reg::Q3_WORD0, 0x0403_0201);
    bench.set(reg::Q3_WORD1, 0x0807_06C0);
    bench.set(reg::QUICK_SENT, 3 | reg::QUICK_SENT::SINGLE_SEND_EN.mask());
    bench.run();
    assert_eq!(bench.sent(), [0xC0, 1, 2, 3, 4, 0xDB, 0xDC, 6, 7, 8, 0xC0]);
    assert_eq!(bench.get(reg::QUICK_SENT), 3);
    assert_eq!(bench.get(reg::INT_RAW) & reg::INT_RAW::SEND_S_Q.mask(), reg::INT_RAW::SEND_S_Q.mask());
}

#[test]
fn lists_that_are_wrong_raise_errors_and_stop() {
    let mut bench = Bench::new(0);
    let (out, into) = (reg::INT_RAW::OUT_DSCR_ERR.mask(), reg::INT_RAW::IN_DSCR_ERR.mask());
    bench.set(reg::DMA_OUT_LINK, START | 0x10);
    assert_eq!(bench.get(reg::INT_RAW) & out, out);
    // A list of nothing that runs in a circle, both ways.
    bench.set(reg::INT_CLR, u32::MAX);
    bench.descriptor(0, OWNED, 0x100, RAM_BASE);
    bench.set(reg::DMA_OUT_LINK, START | reg::DMA_OUT_LINK::OUTLINK_ADDR.get(RAM_BASE));
    assert_eq!(bench.get(reg::INT_RAW) & out, out);
    bench.set(reg::DMA_IN_LINK, START | reg::DMA_OUT_LINK::OUTLINK_ADDR.get(RAM_BASE));
    bench.uart.push(1, bench.now);
    bench.run();
    assert_eq!(bench.get(reg::INT_RAW) & into, into);
    // The owner counts if software wants that.
    bench.set(reg::INT_CLR, u32::MAX);
    bench.set(reg::CONF1, reg::CONF1::CHECK_OWNER.mask());
    bench.descriptor(0, EOF | 1 << 12 | 1, 0x100, 0);
    bench.set(reg::DMA_OUT_LINK, START | reg::DMA_OUT_LINK::OUTLINK_ADDR.get(RAM_BASE));
    assert_eq!(bench.get(reg::INT_RAW) & out, out);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever software writes and whatever comes, nothing panics and nothing goes on for ever in no time.
    #[test]
    fn any_writes_are_survived(
        writes in prop::collection::vec((prop::sample::select(REGISTERS.map(|register| register.offset).to_vec()), any::<u32>()), 0..40),
        line in prop::collection::vec(any::<u8>(), 0..40)
    ) {
        let mut bench = Bench::new(0);
        for (index, byte) in bench.ram.bytes.iter_mut().enumerate() {
            *byte = (index as u32).wrapping_mul(0x9E37_79B9).to_be_bytes()[0];
        }
        bench.uart.receive(&line, bench.now);
        for (offset, value) in writes {
            bench.set(offset, value);
            bench.set(reg::DMA_IN_LINK, START | reg::DMA_OUT_LINK::OUTLINK_ADDR.get(RAM_BASE) | (value & 0xFFC));
            bench.set(reg::DMA_OUT_LINK, START | reg::DMA_OUT_LINK::OUTLINK_ADDR.get(RAM_BASE) | (value >> 16 & 0xFFC));
            for _ in 0..20 {
                bench.now += FRAME;
                bench.uart.advance(bench.now);
                bench.exchange();
            }
        }
    }
}
