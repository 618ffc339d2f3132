use espalier_core::{Persist, Reader, Span, SpiTarget, SpiTransaction, Time, Writer};
use proptest::prelude::{Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};

use super::command::opcode;
use super::{FLASH_CHUNK_SIZE, FlashChip, FlashError, FlashSize, FlashTiming};

/// Long after every operation of the `Quick` timing.
const LATER: Span = Span::from_micros(100);

pub(super) struct Bench {
    pub(super) chip: FlashChip,
    pub(super) now: Time,
}

impl Bench {
    pub(super) fn new(size: FlashSize) -> Bench {
        Bench { chip: FlashChip::new(size), now: Time::from_micros(1) }
    }

    pub(super) fn run<const N: usize>(&mut self, opcode: u8, address: Option<u32>, mosi: &[u8]) -> [u8; N] {
        let mut miso = [0; N];
        let transaction = SpiTransaction {
            command: (u16::from(opcode), 8),
            address: address.map_or((0, 0), |address| (u64::from(address), 24)),
            dummy_cycles: 0,
            mosi,
            ..SpiTransaction::default()
        };
        self.chip.transfer(&transaction, &mut miso, self.now);
        miso
    }

    pub(super) fn send(&mut self, opcode: u8, address: Option<u32>, mosi: &[u8]) {
        self.run::<0>(opcode, address, mosi);
    }

    pub(super) fn write(&mut self, opcode: u8, address: Option<u32>, mosi: &[u8]) {
        self.send(opcode::WRITE_ENABLE, None, &[]);
        self.send(opcode, address, mosi);
        self.now += LATER;
    }

    fn status(&mut self) -> u8 {
        self.run::<1>(opcode::READ_STATUS_1, None, &[])[0]
    }
}

/// W25Q32FV, 8.1.1 and the capacity codes of its larger and smaller siblings.
#[test]
fn identification_follows_the_size() {
    for (size, capacity) in
        [(FlashSize::Mb2, 0x15), (FlashSize::Mb4, 0x16), (FlashSize::Mb8, 0x17), (FlashSize::Mb16, 0x18)]
    {
        let mut bench = Bench::new(size);
        assert_eq!(bench.run(opcode::JEDEC_ID, None, &[]), [0xEF, 0x40, capacity]);
        assert_eq!(bench.run(opcode::MANUFACTURER_DEVICE_ID, Some(0), &[]), [0xEF, capacity - 1]);
        assert_eq!(bench.run(opcode::MANUFACTURER_DEVICE_ID, Some(1), &[]), [capacity - 1, 0xEF]);
        assert_eq!(bench.run(opcode::RELEASE_POWER_DOWN, Some(0), &[]), [capacity - 1]);
        assert_eq!(FlashSize::try_from(size.bytes()), Ok(size));
    }
    assert_eq!(FlashSize::try_from(3), Err(FlashError::UnsupportedSize(3)));
}

/// JESD216 1.0, chapter 6: signature, pointer to the basic table, density word.
#[test]
fn sfdp_tells_the_density() {
    let mut bench = Bench::new(FlashSize::Mb4);
    let header: [u8; 16] = bench.run(opcode::READ_SFDP, Some(0), &[]);
    assert_eq!(&header[..8], b"SFDP\x00\x01\x00\xFF");
    let pointer = u32::from_le_bytes([header[12], header[13], header[14], 0]);
    let table: [u8; 8] = bench.run(opcode::READ_SFDP, Some(pointer), &[]);
    assert_eq!(table[4..], (32 * 1024 * 1024 - 1_u32).to_le_bytes());
}

#[test]
fn programming_clears_bits_and_wraps_in_its_page() {
    let mut bench = Bench::new(FlashSize::Mb4);
    bench.write(opcode::PAGE_PROGRAM, Some(0x1_00FE), &[0x0F, 0xF0, 0x3C]);
    assert_eq!(bench.run(opcode::READ_DATA, Some(0x1_00FE), &[]), [0x0F, 0xF0, 0xFF]);
    assert_eq!(bench.run(opcode::READ_DATA, Some(0x1_0000), &[]), [0x3C, 0xFF]);
    bench.write(opcode::PAGE_PROGRAM, Some(0x1_00FE), &[0xFC]);
    assert_eq!(bench.run(opcode::FAST_READ, Some(0x1_00FE), &[]), [0x0C]);
}

