//! Flash that is encrypted, as cores, SPI commands and the ROM see it. Programs are encrypted by the cipher, which is compared with
//! `espsecure` in its own crate.

use espalier_core::Span;
use espalier_peripherals::{FlashCipher, SecureBoot};
use espalier_soc::{BoardDefinition, EFUSE_IMAGE_BYTES, Machine, MachineConfig, MemoryError, Strap};

use sha2::{Digest, Sha256};

use crate::common::{BOOTLOADER, program};
use crate::tutorial_board;

const SPI1_CMD: u32 = 0x3FF4_2000;
const SPI1_ADDR: u32 = 0x3FF4_2004;
const SPI1_MISO_DLEN: u32 = 0x3FF4_202C;
const SPI1_W0: u32 = 0x3FF4_2080;
const FLASH_WREN: u32 = 1 << 30;
const FLASH_PP: u32 = 1 << 25;
const FLASH_READ: u32 = 1 << 31;
/// SPI_ENCRYPT.
const BUFFER: u32 = 0x3FF5_B000;
const START: u32 = 0x3FF5_B020;
const ADDRESS: u32 = 0x3FF5_B024;
const DONE: u32 = 0x3FF5_B028;
const SLAVE_SPI_CONFIG: u32 = 0x3FF0_00C8;
const SPI_ENCRYPT_ENABLE: u32 = 1 << 8;
const SPI_DECRYPT_ENABLE: u32 = 1 << 12;
/// The first entries of both cores for data.
const MMU: [u32; 2] = [0x3FF1_0000, 0x3FF1_2000];
const DROM: u32 = 0x3F40_0000;
/// EFUSE.
const BLK0_WDATA0: u32 = 0x3FF5_A01C;
const CONF: u32 = 0x3FF5_A0FC;
const CMD: u32 = 0x3FF5_A104;

/// Fuses of word 6 of block 0.
const ABS_DONE_0: u32 = 1 << 4;
const ABS_DONE_1: u32 = 1 << 5;
const DISABLE_DL_ENCRYPT: u32 = 1 << 7;
const DISABLE_DL_DECRYPT: u32 = 1 << 8;
const DISABLE_DL_CACHE: u32 = 1 << 9;

fn key() -> [u8; 32] {
    std::array::from_fn(|index| 0x40 + index as u8)
}

fn cipher() -> FlashCipher {
    FlashCipher::new(key(), 0xF)
}

/// Fuses with this number in FLASH_CRYPT_CNT, and both keys in their blocks, backwards and hidden, as `espefuse burn_key` leaves them.
fn efuses(crypt_count: u32, word6: u32) -> [u8; EFUSE_IMAGE_BYTES] {
    let mut image = [0; EFUSE_IMAGE_BYTES];
    let words = [(0, 0x3_0180 | crypt_count << 20), (20, 0xF000_0000), (24, word6)];
    words.into_iter().for_each(|(at, word): (usize, u32)| image[at..at + 4].copy_from_slice(&word.to_le_bytes()));
    for at in [28, 60] {
        image[at..at + 32].copy_from_slice(&key());
        image[at..at + 32].reverse();
    }
    image
}

fn board(crypt_count: u32, word6: u32) -> Machine {
    let board = BoardDefinition::default().with_efuses(&efuses(crypt_count, word6)).unwrap();
    Machine::new(&MachineConfig { board, ..MachineConfig::default() }).unwrap()
}

fn encrypted(address: u32, plain: &[u8]) -> Vec<u8> {
    let mut data = plain.to_vec();
    data.resize(data.len().next_multiple_of(32), 0xFF);
    cipher().encrypt(address, &mut data);
    data
}

fn write(machine: &mut Machine, address: u32, value: u32) {
    machine.poke(0, address, &value.to_le_bytes()).unwrap();
}

fn read(machine: &mut Machine, core: usize, address: u32) -> Result<[u8; 32], MemoryError> {
    let mut data = [0; 32];
    machine.peek(core, address, &mut data).map(|()| data)
}

/// Maps the page of 64 KiB to the first data addresses of both cores.
fn map(machine: &mut Machine, page: u32) {
    MMU.into_iter().for_each(|table| write(machine, table, page));
}

/// The bytes that SPI1 reads by a command of the flash chip.
fn read_by_command(machine: &mut Machine, address: u32) -> [u8; 32] {
    write(machine, SPI1_ADDR, address);
    write(machine, SPI1_MISO_DLEN, 255);
    write(machine, SPI1_CMD, FLASH_READ);
    read(machine, 0, SPI1_W0).unwrap()
}

