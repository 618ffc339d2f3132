//! A board in live time whose firmware is a thread at the other end of a TCP connection.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use espalier_protocol::{Answer, Frame};

use super::{Capability, Kind, LiveBoard, LiveDriver, Order, Routes, Transmitter, Wiring};
use crate::Units;
use crate::board::Board;
use crate::driver::{Display, Driver, Halted, MARK, Start};
use crate::error::Failure;
use crate::session::State;
use crate::session::artefacts::Artefacts;

/// Firmware that speaks the protocol, as far as it goes.
fn firmware(stream: TcpStream) {
    let mut out = stream.try_clone().unwrap();
    let mut lit = 0;
    write!(out, "@event started fake 1\r\n@event address 192.168.4.100/24 dhcp\r\n").unwrap();
    for line in BufReader::new(stream).split(b'\r') {
        let Ok(line) = line else { return };
        match line.as_slice() {
            b"screen" => {
                let mut frame = Frame::new();
                frame.set(lit, 0, true);
                write!(out, "{}\r\n", Answer::Screen(frame)).unwrap();
            }
            b"show" => {
                let mut frame = Frame::new();
                frame.set(lit, 1, true);
                write!(out, "{}{}\r\n", char::from(MARK), Answer::Screen(frame)).unwrap();
            }
            b"draw" => lit += 1,
            b"die" => return,
            other => out.write_all(&[other, b"!\r\n"].concat()).unwrap(),
        }
    }
}

struct Other(TcpStream);

impl Transmitter for Other {
    fn send(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }
}

struct Fake {
    listener: TcpListener,
    routes: Routes,
}

impl LiveBoard for Fake {
    fn kind(&self) -> Kind {
        Kind::Emulated
    }

    fn supports(&self, capability: Capability) -> bool {
        capability == Capability::Screen
    }

    fn reset(&mut self, _: Start, wiring: &mut Wiring) -> Result<(), Failure> {
        let ours = TcpStream::connect(self.listener.local_addr()?)?;
        ours.set_read_timeout(Some(Duration::from_millis(20)))?;
        let theirs = self.listener.accept()?.0;
        thread::spawn(move || firmware(theirs));
        Ok(wiring.connect(ours.try_clone()?, Other(ours))?)
    }

    fn lost(&mut self, reason: String) -> Failure {
        Halted { reason }.into()
    }

    fn flash_size(&self) -> u32 {
        4 << 20
    }

    fn flash_baud(&self) -> u32 {
        115_200
    }

    fn write_flash(&mut self, _: u32, _: &[u8], _: &mut Wiring) -> Result<(), Failure> {
        unreachable!("it has no flash")
    }

    fn read_flash(&self) -> Option<Vec<u8>> {
        None
    }

    fn routes(&self) -> &Routes {
        &self.routes
    }
}

fn switched_on() -> LiveDriver<Fake> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut live = LiveDriver::new(Fake { listener, routes: Routes::default() }).unwrap();
    live.reset(Start::Flash).unwrap();
    live
}

fn board(folder: &std::path::Path) -> Board {
    board_of(switched_on(), folder)
}

fn board_of(live: LiveDriver<Fake>, folder: &std::path::Path) -> Board {
    let artefacts = Artefacts::alone(folder.join("artefacts"), "live");
    Board::of(State::new(Box::new(live), artefacts, folder.join("goldens"), false))
}

#[tokio::test]
async fn the_console_and_the_clock_are_the_hosts() {
    let folder = tempfile::tempdir().unwrap();
    let board = board(folder.path());
    assert_eq!(board.address().await.unwrap(), Ipv4Addr::new(192, 168, 4, 100));
    let begun = board.now();
    board.console().send_line("hello").await.unwrap();
    let heard = board.console().expect_line("hello!").await.unwrap();
    assert!(heard.at >= begun && heard.at <= board.now());
    board.run_for(20.ms()).await.unwrap();
    assert!(board.now().since(begun) >= 20.ms());
    let error = board.console().expect("nothing").within(30.ms()).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
}

#[tokio::test]
async fn pictures_come_from_the_firmware_and_are_not_seen_on_the_console() {
    let folder = tempfile::tempdir().unwrap();
    let board = board(folder.path());
    board.console().expect("@event address").await.unwrap();
    let begun = board.now();
    let first = board.screen().picture().await.unwrap();
    assert!(first.bitmap().get(0, 0) && first.at() >= begun);
    board.console().send_line("draw").await.unwrap();
    let settled = board.screen().settled().await.unwrap();
    assert!(settled.bitmap().get(1, 0));
    assert!(settled.at().since(settled.changed()) >= crate::SETTLED);
    board.console().send_line("done").await.unwrap();
    board.console().expect("done!").await.unwrap();
    let lines: Vec<_> = board.console().lines().into_iter().map(|line| line.text).collect();
    assert!(lines.iter().all(|line| !line.starts_with("@screen")), "{lines:?}");
}

/// A chip that is still held in reset when its display begins to be mirrored forgets only what was before.
#[tokio::test]
async fn a_mirrored_display_is_not_asked_and_not_seen_on_the_console() {
    let folder = tempfile::tempdir().unwrap();
    let mut live = switched_on();
    [Order::Pause(Duration::from_millis(50)), Order::Forget].into_iter().for_each(|order| live.order(order));
    live.mirror_display();
    let board = board_of(live, folder.path());
    board.console().expect("@event address 192.168.4.100/24 dhcp\r\n").await.unwrap();
    for line in ["draw", "show", "done"] {
        board.console().send_line(line).await.unwrap();
    }
    assert_eq!(board.console().expect("done!").await.unwrap().before, "");
    let shown = board.screen().settled().await.unwrap();
    assert!(shown.bitmap().get(1, 1) && shown.at().since(shown.changed()) >= crate::SETTLED);
}

#[tokio::test]
async fn half_a_line_of_a_test_is_not_run_into() {
    let folder = tempfile::tempdir().unwrap();
    let board = board(folder.path());
    board.console().expect("@event address").await.unwrap();
    board.console().send("hel").await.unwrap();
    assert!(board.screen().picture().within(50.ms()).await.is_err_and(|error| error.is_timeout()));
    board.console().send_line("lo").await.unwrap();
    board.screen().picture().await.unwrap();
    board.console().expect_line("hello!").await.unwrap();
}

#[tokio::test]
async fn firmware_that_dies_is_reported_and_a_reset_helps() {
    let folder = tempfile::tempdir().unwrap();
    let board = board(folder.path());
    board.console().expect("@event address").await.unwrap();
    board.console().send_line("die").await.unwrap();
    let error = board.console().expect("nothing").await.unwrap_err();
    assert!(error.to_string().starts_with("the board halted: the other side has closed it"), "{error}");
    board.reset().await.unwrap();
    board.console().expect("@event address").await.unwrap();
}
