//! The mPython board with the tutorial's firmware.

use espalier_peripherals::FlashCipher;
use espalier_soc::{BoardDefinition, EFUSE_IMAGE_BYTES, Machine, MachineConfig};
use espflash::flasher::{FlashData, FlashSettings, FlashSize};
use espflash::image_format::idf::IdfBootloaderFormat;
use espflash::target::{Chip, XtalFrequency};

const ELF: &[u8] = include_bytes!("../../../../fixtures/firmware/tutorial-esp32.elf");

/// The board with the tutorial in its flash, just switched on.
pub fn board() -> Machine {
    flashed(BoardDefinition::by_name("mpython").unwrap())
}

/// The same with all of its flash encrypted, as `espsecure.py encrypt_flash_data` does it.
pub fn encrypted_board() -> Machine {
    let mut efuses = [0; EFUSE_IMAGE_BYTES];
    // RD_DIS of block 1 and FLASH_CRYPT_CNT; FLASH_CRYPT_CONFIG; the key, backwards.
    (efuses[2], efuses[23]) = (0x11, 0xF0);
    efuses[28..60].copy_from_slice(&std::array::from_fn::<u8, 32, _>(|index| 31 - index as u8));
    let cipher = FlashCipher::new(std::array::from_fn(|index| index as u8), 0xF);
    let mut machine = flashed(BoardDefinition::by_name("mpython").unwrap().with_efuses(&efuses).unwrap());
    let mut flash = machine.flash().to_vec();
    cipher.encrypt(0, &mut flash);
    machine.load_flash(0, &flash).unwrap();
    machine
}

fn flashed(board: BoardDefinition) -> Machine {
    let mut machine = Machine::new(&MachineConfig { board, ..MachineConfig::default() }).unwrap();
    let settings = FlashSettings::new(None, Some(FlashSize::_8Mb), None);
    let data = FlashData::new(settings, 0, None, Chip::Esp32, XtalFrequency::_40Mhz);
    let format = IdfBootloaderFormat::new(ELF, &data, None, None, None, None).unwrap();
    for part in format.flash_segments() {
        machine.load_flash(part.addr, &part.data).unwrap();
    }
    machine
}
