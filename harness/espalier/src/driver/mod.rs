//! The boards themselves: emulated, in QEMU, on a bench.
//!
//! Everything a test can do is written against [`Driver`]; a kind of board is one implementation of it. Nothing outside of
//! [`emulated`] knows the emulator, and nothing outside of this module its LAN. Nothing here knows a test: plain data crosses the
//! border, and errors of this module.

mod abilities;
mod air;
mod air_error;
mod bench;
mod capability;
mod coverage;
mod data;
mod emulated;
mod error;
#[cfg(test)]
pub(crate) mod fake;
mod lan;
mod lan_peer;
mod live;
mod model;
mod parts;
#[cfg(unix)]
mod qemu;
mod reset;
mod stimulus;
mod target;
mod timing;
mod unmodelled;

use std::path::PathBuf;

pub(crate) use abilities::{
    Cable, DebugPort, Diagnostics, Display, Driver, FlashChip, Identity, Keeping, MachineAct, Pads, PartAct, Parts,
    PeerSockets, PowerSupply, SerialConsole,
};
pub(crate) use air::{AirDriver, DatagramDriver, PingId, Segment, UdpId};
pub use air_error::AirError;
pub use bench::{BENCH_VARIABLE, BenchError, KnownBoard, WAIT_VARIABLE, WifiCredentials, known_boards};
pub use capability::{Capability, Kind};
pub use coverage::COVERAGE_VARIABLE;
pub(crate) use coverage::{Executed, ExecutedBlock, Executions};
pub use data::Start;
pub(crate) use data::{ConnectionId, DisplayState, LedState, Link, ListenerId, PadHistory};
#[cfg(feature = "probe")]
pub(crate) use data::{JtagCycle, ProbePort};
pub use emulated::{
    FLASH_CHUNK_SIZE, FlashCipher, FlashHistory, FlashMemory, FlashOperation, FlashOperationKind, FlashReplay,
    FlashSectors, Machine, Progress,
};
pub(crate) use emulated::{WorldHandle, WorldPad};
pub use error::{
    Absent, AmongOthers, DisplayMute, EmulatorError, Halted, ModelError, NoSuchPin, NoSuchUart, PeerError,
    PropertyError, SnapshotError, UnknownPart, Unsupported,
};
pub use lan::{
    AccessPoint, AirFaults, AirNetwork, CountedFrame, CountedFrames, Faults, FrameFault, FrameLink, FramePlan, Refusal,
};
pub(crate) use lan::{FaultConfig, StationState};
pub(crate) use live::MARK;
pub use model::{MODEL_VARIABLE, Model, UnknownModel};
pub(crate) use parts::{Colours, Control};
pub use parts::{PlayedTone, TONE_TOLERANCE, Tone};
#[cfg(unix)]
pub use qemu::{EMULATOR_VARIABLE, Qemu, QemuError};
pub use reset::{Reset, ResetCause, ResetKind};
pub(crate) use stimulus::{Act, millivolts};
pub use stimulus::{Stimulus, StimulusRecord};
pub use target::{BOARD_VARIABLE, Target};
pub use timing::{TIMING_VARIABLE, UnknownTiming, timing_from_env};
pub use unmodelled::UnmodelledNote;

use espalier_core::Timing;
use espalier_parts::{PartEntry, PartKinds};

use crate::error::{Failure, Source};
/// A serial port of this computer, as espflash takes it.
pub(crate) use espflash::connection::Port as SerialPort;

/// The builder's requirements on a kind of board.
#[derive(Clone)]
pub(crate) struct Setup {
    /// Its name among the boards of its world.
    pub(crate) name: String,
    pub(crate) model: Model,
    pub(crate) seed: u64,
    /// The QEMU to run.
    #[cfg_attr(not(unix), expect(dead_code, reason = "boards in QEMU need Unix so far"))]
    pub(crate) qemu: Option<PathBuf>,
    pub(crate) changes: Changes,
    pub(crate) strict: bool,
    /// Blocks at which a strict board goes on.
    pub(crate) allowed: Vec<String>,
    /// The kinds of parts that an emulated board can have.
    pub(crate) kinds: PartKinds,
    /// Parts of an emulated board beside those of its model.
    pub(crate) parts: Vec<PartEntry>,
    /// The world that an emulated board comes into; one of its own if there is none.
    pub(crate) world: Option<WorldHandle>,
}

/// Changes of an emulated board's chip and flash chip against its model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    /// The time that it keeps, if not the one of its board file or of the environment.
    pub(crate) timing: Option<Timing>,
    /// The image of its eFuses, if not the one of its board file.
    pub(crate) efuses: Option<Vec<u8>>,
    /// Bytes in its flash chip beside those of its board file, and where they begin.
    pub(crate) flash: Vec<(u32, Vec<u8>)>,
}

/// Returns the conditional branches in code of an ELF file for this machine: the address of each, and the one behind it.
pub(crate) fn conditional_branches(machine: u16, code: &[u8], address: u32) -> Vec<(u32, u32)> {
    emulated::conditional_branches(machine, code, address)
}

/// The blocks that the cores of a machine have counted. None if they do not count.
pub(crate) fn executed(machine: &Machine) -> Option<Executed> {
    emulated::executed(machine)
}

/// True if a file that begins with these bytes is one that [`Keeping::save`] has made, or a world's.
pub(crate) fn is_snapshot(beginning: &[u8]) -> bool {
    emulated::is_snapshot(beginning)
}

/// The emulated board of a file that [`Keeping::save`] has made, with parts of these kinds, and the attachment.
pub(crate) fn load(file: &[u8], kinds: &PartKinds) -> Result<(Box<dyn Driver>, Vec<u8>), Source> {
    emulated::load(file, kinds)
}

/// Returns the surroundings of the chip of this emulated board model as bytes that identify them, and the size of its flash chip in
/// bytes.
pub(crate) fn describe(
    model: &Model,
    kinds: &PartKinds,
    parts: &[PartEntry],
    changes: &Changes,
) -> Result<(Vec<u8>, u32), Failure> {
    emulated::describe(model, kinds, parts, changes)
}

/// Opens a board: an emulated one, and one in QEMU, with an empty flash chip, another one with what is in its flash chip. It has to
/// be reset before it does anything.
pub(crate) async fn open(target: &Target, setup: &Setup) -> Result<Box<dyn Driver>, Failure> {
    match target {
        Target::Emulated => emulated::open(setup),
        #[cfg(unix)]
        Target::Qemu => qemu::open(setup),
        #[cfg(not(unix))]
        Target::Qemu => {
            let reason = "boards in QEMU need Linux or macOS so far; ESPALIER_BOARD chooses another one";
            Err(std::io::Error::new(std::io::ErrorKind::Unsupported, reason).into())
        }
        Target::Bench(place) => bench::open(place, setup).await,
    }
}
