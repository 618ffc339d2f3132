//! The serial cable between espflash and the board: a pseudo-terminal at one end, the console's pins at the other.
//!
//! espflash runs on a thread of its own and lives in the host's time; the board lives in guest time. What the board sees
//! must not depend on how long the host thinks, so the cable hands over whole requests: the board stands still until one has
//! come in, then runs until it has answered and fallen silent, and stands still again.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::task::Context;
use std::time::{Duration, Instant};

use espalier_core::{Span, Time};
use espflash::command::CommandType;
use serialport::{SerialPort, TTYPort};

use super::packet::{SILENCE, SLIP_END};
use crate::driver::Driver;
use crate::error::Failure;

/// Time-out of one read of an empty pseudo-terminal, in the host's time.
const LOOK: Duration = Duration::from_millis(1);
/// So many looks in a row without a byte, and a packet that has begun is handed over as it is. If there is none, the board
/// runs for a moment: it may send without being asked.
const PATIENCE: u32 = 2000;
/// The same after commands with which the board has something to do after its answer: what MEM_END starts sets up its clocks
/// before it sends its greeting, and CHANGE_BAUDRATE is carried out a while after it was acknowledged.
const LONG_SILENCE: Span = Span::from_millis(50);
const LINGERING: [u8; 2] = [CommandType::MemEnd as u8, CommandType::ChangeBaudrate as u8];
/// The same while flash is read: the stub may work out a digest in between.
const READ_SILENCE: Span = Span::from_millis(5);
/// An acknowledgement is one word, each of whose bytes may be escaped; a request has a header of eight bytes.
const ACKNOWLEDGEMENT: usize = 7;
/// Where a request and an answer have the number of their command, after the delimiter and the direction.
const COMMAND_INDEX: usize = 2;
/// espflash gives up when nothing comes for a while of the host's time: 50 ms after MEM_END, 100 ms after SYNC, three seconds and
/// more otherwise. An empty packet, which means nothing, lets it start to count again.
const HASTY: [u8; 2] = [CommandType::MemEnd as u8, CommandType::Sync as u8];
const HASTY_PATIENCE: Duration = Duration::from_millis(20);
const USUAL_PATIENCE: Duration = Duration::from_secs(1);
/// A board that has not answered after so much of its own time will not do so any more, and espflash may give up.
const DEADLINE: Span = Span::from_secs(30);
/// No packet has this escape sequence in it.
const BROKEN_ESCAPE: [u8; 2] = [0xDB, 0x00];
/// Bytes that are moved at once.
const BUFFER: usize = 1 << 12;
/// Number of runs of the board before the pseudo-terminal is read again. A run ends whenever the board has sent something.
const TURNS: usize = 16;

/// The board's activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It stands still, because it waits for a request.
    Still,
    /// It has been given a request.
    Working,
    /// It has sent the end of a packet, and nothing since this time.
    Answering(Time),
}

/// Bytes on their way from one side to the other.
pub(super) struct Cable {
    port: TTYPort,
    packets: Packets,
    /// Bytes that the board has sent and the pseudo-terminal has not taken yet.
    outgoing: VecDeque<u8>,
    phase: Phase,
    /// The command that the board was given last, and the beginning of what it has sent since.
    command: u8,
    answer: Vec<u8>,
    asked: Time,
    repeated: bool,
    /// When, in the host's time, espflash has last been given something.
    delivered: Instant,
    looks: u32,
}

impl Cable {
    /// A new cable, and the end of it that espflash opens.
    pub(super) fn new() -> Result<(Cable, TTYPort), serialport::Error> {
        let (mut port, far) = TTYPort::pair()?;
        port.set_timeout(LOOK)?;
        let cable = Cable {
            port,
            packets: Packets::default(),
            outgoing: VecDeque::new(),
            phase: Phase::Still,
            command: 0,
            answer: Vec::new(),
            asked: Time::ZERO,
            repeated: false,
            delivered: Instant::now(),
            looks: 0,
        };
        Ok((cable, far))
    }

