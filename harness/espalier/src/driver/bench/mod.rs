//! A board on a bench: at a serial port of this computer, or behind RFC 2217 or a TCP socket somewhere else.

mod circuit;
mod config;
mod error;
mod inventory;
mod lock;
mod port;
mod rfc2217;
mod usb;
mod variables;

use std::io;
use std::path::Path;

use espalier_protocol::Command;

use super::live::{CONSOLE_BAUD, LiveBoard, LiveDriver, Order, Routes, Wiring};
use super::{Capability, Driver, Kind, SerialPort, Setup, Start, Unsupported};
use crate::error::Failure;
use circuit::Circuit;
pub use config::WifiCredentials;
use config::{Bench, Entry};
pub use error::BenchError;
pub use inventory::{KnownBoard, known_boards};
use lock::Lease;
use port::{Opened, Port};
use usb::UsbPort;
pub use variables::{BENCH_VARIABLE, WAIT_VARIABLE};

/// A rate that every common bridge can do.
const FLASH_BAUD: u32 = 460_800;
/// The words for the only board that is plugged in.
const ANY: [&str; 2] = ["bench", "auto"];
/// Between a file that describes a bench and the name of a board in it.
const IN_FILE: char = '#';

/// A board that was found: how it is called, where it is and what is known of it.
struct Found {
    name: String,
    entry: Entry,
    location: Location,
    circuit: Circuit,
}

/// Where a board is.
#[derive(Clone)]
enum Location {
    Port(Port),
    /// On USB: it may come back at another path.
    Usb(UsbPort),
}

impl Location {
    /// Its lock.
    fn key(&self) -> String {
        match self {
            Location::Port(Port::Serial(path)) => {
                // Links such as those in /dev/serial/by-id lead to one port.
                let path = Path::new(path).canonicalize().unwrap_or_else(|_| path.into());
                path.to_string_lossy().into_owned()
            }
            Location::Port(port) => port.to_string(),
            Location::Usb(UsbPort { serial: Some(serial), vendor, product, .. }) => {
                format!("usb-{vendor:04x}-{product:04x}-{serial}")
            }
            Location::Usb(usb) => usb.path.clone(),
        }
    }

    /// The port where it is now.
    fn port(&self) -> Result<Port, BenchError> {
        match self {
            Location::Port(port) => Ok(port.clone()),
            Location::Usb(known) => {
                let here = |port: &UsbPort| match &known.serial {
                    Some(serial) => port.has_serial(serial),
                    None => port.path == known.path,
                };
                let port = usb::ports().into_iter().find(here);
                let absent = || BenchError::Absent { board: format!("the board that was at {}", known.path) };
                port.map(|port| Port::Serial(port.path)).ok_or_else(absent)
            }
        }
    }
}

/// Finds the board that `text` names.
fn find(text: &str) -> Result<Found, BenchError> {
    if ANY.contains(&text) {
        return only_one();
    }
    if let Some(port) = Port::named(text).filter(|_| !text.contains(IN_FILE)) {
        // The file may know more of it.
        let known = Bench::load()?.boards.into_iter().find(|(_, entry)| entry.port.as_deref() == Some(text));
        return Ok(match known {
            Some((name, entry)) => at(&name, entry, port),
            None => at(text, Entry::default(), port),
        });
    }
    let (bench, name) = match text.split_once(IN_FILE) {
        Some((file, name)) => (Bench::read(file.into())?, name),
        None => (Bench::load()?, text),
    };
    let Some(entry) = bench.boards.get(name) else {
        let names = bench.boards.into_keys().collect();
        return Err(BenchError::Unknown { name: name.to_owned(), file: bench.file, names });
    };
    locate(name, entry.clone())
}

