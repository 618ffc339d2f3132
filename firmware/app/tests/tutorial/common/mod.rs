//! A board in memory and its peer, in virtual time.

pub mod golden;
pub mod peer;
pub mod wire;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use espalier_app::{App, Console, Display, DisplayError, Wait};
use espalier_protocol::{Answer, Frame, LineReader};

use peer::Peer;
use wire::{Cable, Wire};

/// The console's far end: bytes to the application and lines from it.
#[derive(Clone, Default)]
pub struct Terminal(Rc<RefCell<TerminalState>>);

#[derive(Default)]
struct TerminalState {
    to_app: VecDeque<u8>,
    reader: Reader,
    lines: Vec<String>,
}

#[derive(Default)]
struct Reader(LineReader<4096>);

impl Console for Terminal {
    fn read(&mut self, into: &mut [u8]) -> usize {
        let queue = &mut self.0.borrow_mut().to_app;
        let length = into.len().min(queue.len());
        for (slot, byte) in into.iter_mut().zip(queue.drain(..length)) {
            *slot = byte;
        }
        length
    }

    /// A hardware FIFO takes only so much at a time.
    fn write(&mut self, bytes: &[u8]) -> usize {
        let state = &mut *self.0.borrow_mut();
        let taken = &bytes[..bytes.len().min(100)];
        for byte in taken {
            if let Some(line) = state.reader.0.push(*byte) {
                state.lines.push(line.expect("the application writes lines").to_string());
            }
        }
        taken.len()
    }
}

/// The last frame that was flushed; a display that is not there fails.
#[derive(Clone, Default)]
pub struct Oled(Rc<RefCell<OledState>>);

#[derive(Default)]
struct OledState {
    shown: Option<Frame>,
    absent: bool,
}

impl Display for Oled {
    fn flush(&mut self, frame: &Frame) -> Result<(), DisplayError> {
        let mut state = self.0.borrow_mut();
        if state.absent {
            return Err(DisplayError);
        }
        state.shown = Some(frame.clone());
        Ok(())
    }
}

/// The application on a board in memory, with a peer at the other end of the cable.
pub struct Bench {
    app: App<Wire, Oled, Terminal>,
    pub peer: Peer,
    pub cable: Cable,
    oled: Oled,
    terminal: Terminal,
    now: u64,
    pub reset: bool,
}

impl Bench {
    /// A board that was just switched on, with DHCP and DNS at the other end.
    pub fn new() -> Bench {
        let cable = Cable::default();
        let (oled, terminal) = (Oled::default(), Terminal::default());
        let app = App::new(cable.board(), oled.clone(), terminal.clone(), 1, 0);
        Bench { app, peer: Peer::new(&cable), cable, oled, terminal, now: 0, reset: false }
    }

    /// A board that has an address.
    pub fn ready() -> Bench {
        let mut bench = Bench::new();
        bench.expect("@event address 10.0.2.100/24 dhcp");
        bench
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) {
        self.type_bytes(line.as_bytes());
        self.type_bytes(b"\r\n");
    }

    /// Types anything.
    pub fn type_bytes(&mut self, bytes: &[u8]) {
        self.terminal.0.borrow_mut().to_app.extend(bytes);
    }

    /// Lets both sides run for a time.
    pub fn run(&mut self, millis: u64) {
        let end = self.now + millis * 1000;
        while self.now < end && !self.reset {
            let wait = self.app.poll(self.now);
            let peer_deadline = self.peer.poll(self.now);
            let deadline = match wait {
                Wait::Until(deadline) => deadline.min(peer_deadline),
                Wait::Reset => {
                    self.reset = true;
                    return;
                }
            };
            // A frame on the cable wakes its receiver, some microseconds later.
            let next =
                if self.cable.is_idle() && self.terminal.0.borrow().to_app.is_empty() { deadline } else { self.now };
            self.now = next.clamp(self.now + 10, end);
        }
    }

    /// Runs until a line that begins with `start` has come, and takes it and what came before it.
    pub fn expect(&mut self, start: &str) -> String {
        for _ in 0..600 {
            {
                let lines = &mut self.terminal.0.borrow_mut().lines;
                if let Some(index) = lines.iter().position(|line| line.starts_with(start)) {
                    return lines.drain(..=index).next_back().expect("the range has at least one line");
                }
            }
            self.run(50);
        }
        panic!("no line {start:?} within 30 s; there were {:#?}", self.terminal.0.borrow().lines);
    }

    /// Lines that were not taken yet.
    pub fn lines(&self) -> Vec<String> {
        self.terminal.0.borrow().lines.clone()
    }

    /// Asks for a dump of the framebuffer, and compares it with what the display shows.
    pub fn screen(&mut self) -> Frame {
        self.type_line("screen");
        let line = self.expect("@screen ");
        let Ok(Some(Answer::Screen(frame))) = Answer::parse(&line) else { panic!("not a dump: {line}") };
        self.run(1);
        if let Some(shown) = &self.oled.0.borrow().shown {
            assert_eq!(shown, &frame, "the display shows something else than the framebuffer has");
        }
        frame
    }

    /// Takes the display away or plugs it in.
    pub fn set_display_absent(&mut self, absent: bool) {
        self.oled.0.borrow_mut().absent = absent;
    }

    /// Checks the screen against its golden.
    #[track_caller]
    pub fn assert_golden(&mut self, name: &str) {
        self.run(20);
        let frame = self.screen();
        golden::check(name, &frame);
    }
}
