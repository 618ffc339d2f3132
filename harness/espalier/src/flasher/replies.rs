//! Any bytes as the replies of a chip that is flashed: what fuzzers call.

use std::io::Write;
use std::time::Duration;

use espflash::command::CommandType;
use espflash::connection::{Connection, ResetAfterOperation, ResetBeforeOperation};
use serialport::{SerialPort, TTYPort};

use super::device::{no_usb_port, packet};

/// Bytes that a pseudo-terminal holds until they are read.
const HELD: usize = 2048;
/// A byte that is not there after this does not come.
const PATIENCE: Duration = Duration::from_millis(1);
const BAUD: u32 = 115_200;

/// Reads the bytes behind the first as replies: to the command of the number that the first one is, or as blocks of flash if there is no
/// such command.
pub fn read_any_replies(input: &[u8]) {
    let Some((command, replies)) = input.split_first() else { return };
    let Ok((mut far, mut port)) = TTYPort::pair() else { return };
    if far.write_all(&replies[..replies.len().min(HELD)]).is_err() || port.set_timeout(PATIENCE).is_err() {
        return;
    }
    let (after, before) = (ResetAfterOperation::NoResetNoStub, ResetBeforeOperation::NoReset);
    let mut connection = Connection::new(port, no_usb_port(), after, before, BAUD);
    let commands = [CommandType::Sync, CommandType::ReadReg, CommandType::FlashMd5, CommandType::MemEnd];
    let asked = commands.into_iter().find(|asked| *asked as u8 == *command);
    // Each takes at least the end of a packet, and the last one finds none.
    for _ in 0..=HELD {
        let is_read = match asked {
            Some(asked) => connection.read_response_for_command(asked).is_ok_and(|reply| reply.is_some()),
            None => packet(&mut connection).is_ok(),
        };
        if !is_read {
            break;
        }
    }
}
