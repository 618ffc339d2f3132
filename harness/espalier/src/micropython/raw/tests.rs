use std::collections::VecDeque;

use espalier_core::{Span, Time};
use proptest::prelude::*;

use super::{Event, RawRepl};

const WINDOW: usize = 32;
const BANNER: &[u8] = b"MicroPython v1.23.0\r\n>>> ";
const GREETING: &[u8] = b"\r\nraw REPL; CTRL-B to exit\r\n>";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paste {
    /// Firmware that does not know the request.
    Unknown,
    Declined,
    Offered,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Booting { until: Time },
    Friendly,
    Raw,
    Pasting { room: usize },
    Looping,
}

/// The board's side of the raw REPL. A script is not run but printed; `raise` in it raises, and `loop` does not end.
struct Interpreter {
    mode: Mode,
    paste: Paste,
    line: Vec<u8>,
    out: VecDeque<u8>,
    boots: usize,
}

impl Interpreter {
    fn new(paste: Paste, mode: Mode) -> Interpreter {
        Interpreter { mode, paste, line: Vec::new(), out: VecDeque::new(), boots: 1 }
    }

    fn say(&mut self, text: &[u8]) {
        self.out.extend(text);
    }

    fn take(&mut self, now: Time, byte: u8) {
        match (self.mode, byte) {
            // Bytes that arrive before the serial driver runs are lost.
            (Mode::Booting { until }, _) if now < until => {}
            (Mode::Booting { .. }, _) => {
                self.mode = Mode::Friendly;
                self.say(BANNER);
            }
            (Mode::Looping, 0x03) => {
                self.mode = Mode::Raw;
                self.say(b"\x04KeyboardInterrupt: \r\n\x04>");
            }
            (Mode::Looping, _) => {}
            (Mode::Friendly, 0x01) => {
                self.mode = Mode::Raw;
                self.say(GREETING);
            }
            (Mode::Friendly, b'\r' | 0x03) => self.say(b"\r\n>>> "),
            (Mode::Friendly, 0x02) => self.say(BANNER),
            (Mode::Friendly, other) => self.out.push_back(other),
            (Mode::Raw, 0x01) if self.line == b"\x05A" && self.paste != Paste::Unknown => {
                self.line.clear();
                if self.paste == Paste::Declined {
                    return self.say(b"R\x00>");
                }
                self.mode = Mode::Pasting { room: 2 * WINDOW };
                self.say(&[b'R', 1, WINDOW as u8, 0, 1]);
            }
            (Mode::Raw, 0x01) => {
                self.line.clear();
                self.say(GREETING);
            }
            (Mode::Raw, 0x02) => {
                self.line.clear();
                self.mode = Mode::Friendly;
                self.say(b"\r\n");
                self.say(BANNER);
            }
            (Mode::Raw, 0x03) => self.line.clear(),
            (Mode::Raw, 0x04) if self.line.is_empty() => {
                self.boots += 1;
                self.say(b"OK\r\nMPY: soft reboot\r\n");
                self.say(GREETING);
            }
            (Mode::Raw, 0x04) => {
                self.say(b"OK");
                self.execute();
            }
            (Mode::Raw, other) => self.line.push(other),
            (Mode::Pasting { .. }, 0x04) => {
                self.mode = Mode::Raw;
                self.say(b"\x04");
                self.execute();
            }
            (Mode::Pasting { room }, other) => {
                let room = room.checked_sub(1).expect("more was sent than there is room for");
                self.line.push(other);
                let opens = self.line.len().is_multiple_of(WINDOW);
                self.mode = Mode::Pasting { room: room + if opens { WINDOW } else { 0 } };
                if opens {
                    self.say(b"\x01");
                }
            }
        }
    }

    fn execute(&mut self) {
        let script = std::mem::take(&mut self.line);
        if script.starts_with(b"loop") {
            self.mode = Mode::Looping;
            return;
        }
        self.say(&script);
        self.say(b"\x04");
        if script.ends_with(b"raise") {
            self.say(b"Traceback");
        }
        self.say(b"\x04>");
    }
}

/// Lets both sides talk, a millisecond a step, until `repl` reaches something.
fn talk(repl: &mut RawRepl, board: &mut Interpreter, now: &mut Time) -> Event {
    for _ in 0..20_000 {
        *now += Span::from_millis(1);
        repl.tick(*now);
        for byte in repl.take_outgoing() {
            board.take(*now, byte);
        }
        while let Some(byte) = board.out.pop_front() {
            if let Some(event) = repl.byte(*now, byte) {
                return event;
            }
        }
    }
    panic!("no answer in {:?}: {}", board.mode, repl.awaited());
}

