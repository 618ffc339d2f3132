use espalier_core::{Device, Frequency, Span, Time};
use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};

use super::Uart;
use super::registers::{REGISTERS, reg};

const APB: Frequency = Frequency::from_hertz(80_000_000);
const XTAL: Frequency = Frequency::from_hertz(40_000_000);
/// A frame of ten bits at 80 MHz / 694, the divider after reset.
const FRAME: Span = Span::from_ticks(6 * 694 * 10);
const COUNT: u32 = 0xFF;

struct Bench {
    uart: Uart,
    now: Time,
}

impl Bench {
    fn new() -> Bench {
        Bench { uart: Uart::new(APB), now: Time::from_micros(5) }
    }

    fn read(&mut self, offset: u32) -> u32 {
        self.uart.read(offset, self.now).unwrap()
    }

    fn write(&mut self, offset: u32, value: u32) {
        self.uart.write(offset, value, self.now).unwrap();
    }

    fn wait(&mut self, span: Span) {
        self.now += span;
    }

    /// Goes on to the next deadline.
    fn skip(&mut self) {
        let deadline = self.uart.deadline().expect("no deadline");
        assert!(deadline >= self.now, "a deadline in the past");
        self.now = deadline;
        self.uart.advance(deadline);
    }

    fn received(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.read(reg::STATUS) & COUNT != 0 {
            bytes.push(self.read(reg::FIFO) as u8);
        }
        bytes
    }
}

/// The ROM's `uart_tx_one_char` waits while the FIFO has 128 bytes; `uart_tx_flush` waits until it has none.
#[test]
fn bytes_leave_one_frame_after_the_other() {
    let mut bench = Bench::new();
    for byte in 0..129 {
        assert_eq!(bench.read(reg::STATUS) >> 16 & 0x80, 0);
        bench.write(reg::FIFO, byte);
    }
    assert_eq!(bench.read(reg::STATUS) >> 16 & COUNT, 128, "the first byte is in the shift register");
    bench.write(reg::FIFO, 0xEE);
    let start = bench.now;
    assert_eq!(bench.uart.deadline(), Some(start + FRAME * 129));
    bench.wait(FRAME * 2);
    assert_eq!(bench.read(reg::STATUS) >> 16 & COUNT, 126);
    assert_eq!(bench.uart.take_transmitted(), [(start + FRAME, 0), (start + FRAME * 2, 1)]);
    bench.skip();
    let rest = bench.uart.take_transmitted();
    assert_eq!((rest.len(), rest[126]), (127, (start + FRAME * 129, 128)), "the byte for the full FIFO is lost");
    assert_eq!(bench.uart.deadline(), None);
}

/// `uart_ll_is_tx_idle`: an empty FIFO and `ST_UTX_OUT` = 0; `TX_DONE` and `TXFIFO_EMPTY` (TRM 13.3.9).
#[test]
fn transmitter_tells_its_state_and_interrupts() {
    let mut bench = Bench::new();
    bench.write(reg::CONF1, 2 << 8);
    bench.write(reg::INT_ENA, reg::INT_RAW::TX_DONE.mask() | reg::INT_RAW::TXFIFO_EMPTY.mask());
    for byte in [0x55; 5] {
        bench.write(reg::FIFO, byte);
    }
    bench.write(reg::INT_CLR, u32::MAX);
    assert_eq!((bench.uart.interrupts(), bench.read(reg::STATUS) >> 24), (0, 0x01), "start bit");
    bench.wait(Span::from_ticks(FRAME.ticks() / 10 * 3));
    assert_eq!(bench.read(reg::STATUS) >> 24, 0x84, "third data bit, high");
    let before = bench.now;
    bench.skip();
    assert_eq!((bench.read(reg::INT_ST), bench.uart.interrupts()), (reg::INT_RAW::TXFIFO_EMPTY.mask(), 1));
    assert_eq!(bench.read(reg::STATUS) >> 16 & COUNT, 2);
    assert!(bench.now.since(before) < FRAME * 2);
    bench.skip();
    assert_eq!(bench.read(reg::INT_ST), reg::INT_RAW::TXFIFO_EMPTY.mask() | reg::INT_RAW::TX_DONE.mask());
    assert_eq!(bench.read(reg::STATUS) >> 24, 0x80, "idle, high");
}

