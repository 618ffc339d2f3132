//! Hardware-in-the-loop tests for ESP32 firmware, on an emulated board inside `cargo test`.
//!
//! A test holds a [`Board`]. Use it to talk to the [`Console`], to be the [`Peer`] of the board's TCP connections and to look at the
//! [`Screen`]:
//!
//! ```no_run
//! use espalier::{Board, Units};
//!
//! # async fn test() -> espalier::Result<()> {
//! let board = Board::builder().firmware("firmware.bin").start().await?;
//! let listener = board.peer().listen(5001).await?;
//! board.console().send_line(format!("client {} 5001", board.peer().address())).await?;
//! let socket = listener.accept().within(2.s()).await?;
//! socket.expect("hello mPython,I am TCP Client").await?;
//! socket.send("你好 OLED").await?;
//! board.screen().settled().await?.assert_golden("client-received")?;
//! # Ok(())
//! # }
//! ```
//!
//! **Time.** Waiting is in the board's time. An emulated board stands still unless something waits on it, and then runs as
//! fast as the host can; a busy host changes nothing of what a test sees. Every wait ends, after [`PATIENCE`] or what
//! [`Wait::within`] says.
//!
//! **Boot once, fork per test.** [`Board::fork`] gives a second board that starts where the first one stands, and
//! [`BootOnce`] keeps a booted one for all tests of a binary, in whatever process they run. [`Board::save`] puts a board into a file,
//! and [`Board::load`] goes on from there.
//!
//! **One test, several kinds of board.** `ESPALIER_BOARD` chooses the board. A test that needs what some boards lack says so with
//! [`needs!`]; on those it is skipped, by name and with the reason; `ESPALIER_RUNS` collects what ran where.
//!
//! **Several boards in one world.** The boards of a [`World`] share a clock, an air and a LAN, so that one can be the other's access
//! point, server or client.
//!
//! **Failures explain themselves.** An [`Error`] has its cause as a type ([`Error::find`]), shows the last lines of the console, what went over the network and the
//! screen, and names the folder with the files it left behind: `target/espalier/PACKAGE/BINARY/TEST`, and `TEST.BOARD` for boards
//! with names of their own. A test that passes leaves nothing.
//!
//! | Variable | Meaning |
//! | --- | --- |
//! | `ESPALIER_BOARD` | which board: `emulator`, which it is otherwise, `qemu`, `bench` for the one that is plugged in, a serial port such as `/dev/ttyUSB0`, `rfc2217://host:port`, `socket://host:port`, or a name in `bench.toml` |
//! | `ESPALIER_BENCH` | the file that describes the bench, otherwise the next `bench.toml` above, or `~/.config/espalier/bench.toml` |
//! | `ESPALIER_REQUIRE` | a kind of board, such as `bench`: a test fails if `ESPALIER_BOARD` chooses another kind |
//! | `ESPALIER_RUNS` | a file that gets a line for each test: `ran on KIND: TEST`, or `skipped on KIND for ABILITY: TEST` |
//! | `ESPALIER_WAIT` | seconds for which a board is waited for that another process has, otherwise 60 |
//! | `ESPALIER_QEMU` | QEMU with the machine `esp32`, otherwise looked for on `PATH` and in Espressif's tools folder |
//! | `ESPALIER_MODEL` | board around the chip: `esp32-devkit`, which it is otherwise, `esp32c3-devkit`, `mpython`, or the path of a TOML file |
//! | `ESPALIER_IMAGE` | firmware of [`Board::from_env`] and of the fixtures |
//! | `ESPALIER_GOLDENS` | folder of the golden pictures, otherwise `tests/goldens` |
//! | `ESPALIER_BLESS=1` | what the screens show becomes golden, where it differs |
//! | `ESPALIER_ARTEFACTS` | folder for what failed tests leave behind |
//! | `ESPALIER_SNAPSHOTS=off` | [`BootOnce`] keeps no booted board in a file for other processes |
//! | `ESPALIER_COVERAGE` | a folder to which emulated boards write what they have executed, for `espalier coverage` and [`CoverageRecord::read`] |
//! | `ESPALIER_KEEP=1` | tests that pass leave it behind too |

#![warn(clippy::missing_errors_doc)]
#![cfg_attr(
    not(feature = "symbols"),
    expect(dead_code, reason = "the report of coverage, which is not there without them, uses it")
)]

