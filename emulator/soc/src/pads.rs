//! What the pads of the chip can be (datasheet, section "Pin Definitions"; ESP32 TRM, table "RTC_MUX Pin Summary").

use espalier_peripherals::Adc;

/// The voltage of a high level, and of the chip's supply.
pub const SUPPLY_MICROVOLTS: u32 = 3_300_000;

/// Whether the chip has a pad of this number.
pub fn exists(gpio: u8) -> bool {
    matches!(gpio, 0..=19 | 21..=23 | 25..=27 | 32..=39)
}

/// Whether the pad can drive a line, or only be read.
pub fn can_drive(gpio: u8) -> bool {
    gpio < 34
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