#[test]
fn more_than_a_page_keeps_the_last_bytes() {
    let mut bench = Bench::new(FlashSize::Mb4);
    let data: Vec<u8> = (0..258).map(|index| if index < 2 { 0 } else { (index % 251) as u8 }).collect();
    bench.write(opcode::PAGE_PROGRAM, Some(0), &data);
    assert_eq!(bench.run(opcode::READ_DATA, Some(0), &[]), [data[256], data[257], data[2]]);
}

#[test]
fn erases_cover_their_unit_only() {
    for (opcode, unit) in
        [(opcode::SECTOR_ERASE, 0x1000), (opcode::BLOCK_ERASE_32K, 0x8000), (opcode::BLOCK_ERASE_64K, 0x1_0000)]
    {
        let mut bench = Bench::new(FlashSize::Mb2);
        let size = bench.chip.size().bytes();
        bench.chip.load(0, &vec![0; size]).unwrap();
        bench.write(opcode, Some(0x1_2345), &[]);
        let start = 0x1_2345 / unit * unit;
        let expected: Vec<u8> =
            (0..size).map(|at| if (start..start + unit).contains(&at) { 0xFF } else { 0 }).collect();
        assert_eq!(bench.chip.to_vec(), expected);
        bench.write(opcode::CHIP_ERASE, None, &[]);
        assert!(bench.chip.to_vec().iter().all(|byte| *byte == 0xFF));
        assert!(bench.chip.storage.is_shared_erased(1));
    }
}

/// Address phases as the ROM's `SPIRead` and ESP-IDF send them: 32 bits with eight mode bits, and 28 bits with four.
#[test]
fn dual_and_quad_reads_take_mode_bits() {
    let mut bench = Bench::new(FlashSize::Mb4);
    bench.chip.load(0x12_3456, &[1, 2, 3]).unwrap();
    let mut read = |opcode: u8, address: (u64, u8)| {
        let mut miso = [0; 3];
        let transaction =
            SpiTransaction { command: (u16::from(opcode), 8), address, dummy_cycles: 4, ..SpiTransaction::default() };
        bench.chip.transfer(&transaction, &mut miso, bench.now);
        miso
    };
    assert_eq!(read(opcode::FAST_READ_DUAL_IO, (0x1234_5600, 32)), [1, 2, 3]);
    assert_eq!(read(opcode::FAST_READ_DUAL_IO, (0x123_4560, 28)), [1, 2, 3]);
    assert_eq!(read(opcode::FAST_READ_QUAD_IO, (0x1234_5600, 32)), [0xFF; 3], "needs QE");
    bench.write(opcode::WRITE_STATUS_2, None, &[super::status::QE]);
    let mut miso = [0; 3];
    let transaction =
        SpiTransaction { command: (0xEB, 8), address: (0x1234_5600, 32), dummy_cycles: 4, ..SpiTransaction::default() };
    bench.chip.transfer(&transaction, &mut miso, bench.now);
    assert_eq!(miso, [1, 2, 3]);
}

/// A general-purpose SPI driver may put everything into the data phase.
#[test]
fn phases_do_not_matter() {
    let mut bench = Bench::new(FlashSize::Mb4);
    bench.chip.load(0x12_3456, &[7, 8]).unwrap();
    let mut miso = [0; 2];
    let all_mosi = SpiTransaction { mosi: &[0x03, 0x12, 0x34, 0x56], ..SpiTransaction::default() };
    bench.chip.transfer(&all_mosi, &mut miso, bench.now);
    assert_eq!(miso, [7, 8]);
    let wide_command = SpiTransaction { command: (0x0312, 16), address: (0x3456, 16), ..SpiTransaction::default() };
    bench.chip.transfer(&wide_command, &mut miso, bench.now);
    assert_eq!(miso, [7, 8]);
    let wide_address = SpiTransaction { address: (0x0312_3456, 32), ..SpiTransaction::default() };
    bench.chip.transfer(&wide_address, &mut miso, bench.now);
    assert_eq!(miso, [7, 8]);
}

