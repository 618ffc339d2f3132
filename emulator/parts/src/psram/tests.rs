//! Identification, the instructions that move data, and sharing of memory, after the datasheet of the APS6404L.

use espalier_core::{Persist, Reader, SpiTarget, SpiTransaction, Time, Writer};

use super::{PSRAM_PAGE_SIZE, Psram, PsramSize};

fn ask<const N: usize>(psram: &mut Psram, transaction: SpiTransaction<'_>) -> [u8; N] {
    let mut answer = [0; N];
    psram.transfer(&transaction, &mut answer, Time::ZERO);
    answer
}

#[test]
fn the_identification_tells_the_size() {
    for (size, density) in [(PsramSize::Mb2, 0), (PsramSize::Mb4, 1), (PsramSize::Mb8, 2)] {
        let mut psram = Psram::new(size);
        let id: [u8; 8] =
            ask(&mut psram, SpiTransaction { command: (0x9F, 8), address: (0, 24), ..SpiTransaction::default() });
        assert_eq!((id[0], id[1], id[2] >> 5), (0x0D, 0x5D, density));
        let full = SpiTransaction { mosi: &[0x9F, 0, 0, 0, 0, 0, 0], full_duplex: true, ..SpiTransaction::default() };
        assert_eq!(ask::<7>(&mut psram, full)[4..], id[..3]);
    }
}

#[test]
fn two_cycles_without_a_clock_are_not_seen() {
    let mut psram = Psram::new(PsramSize::Mb4);
    let prompt = SpiTransaction { command: (0x9F, 8), address: (0, 24), ..SpiTransaction::default() };
    let late = SpiTransaction { command: (0, 2), address: (0x9F00_0000, 32), ..SpiTransaction::default() };
    assert_eq!(ask::<8>(&mut psram, prompt), ask::<8>(&mut psram, late));
    ask::<0>(&mut psram, SpiTransaction { mosi: &[0, 0x38, 0, 0, 5, 0xA5], ..SpiTransaction::default() });
    let read = SpiTransaction { command: (0x00EB, 16), address: (5, 24), ..SpiTransaction::default() };
    assert_eq!(ask::<1>(&mut psram, read), [0xA5]);
}

#[test]
fn written_bytes_are_read_back_on_one_line_and_on_four() {
    let mut psram = Psram::new(PsramSize::Mb8);
    let write = SpiTransaction { address: (0x02_12_7F_FE, 32), mosi: &[1, 2, 3, 4], ..SpiTransaction::default() };
    ask::<0>(&mut psram, write);
    for (code, dummy_cycles) in [(0x03, 0), (0x0B, 8), (0xEB, 6)] {
        let read =
            SpiTransaction { command: (code, 8), address: (0x12_7FFE, 24), dummy_cycles, ..SpiTransaction::default() };
        assert_eq!(ask::<4>(&mut psram, read), [1, 2, 3, 4]);
    }
    assert_eq!(psram.page(0x12_8000 / PSRAM_PAGE_SIZE)[..2], [3, 4]);
}

#[test]
fn unknown_instructions_have_no_answer() {
    let mut psram = Psram::new(PsramSize::Mb4);
    for transaction in [
        SpiTransaction::default(),
        SpiTransaction { command: (0x35, 8), ..SpiTransaction::default() },
        SpiTransaction { command: (0x9F, 8), ..SpiTransaction::default() },
        SpiTransaction { command: (u16::MAX, 16), address: (u64::MAX, 64), ..SpiTransaction::default() },
        SpiTransaction { mosi: &[0xF5], full_duplex: true, ..SpiTransaction::default() },
    ] {
        assert_eq!(ask::<4>(&mut psram, transaction), [0xFF; 4]);
    }
}

#[test]
fn clones_share_pages_until_one_writes() {
    let mut psram = Psram::new(PsramSize::Mb4);
    psram.page_mut(1)[0] = 1;
    let mut fork = psram.clone();
    fork.page_mut(1)[0] = 2;
    assert_eq!((psram.page(1)[0], fork.page(1)[0]), (1, 2));
    assert!(std::ptr::eq(psram.page(2), fork.page(2)));
    psram.lose_power();
    assert_eq!(psram.page(1)[0], 0);
}

#[test]
fn it_goes_into_a_file_and_comes_out_again() {
    let mut psram = Psram::new(PsramSize::Mb4);
    psram.page_mut(127)[PSRAM_PAGE_SIZE - 1] = 9;
    let mut to = Writer::new();
    psram.save(&mut to);
    let bytes = to.into_bytes();
    assert!(bytes.len() < 6000, "pages without content take no room");
    let mut other = Psram::new(PsramSize::Mb4);
    other.page_mut(5)[5] = 5;
    other.restore(&mut Reader::new(&bytes)).unwrap();
    assert_eq!((other.page(5)[5], other.page(127)[PSRAM_PAGE_SIZE - 1]), (0, 9));
    assert!(Psram::new(PsramSize::Mb8).restore(&mut Reader::new(&bytes)).is_err());
}
