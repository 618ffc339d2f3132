//! The board as a whole.

use std::path::PathBuf;
use std::sync::Arc;

use espalier::{Capability, Kind, Start};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::air::Air;
use crate::console::{Console, Uart};
use crate::error::Raise;
use crate::flasher::Flasher;
use crate::leds::{Buzzer, Leds};
use crate::micropython::MicroPython;
use crate::network::Network;
use crate::parts::{Button, Part, Sensor, TouchPad};
use crate::peer::Peer;
use crate::pins::{Pin, PinCapture};
use crate::probe::Probe;
use crate::screen::Screen;
use crate::start::{Options, Parts, World, with_parts};
use crate::values::{seconds, span};
use crate::wait::{Wait, within};

/// The abilities by their names in Python.
const CAPABILITIES: &[(&str, Capability)] = &[
    ("air", Capability::Air),
    ("buzzer", Capability::Buzzer),
    ("capture", Capability::Capture),
    ("controls", Capability::Controls),
    ("coverage", Capability::Coverage),
    ("datagrams", Capability::Datagrams),
    ("display_memory", Capability::DisplayMemory),
    ("faults", Capability::Faults),
    ("flash_content", Capability::FlashContent),
    ("fork", Capability::Fork),
    ("leds", Capability::Leds),
    ("parts", Capability::Parts),
    ("pins", Capability::Pins),
    ("power", Capability::Power),
    ("probe", Capability::Probe),
    ("refusal", Capability::Refusal),
    ("screen", Capability::Screen),
    ("snapshot", Capability::Snapshot),
    ("uarts", Capability::Uarts),
    ("vanishing_peer", Capability::VanishingPeer),
    ("virtual_time", Capability::VirtualTime),
    ("wifi", Capability::Wifi),
];

fn capability(name: &str) -> PyResult<Capability> {
    let found = CAPABILITIES.iter().find(|(known, _)| *known == name);
    let all = || CAPABILITIES.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ");
    Ok(found.ok_or_else(|| PyValueError::new_err(format!("{name:?} is no ability; there are {}", all())))?.1)
}

/// A board with an ESP32, whatever it is made of.
#[pyclass(frozen, weakref, module = "espalier._native")]
pub(crate) struct Board(Arc<espalier::Board>);

impl Board {
    pub(crate) fn of(board: espalier::Board) -> Board {
        Board(Arc::new(board))
    }

    pub(crate) fn board(&self) -> &espalier::Board {
        &self.0
    }
}