#[test]
fn bytes_arrive_at_the_rate_of_the_line() {
    let mut bench = Bench::new();
    bench.uart.receive(b"abc", bench.now);
    bench.wait(FRAME);
    assert_eq!(bench.received(), b"a");
    bench.wait(FRAME * 2);
    assert_eq!(bench.received(), b"bc");
    bench.uart.set_line_baud(Some(115_200 / 103 * 100), bench.now);
    bench.uart.receive(b"de", bench.now);
    bench.wait(FRAME);
    assert_eq!(bench.received(), b"");
    bench.wait(FRAME);
    assert_eq!((bench.received().as_slice(), bench.uart.on_the_line()), (b"d".as_slice(), 1));
}

/// ESP-IDF's `uart_ll_get_rxfifo_len`: the difference of the pointers, and 128 if they are equal and the count is not 0.
#[test]
fn fifo_pointers_tell_the_level() {
    let mut bench = Bench::new();
    let length = |bench: &mut Bench| {
        let pointers = bench.read(reg::MEM_RX_STATUS);
        let (read, written) = (pointers >> 2 & 0x7FF, pointers >> 13 & 0x7FF);
        match (written + 128 - read) % 128 {
            0 if bench.read(reg::STATUS) & COUNT != 0 => 128,
            length => length,
        }
    };
    for expected in [0, 1, 100, 128, 128] {
        bench.received();
        bench.uart.receive(&vec![7; expected], bench.now);
        bench.wait(FRAME * expected as u64);
        assert_eq!(length(&mut bench), expected as u32);
    }
}

/// TRM 13.3.9: `RXFIFO_FULL`, `RXFIFO_OVF`, and both of them one event each, however many bytes come.
#[test]
fn thresholds_interrupt_without_an_event_per_byte() {
    let mut bench = Bench::new();
    let start = bench.now;
    bench.write(reg::CONF1, 100);
    bench.write(reg::INT_ENA, reg::INT_RAW::RXFIFO_FULL.mask() | reg::INT_RAW::RXFIFO_OVF.mask());
    bench.uart.receive(&[9; 200], start);
    bench.skip();
    assert_eq!((bench.now, bench.read(reg::INT_ST)), (start + FRAME * 100, reg::INT_RAW::RXFIFO_FULL.mask()));
    bench.write(reg::INT_CLR, reg::INT_RAW::RXFIFO_FULL.mask());
    assert_eq!(bench.read(reg::INT_ST), reg::INT_RAW::RXFIFO_FULL.mask(), "still full");
    bench.skip();
    assert_eq!(
        (bench.now, bench.read(reg::INT_ST)),
        (start + FRAME * 129, reg::INT_RAW::RXFIFO_FULL.mask() | reg::INT_RAW::RXFIFO_OVF.mask())
    );
    assert_eq!(bench.received().len(), 128);
    bench.write(reg::INT_CLR, u32::MAX);
    assert_eq!(bench.uart.interrupts(), 0);
}

/// The unit of `RX_TOUT_THRHD` is eight bits, and the interrupt stays until the FIFO is empty (esp-hal, `uart`).
#[test]
fn time_out_comes_after_the_last_byte() {
    let mut bench = Bench::new();
    let start = bench.now;
    bench.write(reg::CONF1, reg::CONF1::RX_TOUT_EN.mask() | 2 << 24 | 120);
    bench.write(reg::INT_ENA, reg::INT_RAW::RXFIFO_FULL.mask() | reg::INT_RAW::RXFIFO_TOUT.mask());
    bench.uart.receive(b"hello", start);
    bench.skip();
    let sixteen_bits = Span::from_ticks(FRAME.ticks() / 10 * 16);
    assert_eq!(
        (bench.now, bench.read(reg::INT_ST)),
        (start + FRAME * 5 + sixteen_bits, reg::INT_RAW::RXFIFO_TOUT.mask())
    );
    bench.write(reg::INT_CLR, reg::INT_RAW::RXFIFO_TOUT.mask());
    assert_eq!(bench.uart.interrupts(), 1);
    assert_eq!(bench.received(), b"hello");
    bench.write(reg::INT_CLR, reg::INT_RAW::RXFIFO_TOUT.mask());
    assert_eq!((bench.uart.interrupts(), bench.uart.deadline()), (0, None));
}

/// A gap shorter than the time-out does not end a burst, a longer one does even without an access in between.
#[test]
fn time_out_is_found_between_two_bursts() {
    let mut bench = Bench::new();
    bench.write(reg::CONF1, reg::CONF1::RX_TOUT_EN.mask() | 2 << 24 | 120);
    bench.uart.receive(b"a", bench.now);
    bench.wait(FRAME * 2);
    bench.uart.receive(b"b", bench.now);
    bench.wait(FRAME);
    assert_eq!(bench.read(reg::INT_RAW) & reg::INT_RAW::RXFIFO_TOUT.mask(), 0);
    bench.wait(FRAME * 2);
    bench.uart.receive(b"c", bench.now);
    bench.wait(FRAME);
    assert_eq!(bench.read(reg::INT_RAW) & reg::INT_RAW::RXFIFO_TOUT.mask(), reg::INT_RAW::RXFIFO_TOUT.mask());
}

