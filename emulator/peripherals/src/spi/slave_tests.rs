//! Two controllers on wires, one of them a slave (TRM, chapter 7.4.3; settings of ESP-IDF's `spi_slave` driver).

use espalier_core::{Device, GuestMemory, I2cTarget, Signal, Span, SpiTarget, Surroundings, Time};
use proptest::prelude::{any, prop, proptest};

use super::Spi;
use super::line::{CLOCK, DATA, Q, SELECT};
use super::registers::{REGISTERS, cmd, reg};
use crate::test_ram::Ram;

const RAM_BASE: u32 = 0x3FFB_0000;
const START: u32 = reg::DMA_OUT_LINK::OUTLINK_START.mask();
const BOTH: u32 = reg::USER::DOUTDIN.mask() | reg::USER::USR_MOSI.mask() | reg::USER::USR_MISO.mask();
/// A clock of 10 MHz.
const CLOCK_10M: u32 = reg::CLOCK::CLKCNT_N.put(7);
const BIT: Span = Span::from_nanos(100);

/// No device but a slave is on the wires.
struct Wires<'a>(&'a mut Ram);

impl Surroundings for Wires<'_> {
    fn memory(&mut self) -> &mut dyn GuestMemory {
        self.0
    }

    fn spi(&mut self, _chip_select: Option<usize>) -> (Option<&mut dyn SpiTarget>, &mut dyn GuestMemory) {
        (None, self.0)
    }

    fn i2c(&mut self) -> Option<&mut dyn I2cTarget> {
        None
    }

    fn transmit(&mut self, _sent: Vec<(Time, u8)>) {}
}

struct Pair {
    master: Spi,
    slave: Spi,
    ram: Ram,
    now: Time,
}

impl Pair {
    /// Both in a mode from 0 to 3; the slave as ESP-IDF sets it, with DMA or without.
    fn new(mode: u32, dma: bool) -> Pair {
        let (master, slave) = (Spi::general(), Spi::general());
        let mut pair = Pair { master, slave, ram: Ram::new(RAM_BASE, 0x1000), now: Time::ZERO };
        let (idle, out) = [(0, 0), (0, 1), (1, 1), (1, 0)][mode as usize];
        pair.set(false, reg::CLOCK, CLOCK_10M);
        pair.set(false, reg::USER, BOTH | reg::USER::CK_OUT_EDGE.put(out));
        pair.set(false, reg::PIN, 0b110 | reg::PIN::CK_IDLE_EDGE.put(idle));
        let (idle, edge) = match (mode, dma) {
            (0, false) | (2, true) => (1, 0),
            (1, _) => (1, 1),
            (2, false) | (0, true) => (0, 1),
            _ => (0, 0),
        };
        pair.set(true, reg::SLAVE, reg::SLAVE::MODE.mask() | reg::SLAVE::TRANS_INTEN.mask());
        pair.set(true, reg::USER, BOTH | reg::USER::CK_I_EDGE.put(edge));
        pair.set(true, reg::PIN, reg::PIN::CK_IDLE_EDGE.put(idle));
        pair.master.set_watched(1 << CLOCK | 1 << DATA | 1 << SELECT);
        pair.slave.set_watched(1 << Q);
        for input in [CLOCK, DATA, SELECT] {
            pair.slave.connect_input(input, pair.master.output(input));
        }
        pair.master.connect_input(Q, pair.slave.output(Q));
        pair
    }

    fn set(&mut self, slave: bool, offset: u32, value: u32) {
        let spi = if slave { &mut self.slave } else { &mut self.master };
        spi.write(offset, value, self.now).expect("a register");
        spi.settle(&mut Wires(&mut self.ram), self.now);
        self.carry();
    }

    fn carry(&mut self) {
        for change in self.master.take_output_changes() {
            self.slave.set_input(change.output, change.signal, change.at);
            for answer in self.slave.take_output_changes() {
                self.master.set_input(answer.output, answer.signal, answer.at);
            }
        }
        self.slave.settle(&mut Wires(&mut self.ram), self.now);
    }

    /// Lets both controllers go on until neither has anything to do.
    fn run(&mut self) -> Time {
        while let Some(due) = self.master.deadline() {
            self.now = self.now.max(due);
            self.master.advance(self.now);
            self.master.settle(&mut Wires(&mut self.ram), self.now);
            self.carry();
        }
        self.now
    }

    fn lengths(&mut self, slave: bool, bits: u32) {
        let [sent, received] =
            if slave { [reg::SLV_RDBUF_DLEN, reg::SLV_WRBUF_DLEN] } else { [reg::MOSI_DLEN, reg::MISO_DLEN] };
        self.set(slave, sent, bits - 1);
        self.set(slave, received, bits - 1);
    }

