//! Reads announcements and pictures of the firmware from the console's output.
//!
//! Firmware that speaks `espalier-protocol` is asked for its picture. MicroPython cannot be asked while a program runs; a
//! display that is mirrored ([`MicroPython::mirror`](crate::MicroPython::mirror)) sends its picture whenever it shows one. Either
//! way the picture is taken out of the console: no test has asked for those lines.

use std::net::Ipv4Addr;
use std::task::Poll;

use espalier_core::{Bitmap, Span, Time};
use espalier_protocol::{ANSWER_LENGTH, Answer, Event, Frame, MARKER};

use crate::driver::DisplayState;

/// Precedes each picture of a mirrored display: the record separator, which no text contains (compare RFC 7464).
pub(crate) const MARK: u8 = 0x1E;
/// The first bytes of a dump.
const DUMP: &[u8] = b"@screen ";
/// A dump that has not come after this will not come any more: at 115200 baud it takes an eighth of a second.
const PATIENCE: Span = Span::from_secs(3);

/// Text with which MicroPython announces a soft reset on the console.
const SOFT_RESET: &str = "MPY: soft reboot";

/// The source of the display's picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum PictureSource {
    /// The firmware has not shown that it speaks the protocol.
    #[default]
    Unknown,
    /// The firmware sends it on request.
    Protocol,
    /// MicroPython sends every picture that it shows, each after a [`MARK`].
    Mirror,
}

/// The firmware's announcement of itself.
#[derive(Default)]
pub(super) struct Watch {
    /// The current line, as far as it may be an answer.
    line: Vec<u8>,
    /// Bytes of the line that are held back, with their times: they may be a dump that only the harness wants.
    held: Vec<(Time, u8)>,
    /// The line began with a [`MARK`].
    marked: bool,
    /// When the dump was asked for that has not come yet.
    asked: Option<Time>,
    shown: Option<DisplayState>,
    address: Option<Ipv4Addr>,
    picture_source: PictureSource,
}

impl Watch {
    /// Takes one byte, and passes on what belongs to the console.
    pub(super) fn push(&mut self, at: Time, byte: u8, mut pass: impl FnMut(Time, u8)) {
        if byte == MARK && self.picture_source == PictureSource::Mirror {
            // The rest of a line that a program has begun follows the picture.
            self.held.drain(..).for_each(|(at, byte)| pass(at, byte));
            self.line.clear();
            self.marked = true;
            self.held.push((at, byte));
            return;
        }
        if self.line.len() < ANSWER_LENGTH {
            self.line.push(byte);
        }
        let begun = self.line.len().min(DUMP.len());
        if (self.asked.is_some() || self.marked) && self.line[..begun] == DUMP[..begun] {
            self.held.push((at, byte));
        } else {
            self.held.drain(..).for_each(|(at, byte)| pass(at, byte));
            pass(at, byte);
        }
        if byte == b'\n' {
            let line = std::mem::take(&mut self.line);
            let ours = std::str::from_utf8(&line).is_ok_and(|line| self.read(at, line.trim_end()));
            if ours {
                self.held.clear();
            }
            self.held.drain(..).for_each(|(at, byte)| pass(at, byte));
            self.marked = false;
        }
    }

    /// Passes on what was held back if it has not become a dump by `now`.
    pub(super) fn give_up(&mut self, now: Time, mut pass: impl FnMut(Time, u8)) {
        let since = self.asked.or(self.held.first().map(|(at, _)| *at));
        if since.is_some_and(|since| now.since(since) >= PATIENCE) {
            self.asked = None;
            self.marked = false;
            self.held.drain(..).for_each(|(at, byte)| pass(at, byte));
        }
    }

    /// Reads a line; true if it is the answer to a question of the harness.
    fn read(&mut self, at: Time, line: &str) -> bool {
        if !line.starts_with(MARKER) {
            if line == SOFT_RESET && self.picture_source == PictureSource::Mirror {
                self.forget();
            }
            return false;
        }
        match Answer::parse(line) {
            Ok(Some(Answer::Screen(frame))) => {
                let asked = self.asked.take();
                self.show(&frame, asked, at);
                return asked.is_some() || self.marked;
            }
            Ok(Some(Answer::Event(Event::Address { address, .. }))) => self.address = Some(address),
            Ok(Some(Answer::Event(Event::AddressLost))) => self.address = None,
            Ok(Some(Answer::Event(Event::Started { .. }))) => self.forget(),
            Ok(_) => {}
            Err(_) => return false,
        }
        self.answers();
        false
    }

    fn answers(&mut self) {
        if self.picture_source == PictureSource::Unknown {
            self.picture_source = PictureSource::Protocol;
        }
    }

    fn show(&mut self, frame: &Frame, asked: Option<Time>, at: Time) {
        self.answers();
        let mut bitmap = Bitmap::new(Frame::WIDTH, Frame::HEIGHT);
        for y in 0..Frame::HEIGHT {
            (0..Frame::WIDTH).for_each(|x| bitmap.set(x, y, frame.get(x, y)));
        }
        let known = self.shown.take().filter(|shown| shown.bitmap == bitmap);
        let changed = known.map_or(at, |shown| shown.changed);
        self.shown = Some(DisplayState {
            bitmap,
            colours: None,
            memory: Vec::new(),
            changed,
            on: true,
            at: asked.unwrap_or(at).max(changed),
        });
    }

    /// The chip starts anew.
    pub(super) fn forget(&mut self) {
        (self.shown, self.address, self.asked, self.picture_source) = (None, None, None, PictureSource::Unknown);
    }

    /// From now on the firmware sends every picture that it shows.
    pub(super) fn mirror(&mut self) {
        self.picture_source = PictureSource::Mirror;
    }