#[test]
fn time_out_that_is_switched_on_late_sees_what_is_there() {
    let mut bench = Bench::new();
    bench.write(reg::INT_ENA, reg::INT_RAW::RXFIFO_TOUT.mask());
    bench.uart.receive(b"a", bench.now);
    bench.wait(FRAME * 50);
    bench.write(reg::CONF1, reg::CONF1::RX_TOUT_EN.mask() | 5 << 24 | 120);
    let start = bench.now;
    bench.skip();
    assert_eq!((bench.now, bench.read(reg::INT_ST)), (start + FRAME * 4, reg::INT_RAW::RXFIFO_TOUT.mask()));
}

/// The ROM's `uart_baudrate_detect` on a 40 MHz crystal: divider = (LOWPULSE + HIGHPULSE) * 8 + 144, in sixteenths. The bytes
/// are those of esptool's sync frame.
#[test]
fn rom_finds_the_rate_of_a_sync_frame() {
    for baud in [9600, 115_200, 230_400, 460_800] {
        let mut bench = Bench::new();
        bench.uart.set_apb_clock(XTAL, bench.now);
        bench.uart.set_line_baud(Some(baud), bench.now);
        bench.write(reg::AUTOBAUD, 0);
        bench.write(reg::AUTOBAUD, 0x400 | reg::AUTOBAUD::EN.mask());
        let mut sync = b"\xC0\x00\x08\x24\x00\x00\x00\x00\x00\x07\x07\x12\x20".to_vec();
        sync.extend([0x55; 32]);
        sync.push(0xC0);
        bench.uart.receive(&sync, bench.now);
        let mut waited = 0;
        while bench.read(reg::RXD_CNT) < 128 {
            bench.wait(Span::from_micros(1000));
            waited += 1;
            assert!(waited < 100, "no edges at {baud} baud");
        }
        let divider = (bench.read(reg::LOWPULSE) + bench.read(reg::HIGHPULSE)) * 8 + 144;
        bench.write(reg::CLKDIV, (divider & 0xF) << 20 | divider >> 4);
        bench.write(
            reg::CONF0,
            bench.uart.registers.get(reg::CONF0) | reg::CONF0::RXFIFO_RST.mask() | reg::CONF0::TXFIFO_RST.mask(),
        );
        bench.write(
            reg::CONF0,
            bench.uart.registers.get(reg::CONF0) & !(reg::CONF0::RXFIFO_RST.mask() | reg::CONF0::TXFIFO_RST.mask()),
        );
        bench.wait(Span::from_millis(100));
        bench.received();
        bench.uart.receive(&sync, bench.now);
        bench.wait(Span::from_millis(100));
        assert_eq!(bench.received(), sync, "{baud} baud");
    }
}

/// A host at twice the rate: what arrives is not what was sent, and framing errors are told. At a fifth of it: breaks.
#[test]
fn wrong_rates_give_garbage() {
    let mut bench = Bench::new();
    bench.write(reg::INT_ENA, reg::INT_RAW::FRM_ERR.mask());
    bench.uart.set_line_baud(Some(230_400), bench.now);
    let sent = [0x55, 0x01, 0xA5, 0x00, 0x33];
    bench.uart.receive(&sent, bench.now);
    bench.wait(FRAME * 20);
    let garbage = bench.received();
    assert!(!garbage.is_empty() && garbage != sent, "{garbage:x?}");
    bench.uart.set_line_baud(Some(23_040), bench.now);
    bench.write(reg::INT_CLR, u32::MAX);
    bench.uart.receive(&[0x00], bench.now);
    while bench.read(reg::INT_ST) == 0 {
        bench.skip();
    }
    assert_eq!(
        bench.read(reg::INT_RAW) & (reg::INT_RAW::FRM_ERR.mask() | reg::INT_RAW::BRK_DET.mask()),
        reg::INT_RAW::FRM_ERR.mask() | reg::INT_RAW::BRK_DET.mask()
    );
    bench.wait(FRAME * 20);
    assert_eq!(bench.received(), [0], "a low line is one break");
}

