//! What the world outside of the chip does and sees.

use std::ops::RangeInclusive;

use espalier_core::{Span, Time};
use espalier_net::{Air, Lan};
use espalier_parts::{FlashChip, Oled};
use espalier_peripherals::{EFUSE_IMAGE_BYTES, PINS, Sleep};

use super::{AIR_SLOT, LAN_SLOT, System, UARTS};
use crate::boards::BoardDefinition;
use crate::error::SocError;
use crate::map::Block;

/// Pads of MTDI, MTCK, MTMS and MTDO, and the function that connects them to JTAG (TRM "IO_MUX Pad List").
const JTAG_PADS: RangeInclusive<usize> = 12..=15;
const FUNCTION_JTAG: u32 = 0;
/// JTAG_DISABLE in block 0 of the eFuses (TRM "eFuse Controller", EFUSE_BLK0_RDATA6).
const JTAG_DISABLE_WORD: usize = 6;
const JTAG_DISABLE: u32 = 1 << 6;

/// The pads with what drives them while nobody touches the board: the resistors of its buttons.
pub(super) fn released(board: &BoardDefinition) -> [Option<bool>; PINS] {
    let mut driven = [None; PINS];
    for button in &board.buttons {
        driven[usize::from(button.gpio)] = Some(!button.active_level.is_high());
    }
    driven
}

/// The pads at which the board has a voltage that is zero until somebody sets it.
pub(super) fn silent(board: &BoardDefinition) -> [Option<u32>; PINS] {
    let mut analog = [None; PINS];
    for input in &board.analog {
        analog[usize::from(input.gpio)] = Some(0);
    }
    analog
}

impl System {
    /// True if pads and eFuses connect the debug modules to the outside, and they have power.
    pub fn is_jtag_connected(&self) -> bool {
        let disabled = self.efuse.block(0)[JTAG_DISABLE_WORD] & JTAG_DISABLE != 0;
        let powered = self.rtc.sleeping() != Some(Sleep::Deep);
        powered && !disabled && JTAG_PADS.into_iter().all(|pin| self.io_mux.function(pin) == Some(FUNCTION_JTAG))
    }

    pub fn efuses(&self) -> [u8; EFUSE_IMAGE_BYTES] {
        self.efuse.image()
    }

    pub fn set_efuses(&mut self, image: &[u8; EFUSE_IMAGE_BYTES]) {
        self.efuse.set_image(image);
    }

    pub fn flash(&self) -> &FlashChip {
        &self.parts.flash
    }

    pub fn load_flash(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SocError> {
        self.parts.flash.load(offset as usize, bytes)?;
        self.flash_changes = self.parts.flash.changes();
        self.code_epoch = self.code_epoch.wrapping_add(1);
        Ok(())
    }

    pub fn oled(&self) -> Option<&Oled> {
        self.parts.oled()
    }

    pub fn lan(&self) -> &Lan {
        &self.lan
    }

    /// The network brought up to `now`.
    pub fn lan_mut(&mut self, now: Time) -> &mut Lan {
        // Whatever the caller does, the next run begins by looking at the network.
        self.schedule.set(LAN_SLOT, Some(self.clock));
        self.lan.advance(now);
        &mut self.lan
    }

    pub fn air(&self) -> &Air {
        &self.air
    }

    /// The air, to act on it. What changes takes effect with the next run.
    pub fn air_mut(&mut self, now: Time) -> &mut Air {
        self.schedule.set(AIR_SLOT, Some(self.clock));
        self.air.advance(now);
        &mut self.air
    }

    /// True if something outside of the chip drives a pad low.
    pub fn is_held_low(&self, pin: usize) -> bool {
        self.driven[pin] == Some(false)
    }

    /// Drives a pad from outside, or lets go of it.
    pub fn drive_pin(&mut self, pin: usize, level: Option<bool>, now: Time) {
        let now = self.tick(now);
        if let Some(driven) = self.driven.get_mut(pin) {
            *driven = level;
            self.update_inputs();
            self.connect_wires(now);
        }
    }

    /// Gives a pad a voltage.
    pub fn set_microvolts(&mut self, pin: usize, microvolts: u32) {
        if let Some(voltage) = self.analog.get_mut(pin) {
            *voltage = Some(microvolts);
            self.update_inputs();
        }
    }

    /// Puts a finger on a pad of the touch controller, or takes it off.
    pub fn set_finger(&mut self, channel: usize, present: bool) {
        self.sens.set_finger(channel, present);
    }

    pub fn set_i2c_stretch(&mut self, unit: usize, stretch: Span) {
        if let Some(controller) = self.i2cs.get_mut(unit) {
            controller.set_stretch(stretch);
        }
    }

    pub fn uart_send(&mut self, uart: usize, bytes: &[u8], now: Time) {
        let now = self.tick(now);
        self.uarts[uart].receive(bytes, now);
        self.renew_deadline(Block::Uart(uart as u8));
        self.settle_interrupts(Block::Uart(uart as u8));
    }

    pub fn uart_cut_line(&mut self, uart: usize, now: Time) {
        let now = self.tick(now);
        self.uarts[uart].cut_line(now);
        self.renew_deadline(Block::Uart(uart as u8));
    }

    pub fn uart_take(&mut self, uart: usize) -> Vec<(Time, u8)> {
        self.uart_output[uart].take()
    }

    pub fn uart_lost(&self, uart: usize) -> u64 {
        self.uart_output[uart].lost()
    }

    /// What was dropped because nobody took it, one line each.
    pub fn dropped(&self) -> Vec<String> {
        let uarts = (0..UARTS).map(|unit| (format!("bytes that UART{unit} sent"), self.uart_lost(unit)));
        let tones = self.wires.buzzer().map(|buzzer| ("tones of the buzzer".to_owned(), buzzer.forgotten()));
        let changes = (0..PINS).map(|pin| (format!("changes of GPIO{pin}"), self.lost_by_probe(pin)));
        let all = uarts.chain(tones).chain(changes);
        all.filter(|(_, count)| *count != 0).map(|(what, count)| format!("{count} {what}")).collect()
    }

    pub fn set_uart_line_baud(&mut self, uart: usize, baud: Option<u32>) {
        let now = self.clock;
        self.uarts[uart].set_line_baud(baud, now);
    }
}
