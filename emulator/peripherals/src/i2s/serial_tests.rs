//! ESP-IDF's drivers of serial audio, PDM, DACs and parallel displays: a circle of buffers for each direction, with an interrupt at the end
//! of each.

use espalier_core::{
    AudioClock, AudioFrame, AudioTarget, Device, DmaFault, GuestMemory, I2cTarget, Signal, Span, SpiTarget,
    Surroundings, Time,
};

use super::I2s;
use super::registers::{FIFO_16_DUAL, FIFO_16_SINGLE, FIFO_32_DUAL, reg};

const RAM_BASE: u32 = 0x3FFB_0000;
const DESCRIPTORS: [u32; 2] = [RAM_BASE, RAM_BASE + 0x10];
const BUFFERS: [u32; 2] = [RAM_BASE + 0x100, RAM_BASE + 0x200];
const OWNER: u32 = 1 << 31;
const EOF: u32 = 1 << 30;
const BYTES: u32 = 16;

/// A codec: counts what it says, and keeps what it hears with the time at which each piece begins.
#[derive(Default)]
struct Codec {
    said: i32,
    heard: Vec<AudioFrame>,
    pieces: Vec<Time>,
    millihertz: u64,
}

impl AudioTarget for Codec {
    fn hear(&mut self, clock: AudioClock, frames: &[AudioFrame]) {
        self.heard.extend(frames);
        self.pieces.push(clock.first);
        self.millihertz = clock.millihertz();
    }

    fn speak(&mut self, _clock: AudioClock, frames: &mut [AudioFrame]) {
        for frame in frames {
            self.said += 1;
            *frame = [self.said << 16, -self.said << 16];
        }
    }
}

#[derive(Default)]
struct Around {
    ram: Vec<u8>,
    codec: Codec,
}

impl Around {
    fn place(address: u32, length: usize) -> Result<std::ops::Range<usize>, DmaFault> {
        let start = address.checked_sub(RAM_BASE).ok_or(DmaFault { address })? as usize;
        if start + length <= 0x1000 { Ok(start..start + length) } else { Err(DmaFault { address }) }
    }
}

impl GuestMemory for Around {
    fn read(&mut self, address: u32, into: &mut [u8]) -> Result<(), DmaFault> {
        into.copy_from_slice(&self.ram[Around::place(address, into.len())?]);
        Ok(())
    }

    fn write(&mut self, address: u32, from: &[u8]) -> Result<(), DmaFault> {
        self.ram[Around::place(address, from.len())?].copy_from_slice(from);
        Ok(())
    }
}

impl Surroundings for Around {
    fn memory(&mut self) -> &mut dyn GuestMemory {
        self
    }

    fn spi(&mut self, _chip_select: Option<usize>) -> (Option<&mut dyn SpiTarget>, &mut dyn GuestMemory) {
        (None, self)
    }

    fn i2c(&mut self) -> Option<&mut dyn I2cTarget> {
        None
    }

    fn transmit(&mut self, _sent: Vec<(Time, u8)>) {}

    fn audio_out(&mut self) -> Option<&mut dyn AudioTarget> {
        Some(&mut self.codec)
    }

    fn audio_in(&mut self) -> Option<&mut dyn AudioTarget> {
        Some(&mut self.codec)
    }
}

struct Bench {
    i2s: I2s,
    around: Around,
    now: Time,
}