/// The board that is plugged in, if there is exactly one. Without one, a bench with one board is as good.
fn only_one() -> Result<Found, BenchError> {
    let mut found: Vec<_> = usb::ports().into_iter().filter(|port| port.bridge().is_some()).collect();
    if found.len() > 1 {
        return Err(BenchError::Ambiguous { found: found.into_iter().map(|port| port.path).collect() });
    }
    let mut boards = Bench::load()?.boards;
    if let Some(usb) = found.pop() {
        // The file may know it.
        let known = boards.iter().find(|(_, entry)| {
            entry.port.as_ref() == Some(&usb.path) || entry.serial.as_ref().is_some_and(|serial| usb.has_serial(serial))
        });
        let (name, entry) =
            known.map_or_else(|| (usb.path.clone(), Entry::default()), |(name, entry)| (name.clone(), entry.clone()));
        return Ok(on_usb(&name, entry, usb));
    }
    match (boards.pop_first(), boards.len()) {
        (Some((name, entry)), 0) => locate(&name, entry),
        _ => Err(BenchError::NoneFound),
    }
}

/// The location of a board that is in the file.
fn locate(name: &str, entry: Entry) -> Result<Found, BenchError> {
    // The serial number of a chip's own USB is its MAC address.
    if let Some(wanted) = entry.serial.as_ref().or(entry.mac.as_ref().filter(|_| entry.port.is_none())) {
        let usb = usb::ports().into_iter().find(|port| port.has_serial(wanted));
        let absent = || BenchError::Absent { board: format!("board {name:?}, with the USB serial number {wanted},") };
        return Ok(on_usb(name, entry.clone(), usb.ok_or_else(absent)?));
    }
    let text = entry.port.clone().unwrap_or_default();
    let Some(port) = Port::named(&text) else {
        return Err(BenchError::Open { port: text, reason: "it is neither a serial port nor an address".to_owned() });
    };
    Ok(at(name, entry, port))
}

fn at(name: &str, entry: Entry, port: Port) -> Found {
    let Port::Serial(path) = &port else {
        let circuit = entry.reset.unwrap_or(Circuit::Classic);
        return Found { name: name.to_owned(), entry, location: Location::Port(port), circuit };
    };
    match usb::ports().into_iter().find(|usb| usb.path == *path) {
        Some(usb) => on_usb(name, entry, usb),
        None => {
            let circuit = entry.reset.unwrap_or(Circuit::Classic);
            Found { name: name.to_owned(), entry, location: Location::Port(port), circuit }
        }
    }
}

fn on_usb(name: &str, entry: Entry, usb: UsbPort) -> Found {
    let circuit = entry.reset.unwrap_or(usb.circuit());
    Found { name: name.to_owned(), entry, location: Location::Usb(usb), circuit }
}

/// Takes the board that `text` names, when it is free.
pub(super) async fn open(text: &str, setup: &Setup) -> Result<Box<dyn Driver>, Failure> {
    let found = find(text)?;
    let lease = lock::take(&found.location.key(), &found.name).await?;
    let model = found.entry.model().unwrap_or_else(|| setup.model.clone());
    let flash_size = super::emulated::flash_size(&model)?;
    let routes = found.entry.routes();
    let bench = BenchBoard { found, lease, routes, flash_size, opened: None, has_lines: true, own: None };
    Ok(Box::new(LiveDriver::new(bench)?))
}

/// The board on its bench.
struct BenchBoard {
    found: Found,
    routes: Routes,
    /// Bytes in the flash chip of such a board.
    flash_size: u32,
    /// The port, once it was opened, for messages.
    opened: Option<String>,
    has_lines: bool,
    /// The port itself, for a tool that speaks to the board past the console.
    own: Option<SerialPort>,
    // Dropped last: a process that waits for the board finds its port closed.
    lease: Lease,
}

impl BenchBoard {
    fn name(&self) -> String {
        self.opened.clone().unwrap_or_else(|| self.found.name.clone())
    }

    /// Opens the port, or opens it again after it was gone.
    fn connect(&mut self, wiring: &mut Wiring) -> Result<(), Failure> {
        wiring.disconnect();
        self.own = None;
        let port = self.found.location.port()?;
        let Opened { receiver, transmitter, has_lines, own } = port.open(self.console_baud())?;
        (self.opened, self.has_lines, self.own) = (Some(port.to_string()), has_lines, own);
        Ok(wiring.connect(receiver, transmitter)?)
    }
}

