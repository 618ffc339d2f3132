//! Checks of board files: pads that do not exist or are used twice, addresses that are taken, ambiguous names.

use espalier_core::FlatMap;
use espalier_parts::{Connection, PadUse, PartEntry, SD_DATA};
use espalier_peripherals::EFUSE_IMAGE_BYTES;

use super::error::BoardErrorKind;
use super::{BoardDefinition, ChipKind};
use crate::pads::{self, Ability, PadSet};

/// More parts than any board has.
const MOST_PARTS: usize = 256;

/// The highest address on the management bus of PHYs.
const MOST_PHYS: u8 = 31;

type Checked = Result<(), BoardErrorKind>;

pub fn check(board: &BoardDefinition) -> Checked {
    if board.mac[0] & 1 != 0 {
        return Err(BoardErrorKind::Value {
            key: "chip.mac".to_owned(),
            value: "a group address".to_owned(),
            allowed: "one whose first byte is even",
        });
    }
    if board.psram_size.is_some() && board.chip != ChipKind::Esp32 {
        return Err(BoardErrorKind::Value {
            key: "chip.psram".to_owned(),
            value: format!("set on an {}", board.chip.name()),
            allowed: "left out: of the chips here, only the esp32 has pads and a cache for it",
        });
    }
    if let Some(image) = &board.efuses {
        if board.chip != ChipKind::Esp32 {
            return Err(BoardErrorKind::Value {
                key: "chip.efuses".to_owned(),
                value: format!("set on an {}", board.chip.name()),
                allowed: "left out: of the chips here, only the esp32 takes them from a file",
            });
        }
        if image.len() != EFUSE_IMAGE_BYTES {
            return Err(BoardErrorKind::Value {
                key: "chip.efuses".to_owned(),
                value: format!("an image of {} bytes", image.len()),
                allowed: "one of 124: the words of blocks 0 to 3, as Espressif's QEMU keeps them",
            });
        }
    }
    if board.ethernet.is_some() && board.chip != ChipKind::Esp32 {
        return Err(BoardErrorKind::Value {
            key: "ethernet".to_owned(),
            value: format!("on an {}", board.chip.name()),
            allowed: "left out: of the chips here, only the esp32 has an Ethernet MAC",
        });
    }
    if let Some(port) = board.ethernet.filter(|port| port.address > MOST_PHYS) {
        return Err(BoardErrorKind::Value {
            key: "ethernet.address".to_owned(),
            value: port.address.to_string(),
            allowed: "the PHY's address on the management bus: 0 to 31",
        });
    }
    parts(board)?;
    wires(board)?;
    for content in &board.flash_content {
        let end = u64::from(content.offset) + content.bytes.len() as u64;
        if end > u64::from(board.flash_size) {
            let (file, flash_size) = (content.file.clone(), board.flash_size);
            return Err(BoardErrorKind::FlashOverflow { file, end, flash_size });
        }
    }
    Ok(())
}

/// A part as messages name it.
fn part(entry: &PartEntry) -> String {
    format!("{} {:?}", entry.kind, entry.name)
}

/// A key of a part, with its line.
fn place(entry: &PartEntry, key: &str) -> String {
    let property = entry.properties.iter().find(|property| property.key == key);
    let line = property.and_then(|property| property.line).or(entry.line);
    let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
    format!("{line}{}: {key}", part(entry))
}

fn parts(board: &BoardDefinition) -> Checked {
    if board.parts.len() > MOST_PARTS {
        return Err(BoardErrorKind::Value {
            key: "the number of parts".to_owned(),
            value: board.parts.len().to_string(),
            allowed: "256 or fewer",
        });
    }
    let (set, mut addresses, mut names) = (pads_of(board.chip), FlatMap::new(), FlatMap::new());
    let mut pads = Pads { set, taken: FlatMap::new() };
    for entry in &board.parts {
        if let Some(first) = names.insert(&entry.name, entry) {
            let (name, first) = (place(entry, "name"), part(first));
            return Err(BoardErrorKind::NameTaken { name, first });
        }
        let (_, connections) = board.kinds.make(entry)?;
        for connection in connections {
            match connection {
                Connection::I2c { scl, sda, address, count } => {
                    pads.take(entry, scl, "scl", &set.drive)?;
                    pads.take(entry, sda, "sda", &set.drive)?;
                    for address in (0..count).map(|offset| address.wrapping_add(offset)) {
                        if let Some(first) = addresses.insert((scl, sda, address), entry) {
                            let (second, first) = (place(entry, "address"), part(first));
                            return Err(BoardErrorKind::AddressTaken { second, address, first });
                        }
                    }
                }
                Connection::Spi { sck, mosi, miso, cs, dc } => {
                    pads.take(entry, sck, "sck", &set.drive)?;
                    let others = [
                        (mosi, "mosi", &set.drive),
                        (miso, "miso", &set.exist),
                        (cs, "cs", &set.drive),
                        (dc, "dc", &set.drive),
                    ];
                    for (gpio, key, ability) in others {
                        gpio.map_or(Ok(()), |gpio| pads.take(entry, gpio, key, ability))?;
                    }
                }
                Connection::Sd { clk, cmd, data } => {
                    let lines = [Some(clk), Some(cmd)].into_iter().chain(data);
                    for (place, (key, gpio)) in ["clk", "cmd"].into_iter().chain(SD_DATA).zip(lines).enumerate() {
                        let Some(gpio) = gpio else { continue };
                        pads.take_only(entry, gpio, key, set.sd.get(place).copied())?;
                    }
                }
                Connection::Audio { sck, ws, data, key } => {
                    pads.take(entry, sck, "sck", &set.drive)?;
                    pads.take(entry, ws, "ws", &set.drive)?;
                    pads.take(entry, data, key, &set.exist)?;
                }
                Connection::Pdm { clk, data, key } => {
                    pads.take(entry, clk, "clk", &set.drive)?;
                    pads.take(entry, data, key, &set.exist)?;
                }
                Connection::Pad { key, gpio, uses, .. } => pads.take(entry, gpio, key, ability(set, uses))?,
            }
        }
    }
    Ok(())
}