impl Bench {
    /// Two buffers of 16 bytes in a circle. 160 MHz / 10 / 10 are 1.6 MHz of bit clock: 50000 frames a second of 16 bits, one each 20 us.
    fn new(fifo_mode: u32) -> Bench {
        let around = Around { ram: vec![0; 0x1000], ..Around::default() };
        let mut bench = Bench { i2s: I2s::new(), around, now: Time::ZERO };
        for index in 0..2 {
            bench.describe(index, EOF, DESCRIPTORS[1 - index]);
        }
        let words: Vec<u32> = (1..=8_u32).map(|n| (0x100 + n) << 16 | n).collect();
        for (index, word) in words.iter().enumerate() {
            bench.around.write_u32(BUFFERS[index / 4] + 4 * (index as u32 % 4), *word).unwrap();
        }
        let fifo = reg::FIFO_CONF::DSCR_EN.mask()
            | reg::FIFO_CONF::TX_FIFO_MOD.put(fifo_mode)
            | reg::FIFO_CONF::RX_FIFO_MOD.put(fifo_mode);
        bench.set(reg::FIFO_CONF, fifo);
        bench.set(reg::CLKM_CONF, 10);
        let bits = if fifo_mode == FIFO_16_DUAL { 16 } else { 32 };
        let rate = reg::SAMPLE_RATE_CONF::TX_BCK_DIV_NUM.put(10)
            | reg::SAMPLE_RATE_CONF::RX_BCK_DIV_NUM.put(10)
            | reg::SAMPLE_RATE_CONF::TX_BITS_MOD.put(bits)
            | reg::SAMPLE_RATE_CONF::RX_BITS_MOD.put(bits);
        bench.set(reg::SAMPLE_RATE_CONF, rate);
        bench.set(reg::RXEOF_NUM, BYTES / 4);
        bench.set(reg::INT_ENA, reg::INT_RAW::OUT_EOF.mask() | reg::INT_RAW::IN_SUC_EOF.mask());
        bench
    }

    fn describe(&mut self, index: usize, flags: u32, next: u32) {
        self.around.write_u32(DESCRIPTORS[index], OWNER | flags | BYTES << 12 | BYTES).unwrap();
        self.around.write_u32(DESCRIPTORS[index] + 4, BUFFERS[index]).unwrap();
        self.around.write_u32(DESCRIPTORS[index] + 8, next).unwrap();
    }

    fn set(&mut self, offset: u32, value: u32) {
        self.i2s.write(offset, value, self.now).unwrap();
        self.i2s.settle(&mut self.around, self.now);
    }

    fn get(&mut self, offset: u32) -> u32 {
        self.i2s.read(offset, self.now).unwrap()
    }

    fn start(&mut self, link: u32, conf: u32) {
        self.set(link, 1 << 29 | DESCRIPTORS[0] & 0xF_FFFF);
        self.set(reg::CONF, conf);
    }

    /// Goes from deadline to deadline up to `end`.
    fn run_until(&mut self, end: Time) {
        while let Some(at) = self.i2s.deadline().filter(|at| *at <= end) {
            self.now = at;
            self.i2s.advance(at);
            self.i2s.settle(&mut self.around, at);
        }
        self.now = end;
    }
}

fn at(micros: u64) -> Time {
    Time::ZERO + Span::from_micros(micros)
}

#[test]
fn a_circle_of_buffers_is_sent_at_the_pace_of_the_clock() {
    let mut bench = Bench::new(FIFO_16_DUAL);
    bench.start(reg::OUT_LINK, reg::CONF::TX_START.mask() | reg::CONF::TX_MSB_RIGHT.mask());
    assert_eq!(bench.i2s.deadline(), Some(at(80)));
    bench.run_until(at(79));
    assert_eq!(bench.i2s.interrupts(), 0);
    bench.run_until(at(80));
    assert_eq!((bench.i2s.interrupts(), bench.get(reg::OUT_EOF_DES_ADDR)), (1, DESCRIPTORS[0]));
    bench.set(reg::INT_CLR, u32::MAX);
    bench.run_until(at(160));
    assert_eq!((bench.i2s.interrupts(), bench.get(reg::OUT_EOF_DES_ADDR)), (1, DESCRIPTORS[1]));
    let expected: Vec<AudioFrame> = (1..=8).map(|n| [n << 16, (0x100 + n) << 16]).collect();
    assert_eq!(bench.around.codec.heard, expected);
    assert_eq!((bench.around.codec.pieces[0], bench.around.codec.millihertz), (Time::ZERO, 50_000_000));
    bench.run_until(at(240));
    assert_eq!(bench.around.codec.heard[8], [1 << 16, 0x101 << 16], "round again");
    bench.set(reg::CONF, 0);
    assert_eq!(bench.i2s.deadline(), None);
}

