use espalier_core::{Device, Frequency, GuestMemory, Span, SpiTarget, SpiTransaction, Time};
use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};

use super::registers::{REGISTERS, cmd, reg};
use super::{ChipSelect, Spi};
use crate::test_ram::Ram;

const NOW: Time = Time::ZERO;
const RAM_BASE: u32 = 0x3FFB_0000;

/// Keeps what it was sent and answers 1, 2, 3, ..., 255, 0, 1, ...
#[derive(Default)]
struct Recorder {
    command: (u16, u8),
    address: (u64, u8),
    dummy_cycles: u16,
    mosi: Vec<u8>,
    reads: usize,
    transactions: usize,
}

impl SpiTarget for Recorder {
    fn transfer(&mut self, transaction: &SpiTransaction<'_>, miso: &mut [u8], _now: Time) {
        self.command = transaction.command;
        self.address = transaction.address;
        self.dummy_cycles = transaction.dummy_cycles;
        self.mosi = transaction.mosi.to_vec();
        self.reads = miso.len();
        self.transactions += 1;
        for (index, byte) in miso.iter_mut().enumerate() {
            *byte = (index as u8).wrapping_add(1);
        }
    }
}

struct Bench {
    spi: Spi,
    target: Recorder,
    ram: Ram,
}

impl Bench {
    fn new() -> Bench {
        Bench { spi: Spi::new(), target: Recorder::default(), ram: Ram::new(RAM_BASE, 0x1000) }
    }

    fn write(&mut self, offset: u32, value: u32) {
        self.spi.write(offset, value, NOW).expect("a register");
        match self.spi.is_slave() {
            true if self.spi.has_transaction() => self.spi.start_slave(&mut self.ram),
            true => {}
            false => self.spi.execute(Some(&mut self.target), &mut self.ram, NOW),
        }
    }

    fn read(&mut self, offset: u32) -> u32 {
        self.spi.read(offset, NOW).unwrap()
    }
}

/// The ROM's `SPIRead` in slow mode: 64 bytes by command 03h, the address in the top 24 bits of `ADDR`.
#[test]
fn rom_reads_through_a_user_command() {
    let mut bench = Bench::new();
    bench.write(reg::USER, reg::USER::USR_COMMAND.mask() | reg::USER::USR_ADDR.mask() | reg::USER::USR_MISO.mask());
    bench.write(reg::USER1, 0x5C00_0000);
    bench.write(reg::USER2, 0x7000_0003);
    bench.write(reg::MISO_DLEN, 64 * 8 - 1);
    bench.write(reg::ADDR, 0x1234 << 8);
    bench.write(reg::CMD, cmd::USR);
    assert_eq!((bench.target.command, bench.target.address, bench.target.dummy_cycles), ((3, 8), (0x1234, 24), 0));
    assert_eq!((bench.target.mosi.len(), bench.target.reads), (0, 64));
    assert_eq!((bench.read(reg::CMD), bench.read(reg::EXT2) & 7), (0, 0));
    assert_eq!((bench.read(reg::W), bench.read(reg::W + 60)), (0x0403_0201, 0x403F_3E3D));
}

/// The ROM's `SPIRead` in DIO mode: mode bits ride in a 32-bit address.
#[test]
fn rom_reads_dual_with_mode_bits_in_the_address() {
    let mut bench = Bench::new();
    bench.write(
        reg::USER,
        reg::USER::USR_COMMAND.mask()
            | reg::USER::USR_ADDR.mask()
            | reg::USER::USR_MISO.mask()
            | reg::USER::USR_DUMMY.mask(),
    );
    bench.write(reg::USER1, 0x7C00_0003);
    bench.write(reg::USER2, 0x7000_00BB);
    bench.write(reg::ADDR, 0x12_3456 << 8);
    bench.write(reg::CMD, cmd::USR);
    assert_eq!((bench.target.address, bench.target.dummy_cycles), ((0x1234_5600, 32), 4));
}

