//! Frames from memory to the wire (TRM, section "Transmit DMA").

use espalier_core::{DmaFault, GuestMemory};

use super::checksum;
use super::descriptor::{Descriptor, OWN, tx};
use super::dma::{EmacDma, interrupt, reg};
use super::mac::Emac;
use crate::ethernet::{FCS, HEADER, WIRE_MIN, crc};

/// Longer frames are cut off by the transmitter's jabber timer.
const LONGEST: usize = 16_384;

impl EmacDma {
    /// Sends the next frame, without its frame check sequence. None when there is nothing to send.
    ///
    /// In loop-back mode the frame goes to the receiver and not to the caller. Without a link it is sent into the void.
    pub fn take_frame(&mut self, mac: &mut Emac, memory: &mut dyn GuestMemory) -> Option<Vec<u8>> {
        self.carry_reset(mac);
        // A descriptor is software's once it has been taken, so this ends.
        while self.is_sending() && mac.transmits() {
            match self.fetch(memory) {
                Ok(Some(frame)) if mac.loops_back() => drop(self.store(mac, &frame, memory)),
                Ok(Some(frame)) if mac.link() => return Some(frame),
                Ok(_) => {}
                Err(DmaFault { .. }) => self.fail(),
            }
        }
        None
    }

    /// Takes the next descriptor. Returns the frame that ends in it, if it reaches the wire intact.
    fn fetch(&mut self, memory: &mut dyn GuestMemory) -> Result<Option<Vec<u8>>, DmaFault> {
        let descriptor = Descriptor::transmit(self.transmit.at, memory)?;
        if !descriptor.is_ours() {
            self.transmit.suspended = true;
            self.raise(interrupt::NOTHING_TO_SEND);
            return Ok(None);
        }
        if descriptor.status & tx::FIRST != 0 {
            self.frame = Some((descriptor.status, Vec::new()));
        }
        if let Some((_, bytes)) = &mut self.frame {
            for (address, size) in descriptor.buffers {
                let begin = bytes.len();
                bytes.resize(begin + size as usize, 0);
                memory.read(address, &mut bytes[begin..])?;
            }
        }
        memory.write_u32(descriptor.address, descriptor.status & !(OWN | tx::STATUS))?;
        self.transmit.at = self.after(descriptor.address, descriptor.follows, reg::DMATXBASEADDR);
        if self.frame.as_ref().is_some_and(|(_, bytes)| bytes.len() > LONGEST) {
            self.frame = None;
            self.raise(interrupt::JABBER);
        }
        if descriptor.status & tx::LAST == 0 {
            return Ok(None);
        }
        if descriptor.status & tx::INTERRUPT != 0 {
            self.raise(interrupt::SENT);
        }
        Ok(self.frame.take().and_then(|(control, bytes)| finished(control, bytes)))
    }
}

/// Makes a frame out of memory what the wire carries, less the frame check sequence. None if no receiver accepts that.
fn finished(control: u32, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    if bytes.len() < HEADER {
        return None;
    }
    if control & tx::NO_CRC != 0 {
        let body = bytes.len().checked_sub(FCS).filter(|body| *body >= HEADER)?;
        let intact = bytes[body..] == crc::fcs(&bytes[..body]).to_le_bytes();
        bytes.truncate(body);
        return intact.then_some(bytes);
    }
    checksum::insert(&mut bytes, tx::CHECKSUM.get(control));
    if control & tx::NO_PADDING == 0 {
        bytes.resize(bytes.len().max(WIRE_MIN), 0);
    }
    Some(bytes)
}