/// 24.576 MHz / 2 / 8 are 1.536 MHz of bit clock: 48000 frames of 16 bits a second, to the tick.
#[test]
fn the_audio_pll_can_be_the_source_of_the_clock() {
    let mut bench = Bench::new(FIFO_16_DUAL);
    bench.i2s.set_audio_pll(24_576_000, Time::ZERO);
    bench.set(reg::CLKM_CONF, reg::CLKM_CONF::CLKA_ENA.mask() | 2);
    bench.set(
        reg::SAMPLE_RATE_CONF,
        reg::SAMPLE_RATE_CONF::TX_BCK_DIV_NUM.put(8) | reg::SAMPLE_RATE_CONF::TX_BITS_MOD.put(16),
    );
    bench.start(reg::OUT_LINK, reg::CONF::TX_START.mask());
    assert_eq!(bench.i2s.deadline(), Some(Time::from_ticks(4 * 10_000)));
    // It changes while it runs.
    bench.i2s.set_audio_pll(12_288_000, Time::ZERO);
    assert_eq!(bench.i2s.deadline(), Some(Time::from_ticks(4 * 20_000)));
    bench.run_until(Time::from_ticks(4 * 20_000));
    assert_eq!(bench.around.codec.millihertz, 24_000_000);
}

#[test]
fn wide_samples_take_two_words_and_twice_the_time() {
    let mut bench = Bench::new(FIFO_32_DUAL);
    bench.start(reg::OUT_LINK, reg::CONF::TX_START.mask());
    bench.run_until(at(80));
    assert_eq!(bench.around.codec.heard, [[0x0101_0001, 0x0102_0002], [0x0103_0003, 0x0104_0004]]);
    assert_eq!(bench.around.codec.millihertz, 25_000_000);
}

#[test]
fn one_channel_goes_to_both() {
    for (mode, msb_right, expected) in [(1, false, 0x101 << 16), (1, true, 0x101 << 16), (2, false, 1 << 16)] {
        let mut bench = Bench::new(FIFO_16_DUAL);
        bench.set(reg::CONF_CHAN, reg::CONF_CHAN::TX_CHAN_MOD.put(mode));
        bench.start(reg::OUT_LINK, reg::CONF::TX_START.mask() | reg::CONF::TX_MSB_RIGHT.put(msb_right.into()));
        bench.run_until(at(80));
        assert_eq!(bench.around.codec.heard[0], [expected; 2], "mode {mode}");
    }
}

#[test]
fn a_list_that_ends_is_done_and_one_that_leads_nowhere_an_error() {
    for (next, interrupt) in [(0, reg::INT_RAW::OUT_TOTAL_EOF.mask()), (0x3F00_0000, reg::INT_RAW::OUT_DSCR_ERR.mask())]
    {
        let mut bench = Bench::new(FIFO_16_DUAL);
        bench.describe(0, EOF, next);
        bench.start(reg::OUT_LINK, reg::CONF::TX_START.mask());
        bench.run_until(at(300));
        assert_ne!(bench.get(reg::INT_RAW) & interrupt, 0, "{next:#x}");
        assert_eq!((bench.around.codec.heard.len(), bench.i2s.deadline()), (4, None));
    }
}

#[test]
fn empty_buffers_in_a_circle_end() {
    let mut bench = Bench::new(FIFO_16_DUAL);
    for descriptor in DESCRIPTORS {
        bench.around.write_u32(descriptor, OWNER | BYTES).unwrap();
    }
    bench.start(reg::OUT_LINK, reg::CONF::TX_START.mask());
    bench.run_until(at(1000));
    assert!(bench.around.codec.heard.is_empty());
    assert_ne!(bench.get(reg::INT_RAW) & reg::INT_RAW::OUT_DSCR_ERR.mask(), 0);
}

#[test]
fn the_owner_of_a_buffer_is_checked_and_changed_if_asked_for() {
    let mut bench = Bench::new(FIFO_16_DUAL);
    bench.set(reg::LC_CONF, reg::LC_CONF::CHECK_OWNER.mask() | reg::LC_CONF::OUT_AUTO_WRBACK.mask());
    bench.start(reg::OUT_LINK, reg::CONF::TX_START.mask());
    bench.run_until(at(300));
    assert_eq!(bench.around.codec.heard.len(), 8, "each once");
    assert_ne!(bench.get(reg::INT_RAW) & reg::INT_RAW::OUT_DSCR_ERR.mask(), 0);
}

