//! Abilities of the pads of each chip (ESP32 and ESP32-C3 datasheets, section "Pin Definitions"; ESP32 TRM, table "RTC_MUX Pin Summary").

use std::ops::RangeInclusive;

use espalier_peripherals::Adc;

/// The voltage of a high level, and of the chip's supply.
pub const SUPPLY_MICROVOLTS: u32 = 3_300_000;

/// The pads with some ability.
pub struct Ability {
    pub holds: fn(u8) -> bool,
    /// For messages.
    pub allowed: &'static str,
}

/// The pads of a chip, as a board can use them.
pub struct PadSet {
    pub exist: Ability,
    /// The pads that can drive a line; the others are inputs only.
    pub drive: Ability,
    pub convert: Ability,
    /// The pads of DACs.
    pub sound: Ability,
    pub feel: Ability,
    /// The pads that are wired on every board: the console and the flash chip.
    pub console: [u8; 2],
    pub flash: RangeInclusive<u8>,
    /// The pads of a card on an SD bus: clock, command, and data lines 0 to 3. None of them if the chip has no host for it. The other slot
    /// of the ESP32's host has the pads of the flash chip.
    pub sd: &'static [u8],
}

pub static ESP32: PadSet = PadSet {
    exist: Ability { holds: exists, allowed: "a pin of the chip: 0 to 19, 21 to 23, 25 to 27, 32 to 39" },
    drive: Ability { holds: |gpio| gpio < 34, allowed: "a pin that can drive: 0 to 33" },
    convert: Ability {
        holds: |gpio| adc_channel(gpio).is_some(),
        allowed: "a pin of an ADC: 0, 2, 4, 12 to 15, 25 to 27, 32 to 39",
    },
    sound: Ability { holds: |gpio| matches!(gpio, 25 | 26), allowed: "a pin of a DAC: 25, 26" },
    feel: Ability {
        holds: |gpio| touch_channel(gpio).is_some(),
        allowed: "a pin of the touch controller: 0, 2, 4, 12 to 15, 27, 32, 33",
    },
    console: [1, 3],
    flash: 6..=11,
    sd: &[14, 15, 2, 4, 12, 13],
};

pub static ESP32C3: PadSet = PadSet {
    exist: Ability { holds: |gpio| gpio <= 21, allowed: "a pin of the chip: 0 to 21" },
    drive: Ability { holds: |_| true, allowed: "" },
    convert: Ability { holds: |gpio| gpio <= 5, allowed: "a pin of an ADC: 0 to 5" },
    sound: Ability { holds: |_| false, allowed: "a pin of a chip with DACs, which this one has not" },
    feel: Ability { holds: |_| false, allowed: "a pin of a chip with a touch controller, which this one has not" },
    console: [20, 21],
    flash: 12..=17,
    sd: &[],
};

/// Whether the ESP32 has a pad of this number.
fn exists(gpio: u8) -> bool {
    matches!(gpio, 0..=19 | 21..=23 | 25..=27 | 32..=39)
}

/// The ADC and its channel at a pad.
pub fn adc_channel(gpio: u8) -> Option<(Adc, usize)> {
    Some(match gpio {
        36..=39 => (Adc::One, usize::from(gpio) - 36),
        32..=35 => (Adc::One, usize::from(gpio) - 28),
        4 => (Adc::Two, 0),
        0 => (Adc::Two, 1),
        2 => (Adc::Two, 2),
        15 => (Adc::Two, 3),
        13 => (Adc::Two, 4),
        12 => (Adc::Two, 5),
        14 => (Adc::Two, 6),
        27 => (Adc::Two, 7),
        25 => (Adc::Two, 8),
        26 => (Adc::Two, 9),
        _ => return None,
    })
}

/// The number of a pad among those that the RTC can use.
pub fn rtc_pad(gpio: u8) -> Option<u32> {
    const PADS: [u8; 18] = [36, 37, 38, 39, 34, 35, 25, 26, 33, 32, 4, 0, 2, 15, 13, 12, 14, 27];
    PADS.iter().position(|pad| *pad == gpio).map(|number| number as u32)
}

/// The channel of the touch controller at a pad, as its registers count them: what the manual calls T8 and T9 is the other way
/// round there, as ESP-IDF knows.
pub fn touch_channel(gpio: u8) -> Option<usize> {
    Some(match gpio {
        4 => 0,
        0 => 1,
        2 => 2,
        15 => 3,
        13 => 4,
        12 => 5,
        14 => 6,
        27 => 7,
        32 => 8,
        33 => 9,
        _ => return None,
    })
}