impl LiveBoard for BenchBoard {
    fn kind(&self) -> Kind {
        Kind::Bench
    }

    fn supports(&self, capability: Capability) -> bool {
        match capability {
            Capability::Screen => true,
            // A forwarder accepts connections before it knows whether a listener is here.
            Capability::Refusal => self.routes.listen.is_empty(),
            Capability::Wifi => self.found.entry.has_wifi(),
            Capability::Probe => cfg!(feature = "probe") && self.found.entry.probe.is_some(),
            _ => false,
        }
    }

    fn reset(&mut self, start: Start, wiring: &mut Wiring) -> Result<(), Failure> {
        let fresh = wiring.line().is_none_or(|line| line.lost().is_some());
        if fresh {
            self.connect(wiring)?;
        }
        let Some(line) = wiring.line() else { return Ok(()) };
        let circuit = if self.has_lines { self.found.circuit } else { Circuit::None };
        if circuit == Circuit::None && start == Start::Flash && !fresh {
            // Without lines there is only the firmware to ask.
            if !wiring.firmware_speaks() {
                return Err(BenchError::NoReset { port: self.name() }.into());
            }
            line.order(Order::Bytes(format!("{}\r", Command::Reset).into_bytes()));
            return Ok(());
        }
        // The board sent it before this run began to listen.
        let held = if fresh { vec![Order::Discard, Order::Forget] } else { vec![Order::Forget] };
        line.order(Order::Baud(self.console_baud()));
        let orders = circuit.orders(start, if circuit == Circuit::None { Vec::new() } else { held });
        orders.into_iter().for_each(|order| line.order(order));
        Ok(())
    }

    fn lost(&mut self, reason: String) -> Failure {
        BenchError::Gone { port: self.name(), reason }.into()
    }

    fn console_baud(&self) -> u32 {
        self.found.entry.baud.unwrap_or(CONSOLE_BAUD)
    }

    fn flash_size(&self) -> u32 {
        self.flash_size
    }

    fn flash_baud(&self) -> u32 {
        self.found.entry.flash_baud.unwrap_or(FLASH_BAUD)
    }

    fn write_flash(&mut self, _: u32, _: &[u8], _: &mut Wiring) -> Result<(), Failure> {
        Err(Unsupported { capability: Capability::FlashContent, kind: Kind::Bench }.into())
    }

    fn read_flash(&self) -> Option<Vec<u8>> {
        None
    }

    fn lend_port(&mut self, wiring: &mut Wiring) -> Result<Option<SerialPort>, Failure> {
        let Some(own) = &self.own else { return Ok(None) };
        // Opened anew it might reset the chip.
        let port = own.try_clone_native().map_err(io::Error::from)?;
        wiring.disconnect();
        Ok(Some(port))
    }

    fn regain_port(&mut self, wiring: &mut Wiring) -> Result<(), Failure> {
        let Some(own) = &self.own else { return Ok(()) };
        let (receiver, transmitter) = port::halves(own).map_err(io::Error::from)?;
        Ok(wiring.connect(receiver, transmitter)?)
    }

    fn flashed(&self) -> Option<[u8; 32]> {
        self.lease.flashed()
    }

    fn note_flashed(&mut self, digest: Option<[u8; 32]>) {
        self.lease.note_flashed(digest);
    }

    fn check_chip(&self, mac: Option<&str>) -> Result<(), Failure> {
        match (&self.found.entry.mac, mac) {
            (Some(expected), Some(found)) if !expected.eq_ignore_ascii_case(found) => {
                let (board, expected, found) = (self.found.name.clone(), expected.clone(), found.to_owned());
                Err(BenchError::WrongBoard { board, expected, found }.into())
            }
            _ => Ok(()),
        }
    }

    fn wifi(&self) -> Result<Option<WifiCredentials>, Failure> {
        Ok(self.found.entry.wifi(&self.found.name)?)
    }

    fn probe(&self) -> Option<String> {
        self.found.entry.probe.clone()
    }

    fn routes(&self) -> &Routes {
        &self.routes
    }
}