#[test]
fn sampling_at_nearly_the_same_rate_reads_the_bytes() {
    let mut bench = Bench::new();
    let (format, own) = (bench.uart.format, bench.uart.bit);
    let sender = super::BitTime::of_baud(117_000);
    let mut sampler = super::Sampler::default();
    let mut frames = Vec::new();
    let mut from = bench.now;
    for byte in *b"espalier" {
        let levels = format.levels(byte);
        for index in 0..=format.stop_bit() {
            let until = from + sender.bits(1);
            sampler.advance(levels >> index & 1 != 0, (from, until), format, own, &mut frames);
            from = until;
        }
    }
    bench.wait(FRAME * 20);
    sampler.advance(true, (from, bench.now), format, own, &mut frames);
    let read: Vec<u8> = frames.iter().map(|frame| format.data(frame.levels)).collect();
    assert_eq!(read, b"espalier");
}

/// TRM 13.3.1: `UART_LOOPBACK` connects the receiver to the transmitter.
#[test]
fn loopback_receives_what_is_sent() {
    let mut bench = Bench::new();
    bench.write(reg::CONF0, 0x0800_001C | reg::CONF0::LOOPBACK.mask());
    bench.write(reg::CONF1, 1);
    bench.write(reg::INT_ENA, reg::INT_RAW::RXFIFO_FULL.mask());
    bench.uart.receive(b"outside", bench.now);
    bench.write(reg::FIFO, 0x42);
    bench.write(reg::FIFO, 0x43);
    let start = bench.now;
    bench.skip();
    assert_eq!((bench.now, bench.uart.interrupts()), (start + FRAME, 1));
    bench.wait(FRAME * 10);
    assert_eq!(bench.received(), [0x42, 0x43]);
}

/// `uart_write_bytes_with_break`: a break after the last byte, and its two interrupts.
#[test]
fn break_follows_the_last_byte() {
    let mut bench = Bench::new();
    let start = bench.now;
    bench.write(reg::IDLE_CONF, 20 << 20 | 10 << 10);
    bench.write(reg::INT_ENA, reg::INT_RAW::TX_BRK_DONE.mask() | reg::INT_RAW::TX_BRK_IDLE_DONE.mask());
    bench.write(reg::FIFO, 1);
    bench.write(reg::CONF0, 0x0800_001C | reg::CONF0::TXD_BRK.mask());
    bench.skip();
    bench.skip();
    assert_eq!((bench.now, bench.read(reg::INT_ST)), (start + FRAME * 3, reg::INT_RAW::TX_BRK_DONE.mask()));
    bench.skip();
    assert_eq!(
        (bench.now, bench.read(reg::INT_ST)),
        (start + FRAME * 4, reg::INT_RAW::TX_BRK_DONE.mask() | reg::INT_RAW::TX_BRK_IDLE_DONE.mask())
    );
    assert_eq!(bench.uart.deadline(), None);
}

#[test]
fn reset_keeps_what_is_outside() {
    let mut bench = Bench::new();
    bench.write(reg::CLKDIV, 100);
    bench.write(reg::FIFO, 1);
    bench.uart.receive(b"ab", bench.now);
    bench.uart.reset();
    assert_eq!((bench.read(reg::CLKDIV), bench.uart.on_the_line()), (0x2B6, 2));
    bench.wait(FRAME * 2);
    assert_eq!(bench.received(), b"ab");
}

/// The ROM listens to two UARTs in turn; its `uart_rx_intr_handler` gets rid of an interrupt of the other one by reading that
/// one's FIFO, and would be called forever if that were not enough.
#[test]
fn reading_below_the_threshold_ends_the_interrupt() {
    let mut bench = Bench::new();
    bench.write(reg::CONF1, 1);
    bench.write(reg::INT_ENA, reg::INT_RAW::RXFIFO_FULL.mask());
    bench.uart.receive(&[9; 2], bench.now);
    bench.wait(FRAME * 2);
    bench.read(reg::FIFO);
    assert_eq!(
        (bench.uart.interrupts(), bench.read(reg::INT_RAW) & reg::INT_RAW::RXFIFO_FULL.mask()),
        (1, reg::INT_RAW::RXFIFO_FULL.mask())
    );
    bench.read(reg::FIFO);
    assert_eq!((bench.uart.interrupts(), bench.read(reg::INT_RAW) & reg::INT_RAW::RXFIFO_FULL.mask()), (0, 0));
}