    fn read(&mut self, slave: bool, offset: u32) -> u32 {
        let now = self.now;
        (if slave { &mut self.slave } else { &mut self.master }).read(offset, now).expect("a register")
    }

    /// A list of one buffer.
    fn list(&mut self, at: u32, control: u32, buffer: u32) {
        for (index, word) in [control, buffer, 0].into_iter().enumerate() {
            self.ram.write_u32(RAM_BASE + at + 4 * index as u32, word).expect("memory");
        }
    }
}

#[test]
fn words_go_both_ways_in_each_mode() {
    for mode in 0..4 {
        let mut pair = Pair::new(mode, false);
        pair.lengths(false, 64);
        pair.lengths(true, 64);
        for (slave, words) in [(false, [0xA501_80FF, 0x1234_5678]), (true, [0x5A3C_0F01, 0x8765_43E1])] {
            pair.set(slave, reg::W, words[0]);
            pair.set(slave, reg::W + 4, words[1]);
        }
        pair.set(true, reg::CMD, cmd::USR);
        assert_eq!((pair.read(true, reg::CMD), pair.slave.interrupts()), (cmd::USR, 0));
        pair.set(false, reg::CMD, cmd::USR);
        let begun = pair.now;
        let end = pair.run();
        assert_eq!(end.since(begun), BIT * 64, "mode {mode}");
        let received = [0, 4].map(|word| pair.read(true, reg::W + word));
        assert_eq!(received, [0xA501_80FF, 0x1234_5678], "mode {mode}");
        assert_eq!([0, 4].map(|word| pair.read(false, reg::W + word)), [0x5A3C_0F01, 0x8765_43E1], "mode {mode}");
        assert_eq!((pair.read(true, reg::CMD), pair.slave.interrupts()), (0, 1 << Spi::INTERRUPT));
        assert_eq!(pair.read(true, reg::SLV_RD_BIT), 63, "one less than the whole");
    }
}

/// With DMA the slave of modes 0 and 2 samples at the other edge, where the controller changes its data, and sends half a clock early.
#[test]
fn lists_go_both_ways_in_each_mode() {
    for mode in 0..4 {
        let mut pair = Pair::new(mode, true);
        let bytes: Vec<u8> = (0..100).map(|index: u8| index.wrapping_mul(37) ^ 0x81).collect();
        pair.ram.write(RAM_BASE + 0x100, &bytes).expect("memory");
        pair.list(0, 0xC006_4064, RAM_BASE + 0x100);
        pair.list(16, 0x8000_0064, RAM_BASE + 0x200);
        pair.list(32, 0x8000_0064, RAM_BASE + 0x300);
        pair.lengths(false, 800);
        pair.lengths(true, 800);
        for (slave, into) in [(true, 16), (false, 32)] {
            pair.set(slave, reg::DMA_IN_LINK, START | reg::DMA_OUT_LINK::OUTLINK_ADDR.get(RAM_BASE + into));
            pair.set(slave, reg::DMA_OUT_LINK, START | reg::DMA_OUT_LINK::OUTLINK_ADDR.get(RAM_BASE));
        }
        pair.set(true, reg::CMD, cmd::USR);
        pair.set(false, reg::CMD, cmd::USR);
        pair.run();
        assert_eq!(pair.ram.bytes[0x200..0x264], bytes, "mode {mode}, at the slave");
        assert_eq!(pair.ram.bytes[0x300..0x364], bytes, "mode {mode}, at the controller");
        let ends = pair.read(true, reg::DMA_INT_RAW) & reg::DMA_INT_RAW::IN_SUC_EOF.mask();
        assert_eq!((ends, pair.read(true, reg::IN_SUC_EOF_DES_ADDR)), (1 << 5, RAM_BASE + 16));
    }
}

/// The controller ends early, or sends more than the slave takes.
#[test]
fn a_transfer_of_another_length_is_counted() {
    for (sent, counted, word) in [(12, 12, 0x0000_30A1), (40, 31, 0x4433_3CA1)] {
        let mut pair = Pair::new(0, false);
        pair.lengths(true, 32);
        pair.set(true, reg::W, 0xFFFF_FFFF);
        pair.set(true, reg::CMD, cmd::USR);
        // Twelve bits as the command, the others as data after it.
        let command = reg::USER2::USR_COMMAND_BITLEN.put(11) | 0x3CA1;
        let data = if sent > 12 { reg::USER::USR_MOSI.mask() } else { 0 };
        pair.set(false, reg::USER2, command);
        if sent > 12 {
            pair.set(false, reg::USER, reg::USER::USR_MOSI.mask());
            pair.set(false, reg::W, 0x4433_3CA1);
            pair.set(false, reg::W + 4, 0x55);
            pair.lengths(false, sent);
        } else {
            pair.set(false, reg::USER, reg::USER::USR_COMMAND.mask() | data);
        }
        pair.set(false, reg::CMD, cmd::USR);
        pair.run();
        let mask = if sent < 32 { 0xFFFF } else { u32::MAX };
        assert_eq!(pair.read(true, reg::W) & mask, word, "{sent} bits");
        assert_eq!((pair.read(true, reg::SLV_RD_BIT), pair.slave.interrupts()), (counted, 1), "{sent} bits");
    }
}