/// The ROM's `SPI_page_program`: length above the address, 32 bytes at a time.
#[test]
fn page_program_takes_its_length_from_the_address_register() {
    let mut bench = Bench::new();
    for word in 0..8 {
        bench.write(reg::W + 4 * word, 0x0101_0101 * word);
    }
    bench.write(reg::ADDR, 0x2001_0100);
    bench.write(reg::CMD, cmd::FLASH_PP);
    assert_eq!((bench.target.command, bench.target.address), ((2, 8), (0x1_0100, 24)));
    assert_eq!((bench.target.mosi.len(), bench.target.mosi[31]), (32, 7));
    bench.write(reg::CMD, cmd::FLASH_SE);
    assert_eq!((bench.target.command, bench.target.address), ((0x20, 8), (0x1_0100, 24)));
}

/// The bytes of the encryption block are programmed, and nothing of the buffer; other commands have their own data.
#[test]
fn encrypted_bytes_take_the_place_of_the_first_in_the_buffer() {
    let mut bench = Bench::new();
    for word in 0..16 {
        bench.write(reg::W + 4 * word, 0x0101_0101 * word);
    }
    let encrypted = std::array::from_fn(|index| 0x80 + index as u8);
    bench.spi.set_encrypted(Some(encrypted));
    bench.write(reg::ADDR, 0x2001_0100);
    bench.write(reg::CMD, cmd::FLASH_PP);
    assert_eq!(bench.target.mosi, encrypted);
    bench.write(reg::RD_STATUS, 0x42);
    bench.write(reg::CMD, cmd::FLASH_WRSR);
    assert_eq!(bench.target.mosi, [0x42]);
    bench.spi.set_encrypted(None);
    bench.write(reg::CMD, cmd::FLASH_PP);
    assert_eq!((bench.target.mosi[4], bench.target.mosi[31]), (1, 7));
}

#[test]
fn flash_commands_without_data_send_their_instruction() {
    let commands = [
        (cmd::FLASH_WREN, 0x06),
        (cmd::FLASH_WRDI, 0x04),
        (cmd::FLASH_BE, 0xD8),
        (cmd::FLASH_CE, 0x60),
        (cmd::FLASH_DP, 0xB9),
        (cmd::FLASH_RES, 0xAB),
        (cmd::FLASH_HPM, 0xA3),
        (cmd::FLASH_PES, 0x75),
        (cmd::FLASH_PER, 0x7A),
    ];
    for (bit, instruction) in commands {
        let mut bench = Bench::new();
        bench.write(reg::CMD, bit);
        assert_eq!((bench.target.command, bench.target.transactions), ((instruction, 8), 1));
    }
}

/// `SPI_read_status` and `SPIUnlock` of the ROM, and the identification in `W0`.
#[test]
fn status_and_identification_have_their_registers() {
    let mut bench = Bench::new();
    bench.write(reg::RD_STATUS, 0xAA00_FFFF);
    bench.write(reg::CMD, cmd::FLASH_RDSR);
    assert_eq!((bench.target.command.0, bench.read(reg::RD_STATUS)), (0x05, 0xAA00_0001));
    bench.write(reg::RD_STATUS, 0x0200);
    bench.write(reg::CMD, cmd::FLASH_WRSR);
    assert_eq!(bench.target.mosi, [0]);
    bench.write(reg::CTRL, reg::CTRL::WRSR_2B.mask());
    bench.write(reg::CMD, cmd::FLASH_WRSR);
    assert_eq!(bench.target.mosi, [0, 2]);
    bench.write(reg::W, 0xFFFF_FFFF);
    bench.write(reg::CMD, cmd::FLASH_RDID);
    assert_eq!(bench.read(reg::W), 0x0003_0201);
}