/// Downloads at 4 Mbaud: 300 KB in FIFO-sized pieces, exact and with few events.
#[test]
fn bulk_is_exact_and_cheap() {
    let mut bench = Bench::new();
    bench.write(reg::CLKDIV, 20);
    bench.write(reg::CONF1, 64);
    bench.write(reg::INT_ENA, reg::INT_RAW::RXFIFO_FULL.mask());
    let data: Vec<u8> = (0..300_032_u32).map(|index| (index % 251) as u8).collect();
    bench.uart.receive(&data, bench.now);
    let (mut received, mut events) = (Vec::new(), 0);
    while received.len() < data.len() {
        bench.skip();
        events += 1;
        received.extend(bench.received());
        bench.write(reg::INT_CLR, reg::INT_RAW::RXFIFO_FULL.mask());
    }
    assert_eq!((received == data, events), (true, data.len() / 64));
}

#[derive(Clone, Debug)]
enum Action {
    Read(u32),
    Write(u32, u32),
    Receive(Vec<u8>),
    Baud(Option<u32>),
    Wait(u64),
    Skip,
}

fn actions() -> impl Strategy<Value = Action> {
    let offsets = || prop::sample::select(REGISTERS.map(|register| register.offset).to_vec());
    prop_oneof![
        3 => offsets().prop_map(Action::Read),
        3 => (offsets(), any::<u32>()).prop_map(|(offset, value)| Action::Write(offset, value)),
        2 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Action::Receive),
        1 => prop::option::of(prop_oneof![1_000..2_000_000_u32, any::<u32>()]).prop_map(Action::Baud),
        3 => (0..10_000_000_u64).prop_map(Action::Wait),
        2 => proptest::strategy::Just(Action::Skip),
    ]
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Whatever happens, nothing panics, and looking often or seldom gives the same.
    #[test]
    fn any_use_is_survived(stream in prop::collection::vec(actions(), 0..60)) {
        let mut bench = Bench::new();
        for action in stream {
            match action {
                Action::Read(offset) => drop(bench.read(offset)),
                Action::Write(offset, value) => bench.write(offset, value),
                Action::Receive(bytes) => bench.uart.receive(&bytes, bench.now),
                Action::Baud(baud) => bench.uart.set_line_baud(baud, bench.now),
                Action::Wait(ticks) => bench.wait(Span::from_ticks(ticks)),
                Action::Skip => {
                    if let Some(deadline) = bench.uart.deadline() {
                        bench.now = bench.now.max(deadline);
                        bench.uart.advance(bench.now);
                        assert!(bench.uart.deadline().is_none_or(|next| next > bench.now), "no progress");
                    }
                }
            }
            check_steadiness(&bench.uart, bench.now, bench.now + Span::from_millis(50));
        }
    }

    #[test]
    fn a_quiet_uart_is_steady_but_for_its_fifo(byte in any::<u8>()) {
        let mut bench = Bench::new();
        let until = |bench: &Bench, offset| bench.uart.steady_until(offset, bench.now);
        assert_eq!((until(&bench, reg::STATUS), until(&bench, reg::FIFO)), (Some(Time::MAX), None));
        bench.uart.receive(&[byte], bench.now);
        assert_eq!(until(&bench, reg::STATUS), None, "something is coming in");
        bench.wait(FRAME * 2);
        bench.read(reg::STATUS);
        assert_eq!(until(&bench, reg::STATUS), Some(Time::MAX), "it has arrived");
        bench.write(reg::FIFO, byte.into());
        let sent = bench.now + bench.uart.frame();
        assert_eq!(until(&bench, reg::INT_RAW), Some(sent), "something goes out");
        assert!(until(&bench, reg::STATUS).is_some_and(|until| until < sent), "bit by bit");
        bench.uart.set_watched(1);
        assert_eq!(until(&bench, reg::INT_RAW), None, "and a probe looks at it");
    }

    /// Time is computed, not counted: extra looks in between change nothing.
    #[test]
    fn looking_does_not_change_what_happens(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        baud in prop_oneof![300..300_000_u32, 110_000..120_000_u32],
        looks in prop::collection::vec(0..2_000_000_u64, 0..20),
    ) {
        let mut seldom = Bench::new();
        seldom.uart.set_line_baud(Some(baud), seldom.now);
        seldom.write(reg::CONF1, reg::CONF1::RX_TOUT_EN.mask() | 1 << 24 | 10);
        seldom.uart.receive(&bytes, seldom.now);
        seldom.write(reg::FIFO, 0x5A);
        let mut often = Bench { uart: seldom.uart.clone(), now: seldom.now };
        for span in looks {
            often.wait(Span::from_ticks(span));
            often.read(reg::STATUS);
        }
        let end = often.now + Span::from_secs(10);
        (seldom.now, often.now) = (end, end);
        assert_eq!(seldom.read(reg::INT_RAW), often.read(reg::INT_RAW));
        assert_eq!(seldom.received(), often.received());
        assert_eq!(seldom.uart.take_transmitted(), often.uart.take_transmitted());
    }
}