#[test]
fn nothing_changes_without_the_latch() {
    let mut bench = Bench::new(FlashSize::Mb2);
    bench.send(opcode::PAGE_PROGRAM, Some(0), &[0]);
    bench.send(opcode::WRITE_ENABLE, None, &[]);
    bench.send(opcode::WRITE_DISABLE, None, &[]);
    bench.send(opcode::PAGE_PROGRAM, Some(0), &[0]);
    assert_eq!((bench.chip.changes(), bench.status()), (0, 0));
}

/// W25Q32FV, 7.1.1: while BUSY is set only status reads, suspend and reset are taken.
#[test]
fn busy_lasts_as_long_as_the_timing_says() {
    let mut bench = Bench::new(FlashSize::Mb4);
    bench.chip.set_timing(FlashTiming::Typical);
    bench.send(opcode::WRITE_ENABLE, None, &[]);
    assert_eq!(bench.status(), 2);
    bench.send(opcode::SECTOR_ERASE, Some(0), &[]);
    assert_eq!(bench.status(), 1);
    bench.send(opcode::WRITE_ENABLE, None, &[]);
    bench.now += Span::from_millis(44);
    assert_eq!(bench.status(), 1, "the write enable was ignored");
    bench.send(opcode::SUSPEND, None, &[]);
    assert_eq!((bench.status(), bench.run(opcode::READ_STATUS_2, None, &[])), (0, [0x80]));
    bench.now += Span::from_millis(100);
    bench.send(opcode::RESUME, None, &[]);
    assert_eq!((bench.status(), bench.run(opcode::READ_STATUS_2, None, &[])), (1, [0]));
    bench.now += Span::from_millis(1);
    assert_eq!(bench.status(), 0);
}

/// W25Q32FV, 9.6: the first byte of a page takes 30 us, each other one 2.5 us, a page 0.7 ms at most.
#[test]
fn programming_takes_as_long_as_there_are_bytes() {
    for (bytes, micros) in [(1, 30), (64, 188), (256, 668), (300, 668)] {
        let mut bench = Bench::new(FlashSize::Mb4);
        bench.chip.set_timing(FlashTiming::Typical);
        bench.send(opcode::WRITE_ENABLE, None, &[]);
        bench.send(opcode::PAGE_PROGRAM, Some(0), &vec![0; bytes]);
        bench.now += Span::from_micros(micros - 1);
        assert_eq!(bench.status(), 1, "{bytes} bytes");
        bench.now += Span::from_micros(1);
        assert_eq!(bench.status(), 0, "{bytes} bytes");
    }
}

/// ESP-IDF's and the ROM's two-byte write (WRSR_2B), and the volatile write of 8.1.5.
#[test]
fn status_registers_keep_what_was_stored() {
    let mut bench = Bench::new(FlashSize::Mb4);
    bench.write(opcode::WRITE_STATUS_1, None, &[0x1C, 0x02]);
    assert_eq!((bench.status(), bench.run(opcode::READ_STATUS_2, None, &[])), (0x1C, [0x02]));
    bench.send(opcode::WRITE_ENABLE_VOLATILE_STATUS, None, &[]);
    bench.send(opcode::WRITE_STATUS_1, None, &[0]);
    assert_eq!((bench.status(), bench.run(opcode::READ_STATUS_2, None, &[])), (0, [0x02]));
    bench.send(opcode::ENABLE_RESET, None, &[]);
    bench.send(opcode::RESET, None, &[]);
    assert_eq!(bench.status(), 0x1C);
    bench.write(opcode::WRITE_STATUS_2, None, &[0x01]);
    bench.write(opcode::WRITE_STATUS_1, None, &[0]);
    assert_eq!(bench.status(), 0x1C, "SRP1 locks the registers");
    bench.chip.lose_power(bench.now, 0);
    bench.write(opcode::WRITE_STATUS_1, None, &[0]);
    assert_eq!(bench.status(), 0);
}

#[test]
fn deep_power_down_only_hears_its_release() {
    let mut bench = Bench::new(FlashSize::Mb4);
    bench.send(opcode::POWER_DOWN, None, &[]);
    assert_eq!(bench.run(opcode::JEDEC_ID, None, &[]), [0xFF; 3]);
    bench.send(opcode::RELEASE_POWER_DOWN, None, &[]);
    assert_eq!(bench.run(opcode::JEDEC_ID, None, &[]), [0xEF, 0x40, 0x16]);
}