#[test]
fn frames_of_the_line_fill_buffers() {
    let mut bench = Bench::new(FIFO_16_DUAL);
    bench.start(reg::IN_LINK, reg::CONF::RX_START.mask() | reg::CONF::RX_MSB_RIGHT.mask());
    bench.run_until(at(80));
    assert_eq!((bench.i2s.interrupts(), bench.get(reg::IN_EOF_DES_ADDR)), (1, DESCRIPTORS[0]));
    let words: Vec<u32> = (0..4).map(|n| bench.around.read_u32(BUFFERS[0] + 4 * n).unwrap()).collect();
    assert_eq!(words, [0xFFFF_0001, 0xFFFE_0002, 0xFFFD_0003, 0xFFFC_0004]);
    bench.run_until(at(100));
    assert_eq!(bench.around.codec.said, 4, "asked for when a buffer is full");
}

/// 1.6 MHz of bit clock are the clock of the data: 64 * 960 / 480 of its cycles make a sample by a transmitter, 64 or 128 by a receiver.
#[test]
fn pulse_density_takes_many_clocks_for_a_sample() {
    let mut bench = Bench::new(FIFO_16_DUAL);
    bench.set(reg::PDM_FREQ_CONF, reg::PDM_FREQ_CONF::TX_PDM_FP.put(960) | reg::PDM_FREQ_CONF::TX_PDM_FS.put(480));
    bench.set(reg::PDM_CONF, reg::PDM_CONF::TX_PDM_EN.mask() | reg::PDM_CONF::PCM2PDM_CONV_EN.mask());
    bench.start(reg::OUT_LINK, reg::CONF::TX_START.mask() | reg::CONF::TX_MSB_RIGHT.mask());
    assert_eq!(bench.i2s.deadline(), Some(at(4 * 80)));
    bench.run_until(at(4 * 80));
    assert_eq!(bench.around.codec.heard, (1..=4).map(|n| [n << 16, (0x100 + n) << 16]).collect::<Vec<_>>());
    assert_eq!(bench.around.codec.millihertz, 12_500_000);

    for (slow, slot, words) in
        [(0, 0, [0xFFFF_0001, 0xFFFE_0002]), (1, 1, [0xFFFF_FFFF, 0xFFFE_FFFE]), (1, 2, [0x1_0001, 0x2_0002])]
    {
        let mut bench = Bench::new(FIFO_16_DUAL);
        let pdm = reg::PDM_CONF::RX_PDM_EN.mask() | reg::PDM_CONF::PDM2PCM_CONV_EN.mask();
        bench.set(reg::PDM_CONF, pdm | reg::PDM_CONF::RX_PDM_SINC_DSR_16_EN.put(slow));
        bench.set(reg::CONF_CHAN, reg::CONF_CHAN::RX_CHAN_MOD.put(slot));
        bench.start(reg::IN_LINK, reg::CONF::RX_START.mask() | reg::CONF::RX_MSB_RIGHT.mask());
        assert_eq!(bench.i2s.deadline(), Some(at(4 * (40 << slow))));
        bench.run_until(at(4 * (40 << slow)));
        assert_eq!([0, 4].map(|offset| bench.around.read_u32(BUFFERS[0] + offset).unwrap()), words, "{slow} {slot}");
    }
}

/// A frame takes two cycles of the bit clock, 1.25 us: one word of 16-bit data in dual mode, half of one in single mode.
#[test]
fn the_dacs_get_a_frame_in_two_clocks() {
    for (mode, end, expected) in [
        (FIFO_16_DUAL, 5_000, [[0x101 << 16, 1 << 16], [0x102 << 16, 2 << 16]]),
        (FIFO_16_SINGLE, 10_000, [[0x101 << 16; 2], [1 << 16; 2]]),
    ] {
        let mut bench = Bench::new(mode);
        bench.set(reg::CONF2, reg::CONF2::LCD_EN.mask());
        let fifo = bench.get(reg::FIFO_CONF) | reg::FIFO_CONF::TX_FIFO_MOD_FORCE_EN.mask();
        bench.set(reg::FIFO_CONF, fifo);
        bench.i2s.set_feeds_dacs(true);
        bench.start(reg::OUT_LINK, reg::CONF::TX_START.mask());
        assert!(bench.i2s.is_feeding_dacs());
        assert_eq!(bench.i2s.deadline(), Some(Time::ZERO + Span::from_nanos(end)));
        bench.run_until(Time::ZERO + Span::from_nanos(end));
        let (clock, frames) = bench.i2s.take_converted().next().expect("a buffer was sent");
        assert_eq!((clock.first, clock.millihertz(), &frames[..2]), (Time::ZERO, 800_000_000, &expected[..]));
        assert!(bench.around.codec.heard.is_empty(), "nothing of it is serial");
    }
}