    /// Whether espflash has asked for the same thing twice, because it did not get to read the answer in the host's time.
    pub(super) fn has_repeated(&self) -> bool {
        self.repeated
    }

    /// Moves what there is to move, and lets the board run for a slice if it has something to do.
    pub(super) fn step(&mut self, driver: &mut dyn Driver, cx: &mut Context<'_>) -> Result<(), Failure> {
        let still = self.phase == Phase::Still;
        self.look(if still && self.outgoing.is_empty() { LOOK } else { Duration::ZERO })?;
        if let Some(packet) = self.next_packet(driver.now()) {
            self.delivered = Instant::now();
            driver.console_send(&packet);
            if self.acknowledges(&packet) {
                self.phase = Phase::Answering(driver.now());
            } else {
                let command = packet.get(COMMAND_INDEX).copied().unwrap_or(0);
                self.repeated |= command == CommandType::Sync as u8 && self.command == command;
                self.command = command;
                self.answer.clear();
                self.asked = driver.now();
                self.phase = Phase::Working;
            }
        }
        for _ in 0..TURNS {
            let finished = self.is_answering() && !self.outgoing.is_empty();
            if finished || self.phase == Phase::Still {
                break;
            }
            self.advance(driver, cx)?;
        }
        if self.phase == Phase::Working && self.answer.is_empty() && driver.now() < self.asked + DEADLINE {
            self.hold_the_line();
        }
        cx.waker().wake_by_ref();
        // Handing over every byte by itself would wake espflash for each, and it has little patience for whole packets.
        let unfinished = self.phase == Phase::Working && !self.answer.is_empty() && self.outgoing.len() < BUFFER;
        if unfinished { Ok(()) } else { self.deliver() }
    }