/// TRM 7.4: orders of bytes and bits, upper half of the buffer, address beyond 32 bits.
#[test]
fn orders_and_high_parts_are_honoured() {
    let mut bench = Bench::new();
    let orders = reg::USER::RD_BYTE_ORDER.mask() | reg::USER::WR_BYTE_ORDER.mask();
    let halves = reg::USER::USR_MOSI_HIGHPART.mask() | reg::USER::USR_MISO_HIGHPART.mask();
    bench.write(
        reg::USER,
        reg::USER::USR_ADDR.mask() | reg::USER::USR_MOSI.mask() | reg::USER::USR_MISO.mask() | orders | halves,
    );
    bench.write(reg::USER1, 39 << 26);
    bench.write(reg::ADDR, 0x0102_0304);
    bench.write(reg::SLV_WR_STATUS, 0x05FF_FFFF);
    bench.write(reg::MOSI_DLEN, 15);
    bench.write(reg::MISO_DLEN, 7);
    bench.write(reg::W + 32, 0xA1B2_C3D4);
    bench.write(reg::CMD, cmd::USR);
    assert_eq!((bench.target.address, bench.target.mosi.as_slice()), ((0x01_0203_0405, 40), [0xA1, 0xB2].as_slice()));
    assert_eq!(bench.read(reg::W + 32), 0x01B2_C3D4);
    bench.write(reg::CTRL, reg::CTRL::WR_BIT_ORDER.mask() | reg::CTRL::RD_BIT_ORDER.mask());
    bench.write(reg::USER, reg::USER::USR_COMMAND.mask() | reg::USER::USR_MOSI.mask() | reg::USER::USR_MISO.mask());
    bench.write(reg::USER2, 0x7000_0001);
    bench.write(reg::W, 0x01);
    bench.write(reg::MOSI_DLEN, 7);
    bench.write(reg::CMD, cmd::USR);
    assert_eq!((bench.target.command, bench.target.mosi.as_slice()), ((0x80, 8), [0x80].as_slice()));
    assert_eq!(bench.read(reg::W), 0x80);
}

#[test]
fn chip_select_follows_pin() {
    let mut bench = Bench::new();
    assert_eq!(bench.spi.chip_select(), Some(ChipSelect::Cs0));
    bench.write(reg::PIN, 0b101);
    assert_eq!(bench.spi.chip_select(), Some(ChipSelect::Cs1));
    bench.write(reg::PIN, 0b111);
    assert_eq!(bench.spi.chip_select(), None);
    bench.spi.write(reg::CMD, cmd::FLASH_RDID, NOW).unwrap();
    assert!(bench.spi.has_transaction());
    bench.spi.execute(None, &mut bench.ram, NOW);
    assert_eq!((bench.spi.has_transaction(), bench.read(reg::W)), (false, 0x00FF_FFFF));
}

/// TRM 7.7: `SPI_TRANS_DONE` until software clears it.
#[test]
fn end_of_a_transaction_interrupts() {
    let mut bench = Bench::new();
    bench.write(reg::SLAVE, reg::SLAVE::TRANS_INTEN.mask());
    assert_eq!(bench.spi.interrupts(), 0);
    bench.write(reg::CMD, cmd::USR);
    assert_eq!((bench.spi.interrupts(), bench.read(reg::SLAVE) >> 23 & 0xF), (1, 1));
    bench.write(reg::SLAVE, reg::SLAVE::TRANS_INTEN.mask());
    assert_eq!(bench.spi.interrupts(), 0);
}

