//! Operations that espflash offers only through a file, or not at all.

use std::time::Duration;

use espflash::Error;
use espflash::command::{Command, CommandType};
use espflash::connection::{Connection, Port, ResetAfterOperation, ResetBeforeOperation};
use espflash::flasher::Flasher as Device;
use espflash::target::Chip;
use md5::{Digest, Md5};
use serde::Deserialize;
use serde::de::value::{Error as ValueError, MapDeserializer};
use serialport::{SerialPort, UsbPortInfo};

/// Bytes that the stub sends at once, and how many such blocks it may send before the first one is acknowledged.
const READ_BLOCK: u32 = 0x1000;
const READS_IN_FLIGHT: u32 = 1;
/// Silence of the loader after which espflash gives up, in the host's time.
const PATIENCE: Duration = Duration::from_secs(3);
/// The rate of the line before the stub runs.
const ROM_BAUD: u32 = 115_200;
const DIGEST_BYTES: usize = 16;

/// Brings up the flasher stub on the chip behind `port`, which is in its download mode.
pub(super) fn connect(mut port: Port, baud: u32, skip_unchanged: bool) -> Result<Device, Error> {
    port.set_timeout(PATIENCE)?;
    // The stub works out the new rate's divider from the old one and its rate.
    port.set_baud_rate(ROM_BAUD)?;
    let (after, before) = (ResetAfterOperation::NoResetNoStub, ResetBeforeOperation::NoReset);
    let connection = Connection::new(port, no_usb_port(), after, before, ROM_BAUD);
    let (use_stub, verify) = (true, true);
    Device::connect(connection, use_stub, verify, skip_unchanged, Some(Chip::Esp32), Some(baud))
}

/// A port that is not on USB. Which fields its description has depends on the features that other crates enable, so it is
/// not written down here but made from the fields that are always there.
pub(super) fn no_usb_port() -> UsbPortInfo {
    let ids = MapDeserializer::<_, ValueError>::new([("vid", 0_u16), ("pid", 0_u16)].into_iter());
    UsbPortInfo::deserialize(ids).expect("every other field is optional")
}

/// Reads `length` bytes of flash from `offset` on.
pub(super) fn read(device: &mut Device, offset: u32, length: u32) -> Result<Vec<u8>, Error> {
    let connection = device.connection();
    connection.with_timeout(CommandType::ReadFlash.timeout(), |connection| {
        let (block_size, max_in_flight) = (READ_BLOCK, READS_IN_FLIGHT);
        connection.command(Command::ReadFlash { offset, size: length, block_size, max_in_flight })
    })?;
    let mut bytes = Vec::with_capacity(length as usize);
    while bytes.len() < length as usize {
        let block = packet(connection)?;
        let missing = length as usize - bytes.len();
        let expected = missing.min(READ_BLOCK as usize);
        if block.len() != expected {
            return Err(Error::CorruptData(expected, block.len()));
        }
        bytes.extend(block);
        connection.write_raw(bytes.len() as u32)?;
    }
    let digest = packet(connection)?;
    if digest.len() != DIGEST_BYTES {
        return Err(Error::IncorrectDigestLength(digest.len()));
    }
    let expected = Md5::digest(&bytes);
    if digest != expected[..] {
        return Err(Error::DigestMismatch(digest, expected.to_vec()));
    }
    Ok(bytes)
}

pub(super) fn packet(connection: &mut Connection) -> Result<Vec<u8>, Error> {
    connection.read_flash_response()?.ok_or(Error::IncorrectResponse)?.value.try_into()
}

#[cfg(test)]
mod tests {
    use super::no_usb_port;

    #[test]
    fn a_pseudo_terminal_is_no_usb_port() {
        let port = no_usb_port();
        assert_eq!((port.vid, port.pid, port.serial_number), (0, 0, None));
    }
}