/// The ROM's `SPI_Encrypt_Write` for 32 bytes.
fn program_encrypted(machine: &mut Machine, address: u32, data: &[u8; 32]) {
    write(machine, SLAVE_SPI_CONFIG, SPI_ENCRYPT_ENABLE);
    write(machine, ADDRESS, address);
    for (index, word) in data.as_chunks().0.iter().enumerate() {
        write(machine, BUFFER + 4 * index as u32, u32::from_le_bytes(*word));
        // The plain bytes are in the buffer of SPI1 as well.
        write(machine, SPI1_W0 + 4 * index as u32, u32::from_le_bytes(*word));
    }
    write(machine, START, 1);
    let mut done = [0; 4];
    machine.peek(0, DONE, &mut done).unwrap();
    assert_eq!(done[0], 1);
    write(machine, SPI1_CMD, FLASH_WREN);
    write(machine, SPI1_ADDR, 32 << 24 | address);
    write(machine, SPI1_CMD, FLASH_PP);
    write(machine, SLAVE_SPI_CONFIG, 0);
    // The flash chip is busy. Meanwhile the ROM runs, which clears the tables.
    machine.run_for(Span::from_millis(1));
    map(machine, 5);
}

const TEXT: [u8; 32] = *b"this is what the cores shall see";

#[test]
fn the_caches_of_both_cores_decrypt_and_commands_do_not() {
    for (count, decrypts) in [(0, false), (1, true), (0b11, false), (0b111, true)] {
        let mut machine = board(count, 0);
        let data = encrypted(0x5_0040, &TEXT);
        machine.load_flash(0x5_0040, &data).unwrap();
        map(&mut machine, 5);
        let expected = if decrypts { &TEXT[..] } else { &data };
        for core in 0..2 {
            assert_eq!(read(&mut machine, core, DROM + 0x40).unwrap(), expected, "core {core}, {count:#b}");
        }
        assert_eq!(read_by_command(&mut machine, 0x5_0040), data[..]);
    }
}

#[test]
fn bytes_that_are_programmed_encrypted_are_seen_decrypted() {
    let mut machine = board(1, 0);
    map(&mut machine, 5);
    let erased = read(&mut machine, 0, DROM + 0x1000).unwrap();
    assert_ne!(erased, [0xFF; 32], "erased flash is decrypted, too");
    program_encrypted(&mut machine, 0x5_1000, &TEXT);
    assert_eq!(read_by_command(&mut machine, 0x5_1000), encrypted(0x5_1000, &TEXT)[..]);
    for core in 0..2 {
        assert_eq!(read(&mut machine, core, DROM + 0x1000).unwrap(), TEXT);
    }
    let fork = machine.clone();
    machine.load_flash(0x5_1000, &[0; 32]).unwrap();
    assert_ne!(read(&mut machine, 0, DROM + 0x1000).unwrap(), TEXT);
    assert_eq!(read(&mut fork.clone(), 0, DROM + 0x1000).unwrap(), TEXT, "a fork has its own");
    let mut loaded = Machine::load(&fork.save()).unwrap();
    assert_eq!(read(&mut loaded, 1, DROM + 0x1000).unwrap(), TEXT, "and a saved machine");
}

#[test]
fn encryption_begins_when_its_fuse_is_burnt_and_loaded() {
    let mut machine = board(0, 0);
    map(&mut machine, 5);
    // The first boot encrypts before it burns the fuse.
    program_encrypted(&mut machine, 0x5_1000, &TEXT);
    assert_eq!(read(&mut machine, 0, DROM + 0x1000).unwrap(), encrypted(0x5_1000, &TEXT)[..]);
    write(&mut machine, BLK0_WDATA0, 1 << 20);
    for (operation, command, expected) in [(0x5A5A, 2, encrypted(0x5_1000, &TEXT)), (0x5AA5, 1, TEXT.to_vec())] {
        write(&mut machine, CONF, operation);
        write(&mut machine, CMD, command);
        machine.run_for(Span::from_micros(10));
        map(&mut machine, 5);
        assert_eq!(read(&mut machine, 0, DROM + 0x1000).unwrap(), expected[..], "{operation:#x}");
    }
}

