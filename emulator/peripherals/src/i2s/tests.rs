//! ESP-IDF's continuous mode of the ADC: a list of buffers in a circle, filled again and again.

use espalier_core::{Device, GuestMemory, Span, Time};

use super::I2s;
use super::registers::{self, reg};
use crate::test_ram::Ram;

const RAM_BASE: u32 = 0x3FFB_0000;
const DESCRIPTORS: [u32; 2] = [RAM_BASE, RAM_BASE + 0x10];
const BUFFERS: [u32; 2] = [RAM_BASE + 0x100, RAM_BASE + 0x200];
const BUFFER_SIZE: u32 = 16;
const OWNER: u32 = 1 << 31;
const EOF: u32 = 1 << 30;

struct Bench {
    i2s: I2s,
    ram: Ram,
    next: u16,
}

impl Bench {
    /// Two buffers in a circle; 160 MHz / 20 / 8 / 2 are 500000 samples a second, one each 2 us.
    fn new() -> Bench {
        let mut bench = Bench { i2s: I2s::new(), ram: Ram::new(RAM_BASE, 0x1000), next: 0 };
        for index in 0..2 {
            bench.ram.write_u32(DESCRIPTORS[index], OWNER | BUFFER_SIZE).unwrap();
            bench.ram.write_u32(DESCRIPTORS[index] + 4, BUFFERS[index]).unwrap();
            bench.ram.write_u32(DESCRIPTORS[index] + 8, DESCRIPTORS[1 - index]).unwrap();
        }
        bench.set(reg::CONF2, reg::CONF2::LCD_EN.mask());
        bench.set(
            reg::FIFO_CONF,
            reg::FIFO_CONF::DSCR_EN.mask() | reg::FIFO_CONF::RX_FIFO_MOD.put(registers::FIFO_16_SINGLE),
        );
        bench.set(reg::CLKM_CONF, 20);
        bench.set(reg::SAMPLE_RATE_CONF, reg::SAMPLE_RATE_CONF::RX_BCK_DIV_NUM.put(8));
        bench.set(reg::RXEOF_NUM, BUFFER_SIZE / 4);
        bench.set(reg::IN_LINK, reg::IN_LINK::INLINK_START.mask() | DESCRIPTORS[0] & reg::IN_LINK::INLINK_ADDR.mask());
        bench
    }

    fn set(&mut self, offset: u32, value: u32) {
        self.i2s.write(offset, value, Time::ZERO).unwrap();
        self.i2s.run_dma(&mut self.ram);
    }

    fn get(&mut self, offset: u32) -> u32 {
        self.i2s.read(offset, Time::ZERO).unwrap()
    }

    /// Goes from deadline to deadline up to `end`; each sample is one more than the last.
    fn run_until(&mut self, end: Time) {
        while let Some(at) = self.i2s.deadline().filter(|at| *at <= end) {
            let next = &mut self.next;
            self.i2s.sample(at, || {
                *next += 1;
                *next
            });
            self.i2s.run_dma(&mut self.ram);
        }
    }

    fn samples(&mut self, address: u32) -> Vec<u16> {
        let mut bytes = [0; BUFFER_SIZE as usize];
        self.ram.read(address, &mut bytes).unwrap();
        bytes.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
    }
}

fn at(micros: u64) -> Time {
    Time::ZERO + Span::from_micros(micros)
}

#[test]
fn buffers_fill_at_the_sample_rate_and_end_each_with_an_interrupt() {
    let mut bench = Bench::new();
    bench.set(reg::INT_ENA, reg::INT_RAW::IN_SUC_EOF.mask());
    bench.set(reg::CONF, reg::CONF::RX_START.mask());
    assert_eq!(bench.i2s.deadline(), Some(at(16)));
    bench.run_until(at(15));
    assert_eq!(bench.i2s.interrupts(), 0);
    bench.run_until(at(16));
    assert_eq!(bench.i2s.interrupts(), 1);
    // Two samples a word, the earlier one above.
    assert_eq!(bench.samples(BUFFERS[0]), [2, 1, 4, 3, 6, 5, 8, 7]);
    assert_eq!(bench.get(reg::IN_EOF_DES_ADDR), DESCRIPTORS[0]);
    assert_eq!(bench.ram.read_u32(DESCRIPTORS[0]), Ok(EOF | BUFFER_SIZE << 12 | BUFFER_SIZE));
    bench.set(reg::INT_CLR, u32::MAX);
    bench.run_until(at(48));
    assert_eq!(bench.samples(BUFFERS[1])[..2], [10, 9]);
    assert_eq!(bench.samples(BUFFERS[0])[..2], [18, 17]);
    bench.set(reg::CONF, 0);
    assert_eq!(bench.i2s.deadline(), None);
}

