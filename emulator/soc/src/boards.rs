//! What a board is made of, beside the chip.

use espalier_parts::{Controller, OledConfig};

use crate::rom::RomRevision;

/// A board: the chip's options and the parts around it.
#[derive(Clone, Debug)]
pub struct BoardDefinition {
    /// Name by which the command line and the environment choose the board.
    pub name: &'static str,
    /// Size of the flash chip in bytes: 2, 4, 8 or 16 MiB.
    pub flash_size: u32,
    /// Factory MAC address in eFuse; the chip derives the addresses of its interfaces from it.
    pub mac: [u8; 6],
    pub rom: RomRevision,
    /// The display, if there is one.
    pub oled: Option<OledPlacement>,
}

/// Where a display is wired.
#[derive(Clone, Copy, Debug)]
pub struct OledPlacement {
    /// GPIO of the I2C clock.
    pub scl: u8,
    /// GPIO of the I2C data line.
    pub sda: u8,
    pub config: OledConfig,
}

/// An address from the block that Espressif uses for modules; the last bytes tell boards apart.
const DEFAULT_MAC: [u8; 6] = [0x24, 0x0A, 0xC4, 0x00, 0x01, 0x10];

/// A module of 128x64 pixels at the usual address.
fn display(controller: Controller) -> OledConfig {
    OledConfig { controller, width: 128, height: 64, address: 0x3C, visible_column: 0 }
}

/// A bare ESP32 development board with 4 MiB of flash and an SSD1306 module on the I2C pins of most examples.
pub fn esp32_devkit() -> BoardDefinition {
    BoardDefinition {
        name: "esp32-devkit",
        flash_size: 4 << 20,
        mac: DEFAULT_MAC,
        rom: RomRevision::Rev3,
        oled: Some(OledPlacement { scl: 22, sda: 21, config: display(Controller::Ssd1306) }),
    }
}

/// The labplus mPython board: ESP-WROOM-32 with 8 MiB of flash and a 1.3" panel with an SH1106.
pub fn mpython() -> BoardDefinition {
    BoardDefinition {
        name: "mpython",
        flash_size: 8 << 20,
        mac: DEFAULT_MAC,
        rom: RomRevision::Rev3,
        oled: Some(OledPlacement { scl: 22, sda: 23, config: display(Controller::Sh1106) }),
    }
}

/// Every board that can be chosen by name.
pub fn all() -> [BoardDefinition; 2] {
    [esp32_devkit(), mpython()]
}

/// The board called `name`.
pub fn by_name(name: &str) -> Option<BoardDefinition> {
    all().into_iter().find(|board| board.name == name)
}