/// TRM 6.3.1: descriptors are size, length, EOF, owner; buffer; next.
#[test]
fn dma_walks_linked_lists() {
    let mut bench = Bench::new();
    let words: [u32; 9] = [
        0x8000_3004,
        RAM_BASE + 0x100,
        RAM_BASE + 12, // 3 of 4 bytes
        0xC000_2004,
        RAM_BASE + 0x104,
        0, // the last 2
        0x8000_0008,
        RAM_BASE + 0x200,
        0, // room for 8
    ];
    for (index, word) in words.into_iter().enumerate() {
        bench.ram.write_u32(RAM_BASE + 4 * index as u32, word).unwrap();
    }
    bench.ram.write(RAM_BASE + 0x100, &[9, 8, 7, 0, 6, 5]).unwrap();
    bench.write(reg::USER, reg::USER::USR_MOSI.mask() | reg::USER::USR_MISO.mask());
    bench.write(reg::MOSI_DLEN, 39);
    bench.write(reg::MISO_DLEN, 39);
    bench.write(reg::DMA_INT_ENA, reg::DMA_INT_RAW::IN_SUC_EOF.mask());
    bench.write(
        reg::DMA_OUT_LINK,
        reg::DMA_OUT_LINK::OUTLINK_START.mask() | reg::DMA_OUT_LINK::OUTLINK_ADDR.get(RAM_BASE),
    );
    bench.write(
        reg::DMA_IN_LINK,
        reg::DMA_OUT_LINK::OUTLINK_START.mask() | (RAM_BASE + 24) & reg::DMA_OUT_LINK::OUTLINK_ADDR.mask(),
    );
    bench.write(reg::CMD, cmd::USR);
    assert_eq!(bench.target.mosi, [9, 8, 7, 6, 5]);
    assert_eq!(bench.ram.bytes[0x200..0x206], [1, 2, 3, 4, 5, 0]);
    assert_eq!(bench.ram.read_u32(RAM_BASE + 24), Ok(0x4000_5008));
    let done = reg::DMA_INT_RAW::OUT_DONE.mask()
        | reg::DMA_INT_RAW::OUT_EOF.mask()
        | reg::DMA_INT_RAW::OUT_TOTAL_EOF.mask()
        | reg::DMA_INT_RAW::IN_DONE.mask()
        | reg::DMA_INT_RAW::IN_SUC_EOF.mask();
    assert_eq!(
        (bench.read(reg::DMA_INT_RAW), bench.read(reg::DMA_INT_ST)),
        (done, reg::DMA_INT_RAW::IN_SUC_EOF.mask())
    );
    assert_eq!(bench.read(reg::IN_SUC_EOF_DES_ADDR), RAM_BASE + 24);
    assert_eq!(bench.spi.interrupts(), 0b10);
    bench.write(reg::DMA_INT_CLR, done);
    assert_eq!(bench.spi.interrupts(), 0);
}

/// 100 bytes at 20 MHz.
#[test]
fn a_transaction_that_is_longer_than_the_buffer_takes_its_time() {
    let mut bench = Bench::new();
    bench.write(reg::CLOCK, reg::CLOCK::CLKCNT_N.put(1) | reg::CLOCK::CLKDIV_PRE.put(1));
    bench.write(reg::USER, reg::USER::USR_MOSI.mask());
    bench.write(reg::SLAVE, reg::SLAVE::TRANS_INTEN.mask());
    bench.write(reg::MOSI_DLEN, 799);
    bench.ram.write_u32(RAM_BASE, 0xC006_4064).unwrap();
    bench.ram.write_u32(RAM_BASE + 4, RAM_BASE + 0x100).unwrap();
    bench.ram.write_u32(RAM_BASE + 8, 0).unwrap();
    bench.write(
        reg::DMA_OUT_LINK,
        reg::DMA_OUT_LINK::OUTLINK_START.mask() | reg::DMA_OUT_LINK::OUTLINK_ADDR.get(RAM_BASE),
    );
    bench.write(reg::CMD, cmd::USR);
    assert_eq!((bench.read(reg::CMD), bench.read(reg::DMA_INT_RAW), bench.spi.interrupts()), (cmd::USR, 0, 0));
    bench.write(reg::CMD, cmd::USR);
    assert!(!bench.spi.has_transaction());
    let end = bench.spi.deadline().unwrap();
    assert_eq!(end.since(NOW), Span::from_micros(40));
    bench.spi.advance(end);
    assert_eq!((bench.read(reg::CMD), bench.spi.interrupts()), (0, 1));
    let done =
        reg::DMA_INT_RAW::OUT_DONE.mask() | reg::DMA_INT_RAW::OUT_EOF.mask() | reg::DMA_INT_RAW::OUT_TOTAL_EOF.mask();
    assert_eq!((bench.read(reg::DMA_INT_RAW), bench.read(reg::SLAVE) >> 23 & 0xF), (done, 1));
}