// From the lowest floor to the highest: plain helpers, the boards themselves (`driver`), one board in use (`session`), what tests hold
// (`console` to `screen`), tools on top of those (`flasher`, `micropython`, `probe`), and the board as a whole. `ci/check-edges` knows
// the floors; no module uses one above it.
mod air;
mod backtrace;
mod board;
mod boot_once;
mod buzzer;
mod console;
mod coverage;
mod driver;
mod error;
#[cfg(feature = "rstest")]
pub mod fixtures;
mod flasher;
mod kept;
mod leds;
mod micropython;
mod network;
pub mod part;
mod parts;
mod peer;
mod pin_capture;
mod pins;
mod png;
#[cfg(feature = "probe")]
pub mod probe;
pub mod render;
pub mod report;
mod run_id;
mod screen;
mod session;
#[cfg(feature = "insta")]
mod snapshot;
mod text;
mod uart;
mod units;
mod world;

pub use air::{Air, Join, NewAccessPoint, Station};
pub use backtrace::{Place, Symbols, elf_of};
pub use board::{Board, BoardBuilder, IMAGE_VARIABLE, NoFirmware};
pub use boot_once::BootOnce;
pub use buzzer::{Buzzer, NotPlayed};
pub use console::{Captured, Console, Match};
pub use coverage::Coverage;
#[cfg(feature = "symbols")]
pub use coverage::NoSymbols;
pub use driver::{
    Absent, AccessPoint, AirError, AirFaults, AirNetwork, AmongOthers, BENCH_VARIABLE, BOARD_VARIABLE, BenchError,
    COVERAGE_VARIABLE, Capability, CountedFrame, CountedFrames, DisplayMute, EmulatorError, FLASH_CHUNK_SIZE, Faults,
    FlashCipher, FlashHistory, FlashMemory, FlashOperation, FlashOperationKind, FlashReplay, FlashSectors, FrameFault,
    FrameLink, FramePlan, Halted, Kind, KnownBoard, MODEL_VARIABLE, Machine, Model, ModelError, NoSuchPin, NoSuchUart,
    PeerError, PlayedTone, Progress as FlashProgress, PropertyError, Refusal, Reset, ResetCause, ResetKind,
    SnapshotError, Start, Stimulus, StimulusRecord, TIMING_VARIABLE, TONE_TOLERANCE, Target, Tone, UnknownModel,
    UnknownPart, UnknownTiming, UnmodelledNote, Unsupported, WAIT_VARIABLE, WifiCredentials, known_boards,
    timing_from_env,
};
#[cfg(unix)]
pub use driver::{EMULATOR_VARIABLE, Qemu, QemuError};
pub use error::{Cause, FileError};
pub use espalier_core::{Bitmap, EDGES, LineSettings, Pixmap, Rgb, SerialFormat, SerialParity, Span, Time, Timing};
pub use espalier_image::{self as image, Image, ImageError};
#[cfg(unix)]
#[doc(hidden)]
pub use flasher::read_any_replies;
pub use flasher::{ChipInfo, FlashError, Flashed, Flasher, FlasherBuilder, Progress, SECTOR, Stage};
pub use kept::SNAPSHOTS_VARIABLE;
pub use leds::{Leds, WrongColours};
pub use micropython::{
    BoardLoss, MicroPython, MicroPythonError, MicroPythonFailure, MicroPythonOutput, RemoteEntry, RemoteFileError,
    RemoteFileReason, RunningScript, Script, TracebackFrame,
};
pub use network::Network;
pub use parts::{Button, PartHandle, Sensor, TouchPad, WrongPart, WrongProperty};
pub use peer::{ConnectionClosed, ConnectionRefused, Listener, Peer, PeerStream, Sending, UdpSocket};
pub use pin_capture::{CaptureError, PinCapture};
pub use pins::{Edge, Edges, MOST_EDGES, Pin, TooManyEdges};
pub use png::{PngError, decode as decode_png, encode as encode_png};
pub use screen::{
    BLESS_VARIABLE, Compare, Comparison, ExpectedGolden, GOLDENS_FOLDER, GOLDENS_VARIABLE, GoldenRefusal,
    PendingGolden, PendingGoldens, Picture, Rect, Screen, ScreenError,
};
pub use session::artefacts::{ARTEFACTS_VARIABLE, KEEP_VARIABLE};
pub use session::runs::{REQUIRE_VARIABLE, RUNS_VARIABLE, Skipped, WrongKind};
pub use session::{
    CoverageRecord, Crash, CrashKind, Entry, Error, Event, Line, PATIENCE, Result, SETTLED, Scene, Timeout, Wait,
};
#[cfg(feature = "insta")]
#[doc(hidden)]
pub use snapshot::{ScreenComparator, insta, snapshot_file};
pub use text::escaped;
pub use uart::Uart;
pub use units::Units;
pub use world::{NoSuchBoard, NotInWorld, World};