/// The pads of the board's chip.
pub fn pads_of(chip: ChipKind) -> &'static PadSet {
    match chip {
        ChipKind::Esp32 => &pads::ESP32,
        ChipKind::Esp32c3 => &pads::ESP32C3,
    }
}

fn ability(pads: &'static PadSet, uses: PadUse) -> &'static Ability {
    match uses {
        PadUse::Hears | PadUse::Shares => &pads.drive,
        PadUse::Drives | PadUse::Joins => &pads.exist,
        PadUse::Analog => &pads.convert,
        PadUse::Sounds => &pads.sound,
        PadUse::Touch => &pads.feel,
    }
}

/// Lines of which each part needs one for itself.
const SINGLE: [&str; 2] = ["gpio", "cs"];

/// The parts at each pad, and the keys that name them.
struct Pads {
    set: &'static PadSet,
    taken: FlatMap<u8, (String, &'static str)>,
}

impl Pads {
    /// A line that only one pad of the chip can be, if the chip has it.
    fn take_only(&mut self, entry: &PartEntry, gpio: u8, key: &'static str, only: Option<u8>) -> Checked {
        if only == Some(gpio) {
            return self.take(entry, gpio, key, &self.set.exist);
        }
        let allowed = match only {
            Some(_) => "the pad of the SD host's second slot: clk 14, cmd 15, d0 2, d1 4, d2 12, d3 13",
            None => "on a chip with an SD host: leave `clk` out, and name `sck`, `mosi`, `miso` and `cs` of SPI",
        };
        Err(BoardErrorKind::Value { key: place(entry, key), value: gpio.to_string(), allowed })
    }

    fn take(&mut self, entry: &PartEntry, gpio: u8, key: &'static str, ability: &Ability) -> Checked {
        let wrong = |allowed| Err(BoardErrorKind::Value { key: place(entry, key), value: gpio.to_string(), allowed });
        if !(self.set.exist.holds)(gpio) {
            return wrong(self.set.exist.allowed);
        }
        if !(ability.holds)(gpio) {
            return wrong(ability.allowed);
        }
        let first = match self.taken.get(&gpio) {
            Some((_, there)) if *there == key && !SINGLE.contains(&key) => return Ok(()),
            Some((part, _)) => Some(part.clone()),
            None if self.set.flash.contains(&gpio) => Some("the flash chip".to_owned()),
            None if self.set.console.contains(&gpio) => Some("the console".to_owned()),
            None => None,
        };
        match first {
            Some(first) => Err(BoardErrorKind::PinTaken { second: place(entry, key), gpio, first }),
            None => {
                self.taken.insert(gpio, (part(entry), key));
                Ok(())
            }
        }
    }
}

/// A wire has two ends, at pads that are not those of the flash chip.
fn wires(board: &BoardDefinition) -> Checked {
    for wire in &board.wires {
        for (key, gpio) in [("wire.from", wire.from), ("wire.to", wire.to)] {
            let allowed = match wired(board.chip, gpio) {
                Err(allowed) => allowed,
                Ok(()) if wire.from == wire.to => "another pin than the other end's",
                Ok(()) => continue,
            };
            return Err(BoardErrorKind::Value { key: key.to_owned(), value: gpio.to_string(), allowed });
        }
    }
    Ok(())
}

/// Whether a wire may lead to a pad; the error is what is allowed.
pub fn wired(chip: ChipKind, gpio: u8) -> Result<(), &'static str> {
    let set = pads_of(chip);
    if !(set.exist.holds)(gpio) {
        Err(set.exist.allowed)
    } else if set.flash.contains(&gpio) {
        Err("a pin that the flash chip does not have")
    } else {
        Ok(())
    }
}