fn converse(paste: Paste, script: &[u8]) -> super::ScriptOutput {
    let mut now = Time::ZERO;
    let until = now + Span::from_millis(730);
    let mut board = Interpreter::new(paste, Mode::Booting { until });
    let mut repl = RawRepl::entering(now);
    assert_eq!(talk(&mut repl, &mut board, &mut now), Event::Ready);
    repl.run(script.to_vec());
    assert_eq!(talk(&mut repl, &mut board, &mut now), Event::Started);
    let Event::Finished(ran) = talk(&mut repl, &mut board, &mut now) else { panic!("the script ends") };
    repl.leave();
    assert_eq!(talk(&mut repl, &mut board, &mut now), Event::Left);
    assert_eq!(board.mode, Mode::Friendly);
    ran
}

#[test]
fn scripts_arrive_whole_whatever_the_firmware_offers() {
    let long = "print('你好')\n".repeat(50).into_bytes();
    for paste in [Paste::Unknown, Paste::Declined, Paste::Offered] {
        for script in [&b"x"[..], &[b'y'; WINDOW], &[b'z'; 2 * WINDOW], &long] {
            let ran = converse(paste, script);
            assert_eq!((ran.printed.as_slice(), ran.traceback.as_slice()), (script, &b""[..]), "{paste:?}");
        }
        assert_eq!(converse(paste, b"raise").traceback, b"Traceback");
    }
}

#[test]
fn raw_mode_is_left_and_entered_again() {
    let mut now = Time::ZERO;
    let mut board = Interpreter::new(Paste::Offered, Mode::Raw);
    board.line.extend(b"half a script");
    let mut repl = RawRepl::entering(now);
    assert_eq!(talk(&mut repl, &mut board, &mut now), Event::Ready);
    repl.soft_reset();
    assert_eq!(talk(&mut repl, &mut board, &mut now), Event::Ready);
    assert_eq!(board.boots, 2);
}

#[test]
fn a_loop_is_left_alone_until_it_is_interrupted() {
    let mut now = Time::ZERO;
    let mut board = Interpreter::new(Paste::Offered, Mode::Looping);
    let mut repl = RawRepl::entering(now);
    for _ in 0..2_000 {
        now += Span::from_millis(1);
        repl.tick(now);
        repl.take_outgoing().into_iter().for_each(|byte| board.take(now, byte));
    }
    assert_eq!(board.mode, Mode::Looping);
    assert!(repl.awaited().contains("interrupt"));
    let mut repl = RawRepl::interrupting(now);
    assert_eq!(talk(&mut repl, &mut board, &mut now), Event::Left);
    assert_eq!(board.mode, Mode::Friendly);
}

#[test]
fn a_board_that_has_seen_enough_is_not_sent_the_rest() {
    let mut now = Time::ZERO;
    let mut board = Interpreter::new(Paste::Offered, Mode::Friendly);
    let mut repl = RawRepl::entering(now);
    assert_eq!(talk(&mut repl, &mut board, &mut now), Event::Ready);
    repl.run(vec![b'x'; 1000]);
    repl.take_outgoing();
    let events: Vec<Event> = b"R\x01\x10\x00\x01\x04".iter().filter_map(|byte| repl.byte(now, *byte)).collect();
    assert_eq!(events, [Event::Started]);
    assert_eq!(repl.take_outgoing(), [vec![b'x'; 32], vec![0x04]].concat());
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes: Vec<u8>, script: Vec<u8>, steps in prop::collection::vec(0u8..4, 0..20)) {
        let mut now = Time::ZERO;
        let mut repl = RawRepl::entering(now);
        let mut steps = steps.into_iter();
        for byte in [GREETING, &bytes, b"R\x01", &bytes, b"\x04", &bytes].concat() {
            now += Span::from_millis(7);
            repl.tick(now);
            repl.take_outgoing();
            if repl.byte(now, byte).is_some() {
                match steps.next() {
                    Some(0) => repl.run(script.clone()),
                    Some(1) => repl.soft_reset(),
                    Some(2) => repl = RawRepl::interrupting(now),
                    _ => repl.leave(),
                }
            }
        }
        prop_assert!(!repl.awaited().is_empty());
    }
}