#[test]
fn two_channels_double_each_sample() {
    let mut bench = Bench::new();
    bench.set(reg::FIFO_CONF, reg::FIFO_CONF::DSCR_EN.mask());
    bench.set(reg::CONF, reg::CONF::RX_START.mask());
    bench.run_until(at(8));
    assert_eq!(bench.samples(BUFFERS[0]), [1, 1, 2, 2, 3, 3, 4, 4]);
}

#[test]
fn a_fraction_of_the_clock_is_kept() {
    let mut bench = Bench::new();
    // 20 + 1/2: 2.05 us a sample.
    bench.set(reg::CLKM_CONF, 20 | reg::CLKM_CONF::CLKM_DIV_B.put(1) | reg::CLKM_CONF::CLKM_DIV_A.put(2));
    bench.set(reg::CONF, reg::CONF::RX_START.mask());
    assert_eq!(bench.i2s.deadline(), Some(Time::ZERO + Span::from_ticks(7872)));
}

#[test]
fn a_list_that_ends_or_leads_nowhere_stops() {
    for (next, interrupt) in [(0, reg::INT_RAW::IN_DSCR_EMPTY.mask()), (0x3F00_0000, reg::INT_RAW::IN_DSCR_ERR.mask())]
    {
        let mut bench = Bench::new();
        bench.ram.write_u32(DESCRIPTORS[0] + 8, next).unwrap();
        bench.set(reg::CONF, reg::CONF::RX_START.mask());
        bench.run_until(at(100));
        assert_ne!(bench.get(reg::INT_RAW) & interrupt, 0, "{next:#x}");
        assert_eq!(bench.i2s.deadline(), None);
    }
}

#[test]
fn modes_that_are_not_there_say_so() {
    let start = |setting: (u32, u32), start: u32| {
        let mut i2s = I2s::new();
        i2s.write(setting.0, setting.1, Time::ZERO).unwrap();
        let slave = i2s.read(reg::CONF, Time::ZERO).unwrap();
        i2s.write(reg::CONF, slave | start, Time::ZERO).is_ok()
    };
    let (tx, rx) = (reg::CONF::TX_START.mask(), reg::CONF::RX_START.mask());
    assert!(start((reg::CONF2, 0), tx) && start((reg::CONF2, 0), rx));
    assert!(!start((reg::CONF, reg::CONF::TX_SLAVE_MOD.mask()), tx));
    assert!(!start((reg::CONF, reg::CONF::RX_SLAVE_MOD.mask()), rx));
    let lcd = reg::CONF2::LCD_EN.mask();
    assert!(start((reg::CONF2, lcd), tx) && start((reg::CONF2, lcd), rx));
    assert!(!start((reg::CONF2, lcd | reg::CONF2::LCD_TX_WRX2_EN.mask()), tx));
    assert!(!start((reg::CONF2, reg::CONF2::CAMERA_EN.mask()), rx));
    for (enabled, converts, begin) in [
        (reg::PDM_CONF::TX_PDM_EN, reg::PDM_CONF::PCM2PDM_CONV_EN, tx),
        (reg::PDM_CONF::RX_PDM_EN, reg::PDM_CONF::PDM2PCM_CONV_EN, rx),
    ] {
        assert!(!start((reg::PDM_CONF, enabled.mask()), begin));
        assert!(start((reg::PDM_CONF, enabled.mask() | converts.mask()), begin));
    }
}