#[test]
fn bytes_on_the_line_are_lost_when_it_is_cut() {
    let mut bench = Bench::new();
    bench.uart.receive(b"heard and lost", bench.now);
    bench.wait(FRAME * 5);
    bench.uart.cut_line(bench.now);
    bench.wait(FRAME * 20);
    assert_eq!((bench.received(), bench.uart.on_the_line()), (b"heard".to_vec(), 0));
}

/// Every register that is said to be steady reads the same for so long and until the deadline, and reading it changes nothing.
fn check_steadiness(uart: &Uart, now: Time, later: Time) {
    for register in uart.registers() {
        let offset = register.offset;
        let Some(until) = uart.steady_until(offset, now) else { continue };
        assert!(until > now, "{register:?}");
        let later = later.min(Time::from_ticks(until.ticks() - 1));
        let (mut read_once, mut read_twice) = (uart.clone(), uart.clone());
        let value = read_twice.read(offset, now).unwrap();
        let deadline = read_twice.deadline();
        let later =
            deadline.map_or(later, |deadline| Time::from_ticks(later.ticks().min(deadline.ticks() - 1)).max(now));
        assert_eq!(read_once.read(offset, later).unwrap(), value, "{register:?} at {later:?}");
        assert_eq!(read_twice.read(offset, later).unwrap(), value, "{register:?} at {later:?}");
        assert_eq!(read_once.deadline(), read_twice.deadline(), "{register:?}");
        assert_eq!(format!("{read_once:?}"), format!("{read_twice:?}"), "{register:?}");
    }
}

mod on_pads {
    //! Two UARTs whose pads are wired, and what others see on the pads.

    use espalier_core::{Device, LineSettings, SerialFormat, SerialParity, Signal, Span, Time};

    use super::super::registers::reg;
    use super::{APB, Bench, FRAME, Uart};

    const TXD: usize = 0;
    const RTS: usize = 1;
    const RXD: usize = 0;
    const CTS: usize = 1;

    /// A sender at whose TXD a receiver listens.
    struct Pair {
        sender: Bench,
        receiver: Bench,
    }

    impl Pair {
        fn new(set: impl Fn(&mut Uart, &mut Uart)) -> Pair {
            let mut pair = Pair { sender: Bench::new(), receiver: Bench::new() };
            let now = pair.sender.now;
            set(&mut pair.sender.uart, &mut pair.receiver.uart);
            pair.sender.uart.advance(now);
            pair.receiver.uart.advance(now);
            pair.receiver.uart.connect_input(RXD, pair.sender.uart.output(TXD));
            pair.sender.uart.set_watched(1 << TXD);
            pair.sender.uart.set_awaited(1 << TXD);
            pair
        }

        /// Goes on from edge to edge.
        fn run(&mut self, span: Span) {
            let end = self.sender.now + span;
            loop {
                let next = self.sender.uart.deadline().filter(|at| *at <= end);
                let now = next.unwrap_or(end);
                self.sender.uart.advance(now);
                for change in self.sender.uart.take_output_changes() {
                    assert_eq!((change.output, change.at), (TXD, now), "told when it happens");
                    self.receiver.uart.set_input(RXD, change.signal, change.at);
                }
                (self.sender.now, self.receiver.now) = (now, now);
                if next.is_none() {
                    return;
                }
            }
        }

        fn send(&mut self, bytes: &[u8]) {
            bytes.iter().for_each(|byte| self.sender.write(reg::FIFO, (*byte).into()));
            for change in self.sender.uart.take_output_changes() {
                self.receiver.uart.set_input(RXD, change.signal, change.at);
            }
        }
    }

    fn set(uart: &mut Uart, offset: u32, bits: u32) {
        let now = Time::from_micros(5);
        let value = uart.read(offset, now).unwrap() | bits;
        uart.write(offset, value, now).unwrap();
    }

    #[test]
    fn bytes_pass_from_pad_to_pad() {
        let mut pair = Pair::new(|_, _| {});
        pair.send(b"hello, pad");
        pair.run(FRAME * 10);
        assert_eq!(pair.receiver.received(), b"hello, pad");
        assert_eq!(
            pair.receiver.read(reg::INT_RAW) & (reg::INT_RAW::FRM_ERR.mask() | reg::INT_RAW::PARITY_ERR.mask()),
            0
        );
    }

