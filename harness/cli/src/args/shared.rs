//! Options that several commands have.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use espalier::{AccessPoint, Board, BoardBuilder, Model, Timing, timing_from_env};
use espalier_soc::{BoardDefinition, timing_named};

use super::parse::{At, Forward, PeerForward, Signal, at, flash_offset, forward, peer, signal};
use crate::error::CliError;
use crate::network::Network;

/// The board, and what is around it.
#[derive(Debug, Args)]
pub struct SetupArgs {
    /// The board around the chip: esp32-devkit, esp32c3-devkit, mpython, or a TOML file that describes one.
    #[arg(long, value_name = "NAME|FILE", default_value_t)]
    pub board: Model,
    /// Put a Wi-Fi network into the air around the board: open, or with WPA2.
    #[arg(long, value_name = "SSID[:PASSWORD]")]
    pub access_point: Vec<Network>,
    /// Seed of everything that is random on the board.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    pub time: TimeArgs,
    /// Burn these eFuses on top of what the factory has burnt: 124 bytes, the words of blocks 0 to 3, as Espressif's QEMU keeps them. A file
    /// with a factory MAC has all fuses of the chip. It is only read.
    #[arg(long, value_name = "FILE", value_parser = efuses)]
    pub efuses: Option<Arc<[u8]>>,
}

/// The time that boards keep.
#[derive(Clone, Copy, Debug, Args)]
pub struct TimeArgs {
    /// The cycles that instructions and memory take: one for each instruction, or about those of silicon. Otherwise ESPALIER_TIMING and
    /// the board file decide, and then it is fast.
    #[arg(long, value_name = "fast|silicon", value_parser = timing)]
    pub timing: Option<Timing>,
}

fn efuses(path: &str) -> Result<Arc<[u8]>, String> {
    std::fs::read(path).map(Arc::from).map_err(|error| error.to_string())
}

fn timing(text: &str) -> Result<Timing, String> {
    timing_named(text).ok_or_else(|| "it is fast or silicon".to_owned())
}

impl TimeArgs {
    /// The board in the time that was asked for here, or by the environment.
    pub fn apply(self, board: BoardDefinition) -> Result<BoardDefinition, CliError> {
        let timing = self.timing.map_or_else(timing_from_env, |timing| Ok(Some(timing)))?;
        match timing {
            Some(timing) => Ok(board.timed(timing)?),
            None => Ok(board),
        }
    }
}

impl SetupArgs {
    /// Whether nothing was said of the board.
    pub fn is_default(&self) -> bool {
        self.board == Model::default()
            && self.access_point.is_empty()
            && self.seed == 0
            && self.time.timing.is_none()
            && self.efuses.is_none()
    }

    /// A board that is set up like this.
    pub fn builder(&self, name: &str) -> BoardBuilder {
        let builder = Board::builder().model(self.board.clone()).seed(self.seed).name(name);
        let builder = self.time.timing.into_iter().fold(builder, BoardBuilder::timing);
        let builder = self.efuses.iter().fold(builder, |builder, image| builder.efuses(&image[..]));
        self.access_point.iter().map(AccessPoint::from).fold(builder, BoardBuilder::access_point)
    }
}

/// Where a board is served.
#[derive(Debug, Args)]
pub struct AtArgs {
    /// The port of its QMP, which may have a host before it, or the address of its page with the token; for a board of a world,
    /// with `&board=` and its place, from 0 on.
    #[arg(long, value_name = "PORT|ADDRESS", value_parser = at)]
    pub at: At,
}

/// Connections between the board's network and the host's.
#[derive(Debug, Args)]
pub struct NetworkArgs {
    /// Carry connections to this port of the host to a port of the board.
    #[arg(long, value_name = "HOSTPORT:BOARDPORT", value_parser = forward)]
    pub host_forward: Vec<Forward>,
    /// Carry the board's connections to this port of peer.lan to a server of the host.
    #[arg(long, value_name = "PORT=HOST:PORT", value_parser = peer)]
    pub peer: Vec<PeerForward>,
}

/// Files that are recorded while a board runs.
#[derive(Debug, Args)]
pub struct CaptureArgs {
    /// Record the network into this file.
    #[arg(long, value_name = "FILE")]
    pub pcap: Option<PathBuf>,
    /// Record what is in the air into this file, as a Wi-Fi sniffer would.
    #[arg(long, value_name = "FILE")]
    pub air_pcap: Option<PathBuf>,
    /// Record what pins carry into this file, a value change dump, which PulseView and GTKWave read.
    #[arg(long, value_name = "FILE")]
    pub vcd: Option<PathBuf>,
    /// Count the code that the cores execute, and write a tracefile of lcov with its functions, lines and branches: those of the ELF
    /// file beside the image.
    #[arg(long, value_name = "FILE")]
    pub coverage: Option<PathBuf>,
    /// With --vcd, record these pins only, such as 2,4. A pin with the rate of a UART, such as 1:115200, gets its bytes beside it, and so do the buses i2c:SCL:SDA and spi:SCK:DATA:CS
    /// (CS may be left out).
    #[arg(long, value_name = "PINS", value_delimiter = ',', value_parser = signal, requires = "vcd")]
    pub signals: Vec<Signal>,
}

/// Options for reading a firmware file.
#[derive(Debug, Args)]
pub struct TableArgs {
    /// Where the partition table of a merged image is in flash, such as 0x10000. Otherwise it is looked for, from 0x8000 on.
    #[arg(long, value_name = "OFFSET", value_parser = flash_offset)]
    pub partition_table: Option<u32>,
}

/// Treatment of firmware that touches hardware which is not modelled.
#[derive(Debug, Args)]
pub struct StrictArgs {
    /// Stop when the firmware touches hardware that is not modelled.
    #[arg(long)]
    pub strict: bool,
    /// With --strict, go on at this block of the chip, such as PWM2. May be given several times.
    #[arg(long, value_name = "BLOCK", requires = "strict")]
    pub allow: Vec<String>,
}

impl TableArgs {
    /// The board, told where the table is.
    pub fn apply(&self, builder: BoardBuilder) -> BoardBuilder {
        self.partition_table.into_iter().fold(builder, BoardBuilder::partition_table)
    }
}

impl StrictArgs {
    /// The board, as strict as this.
    pub fn apply(&self, builder: BoardBuilder) -> BoardBuilder {
        self.allow.iter().fold(builder.strict(self.strict), BoardBuilder::allow)
    }
}
