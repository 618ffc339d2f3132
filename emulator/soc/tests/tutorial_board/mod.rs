//! The mPython board with the tutorial's firmware.

use espalier_soc::{BoardDefinition, Machine, MachineConfig};
use espflash::flasher::{FlashData, FlashSettings, FlashSize};
use espflash::image_format::idf::IdfBootloaderFormat;
use espflash::target::{Chip, XtalFrequency};

const ELF: &[u8] = include_bytes!("../../../../fixtures/firmware/tutorial-esp32.elf");

/// The board with the tutorial in its flash, just switched on.
pub fn board() -> Machine {
    let board = BoardDefinition::by_name("mpython").unwrap();
    let mut machine = Machine::new(&MachineConfig { board, ..MachineConfig::default() }).unwrap();
    let settings = FlashSettings::new(None, Some(FlashSize::_8Mb), None);
    let data = FlashData::new(settings, 0, None, Chip::Esp32, XtalFrequency::_40Mhz);
    let format = IdfBootloaderFormat::new(ELF, &data, None, None, None, None).unwrap();
    for part in format.flash_segments() {
        machine.load_flash(part.addr, &part.data).unwrap();
    }
    machine
}