#[test]
fn the_download_mode_has_what_its_fuses_leave() {
    for (fuse, decrypts, encrypts) in
        [(0, true, true), (DISABLE_DL_DECRYPT, false, true), (DISABLE_DL_ENCRYPT, true, false)]
    {
        let mut machine = board(1, fuse);
        let data = encrypted(0x5_0040, &TEXT);
        machine.load_flash(0x5_0040, &data).unwrap();
        machine.reset(Strap::Download);
        machine.run_for(Span::from_millis(50));
        map(&mut machine, 5);
        assert_eq!(read(&mut machine, 0, DROM + 0x40).unwrap(), data[..], "DPORT has not allowed it");
        write(&mut machine, SLAVE_SPI_CONFIG, SPI_DECRYPT_ENABLE);
        let expected = if decrypts { &TEXT[..] } else { &data };
        assert_eq!(read(&mut machine, 0, DROM + 0x40).unwrap(), expected, "{fuse:#x}");
        program_encrypted(&mut machine, 0x5_1000, &TEXT);
        let expected = if encrypts { encrypted(0x5_1000, &TEXT) } else { TEXT.to_vec() };
        assert_eq!(read_by_command(&mut machine, 0x5_1000), expected[..], "{fuse:#x}");
    }
    let mut machine = board(1, DISABLE_DL_CACHE);
    machine.reset(Strap::Download);
    machine.run_for(Span::from_millis(50));
    map(&mut machine, 5);
    assert!(read(&mut machine, 0, DROM).is_err(), "the cache shows nothing");
}

/// Where the peer of the tutorial listens.
const PORT: u16 = 5001;
/// Where a program of the tests notes that it ran.
const NOTE: u32 = 0x3FFB_0000;
const RAN: u32 = 0x5A;

/// Its literals, then: l32r a2, note; movi a3, RAN; s32i a3, a2, 0; j to itself.
fn noting() -> Vec<u8> {
    let mut code = NOTE.to_le_bytes().to_vec();
    code.extend([0x21, 0xFF, 0xFF, 0x32, 0xA0, RAN as u8, 0x32, 0x62, 0x00, 0x06, 0xFF, 0xFF]);
    program(0x4008_0000, 0x4008_0004, &code)
}

/// The ROM's function of revision 3 that encrypts and programs: address, words and bytes to an error code.
const SPI_ENCRYPT_WRITE: u32 = 0x4006_2E78;

/// A program that has the ROM program [`TEXT`] at `address`, notes that it ran, and behind that what the ROM returned.
fn encrypting(address: u32) -> Vec<u8> {
    let literals = [NOTE, SPI_ENCRYPT_WRITE, address, 0x4008_0010];
    let mut code: Vec<u8> = literals.iter().flat_map(|word| word.to_le_bytes()).collect();
    code.extend(TEXT);
    for instruction in [
        [0xA1, 0xF6, 0xFF],      // l32r a10, address
        [0xB1, 0xF6, 0xFF],      // l32r a11, words
        [0xC2, 0xA0, 0x20],      // movi a12, 32
        [0x81, 0xF2, 0xFF],      // l32r a8, function
        [0xE0, 0x08, 0x00],      // callx8 a8
        [0x21, 0xF0, 0xFF],      // l32r a2, note
        [0xA2, 0x62, 0x01],      // s32i a10, a2, 4
        [0x32, 0xA0, RAN as u8], // movi a3, RAN
        [0x32, 0x62, 0x00],      // s32i a3, a2, 0
        [0x06, 0xFF, 0xFF],      // j to itself
    ] {
        code.extend(instruction);
    }
    // The ROM loads words.
    code.resize(code.len().next_multiple_of(4), 0);
    program(0x4008_0000, 0x4008_0030, &code)
}

#[test]
fn the_rom_programs_encrypted_bytes() {
    let mut machine = board(0, 0);
    machine.load_flash(BOOTLOADER, &encrypting(0x5_1000)).unwrap();
    machine.reset(Strap::FlashBoot);
    machine.run_for(Span::from_millis(200));
    let console = console(&mut machine);
    assert!(ran(&mut machine), "{console}");
    assert_eq!(read(&mut machine, 0, NOTE).unwrap()[4..8], [0; 4], "the ROM reports an error");
    assert_eq!(machine.flash().read(0x5_1000, 32).unwrap(), encrypted(0x5_1000, &TEXT));
}

fn ran(machine: &mut Machine) -> bool {
    let mut word = [0; 4];
    machine.peek(0, NOTE, &mut word).unwrap();
    u32::from_le_bytes(word) == RAN
}

fn console(machine: &mut Machine) -> String {
    machine.uart_take(0).into_iter().map(|(_, byte)| char::from(byte)).collect()
}

#[test]
fn the_rom_starts_what_is_encrypted_with_its_key() {
    for (count, starts) in [(1, true), (0, false)] {
        let mut machine = board(count, 0);
        machine.load_flash(BOOTLOADER, &encrypted(BOOTLOADER, &noting())).unwrap();
        machine.reset(Strap::FlashBoot);
        machine.run_for(Span::from_millis(200));
        assert_eq!(ran(&mut machine), starts, "{}", console(&mut machine));
    }
}