/// ESP-IDF's driver of parallel displays: 32 bits for a command, one a word; 16 for pixels, two a word. The strobe is word select.
#[test]
fn parallel_data_goes_out_with_a_strobe() {
    for (bits, strobes) in [(32, 4), (16, 8)] {
        let mut bench = Bench::new(FIFO_16_DUAL);
        bench.i2s.set_watched(1 << 24 | 0xFF << 8);
        bench.set(reg::CONF2, reg::CONF2::LCD_EN.mask());
        bench.set(reg::CONF_CHAN, reg::CONF_CHAN::TX_CHAN_MOD.put(1));
        let rate = reg::SAMPLE_RATE_CONF::TX_BCK_DIV_NUM.put(10) | reg::SAMPLE_RATE_CONF::TX_BITS_MOD.put(bits);
        bench.set(reg::SAMPLE_RATE_CONF, rate);
        bench.describe(0, EOF, 0);
        bench.start(reg::OUT_LINK, reg::CONF::TX_START.mask() | reg::CONF::TX_RIGHT_FIRST.mask());
        bench.run_until(at(100));
        let changes = bench.i2s.take_output_changes();
        assert!(changes.is_sorted_by_key(|change| change.at));
        let (mut data, mut read) = (0_u32, Vec::new());
        for change in changes {
            match (change.output, change.signal) {
                (24, Signal::Level(false)) => read.push(data),
                (24, _) => {}
                (line, signal) => {
                    data = data & !(1 << (line - 8)) | u32::from(signal == Signal::Level(true)) << (line - 8)
                }
            }
        }
        let words = (1..=4).flat_map(|n| if bits == 32 { vec![n] } else { vec![n, n] });
        assert_eq!((read.len(), read), (strobes, words.collect::<Vec<_>>()), "{bits} bits");
        assert_eq!(data, 0, "the lines are low at the end");
    }
}

/// ESP-IDF's driver in full duplex: the receiver is a slave, whatever its own dividers say, and waits for the transmitter's clocks.
#[test]
fn a_receiver_can_have_the_clocks_of_its_transmitter() {
    let mut bench = Bench::new(FIFO_16_DUAL);
    let rate = bench.get(reg::SAMPLE_RATE_CONF) & !reg::SAMPLE_RATE_CONF::RX_BCK_DIV_NUM.mask();
    bench.set(reg::SAMPLE_RATE_CONF, rate | reg::SAMPLE_RATE_CONF::RX_BCK_DIV_NUM.put(3));
    let shared = reg::CONF::SIG_LOOPBACK.mask() | reg::CONF::RX_SLAVE_MOD.mask() | reg::CONF::RX_START.mask();
    bench.set(reg::OUT_LINK, 1 << 29 | DESCRIPTORS[1] & 0xF_FFFF);
    bench.start(reg::IN_LINK, shared);
    assert_eq!(bench.i2s.deadline(), None, "no clock yet");
    bench.set(reg::CONF, shared | reg::CONF::TX_START.mask());
    bench.run_until(at(80));
    assert_eq!((bench.around.codec.heard.len(), bench.around.codec.said), (4, 4));
    assert!(bench.i2s.write(reg::CONF, shared & !reg::CONF::SIG_LOOPBACK.mask(), at(80)).is_ok());
    assert_eq!(bench.i2s.deadline(), None, "nothing from outside");
}

#[test]
fn both_directions_run_at_once() {
    let mut bench = Bench::new(FIFO_16_DUAL);
    bench.set(reg::OUT_LINK, 1 << 29 | DESCRIPTORS[0] & 0xF_FFFF);
    bench.set(reg::IN_LINK, 1 << 29 | DESCRIPTORS[1] & 0xF_FFFF);
    bench.set(reg::CONF, reg::CONF::RX_START.mask() | reg::CONF::TX_START.mask());
    bench.run_until(at(160));
    assert_eq!((bench.around.codec.heard.len(), bench.around.codec.said), (8, 8));
}
