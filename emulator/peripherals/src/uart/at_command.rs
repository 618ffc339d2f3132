//! Detection of AT commands: a character that comes so many times with silence before and after it (ESP32 TRM, registers
//! UART_AT_CMD_PRECNT_REG to UART_AT_CMD_CHAR_REG). ESP-IDF calls it pattern detection, and counts times in cycles of the UART's clock
//! on this chip (`uart_enable_pattern_det_intr`).

use espalier_core::{Span, Time};

use super::Uart;
use super::frame::Passed;
use super::registers::reg;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AtCommand {
    /// The end of the last frame.
    last: Option<Time>,
    /// Characters of the command so far.
    seen: u32,
    /// When the command is complete if nothing else comes.
    due: Option<Time>,
}

espalier_core::persist!(value AtCommand { last, seen, due });

impl AtCommand {
    pub(super) fn due(self) -> Option<Time> {
        self.due
    }

    pub(super) fn waits(self) -> bool {
        self.due.is_some()
    }
}

impl Uart {
    fn cycles(&self, register: u32) -> Span {
        self.source_clock().cycles(self.registers.get(register).into())
    }

    /// A frame has come in whole.
    pub(super) fn note_at_command(&mut self, frame: Passed) {
        self.end_at_command(frame.start);
        let AtCommand { last, seen, .. } = self.at_command;
        let silence = last.map(|last| frame.start.since(last));
        let after = |register| silence.is_none_or(|silence| silence >= self.cycles(register));
        let goes_on = seen > 0 && silence.is_some_and(|silence| silence <= self.cycles(reg::AT_CMD_GAPTOUT));
        let seen = match u32::from(frame.byte) == self.registers.field(reg::AT_CMD_CHAR::AT_CMD_CHAR) {
            true if goes_on => seen + 1,
            true => u32::from(after(reg::AT_CMD_PRECNT)),
            false => 0,
        };
        let complete = seen > 0 && seen == self.registers.field(reg::AT_CMD_CHAR::CHAR_NUM);
        let due = complete.then(|| frame.end + self.cycles(reg::AT_CMD_POSTCNT));
        self.at_command = AtCommand { last: Some(frame.end), seen, due };
    }

    /// No frame has begun until `now`.
    pub(super) fn end_at_command(&mut self, now: Time) {
        if self.at_command.due.is_some_and(|due| due <= now) {
            (self.at_command.due, self.at_command.seen) = (None, 0);
            self.raise(reg::INT_RAW::AT_CMD_CHAR_DET.mask());
        }
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::{Device, Time};

    use super::reg;
    use crate::clocks::APB_WITH_PLL;
    use crate::uart::Uart;

    fn at(micros: u64) -> Time {
        Time::from_micros(micros)
    }

    /// A UART at 80 kbaud that waits for three times '+', with 1 ms of silence on both sides and at most 200 us between them; and when
    /// it finds that, if bytes come at these times, whose frames take 125 us.
    fn found(bytes: &[(u64, u8)]) -> Option<u64> {
        let mut uart = Uart::new(APB_WITH_PLL);
        let detected = reg::INT_RAW::AT_CMD_CHAR_DET.mask();
        for (offset, value) in [
            (reg::CLKDIV, 1000),
            (reg::AT_CMD_PRECNT, 80_000),
            (reg::AT_CMD_POSTCNT, 80_000),
            (reg::AT_CMD_GAPTOUT, 16_000),
            (reg::INT_ENA, detected),
        ] {
            uart.write(offset, value, at(0)).expect("a register");
        }
        for (time, byte) in bytes {
            uart.advance(at(*time));
            if uart.interrupts() != 0 {
                return Some(*time);
            }
            uart.receive(&[*byte], at(*time));
        }
        while let Some(next) = uart.deadline() {
            uart.advance(next);
            if uart.interrupts() != 0 {
                assert_eq!(uart.read(reg::INT_ST, next), Ok(detected));
                return Some(next.as_micros());
            }
        }
        None
    }

    #[test]
    fn three_characters_in_silence_are_a_command() {
        assert_eq!(found(&[(5_000, b'+'), (5_125, b'+'), (5_400, b'+')]), Some(5_400 + 125 + 1_000));
        let hello = (0..3).map(|n| (n * 125, b'x'));
        let command = [(2_000, b'+'), (2_125, b'+'), (2_250, b'+')];
        assert_eq!(found(&hello.chain(command).collect::<Vec<_>>()), Some(2_375 + 1_000));
    }

    #[test]
    fn other_characters_gaps_and_neighbours_make_it_none() {
        let spoiled: [&[(u64, u8)]; 5] = [
            &[(5_000, b'+'), (5_125, b'-'), (5_250, b'+'), (5_375, b'+')],
            &[(5_000, b'+'), (5_125, b'+')],
            // More than the gap in between, less than the silence before.
            &[(5_000, b'+'), (5_400, b'+'), (5_525, b'+')],
            // Something right before it, or right behind it.
            &[(4_000, b'x'), (4_500, b'+'), (4_625, b'+'), (4_750, b'+')],
            &[(5_000, b'+'), (5_125, b'+'), (5_250, b'+'), (5_900, b'x')],
        ];
        for bytes in spoiled {
            assert_eq!(found(bytes), None, "{bytes:?}");
        }
    }
}
