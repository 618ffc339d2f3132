//! The kinds of parts that a board can have, by name.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use espalier_core::{Damaged, FlatMap, Load, Persist, Reader, Writer};

use crate::part::{Connection, Part, PartEntry, PartError, Wiring};
use crate::{
    At24c, Bme280, Button, ButtonMatrix, Buzzer, CanPeer, Ds18b20, Ds3231, Gps, Hd44780, LedMatrix, Max7219, Mcp23017,
    Microphone, Mmc5983ma, Mpu6050, Msa300, Oled, Potentiometer, SdCard, Speaker, Tft, TouchPad, Ws2812,
};

type Make = Arc<dyn Fn(&mut Wiring<'_>) -> Result<Box<dyn Part>, PartError> + Send + Sync>;
type MakeBuiltIn = fn(&mut Wiring<'_>) -> Result<Box<dyn Part>, PartError>;

/// The kinds that come with Espalier.
pub const BUILT_IN_KINDS: &[(&str, MakeBuiltIn)] = &[
    ("analog", Potentiometer::make),
    ("at24c", At24c::make),
    ("bme280", Bme280::make),
    ("button", Button::make),
    ("button-matrix", ButtonMatrix::make),
    ("buzzer", Buzzer::make),
    ("can", CanPeer::make),
    ("ds18b20", Ds18b20::make),
    ("ds3231", Ds3231::make),
    ("gps", Gps::make),
    ("hd44780", Hd44780::make),
    ("i2s-microphone", Microphone::make),
    ("i2s-speaker", Speaker::make),
    ("ili9341", Tft::make_ili9341),
    ("led-matrix", LedMatrix::make),
    ("max7219", Max7219::make),
    ("mcp23017", Mcp23017::make),
    ("mmc5983ma", Mmc5983ma::make),
    ("mpu6050", Mpu6050::make),
    ("msa300", Msa300::make),
    ("pdm-microphone", Microphone::make_pdm),
    ("pdm-speaker", Speaker::make_pdm),
    ("sdcard", SdCard::make),
    ("sh1106", Oled::make_sh1106),
    ("speaker", Speaker::make_analog),
    ("ssd1306", Oled::make_ssd1306),
    ("st7789", Tft::make_st7789),
    ("touch", TouchPad::make),
    ("ws2812", Ws2812::make),
];

/// The kinds of parts by name: those that come with Espalier, and those of a user. Clones share them.
///
/// ```
/// use espalier_parts::{Button, PadUse, PartKinds, Wiring};
///
/// let mut kinds = PartKinds::default();
/// assert!(kinds.names().any(|name| name == "ssd1306"));
/// kinds.add("reed-switch", |wiring: &mut Wiring<'_>| {
///     wiring.pad("gpio", 0, PadUse::Drives)?;
///     Ok(Button::new(false))
/// });
/// assert_eq!(kinds.own(), ["reed-switch"]);
/// ```
#[derive(Clone)]
pub struct PartKinds {
    kinds: Arc<FlatMap<String, Make>>,
    /// The kinds that a user has added.
    own: Vec<String>,
}

impl Default for PartKinds {
    fn default() -> PartKinds {
        let kinds = BUILT_IN_KINDS.iter().map(|(name, make)| ((*name).to_owned(), Arc::new(*make) as Make));
        PartKinds { kinds: Arc::new(kinds.collect()), own: Vec::new() }
    }
}

impl fmt::Debug for PartKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.kinds.keys()).finish()
    }
}

/// A snapshot has no code: what it is read with has the kinds.
impl Persist for PartKinds {
    fn save(&self, _to: &mut Writer) {}

    fn restore(&mut self, _from: &mut Reader<'_>) -> Result<(), Damaged> {
        Ok(())
    }
}

impl Load for PartKinds {
    fn load(_from: &mut Reader<'_>) -> Result<PartKinds, Damaged> {
        Ok(PartKinds::default())
    }
}

impl PartKinds {
    /// Adds a kind, or replaces the one of this name.
    pub fn add<T: Part>(
        &mut self,
        kind: impl Into<String>,
        make: impl Fn(&mut Wiring<'_>) -> Result<T, PartError> + Send + Sync + 'static,
    ) {
        let make: Make = Arc::new(move |wiring| Ok(Box::new(make(wiring)?)));
        let kind = kind.into();
        self.own.push(kind.clone());
        Arc::make_mut(&mut self.kinds).insert(kind, make);
    }

    /// The names of the kinds that a user has added: no snapshot has their code.
    pub fn own(&self) -> &[String] {
        &self.own
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(String::as_str)
    }

    /// Makes a part, and says where it is connected.
    ///
    /// # Errors
    /// If there is no such kind, or the entry does not fit it.
    pub fn make(&self, entry: &PartEntry) -> Result<(Box<dyn Part>, Vec<Connection>), PartError> {
        if entry.kind.is_empty() {
            return Err(entry.missing("kind"));
        }
        let Some(make) = self.kinds.get(&entry.kind) else {
            return Err(entry.unknown_kind(self.names().collect::<Vec<_>>().join(", ")));
        };
        let mut wiring = Wiring::new(entry);
        let part = make(&mut wiring)?;
        Ok((part, wiring.finish()?))
    }
}