    /// Reads what espflash has written.
    fn look(&mut self, patience: Duration) -> Result<(), Failure> {
        let mut buffer = [0; BUFFER];
        self.port.set_timeout(patience).map_err(io::Error::from)?;
        match self.port.read(&mut buffer) {
            Ok(count) => {
                self.packets.push(&buffer[..count]);
                self.looks = 0;
                Ok(())
            }
            Err(error) if is_temporary(&error) => {
                self.looks += 1;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The next packet for the board, if it can take one.
    fn next_packet(&mut self, now: Time) -> Option<Vec<u8>> {
        match self.phase {
            Phase::Answering(_) => None,
            // An unanswered request may be followed by another one, once espflash has given up on it. But an answer is heard to
            // its end: when espflash has something to say to the first part of it depends on the host.
            Phase::Working if self.answer.is_empty() || now >= self.asked + DEADLINE => self.packets.take(),
            Phase::Working => None,
            Phase::Still if self.looks < PATIENCE => self.packets.take(),
            Phase::Still => {
                self.looks = 0;
                Some(self.packets.take_all())
            }
        }
    }

    /// Whether the board has answered and not fallen silent yet.
    pub(super) fn is_answering(&self) -> bool {
        matches!(self.phase, Phase::Answering(_))
    }

    /// Lets the board run for a slice.
    pub(super) fn advance(&mut self, driver: &mut dyn Driver, cx: &mut Context<'_>) -> Result<(), Failure> {
        let limit = driver.now() + SILENCE;
        driver.poll_advance(cx, limit)?;
        let sent = driver.console_take();
        if let Some((at, last)) = sent.last() {
            self.phase = if *last == SLIP_END { Phase::Answering(*at) } else { Phase::Working };
            self.outgoing.extend(sent.iter().map(|(_, byte)| byte));
            let missing = (COMMAND_INDEX + 1).saturating_sub(self.answer.len());
            self.answer.extend(sent.iter().take(missing).map(|(_, byte)| byte));
        } else if let Phase::Answering(since) = self.phase
            && driver.now() >= since + self.silence()
        {
            self.phase = Phase::Still;
            self.looks = 0;
            if self.is_rejected() {
                self.outgoing.extend(BROKEN_ESCAPE);
            }
        }
        Ok(())
    }

    /// Keeps espflash waiting while the board works on a request.
    fn hold_the_line(&mut self) {
        let patience = if HASTY.contains(&self.command) { HASTY_PATIENCE } else { USUAL_PATIENCE };
        if self.delivered.elapsed() >= patience {
            self.outgoing.push_back(SLIP_END);
            self.delivered = Instant::now();
        }
    }

    /// Whether a packet only says how much of a flash read has come in. The board need not answer to that, so it cannot be run
    /// until it has: it would run for as long as espflash takes.
    fn acknowledges(&self, packet: &[u8]) -> bool {
        let length = packet.iter().filter(|byte| **byte != SLIP_END).count();
        self.command == CommandType::ReadFlash as u8 && length <= ACKNOWLEDGEMENT
    }

    fn silence(&self) -> Span {
        match self.command {
            command if LINGERING.contains(&command) => LONG_SILENCE,
            command if command == CommandType::ReadFlash as u8 => READ_SILENCE,
            _ => SILENCE,
        }
    }

    /// The ROM does not know GET_SECURITY_INFO, and says so in the name of the command that it carried out last. espflash
    /// does not take that for an answer, and waits three seconds of the host's time for another one unless it is told with a
    /// broken packet that the board has fallen silent.
    fn is_rejected(&self) -> bool {
        self.command == CommandType::GetSecurityInfo as u8 && self.answer.get(COMMAND_INDEX) != Some(&self.command)
    }

    /// Writes what the board has sent, as far as the pseudo-terminal takes it.
    fn deliver(&mut self) -> Result<(), Failure> {
        let (bytes, _) = self.outgoing.as_slices();
        if bytes.is_empty() {
            return Ok(());
        }
        match self.port.write(bytes) {
            Ok(count) => {
                self.outgoing.drain(..count);
                Ok(())
            }
            Err(error) if is_temporary(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether trying again helps. If espflash has closed its end, it is about to say why.
pub(super) fn is_temporary(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), BrokenPipe | Interrupted | TimedOut | WouldBlock)
}

/// Bytes from espflash, cut into packets.
#[derive(Default)]
struct Packets {
    bytes: VecDeque<u8>,
    /// Number of bytes that were searched for the end of the first packet.
    searched: usize,
}

impl Packets {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// The first packet if it is complete: everything up to the delimiter that follows something else than delimiters.
    fn take(&mut self) -> Option<Vec<u8>> {
        let from = self.searched.max(self.bytes.iter().take_while(|byte| **byte == SLIP_END).count());
        let end = self.bytes.range(from.min(self.bytes.len())..).position(|byte| *byte == SLIP_END);
        match end {
            Some(end) => {
                self.searched = 0;
                Some(self.bytes.drain(..=from + end).collect())
            }
            None => {
                self.searched = if from < self.bytes.len() { self.bytes.len() } else { 0 };
                None
            }
        }
    }

    /// Everything, complete or not.
    fn take_all(&mut self) -> Vec<u8> {
        self.searched = 0;
        self.bytes.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Packets, SLIP_END};

    #[test]
    fn packets_end_at_the_second_delimiter() {
        let mut packets = Packets::default();
        packets.push(&[SLIP_END, 1, 2]);
        assert_eq!(packets.take(), None);
        packets.push(&[3, SLIP_END, SLIP_END]);
        assert_eq!(packets.take(), Some(vec![SLIP_END, 1, 2, 3, SLIP_END]));
        assert_eq!(packets.take(), None);
        packets.push(&[4, SLIP_END, 5]);
        assert_eq!(packets.take(), Some(vec![SLIP_END, 4, SLIP_END]));
        assert_eq!(packets.take_all(), [5]);
        assert_eq!(packets.take(), None);
    }
}