/// The first sector of flash as `espsecure.py digest_secure_bootloader` makes it: 128 random bytes, and the digest of them and the image.
fn digest(image: &[u8]) -> Vec<u8> {
    use espalier_core::{Device, Time};
    let (text, hash, obtain, digest) = (0x80, 0x1C4, 0x1C8, 0x100);
    let mut engine = SecureBoot::new();
    let mut random = 0x0102_0304_u32;
    engine.begin(key(), || {
        random = random.rotate_left(5) ^ 0x55;
        random
    });
    let get = |engine: &mut SecureBoot, offset| engine.read(offset, Time::ZERO).unwrap().to_le_bytes();
    let mut sector: Vec<u8> = (0..32).flat_map(|word| get(&mut engine, 4 * word)).collect();
    engine.write(hash, 1, Time::ZERO).unwrap();
    let mut image = image.to_vec();
    image.resize(image.len().next_multiple_of(128), 0xFF);
    for block in image.chunks(128) {
        for (word, offset) in block.as_chunks().0.iter().zip((text..).step_by(4)) {
            engine.write(offset, u32::from_le_bytes(*word), Time::ZERO).unwrap();
        }
        engine.write(hash, 1, Time::ZERO).unwrap();
    }
    engine.write(obtain, 1, Time::ZERO).unwrap();
    sector.extend((0..16).flat_map(|word| get(&mut engine, digest + 4 * word)));
    sector
}

#[test]
fn secure_boot_starts_a_bootloader_with_its_digest_and_no_other() {
    for (count, wrong, starts) in [(0, 0, true), (1, 0, true), (0, 1, false)] {
        let mut machine = board(count, ABS_DONE_0);
        let image = noting();
        let mut sector = digest(&image);
        sector[150] ^= wrong;
        let load = |machine: &mut Machine, address, data: &[u8]| {
            let data = if count == 1 { encrypted(address, data) } else { data.to_vec() };
            machine.load_flash(address, &data).unwrap();
        };
        load(&mut machine, 0, &sector);
        let mut padded = image.clone();
        padded.resize(image.len().next_multiple_of(128), 0xFF);
        load(&mut machine, BOOTLOADER, &padded);
        machine.reset(Strap::FlashBoot);
        machine.run_for(Span::from_millis(200));
        let console = console(&mut machine);
        assert_eq!(ran(&mut machine), starts, "{count} {wrong}: {console}");
        assert_eq!(console.contains("Secure boot check fail"), !starts, "{console}");
    }
}

/// The signature that `espsecure.py sign_data --version 2` of esptool 4.12 appends to the program of [`noting`], signed by a key of RSA-3072.
const SIGNATURE: &[u8] = include_bytes!("secure_boot/signature.bin");
/// Where it is, behind the sectors of the image; and the public key in it.
const SIGNATURE_SECTOR: u32 = BOOTLOADER + 0x1000;
const PUBLIC_KEY: std::ops::Range<usize> = 36..812;

#[test]
fn the_rom_checks_the_signature_of_secure_boot_version_2() {
    for (spoilt, owner, says) in [
        (None, 0, "secure boot verification succeeded"),
        (Some(40), 0, "Sig block 0 invalid: Image digest does not match"),
        (None, 1, "Sig block 0 signed with untrusted key"),
    ] {
        let mut fuses = efuses(0, ABS_DONE_1);
        // The digest of the key can be read.
        fuses[2] = 0;
        fuses[60..92].copy_from_slice(&Sha256::digest(&SIGNATURE[PUBLIC_KEY]));
        fuses[60] ^= owner;
        let board = BoardDefinition::default().with_efuses(&fuses).unwrap();
        let mut machine = Machine::new(&MachineConfig { board, ..MachineConfig::default() }).unwrap();
        let mut image = noting();
        if let Some(byte) = spoilt {
            image[byte] ^= 1;
        }
        machine.load_flash(BOOTLOADER, &image).unwrap();
        machine.load_flash(SIGNATURE_SECTOR, SIGNATURE).unwrap();
        machine.reset(Strap::FlashBoot);
        machine.run_for(Span::from_millis(400));
        let console = console(&mut machine);
        assert!(console.contains(says), "{console}");
        assert_eq!(ran(&mut machine), says.ends_with("succeeded"), "{console}");
    }
}

#[test]
fn an_encrypted_image_boots_and_joins_the_network() {
    let mut machine = tutorial_board::encrypted_board();
    machine.lan_mut().listen(PORT).unwrap();
    machine.reset(Strap::FlashBoot);
    machine.run_for(Span::from_secs(1));
    let peer = machine.lan().config().peer;
    machine.uart_send(0, format!("client {peer} {PORT}\r\n").as_bytes());
    machine.run_for(Span::from_secs(1));
    let console = console(&mut machine);
    assert!(console.contains("@event connected"), "{console}");
}