/// Descriptors without room and without data that point to themselves.
#[test]
fn a_list_of_nothing_that_runs_in_a_circle_is_an_error() {
    let mut bench = Bench::new();
    for (index, word) in [0x8000_0000, RAM_BASE + 0x100, RAM_BASE].into_iter().enumerate() {
        bench.ram.write_u32(RAM_BASE + 4 * index as u32, word).unwrap();
    }
    bench.write(reg::USER, reg::USER::USR_MOSI.mask() | reg::USER::USR_MISO.mask());
    bench.write(reg::MOSI_DLEN, 31);
    bench.write(reg::MISO_DLEN, 31);
    bench.write(
        reg::DMA_OUT_LINK,
        reg::DMA_OUT_LINK::OUTLINK_START.mask() | reg::DMA_OUT_LINK::OUTLINK_ADDR.get(RAM_BASE),
    );
    bench.write(
        reg::DMA_IN_LINK,
        reg::DMA_OUT_LINK::OUTLINK_START.mask() | reg::DMA_OUT_LINK::OUTLINK_ADDR.get(RAM_BASE),
    );
    bench.write(reg::CMD, cmd::USR);
    let raised = bench.read(reg::DMA_INT_RAW);
    let errors = reg::DMA_INT_RAW::INLINK_DSCR_ERROR.mask() | reg::DMA_INT_RAW::OUTLINK_DSCR_ERROR.mask();
    assert_eq!(raised & errors, errors);
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Whatever software writes wherever, nothing panics and `CMD` never stays busy, but for a slave that waits.
    #[test]
    fn any_writes_are_survived(writes in prop::collection::vec(accesses(), 0..60)) {
        let mut bench = Bench::new();
        for (index, byte) in bench.ram.bytes.iter_mut().enumerate() {
            *byte = (index as u32).wrapping_mul(0x9E37_79B9).to_be_bytes()[0];
        }
        for (offset, value) in writes {
            bench.write(offset, value);
            if let Some(end) = bench.spi.deadline() {
                bench.spi.advance(end);
            }
            assert!(bench.read(reg::CMD) == 0 || bench.spi.is_slave());
        }
    }
}

fn accesses() -> impl Strategy<Value = (u32, u32)> {
    let offsets = prop::sample::select(REGISTERS.map(|register| register.offset).to_vec());
    let links =
        (prop::sample::select(vec![reg::DMA_OUT_LINK, reg::DMA_IN_LINK]), 0..0x400_u32).prop_map(|(offset, at)| {
            (offset, reg::DMA_OUT_LINK::OUTLINK_START.mask() | reg::DMA_OUT_LINK::OUTLINK_ADDR.get(RAM_BASE) | (at * 4))
        });
    let starts = prop::sample::select((16..32).map(|bit| (reg::CMD, 1 << bit)).collect::<Vec<_>>());
    prop_oneof![(offsets, any::<u32>()), links, starts]
}

/// Dual I/O at 40 MHz, as bootloaders set it up: 8 cycles of instruction, 28 bits of address and mode on two lines, 4 dummy cycles,
/// 32 bytes on two lines make 154 cycles.
#[test]
fn a_read_of_flash_takes_as_long_as_its_mode_and_clock_say() {
    let mut spi = Spi::new();
    let now = Time::ZERO;
    let apb = Frequency::from_hertz(80_000_000);
    spi.write(reg::CTRL, reg::CTRL::FASTRD_MODE.mask() | reg::CTRL::FREAD_DIO.mask(), now).expect("a register");
    spi.write(reg::CLOCK, reg::CLOCK::CLKCNT_N.put(1) | 1, now).expect("a register");
    spi.write(reg::USER, reg::USER::USR_DUMMY.mask(), now).expect("a register");
    spi.write(reg::USER1, reg::USER1::USR_ADDR_BITLEN.put(27) | 3, now).expect("a register");
    assert_eq!(spi.flash_read_time(32, apb), Span::from_nanos(154 * 25));
    spi.write(reg::CLOCK, reg::CLOCK::CLK_EQU_SYSCLK.mask(), now).expect("a register");
    assert_eq!(spi.flash_read_time(32, apb), Span::from_nanos(154 * 25 / 2));
}