#[test]
fn orders_of_bits_hold_for_a_slave_and_one_that_only_sends_stores_nothing() {
    let mut pair = Pair::new(0, false);
    pair.lengths(false, 32);
    pair.lengths(true, 32);
    pair.set(true, reg::CTRL, reg::CTRL::WR_BIT_ORDER.mask() | reg::CTRL::RD_BIT_ORDER.mask());
    pair.set(true, reg::W, 0x0102_0304);
    pair.set(false, reg::W, 0x8040_2010);
    pair.set(true, reg::CMD, cmd::USR);
    pair.set(false, reg::CMD, cmd::USR);
    pair.run();
    assert_eq!((pair.read(true, reg::W), pair.read(false, reg::W)), (0x0102_0408, 0x8040_C020));
    pair.set(true, reg::USER, reg::USER::USR_MISO.mask() | reg::USER::DOUTDIN.mask());
    pair.set(true, reg::CMD, cmd::USR);
    pair.set(false, reg::CMD, cmd::USR);
    pair.run();
    assert_eq!(pair.read(true, reg::W), 0x0102_0408);
}

#[test]
fn a_slave_that_was_not_started_and_one_that_is_not_selected_take_nothing() {
    let mut pair = Pair::new(0, false);
    pair.lengths(false, 8);
    pair.lengths(true, 8);
    pair.set(true, reg::W, 0x33);
    pair.set(false, reg::CMD, cmd::USR);
    pair.run();
    assert_eq!((pair.slave.interrupts(), pair.read(true, reg::W)), (0, 0x33));
    pair.set(true, reg::CMD, cmd::USR);
    pair.set(false, reg::PIN, 0b111);
    pair.set(false, reg::CMD, cmd::USR);
    pair.run();
    assert_eq!((pair.slave.interrupts(), pair.read(true, reg::CMD)), (0, cmd::USR));
    // A reset of the state machine ends the waiting.
    pair.set(true, reg::SLAVE, reg::SLAVE::MODE.mask() | reg::SLAVE::SYNC_RESET.mask());
    assert_eq!(pair.read(true, reg::CMD), 0);
}

/// A line that something drives is read, and one that nothing drives is high.
#[test]
fn a_controller_reads_its_line() {
    let mut pair = Pair::new(0, false);
    pair.lengths(false, 8);
    pair.master.set_input(Q, Signal::Level(false), pair.now);
    pair.set(false, reg::W, 0xFF);
    pair.set(false, reg::CMD, cmd::USR);
    assert_eq!(pair.read(false, reg::CMD), cmd::USR);
    pair.run();
    assert_eq!(pair.read(false, reg::W), 0);
    pair.master.release_input(Q, pair.now);
    pair.set(false, reg::CMD, cmd::USR);
    pair.run();
    assert_eq!(pair.read(false, reg::W), 0xFF);
}

#[test]
fn a_fork_in_the_middle_of_a_transfer_goes_on() {
    let mut pair = Pair::new(1, false);
    pair.lengths(false, 32);
    pair.lengths(true, 32);
    pair.set(true, reg::W, 0xCAFE_F00D);
    pair.set(true, reg::CMD, cmd::USR);
    pair.set(false, reg::W, 0x600D_BEEF);
    pair.set(false, reg::CMD, cmd::USR);
    pair.now += BIT * 13;
    pair.master.advance(pair.now);
    pair.carry();
    (pair.master, pair.slave) = (pair.master.clone(), pair.slave.clone());
    pair.run();
    assert_eq!((pair.read(true, reg::W), pair.read(false, reg::W)), (0x600D_BEEF, 0xCAFE_F00D));
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(16))]

    /// Whatever software and lines do to a slave, nothing panics.
    #[test]
    fn any_edges_and_writes_are_survived(
        steps in prop::collection::vec((prop::sample::select(REGISTERS.map(|register| register.offset).to_vec()), any::<u32>(), 0usize..6, any::<bool>()), 0..40)
    ) {
        let mut pair = Pair::new(0, false);
        for (offset, value, input, level) in steps {
            pair.set(true, offset, value);
            pair.set(true, reg::SLAVE, reg::SLAVE::MODE.mask());
            pair.set(true, reg::CMD, cmd::USR);
            pair.now += BIT;
            pair.slave.set_input(input, Signal::Level(level), pair.now);
            pair.carry();
        }
    }
}
