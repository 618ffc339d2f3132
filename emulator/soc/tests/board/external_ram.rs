//! The PSRAM of a board whose registers are written as a core writes them.

use espalier_soc::{BoardDefinition, Machine, MachineConfig, MemoryError, Strap};

/// Where both cores' data buses show it.
const EXTERNAL_RAM_BASE: u32 = 0x3F80_0000;
/// SPI1 and its registers.
const CMD: u32 = 0x3FF4_2000;
const ADDR: u32 = 0x3FF4_2004;
const USER: u32 = 0x3FF4_201C;
const USER1: u32 = 0x3FF4_2020;
const USER2: u32 = 0x3FF4_2024;
const MISO_DLEN: u32 = 0x3FF4_202C;
const PIN: u32 = 0x3FF4_2034;
const W0: u32 = 0x3FF4_2080;
/// DPORT.
const PRO_CACHE_CTRL: u32 = 0x3FF0_0040;
const PRO_CACHE_CTRL1: u32 = 0x3FF0_0044;
const APP_CACHE_CTRL: u32 = 0x3FF0_0058;
const APP_CACHE_CTRL1: u32 = 0x3FF0_005C;
const PRO_DRAM_HL: u32 = 1 << 16;
const APP_DRAM_HL: u32 = 1 << 14;
/// The entries of external RAM in the tables of both cores.
const ENTRIES: [u32; 2] = [0x3FF1_1200, 0x3FF1_3200];
const UPPER_HALF: u32 = EXTERNAL_RAM_BASE + 0x20_0000;

fn board(psram_megabytes: u32) -> Machine {
    let psram_size = Some(psram_megabytes << 20).filter(|size| *size != 0);
    let board = BoardDefinition { psram_size, ..BoardDefinition::default() };
    Machine::new(&MachineConfig { board, ..MachineConfig::default() }).unwrap()
}

fn write(machine: &mut Machine, core: usize, address: u32, value: u32) {
    machine.poke(core, address, &value.to_le_bytes()).unwrap();
}

fn read(machine: &mut Machine, core: usize, address: u32) -> u32 {
    let mut word = [0; 4];
    machine.peek(core, address, &mut word).unwrap();
    u32::from_le_bytes(word)
}

/// A transaction on the second chip select: some bits of command, then these 32, then 64 bits of answer.
fn transaction(machine: &mut Machine, command_bits: u32, header: u32) -> [u32; 2] {
    let command = if command_bits == 0 { 0 } else { 1 << 31 };
    let writes = [
        (USER, command | 1 << 30 | 1 << 28),
        (USER1, 31 << 26),
        (USER2, command_bits.saturating_sub(1) << 28),
        (ADDR, header),
        (MISO_DLEN, 63),
        (PIN, 0b101),
        (CMD, 1 << 18),
    ];
    writes.into_iter().for_each(|(register, value)| write(machine, 0, register, value));
    [read(machine, 0, W0), read(machine, 0, W0 + 4)]
}

/// Both caches show the first 4 MiB, each its half.
fn open_by_halves(machine: &mut Machine) {
    for (core, entries) in ENTRIES.into_iter().enumerate() {
        (0..128).for_each(|entry| write(machine, core, entries + 4 * entry, entry));
    }
    write(machine, 0, PRO_CACHE_CTRL, PRO_DRAM_HL);
    write(machine, 0, APP_CACHE_CTRL, APP_DRAM_HL);
    write(machine, 0, PRO_CACHE_CTRL1, 0);
    write(machine, 0, APP_CACHE_CTRL1, 0);
}

/// As ESP-IDF's driver asks while it does not know yet how late the clock comes: two bits, then the instruction as an address.
#[test]
fn the_psram_is_identified_on_the_second_chip_select() {
    for (megabytes, first) in [(0, u32::MAX), (2, 0x01_5D0D), (4, 0x21_5D0D), (8, 0x41_5D0D)] {
        let mut machine = board(megabytes);
        assert_eq!(transaction(&mut machine, 2, 0x9F00_0000)[0], first);
        assert_eq!(transaction(&mut machine, 0, 0x9F00_0000)[0], first);
    }
}

#[test]
fn both_cores_and_transactions_see_one_memory() {
    let mut machine = board(4);
    assert!(matches!(machine.peek(0, EXTERNAL_RAM_BASE, &mut [0]), Err(MemoryError::Unmapped(EXTERNAL_RAM_BASE))));
    open_by_halves(&mut machine);
    write(&mut machine, 0, EXTERNAL_RAM_BASE + 4, 0x0403_0201);
    machine.poke(1, UPPER_HALF + 0x7FFF, &[9]).unwrap();
    assert_eq!(
        (read(&mut machine, 1, EXTERNAL_RAM_BASE + 4), read(&mut machine, 1, EXTERNAL_RAM_BASE)),
        (0x0403_0201, 0)
    );
    assert_eq!(read(&mut machine, 0, UPPER_HALF + 0x7FFC), 9 << 24);
    assert_eq!(transaction(&mut machine, 0, 0xEB00_0004)[0], 0x0403_0201);
    assert_eq!(transaction(&mut machine, 0, 0x0320_7FFC)[0], 9 << 24);
    // The second half of the pages is the cache of the APP CPU's business.
    write(&mut machine, 0, ENTRIES[1] + 4 * 64, 0);
    write(&mut machine, 0, ENTRIES[0] + 4 * 64, 0x100);
    assert_eq!(read(&mut machine, 0, UPPER_HALF + 4), 0x0403_0201);
}

#[test]
fn there_is_no_external_ram_without_a_psram() {
    let mut machine = board(0);
    open_by_halves(&mut machine);
    assert!(machine.peek(0, EXTERNAL_RAM_BASE, &mut [0]).is_err());
    assert!(machine.poke(0, EXTERNAL_RAM_BASE, &[0]).is_err());
}

#[test]
fn it_is_kept_over_forks_files_and_resets_but_not_without_power() {
    let mut machine = board(8);
    open_by_halves(&mut machine);
    write(&mut machine, 0, EXTERNAL_RAM_BASE, 7);
    let mut fork = machine.clone();
    let mut loaded = Machine::load(&machine.save()).unwrap();
    write(&mut machine, 0, EXTERNAL_RAM_BASE, 8);
    assert_eq!((read(&mut fork, 1, EXTERNAL_RAM_BASE), read(&mut loaded, 1, EXTERNAL_RAM_BASE)), (7, 7));
    fork.reset(Strap::Download);
    assert!(fork.peek(0, EXTERNAL_RAM_BASE, &mut [0]).is_err(), "the cache is masked again");
    open_by_halves(&mut fork);
    assert_eq!(read(&mut fork, 0, EXTERNAL_RAM_BASE), 7);
    fork.cut_power(0);
    fork.power_on(Strap::Download);
    open_by_halves(&mut fork);
    assert_eq!(read(&mut fork, 0, EXTERNAL_RAM_BASE), 0);
}
