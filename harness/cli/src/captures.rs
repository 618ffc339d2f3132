//! Files that a run leaves at its end. Whether they can be written is found out before it, and what was in them stays until there is
//! something new.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use espalier::{Board, PinCapture};

use crate::args::{CaptureArgs, Signal};
use crate::error::CliError;
use crate::style::warn;

/// A file that is written once.
pub struct Output {
    path: PathBuf,
    /// It did not exist before, and nothing is in it yet.
    fresh: bool,
}

impl Output {
    /// A file that can be written; it is made if there is none.
    pub fn open(path: &Path) -> Result<Output, CliError> {
        let exists = path.exists();
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        opened.map_err(CliError::file("write", path))?;
        Ok(Output { path: path.to_owned(), fresh: !exists })
    }

    /// Replaces what is in it, and says where it is.
    pub fn write(mut self, content: &[u8]) -> Result<PathBuf, CliError> {
        espalier_files::write(&self.path, content).map_err(CliError::file("write", &self.path))?;
        self.fresh = false;
        Ok(self.path.clone())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if self.fresh {
            // An empty file says nothing, and does no harm if it stays.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The pins that are recorded unless others are named: all but those of the flash chip.
const PINS: [usize; 28] =
    [0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 23, 25, 26, 27, 32, 33, 34, 35, 36, 37, 38, 39];

/// Captures of the network, of the air and of pins, and the coverage.
pub struct Captures {
    network: Option<Output>,
    air: Option<Output>,
    pins: Option<Output>,
    signals: Vec<Signal>,
    capture: Option<PinCapture>,
    coverage: Option<Output>,
}

impl Captures {
    /// Opens the files that `args` names.
    pub fn open(args: &CaptureArgs) -> Result<Captures, CliError> {
        let open = |path: &Option<PathBuf>| path.as_deref().map(Output::open).transpose();
        let all = || PINS.into_iter().map(|pin| Signal::Pin { pin, baud: None }).collect();
        Ok(Captures {
            network: open(&args.pcap)?,
            air: open(&args.air_pcap)?,
            pins: open(&args.vcd)?,
            signals: if args.signals.is_empty() { all() } else { args.signals.clone() },
            capture: None,
            coverage: open(&args.coverage)?,
        })
    }

    /// Begins to record.
    pub fn start(&mut self, board: &Board) -> Result<(), CliError> {
        if self.network.is_some() {
            board.start_capture()?;
        }
        if self.air.is_some() {
            board.air().start_capture()?;
        }
        if self.coverage.is_some() {
            board.cover()?;
        }
        if self.pins.is_some() {
            let pins: BTreeSet<usize> = self.signals.iter().flat_map(|signal| signal.pins()).collect();
            let capture = board.capture_pins(pins)?;
            self.capture = Some(self.signals.iter().fold(capture, |capture, signal| match *signal {
                Signal::Pin { baud: None, .. } => capture,
                Signal::Pin { pin, baud: Some(baud) } => capture.uart(pin, baud),
                Signal::I2c { scl, sda } => capture.i2c(scl, sda),
                Signal::Spi { sck, data, cs } => capture.spi(sck, data, cs),
            }));
        }
        Ok(())
    }

    /// Writes what was recorded.
    pub fn write(self, board: &Board) -> Result<(), CliError> {
        if let Some(file) = self.network {
            file.write(&board.capture())?;
            let dropped = board.capture_dropped();
            if dropped > 0 {
                warn(format_args!("the record of the network was full: its first {dropped} frames were dropped"));
            }
        }
        if let Some(file) = self.air {
            file.write(&board.air().capture()?)?;
            let dropped = board.air().capture_dropped()?;
            if dropped > 0 {
                warn(format_args!("the record of the air was full: its first {dropped} frames were dropped"));
            }
        }
        if let (Some(file), Some(capture)) = (self.pins, self.capture) {
            file.write(&capture.vcd()?)?;
        }
        if let Some(file) = self.coverage {
            let elf = board.elf().ok_or(CliError::NoElf)?;
            file.write(board.coverage().lcov(&elf)?.as_bytes())?;
        }
        Ok(())
    }
}