    /// The bytes that a UART hears while it sends through a transceiver, and whether it saw a collision, with bits of RS485_CONF; another driver
    /// holds the pair of wires low from a time on.
    fn echo(rs485: u32, spoiled_from: Option<Span>) -> (Vec<u8>, bool) {
        let mut bench = Bench::new();
        bench.write(reg::RS485_CONF, rs485);
        bench.uart.connect_input(RXD, Signal::Level(true));
        bench.uart.set_watched(1 << TXD);
        bench.uart.set_awaited(1 << TXD);
        let begin = bench.now;
        let spoils = |at: Time| spoiled_from.is_some_and(|span| at >= begin + span && at < begin + span + FRAME);
        let mut driven = true;
        for byte in *b"echo" {
            bench.write(reg::FIFO, byte.into());
        }
        loop {
            for change in bench.uart.take_output_changes() {
                driven = change.signal == Signal::Level(true);
            }
            let now = bench.now;
            bench.uart.set_input(RXD, Signal::Level(driven && !spoils(now)), now);
            let Some(next) = bench.uart.deadline().filter(|next| *next <= begin + FRAME * 5) else { break };
            bench.now = next;
            bench.uart.advance(next);
        }
        bench.now = begin + FRAME * 6;
        // Another sender, once its own frames are over.
        let mut other = Pair { sender: Bench::new(), receiver: bench };
        other.sender.now = other.receiver.now;
        other.sender.uart.set_watched(1 << TXD);
        other.sender.uart.set_awaited(1 << TXD);
        other.receiver.uart.set_input(RXD, Signal::Level(true), other.receiver.now);
        other.send(b"!");
        other.run(FRAME * 2);
        let raw = other.receiver.read(reg::INT_RAW);
        (other.receiver.received(), reg::INT_RAW::RS485_CLASH.is_set(raw))
    }

    #[test]
    fn in_rs485_a_uart_does_not_hear_itself_or_notices_collisions() {
        let (on, hears) = (reg::RS485_CONF::RS485_EN.mask(), reg::RS485_CONF::RS485TX_RX_EN.mask());
        assert_eq!(echo(0, None), (b"echo!".to_vec(), false));
        assert_eq!(echo(on, None), (b"!".to_vec(), false));
        assert_eq!(echo(on | hears, None), (b"echo!".to_vec(), false));
        let (heard, collides) = echo(on | hears, Some(FRAME));
        assert!(collides && heard != b"echo!", "{heard:?}");
    }

    #[test]
    fn an_inverted_line_idles_low_and_is_read_by_an_inverted_receiver_only() {
        let inverted = reg::CONF0::TXD_INV.mask() | reg::CONF0::RXD_INV.mask();
        let mut both = Pair::new(|sender, receiver| {
            [sender, receiver].map(|uart| set(uart, reg::CONF0, inverted)).into_iter().collect()
        });
        assert_eq!(both.sender.uart.output(TXD), Signal::Level(false));
        both.send(b"hello");
        both.run(FRAME * 6);
        assert_eq!(both.receiver.received(), b"hello");
        let mut one = Pair::new(|sender, _| set(sender, reg::CONF0, inverted));
        one.send(b"hello");
        one.run(FRAME * 6);
        assert_ne!(one.receiver.received(), b"hello");
    }

    #[test]
    fn parity_breaks_and_other_rates_are_seen_as_errors() {
        let odd = reg::CONF0::PARITY_EN.mask() | reg::CONF0::PARITY.mask();
        let mut parity = Pair::new(|sender, receiver| {
            set(sender, reg::CONF0, reg::CONF0::PARITY_EN.mask());
            set(receiver, reg::CONF0, odd);
        });
        parity.send(b"ab");
        parity.run(FRAME * 4);
        assert!(reg::INT_RAW::PARITY_ERR.is_set(parity.receiver.read(reg::INT_RAW)));
        let mut slow = Pair::new(|sender, _| sender.write(reg::CLKDIV, 2 * 694, Time::from_micros(5)).unwrap());
        slow.send(b"UUUU");
        slow.run(FRAME * 12);
        assert_ne!(slow.receiver.received(), b"UUUU");
        let mut broken = Pair::new(|_, _| {});
        broken.sender.write(reg::IDLE_CONF, reg::IDLE_CONF::TX_BRK_NUM.put(20) | reg::IDLE_CONF::TX_IDLE_NUM.put(20));
        let conf0 = broken.sender.read(reg::CONF0);
        broken.sender.write(reg::CONF0, conf0 | reg::CONF0::TXD_BRK.mask());
        broken.send(b"");
        broken.run(FRAME * 5);
        let raw = broken.receiver.read(reg::INT_RAW);
        assert!(reg::INT_RAW::BRK_DET.is_set(raw) && reg::INT_RAW::FRM_ERR.is_set(raw), "{raw:#x}");
    }