#[test]
fn loading_and_reading_check_their_bounds() {
    let mut chip = FlashChip::new(FlashSize::Mb2);
    chip.load(0x1F_FFFE, &[1, 2]).unwrap();
    assert_eq!(chip.read(0x1F_FFFE, 2), Ok(vec![1, 2]));
    let error = chip.load(0x1F_FFFF, &[1, 2]).unwrap_err();
    assert_eq!(error.to_string(), "2 bytes at 0x1fffff do not fit into a flash of 0x200000 bytes");
    assert!(chip.load(usize::MAX, &[1]).is_err() && chip.read(usize::MAX, 1).is_err());
}

/// Decoded code is thrown away by the version of its 64 KiB.
#[test]
fn versions_tell_which_chunk_changed() {
    let mut bench = Bench::new(FlashSize::Mb2);
    let before = bench.chip.clone();
    bench.write(opcode::PAGE_PROGRAM, Some(0x2_0000), &[0xFF]);
    assert_eq!((bench.chip.version(2), bench.chip.changes()), (0, 0), "no bit changed");
    bench.write(opcode::PAGE_PROGRAM, Some(0x2_0000), &[0x7F]);
    assert_eq!((bench.chip.version(1), bench.chip.version(2), bench.chip.changes()), (0, 1, 1));
    bench.write(opcode::SECTOR_ERASE, Some(0x2_0000), &[]);
    assert_eq!((bench.chip.version(2), bench.chip.changes()), (2, 2));
    assert_eq!(bench.chip.chunk(0x22)[0], 0xFF, "page 0x22 is page 2 of a 2 MiB chip");
    assert_eq!(before.chunk(2), &[0xFF; FLASH_CHUNK_SIZE]);
}

fn transactions() -> impl Strategy<Value = Vec<(u16, u8, u64, u8, Vec<u8>, usize)>> {
    let opcodes = prop_oneof![
        any::<u16>(),
        prop::sample::select(vec![0x06_u16, 0x02, 0x20, 0x52, 0xD8, 0xC7, 0x32, 0x01, 0x50, 0x75, 0x7A, 0x66, 0x99]),
    ];
    let one = (opcodes, 0..=16_u8, any::<u64>(), 0..=72_u8, prop::collection::vec(any::<u8>(), 0..300), 0..64_usize);
    prop::collection::vec(one, 0..40)
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    /// Whatever is sent, nothing panics, and with SRP1 set nothing gets past the protection of the lower half.
    #[test]
    fn protected_data_survives_everything(stream in transactions()) {
        let mut bench = Bench::new(FlashSize::Mb2);
        let pattern: Vec<u8> = (0..0x10_0000_u32).map(|at| (at.wrapping_mul(0x9E37_79B9) >> 24) as u8).collect();
        bench.chip.load(0, &pattern).unwrap();
        // TB and BP = 5: the lower half; SRP1: locked until the supply is gone.
        bench.write(opcode::WRITE_STATUS_1, None, &[0x34, 0x01]);
        for (command, command_bits, address, address_bits, mosi, reads) in stream {
            let transaction = SpiTransaction {
                command: (command, command_bits),
                address: (address, address_bits),
                dummy_cycles: 0,
                mosi: &mosi,
                ..SpiTransaction::default()
            };
            bench.chip.transfer(&transaction, &mut vec![0; reads], bench.now);
            bench.now += Span::from_micros(6);
        }
        prop_assert_eq!(bench.chip.read(0, pattern.len()).unwrap() == pattern, true);
    }
}

#[test]
fn a_chip_is_restored_with_its_content_and_its_status() {
    let mut chip = FlashChip::new(FlashSize::Mb2);
    chip.load(0x1_0000, b"content").unwrap();
    let mut to = Writer::new();
    chip.save(&mut to);
    let bytes = to.into_bytes();
    assert!(bytes.len() < 3 * 4096, "{} bytes", bytes.len());
    let mut again = FlashChip::new(FlashSize::Mb2);
    again.load(0, b"what was there before").unwrap();
    again.restore(&mut Reader::new(&bytes)).unwrap();
    assert!(again.to_vec() == chip.to_vec());
    assert_eq!((again.version(1), again.changes()), (chip.version(1), chip.changes()));
    let mut larger = FlashChip::new(FlashSize::Mb4);
    assert!(larger.restore(&mut Reader::new(&bytes)).is_err());
}