#[pymethods]
impl Board {
    /// Switches a board on with this firmware, or with what `ESPALIER_IMAGE` names. `board` is what `ESPALIER_BOARD` can name, and
    /// `model` what `ESPALIER_MODEL` can. With `flash=False` it runs what is in its flash chip already.
    #[staticmethod]
    #[expect(clippy::too_many_arguments, reason = "they are keywords")]
    #[pyo3(signature = (
        firmware=None, *, flash=true, model=None, board=None, name=None, seed=0, strict=false, allow=Vec::new(), goldens=None,
        artefacts=None, bless=None, partition_table=None, parts=Parts::new(), world=None
    ))]
    fn start(
        py: Python<'_>,
        firmware: Option<PathBuf>,
        flash: bool,
        model: Option<String>,
        board: Option<String>,
        name: Option<String>,
        seed: u64,
        strict: bool,
        allow: Vec<String>,
        goldens: Option<PathBuf>,
        artefacts: Option<PathBuf>,
        bless: Option<bool>,
        partition_table: Option<u32>,
        parts: Parts,
        world: Option<&World>,
    ) -> PyResult<Wait> {
        let target = board;
        let options = Options {
            firmware,
            flash,
            model,
            target,
            name,
            seed,
            strict,
            allow,
            goldens,
            artefacts,
            bless,
            partition_table,
            parts,
        };
        let builder = options.builder(py, |model| match (world, model) {
            (Some(world), model) => world.0.board(model.unwrap_or_default()),
            (None, Some(model)) => espalier::Board::builder().model(model),
            (None, None) => espalier::Board::builder(),
        })?;
        Ok(Wait::new(async { Ok(Board::of(builder.start().await?)) }))
    }

    /// An emulated board that goes on where the one stood that was saved there, with these devices of a test's own.
    #[staticmethod]
    #[pyo3(signature = (path, *, name=None, parts=Parts::new()))]
    fn load(py: Python<'_>, path: PathBuf, name: Option<String>, parts: Parts) -> PyResult<Board> {
        let builder = with_parts(py, espalier::Board::builder(), parts)?;
        let builder = match name {
            Some(name) => builder.name(name),
            None => builder,
        };
        Ok(Board::of(py.detach(|| builder.load(path)).raise()?))
    }

    /// Whether a file looks like a saved board or world.
    #[staticmethod]
    fn is_saved(path: PathBuf) -> bool {
        espalier::Board::is_saved(path)
    }

    /// Writes the board into a file, from which `load` goes on.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| self.0.save(path)).raise()
    }

    /// A second board that starts where this one stands.
    #[pyo3(signature = (name=None))]
    fn fork(&self, py: Python<'_>, name: Option<String>) -> PyResult<Board> {
        let fork = py.detach(|| match name {
            Some(name) => self.0.fork_as(name),
            None => self.0.fork(),
        });
        Ok(Board::of(fork.raise()?))
    }

    #[getter]
    fn console(&self) -> Console {
        Console(self.0.console())
    }

    #[getter]
    fn micropython(&self) -> MicroPython {
        MicroPython(self.0.micropython())
    }

    #[getter]
    fn peer(&self) -> Peer {
        Peer(self.0.peer())
    }

    #[getter]
    fn network(&self) -> Network {
        Network(self.0.network())
    }

    #[getter]
    fn air(&self) -> Air {
        Air(self.0.air())
    }

    #[getter]
    fn screen(&self) -> Screen {
        Screen(self.0.screen())
    }

    #[getter]
    fn leds(&self) -> Leds {
        Leds(self.0.leds())
    }

    #[getter]
    fn buzzer(&self) -> Buzzer {
        Buzzer(self.0.buzzer())
    }

    /// The display of this name.
    fn display(&self, name: &str) -> Screen {
        Screen(self.0.display(name))
    }

    /// The part of this name.
    fn part(&self, name: String) -> Part {
        Part { board: self.0.clone(), name }
    }

    /// The button of this name.
    fn button(&self, name: String) -> Button {
        Button(self.0.button(name))
    }

    /// The touch pad of this name.
    fn touch(&self, name: String) -> TouchPad {
        TouchPad(self.0.touch(name))
    }

    /// The sensor of this name.
    fn sensor(&self, name: String) -> Sensor {
        Sensor(self.0.sensor(name))
    }

    /// The pin with this GPIO's number.
    fn pin(&self, gpio: usize) -> Pin {
        Pin(self.0.pin(gpio))
    }

    /// Records what these pins carry from now on.
    fn capture_pins(&self, gpios: Vec<usize>) -> PyResult<PinCapture> {
        Ok(PinCapture(self.0.capture_pins(gpios).raise()?))
    }

    /// A UART of the chip; UART0 is the console.
    fn uart(&self, number: usize) -> Uart {
        Uart(self.0.uart(number))
    }

    /// `emulated`, `qemu` or `bench`.
    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind().name()
    }

    #[getter]
    fn name(&self) -> String {
        self.0.name()
    }

    /// Its time in seconds, counted from power-on.
    #[getter]
    fn now(&self) -> f64 {
        seconds(self.0.now())
    }

    /// Whether this kind of board has an ability, such as `"fork"` or `"faults"`.
    fn supports(&self, ability: &str) -> PyResult<bool> {
        Ok(self.0.supports(capability(ability)?))
    }

    /// Skips the test here if its board lacks one of these abilities, for unittest and pytest.
    #[pyo3(signature = (*abilities))]
    fn needs(&self, py: Python<'_>, abilities: Vec<String>) -> PyResult<()> {
        for ability in abilities {
            let needed = capability(&ability)?;
            if !self.0.has_or_skips(needed) {
                let reason = format!("{} boards do not support {needed}", self.0.kind());
                return Err(PyErr::from_value(py.import("unittest")?.getattr("SkipTest")?.call1((reason,))?));
            }
        }
        Ok(())
    }

    /// Lets it run for some seconds of its time.
    fn run_for(&self, seconds: f64) -> PyResult<Wait> {
        Ok(Wait::new(self.0.run_for(span(seconds)?)))
    }

    /// Waits until it has an address on the network.
    #[pyo3(signature = (*, within=None))]
    fn address(&self, within: Option<f64>) -> PyResult<Wait> {
        let wait = self::within(self.0.address(), within)?;
        Ok(Wait::new(async { Ok(wait.await?.to_string()) }))
    }

    /// Pulls its reset line; the firmware in flash starts, or the ROM's serial download mode.
    #[pyo3(signature = (*, download=false))]
    fn reset(&self, download: bool) -> Wait {
        let board = self.0.clone();
        Wait::new(async move { board.reset_to(if download { Start::Download } else { Start::Flash }).await })
    }

    /// Takes its power away at this moment; a flash chip that is writing is left with torn content, which `seed` draws.
    #[pyo3(signature = (seed=0))]
    fn cut_power(&self, seed: u64) -> PyResult<()> {
        self.0.cut_power(seed).raise()
    }

    /// Switches it on, after `cut_power` or without.
    fn power_on(&self) -> PyResult<()> {
        self.0.power_on().raise()
    }

    #[getter]
    fn is_powered(&self) -> bool {
        self.0.is_powered()
    }

    /// All that is in its flash chip.
    fn read_flash(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        py.detach(|| self.0.read_flash()).raise()
    }

    /// Connects to the chip in its serial download mode, at this rate of the line. A part that the flash chip holds already is not
    /// written, unless `skip_unchanged=False`.
    #[pyo3(signature = (*, baud=None, skip_unchanged=true))]
    fn flasher(&self, baud: Option<u32>, skip_unchanged: bool) -> Wait {
        let builder = self.0.flasher().skip_unchanged(skip_unchanged);
        Flasher::connect(match baud {
            Some(baud) => builder.baud(baud),
            None => builder,
        })
    }

    /// Attaches a debug probe to the chip as it runs; one at a time.
    fn probe(&self, py: Python<'_>) -> PyResult<Probe> {
        Probe::attach(py, &self.0)
    }

    /// Counts from now on what its cores execute.
    fn cover(&self) -> PyResult<()> {
        self.0.cover().raise()
    }

    /// The functions, lines and branches that were executed since `cover`, as a tracefile of lcov; those of the ELF file beside the
    /// firmware, or of another one.
    #[pyo3(signature = (elf=None))]
    fn coverage(&self, py: Python<'_>, elf: Option<PathBuf>) -> PyResult<String> {
        let elf = elf.or_else(|| self.0.elf()).ok_or_else(|| {
            PyValueError::new_err("no ELF file lies beside the firmware; name one: coverage(\"firmware.elf\")")
        })?;
        py.detach(|| self.0.coverage().lcov(&elf)).raise()
    }

    /// The firmware's crash in one line, if it has crashed.
    fn crash(&self) -> Option<String> {
        self.0.crash().map(|crash| crash.to_string())
    }

    /// Warnings about the firmware.
    fn warnings(&self) -> Vec<String> {
        self.0.warnings().iter().map(ToString::to_string).collect()
    }

    /// The firmware's accesses to hardware that this kind of board lacks, one line each.
    fn unmodelled(&self) -> Vec<String> {
        self.0.unmodelled()
    }

    /// Records what goes over the network from now on.
    fn start_capture(&self) -> PyResult<()> {
        self.0.start_capture().raise()
    }

    /// The capture since `start_capture`, as a pcap file.
    fn capture(&self, py: Python<'_>) -> Vec<u8> {
        py.detach(|| self.0.capture())
    }

    /// A fingerprint of everything that has happened, if two runs of this kind of board can be the same at all.
    fn trace_hash(&self) -> Option<u64> {
        self.0.trace_hash()
    }

    /// Where the files of this board go. Nothing is there before something failed.
    #[getter]
    fn artefacts(&self) -> PathBuf {
        self.0.artefacts()
    }

    /// Writes what a failure leaves behind, now rather than when nothing holds the board any more, and says where.
    fn leave_behind(&self, py: Python<'_>) -> PyResult<PathBuf> {
        py.detach(|| self.0.leave_behind()).raise()
    }

    fn __repr__(&self) -> String {
        let on = if self.0.kind() == Kind::Emulated { "" } else { " in wall time" };
        format!("<Board {:?} ({}){on} at {:.6}>", self.0.name(), self.0.kind(), seconds(self.0.now()))
    }
}
