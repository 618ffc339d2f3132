//! Functions of IO_MUX that bypass the GPIO matrix (ESP32 TRM, table "IO_MUX Pad List"): the signals of UARTs and of SPI2 and SPI3, by
//! their numbers in the matrix. Other modelled signals go through the matrix or are not followed on pads.

use espalier_peripherals::FUNCTION_GPIO;

use super::table::{DIRECT, direct_signal};
use crate::machine::PadFunction;

const U0TXD: u32 = 14;
const U0RXD: u32 = 14;
const U0RTS: u32 = 15;
const U0CTS: u32 = 15;
const U1TXD: u32 = 17;
const U1RXD: u32 = 17;
const U1RTS: u32 = 18;
const U1CTS: u32 = 18;
const U2TXD: u32 = 198;
const U2RXD: u32 = 198;
const U2RTS: u32 = 199;
const U2CTS: u32 = 199;

/// Pads, their functions, and the outputs that those bring there.
const OUTPUTS: &[(usize, u32, u32)] =
    &[(1, 0, U0TXD), (22, 3, U0RTS), (10, 4, U1TXD), (11, 4, U1RTS), (17, 4, U2TXD), (7, 4, U2RTS)];
/// The same for inputs.
const INPUTS: &[(usize, u32, u32)] =
    &[(3, 0, U0RXD), (19, 3, U0CTS), (9, 4, U1RXD), (6, 4, U1CTS), (16, 4, U2RXD), (8, 4, U2CTS)];
/// Pads whose function 0 is no GPIO: console, flash and JTAG.
const OTHER_AT_RESET: &[usize] = &[1, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// Returns the driver of a pad that has this function.
pub fn output(pin: usize, function: u32) -> PadFunction {
    match function {
        FUNCTION_GPIO => PadFunction::Matrix,
        0 if !OTHER_AT_RESET.contains(&pin) => PadFunction::Matrix,
        _ => match OUTPUTS.iter().find(|(pad, of, _)| (*pad, *of) == (pin, function)) {
            Some((_, _, signal)) => PadFunction::Signal(*signal),
            // A line that its block drives or hears, as it is master or slave.
            None => direct_signal(pin, function).map_or(PadFunction::None, PadFunction::Signal),
        },
    }
}

/// The pad that feeds an input, given the functions of all of them.
pub fn input(signal: u32, function: impl Fn(usize) -> Option<u32>) -> Option<usize> {
    let pads = INPUTS.iter().chain(DIRECT).filter(|(_, _, of)| *of == signal);
    pads.map(|(pad, needed, _)| (*pad, *needed))
        .find(|(pad, needed)| function(*pad) == Some(*needed))
        .map(|(pad, _)| pad)
}
