//! State that a file keeps beside the board itself: the logs so far, and the place of the test's files.

use std::path::{Path, PathBuf};

use espalier_core::{Damaged, Load, Persist, Reader, Writer};

use super::artefacts::{Artefacts, Root};
use super::inputs::Inputs;
use super::transcript::Transcript;
use super::{Log, State, Watch};
use crate::driver::{Driver, FaultConfig};
use crate::error::Source;
use crate::image::ImageWarning;

/// The version of [`Saved`]. It counts up with every change of what is written, for the emulator's build does not name this crate's.
const VERSION: u32 = 2;

/// A file was written by another version of the harness.
#[derive(Debug, thiserror::Error)]
#[error(
    "the snapshot was written by version {found} of the harness, and this is version {known}; save the board again"
)]
struct OtherHarness {
    found: String,
    known: String,
}

/// The use of a loaded board, whatever the saved one was for.
pub(crate) struct Use<'a> {
    /// The board's name.
    pub(crate) name: &'a str,
    /// The folder of golden pictures, unless a test chose another for the board.
    pub(crate) goldens: PathBuf,
    pub(crate) bless: bool,
}

impl Use<'_> {
    /// A board in use for the first time.
    pub(crate) fn state(self, driver: Box<dyn Driver>) -> State {
        State::new(driver, Artefacts::new(Root::of_process(), self.name), self.goldens, self.bless)
    }
}

/// The board's record. Connections of the peer stay with the board that was saved, as they do in a fork.
#[derive(Debug)]
pub(crate) struct Saved {
    console: Log,
    watch: Watch,
    faults: FaultConfig,
    transcript: Transcript,
    elf: Option<String>,
    /// The folders that a test chose; otherwise they are those of the process that loads it.
    goldens: Option<String>,
    artefacts: Option<String>,
    warnings: Vec<ImageWarning>,
    inputs: Inputs,
    capture_from: Option<u64>,
    /// The numbering of the peers' sockets, and the plan.
    sockets: Vec<u8>,
}

espalier_core::persist! {
    value Saved {
        console, watch, faults, transcript, elf, goldens, artefacts, warnings, inputs, capture_from, sockets
    }
}

fn known() -> String {
    format!("{} ({VERSION})", env!("CARGO_PKG_VERSION"))
}

/// Records of boards as an attachment; in a world, each with the board's name there.
pub(crate) fn attachment(records: Vec<(String, Saved)>) -> Vec<u8> {
    let mut to = Writer::new();
    known().save(&mut to);
    records.save(&mut to);
    to.into_bytes()
}

/// The records in an attachment. A server attaches nothing to what it saves.
///
/// # Errors
/// If it is damaged, or another version of the harness has written it.
pub(crate) fn records(attachment: &[u8]) -> Result<Vec<(String, Saved)>, Source> {
    if attachment.is_empty() {
        return Ok(Vec::new());
    }
    let mut from = Reader::new(attachment);
    let (found, known) = (String::load(&mut from)?, known());
    if found != known {
        return Err(OtherHarness { found, known }.into());
    }
    let records = Load::load(&mut from)?;
    from.finish()?;
    Ok(records)
}

impl Saved {
    /// The record of a board; `goldens` is the folder of golden pictures if a test chooses none.
    pub(crate) fn of(state: &mut State, goldens: &Path) -> Saved {
        state.collect();
        let text = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
        Saved {
            console: state.console.clone(),
            watch: state.watch.clone(),
            faults: state.faults.clone(),
            transcript: state.transcript.clone(),
            elf: state.elf.as_deref().map(text),
            goldens: (state.goldens != goldens).then(|| text(&state.goldens)),
            artefacts: state.artefacts.own_root().map(text),
            warnings: state.warnings.clone(),
            inputs: state.inputs.clone(),
            capture_from: state.capture_from,
            sockets: state.driver.sockets(),
        }
    }

    /// The board in use again.
    ///
    /// # Errors
    /// If the sockets are not what the board has saved.
    pub(crate) fn state(self, mut driver: Box<dyn Driver>, used: Use<'_>) -> Result<State, Damaged> {
        driver.restore_sockets(&self.sockets)?;
        let artefacts = Artefacts::new(self.artefacts.map_or_else(Root::of_process, Root::at), used.name);
        let goldens = self.goldens.map_or(used.goldens, PathBuf::from);
        let mut state = State::new(driver, artefacts, goldens, used.bless);
        state.console = self.console;
        state.watch = self.watch;
        state.faults = self.faults;
        state.transcript = self.transcript;
        state.elf = self.elf.map(PathBuf::from);
        state.warnings = self.warnings;
        state.inputs = self.inputs;
        state.capture_from = self.capture_from;
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::Time;
    use sha2::{Digest, Sha256};

    use super::{Saved, VERSION, attachment, records};
    use crate::driver::{ConnectionId, FaultConfig};
    use crate::image::ImageWarning;
    use crate::session::inputs::Inputs;
    use crate::session::transcript::{Entry, Event, Transcript};
    use crate::session::{Log, Watch};

    /// A record with something in every field, and every kind of event.
    fn record() -> Saved {
        let (mut console, mut watch, mut transcript) = (Log::default(), Watch::default(), Transcript::default());
        for byte in *b"Guru Meditation Error\nmore" {
            watch.byte(Time::from_micros(3), byte, console.end(), false);
            console.push(Time::from_micros(3), byte);
        }
        let events = [
            Event::Accepted("a".to_owned()),
            Event::Connecting("b".to_owned()),
            Event::Connected,
            Event::FromBoard(vec![1]),
            Event::ToBoard(vec![2]),
            Event::BoardFinished,
            Event::PeerFinished,
            Event::Refused,
            Event::Reset,
            Event::Aborted,
            Event::Vanished,
            Event::Dropped { events: 1, bytes: 2 },
        ];
        for event in events {
            transcript.push(Entry::new(Time::from_micros(5), ConnectionId(1), event));
        }
        let mut inputs = Inputs::default();
        inputs.add_unknown();
        Saved {
            console,
            watch,
            faults: FaultConfig::cut(),
            transcript,
            elf: Some("a.elf".to_owned()),
            goldens: Some("goldens".to_owned()),
            artefacts: None,
            warnings: vec![ImageWarning::NoPartitionTable { name: "a".to_owned(), at: 4096 }],
            inputs,
            capture_from: Some(7),
            sockets: vec![0; 32],
        }
    }

    #[test]
    fn records_come_back_as_they_were() {
        let bytes = attachment(vec![("board".to_owned(), record())]);
        assert_eq!(attachment(records(&bytes).unwrap()), bytes);
        assert!(records(&[]).unwrap().is_empty());
        for end in 1..bytes.len() {
            assert!(records(&bytes[..end]).is_err());
        }
        let mut other = bytes;
        other[9] ^= 1;
        assert!(records(&other).unwrap_err().to_string().ends_with("save the board again"));
    }

    /// If this fails, what is written has changed: count [`VERSION`] up, and put the new digest here.
    #[test]
    fn saved_records_have_a_version() {
        let bytes = attachment(vec![("board".to_owned(), record())]);
        // Behind the version, which holds the package's.
        let known = super::known().len() + size_of::<u64>();
        let digest: String = Sha256::digest(&bytes[known..])[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((VERSION, digest.as_str()), (2, "7625fe0395424d57"));
    }
}