    #[test]
    fn interrupts_of_a_receiver_come_when_frames_do() {
        let mut pair = Pair::new(|_, receiver| {
            set(receiver, reg::CONF1, reg::CONF1::RX_TOUT_EN.mask() | reg::CONF1::RX_TOUT_THRHD.put(2));
            receiver.write(reg::INT_ENA, reg::INT_RAW::RXFIFO_TOUT.mask(), Time::from_micros(5)).unwrap();
        });
        pair.send(b"x");
        // All but the rest of the stop bit.
        pair.run(Span::from_ticks(FRAME.ticks() * 94 / 100));
        let sampled = pair.receiver.uart.deadline().expect("a frame is coming in");
        pair.receiver.now = sampled;
        pair.receiver.uart.advance(sampled);
        let late = pair.receiver.uart.deadline().expect("the time-out");
        pair.receiver.uart.advance(late);
        assert_eq!(pair.receiver.uart.interrupts(), 1);
        assert!(late.since(sampled) >= Span::from_ticks(FRAME.ticks() / 10 * 15));
    }

    #[test]
    fn a_transmitter_waits_for_cts_and_a_receiver_raises_rts() {
        let mut bench = Bench::new();
        set(&mut bench.uart, reg::CONF0, reg::CONF0::TX_FLOW_EN.mask());
        assert_eq!(bench.uart.listening(), 0b11);
        bench.uart.set_input(CTS, Signal::Level(true), bench.now);
        bench.write(reg::FIFO, 0x41);
        bench.wait(FRAME * 3);
        bench.uart.advance(bench.now);
        assert_eq!(bench.uart.take_transmitted(), []);
        assert_eq!(bench.read(reg::STATUS) >> 14 & 1, 1);
        bench.uart.set_input(CTS, Signal::Level(false), bench.now);
        let start = bench.now;
        bench.wait(FRAME);
        bench.uart.advance(bench.now);
        assert_eq!(bench.uart.take_transmitted(), [(start + FRAME, 0x41)]);
        assert!(reg::INT_RAW::CTS_CHG.is_set(bench.read(reg::INT_RAW)));

        let mut bench = Bench::new();
        set(&mut bench.uart, reg::CONF1, reg::CONF1::RX_FLOW_EN.mask());
        bench
            .uart
            .write(reg::CONF1, reg::CONF1::RX_FLOW_EN.mask() | reg::CONF1::RX_FLOW_THRHD.put(3), bench.now)
            .unwrap();
        bench.uart.set_watched(1 << RTS);
        bench.uart.set_awaited(1 << RTS);
        bench.uart.receive(b"abcd", bench.now);
        let mut raised = None;
        while let Some(at) = bench.uart.deadline() {
            bench.uart.advance(at);
            raised = raised.or(bench.uart.take_output_changes().first().copied());
        }
        let raised = raised.expect("RTS");
        assert_eq!((raised.output, raised.signal, raised.at), (RTS, Signal::Level(true), bench.now + FRAME * 3));
    }

    #[test]
    fn the_other_side_of_the_port_can_have_settings_of_its_own() {
        let format = |parity| Some(SerialFormat { data_bits: 8, parity, stop_half_bits: 2 });
        for (settings, same) in [
            (LineSettings::default(), true),
            (LineSettings { baud: Some(115_200), format: format(None), inverted: Some(false) }, true),
            (LineSettings { baud: Some(38_400), ..LineSettings::default() }, false),
            (LineSettings { format: format(Some(SerialParity::Odd)), ..LineSettings::default() }, false),
            (LineSettings { inverted: Some(true), ..LineSettings::default() }, false),
        ] {
            let mut uart = Uart::new(APB);
            uart.set_line(settings, Time::from_micros(5));
            for byte in b"abc" {
                uart.write(reg::FIFO, (*byte).into(), Time::from_micros(5)).unwrap();
            }
            uart.receive(b"xyz", Time::from_micros(5));
            let end = Time::from_micros(5) + FRAME * 20;
            uart.advance(end);
            let sent: Vec<u8> = uart.take_transmitted().into_iter().map(|(_, byte)| byte).collect();
            let mut bench = Bench { uart, now: end };
            let (received, raw) = (bench.received(), bench.read(reg::INT_RAW));
            let errors = reg::INT_RAW::FRM_ERR.mask() | reg::INT_RAW::BRK_DET.mask();
            assert_eq!(sent == b"abc", same, "{settings:?}: {sent:?}");
            let whole = received == b"xyz" && raw & errors == 0;
            assert_eq!(whole, same, "{settings:?}: {received:?}");
        }
    }
}