    /// Where the display is mirrored: what it shows at `now`, unless a picture is on its way.
    pub(super) fn mirrored(&self, now: Time) -> Option<Poll<DisplayState>> {
        let shown = || Some(DisplayState { at: now, ..self.shown.clone()? });
        let shown = || self.held.is_empty().then(shown).flatten();
        (self.picture_source == PictureSource::Mirror).then(|| shown().map_or(Poll::Pending, Poll::Ready))
    }

    /// Notes that a picture is asked for at `now`, unless one is under way.
    pub(super) fn ask(&mut self, now: Time) -> bool {
        let ask = self.asked.is_none_or(|asked| now.since(asked) >= PATIENCE);
        if ask {
            self.asked = Some(now);
        }
        ask
    }

    pub(super) fn shown(&self) -> Option<DisplayState> {
        self.shown.clone()
    }

    pub(super) fn address(&self) -> Option<Ipv4Addr> {
        self.address
    }

    /// Whether the firmware has shown that it speaks the protocol.
    pub(super) fn speaks(&self) -> bool {
        self.picture_source == PictureSource::Protocol
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use std::task::Poll;

    use espalier_core::Time;
    use espalier_protocol::{Answer, Frame};

    use super::{MARK, PATIENCE, Watch};

    fn feed(watch: &mut Watch, at: Time, text: &str) -> String {
        let mut passed = Vec::new();
        text.bytes().for_each(|byte| watch.push(at, byte, |_, byte| passed.push(byte)));
        String::from_utf8(passed).unwrap()
    }

    fn dump(lit: u32) -> String {
        let mut frame = Frame::new();
        frame.set(lit, 0, true);
        format!("{}\r\n", Answer::Screen(frame))
    }

    #[test]
    fn the_address_is_read_along() {
        let mut watch = Watch::default();
        let lines = "I (31) boot\r\n@event address 192.168.4.100/24 dhcp\r\n";
        assert_eq!(feed(&mut watch, Time::ZERO, lines), lines);
        assert_eq!(watch.address(), Some(Ipv4Addr::new(192, 168, 4, 100)));
        assert!(watch.speaks());
        feed(&mut watch, Time::ZERO, "@event address-lost\r\n");
        assert_eq!(watch.address(), None);
    }

    #[test]
    fn a_picture_that_a_test_asks_for_is_left_in_the_console() {
        let mut watch = Watch::default();
        assert_eq!(feed(&mut watch, Time::ZERO, &dump(3)), dump(3));
        assert!(watch.shown().unwrap().bitmap.get(3, 0));
    }

    #[test]
    fn a_picture_that_the_harness_asks_for_is_taken_out() {
        let mut watch = Watch::default();
        let times = [10, 20, 30, 40].map(Time::from_micros);
        assert!(watch.ask(times[0]));
        assert!(!watch.ask(times[0]), "one is under way");
        let lines = format!("@event link up\r\n{}@screenshot\r\n", dump(3));
        assert_eq!(feed(&mut watch, times[1], &lines), "@event link up\r\n@screenshot\r\n");
        let shown = watch.shown().unwrap();
        assert_eq!((shown.at, shown.changed), (times[1], times[1]), "it was not known before");
        assert!(watch.ask(times[2]));
        assert_eq!(feed(&mut watch, times[3], &dump(3)), "");
        let shown = watch.shown().unwrap();
        assert_eq!((shown.at, shown.changed), (times[2], times[1]), "it shows the same as before");
    }

    #[test]
    fn text_that_only_begins_like_a_picture_is_passed_on() {
        let mut watch = Watch::default();
        assert!(watch.ask(Time::ZERO));
        assert_eq!(feed(&mut watch, Time::ZERO, "@screen 128x64 row"), "");
        let mut passed = 0;
        watch.give_up(Time::ZERO + PATIENCE, |_, _| passed += 1);
        assert_eq!(passed, 18);
        assert_eq!(feed(&mut watch, Time::ZERO, "-major\r\n"), "-major\r\n");
        assert!(watch.ask(Time::ZERO));
        assert_eq!(feed(&mut watch, Time::ZERO, "@screen broken\r\n"), "@screen broken\r\n");
    }

    #[test]
    fn mirrored_pictures_are_taken_out_wherever_a_program_has_stopped_printing() {
        let mut watch = Watch::default();
        let times = [10, 20, 30, 40].map(Time::from_micros);
        watch.mirror();
        assert!(watch.mirrored(times[0]).unwrap().is_pending() && !watch.speaks());
        let picture = format!("{}{}", char::from(MARK), dump(3));
        let (first, second) = picture.split_at(40);
        assert_eq!(feed(&mut watch, times[1], &format!("half a line{first}")), "half a line");
        assert!(watch.mirrored(times[1]).unwrap().is_pending(), "it is on its way");
        assert_eq!(feed(&mut watch, times[2], &format!("{second}, and the rest\r\n")), ", and the rest\r\n");
        let Poll::Ready(shown) = watch.mirrored(times[3]).unwrap() else { panic!("it has come") };
        assert_eq!((shown.bitmap.get(3, 0), shown.at, shown.changed), (true, times[3], times[2]));
        // A program that was interrupted while it sent one, and one that begins a line like a picture.
        let cut = format!("{first}\r\nTraceback\r\n");
        assert_eq!(feed(&mut watch, times[3], &cut), cut);
        assert_eq!(feed(&mut watch, times[3], "@screen here\r\n"), "@screen here\r\n");
        feed(&mut watch, times[3], "MPY: soft reboot\r\n");
        assert!(watch.mirrored(times[3]).is_none());
    }
}
