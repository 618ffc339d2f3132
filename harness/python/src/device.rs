//! Parts of a board whose behaviour is an object of Python: I2C registers, SPI, a UART, pads, or several of these.
//!
//! The board asks its parts while it is locked, and a part of Python asks the interpreter then: a thread that waits for the board must
//! not hold the interpreter. Operations that take board time let go of it; so a board with such parts is for one thread of Python.

mod object;

use espalier::part::{
    Drive, I2cTarget, PadUse, Part, PartError, SerialLine, Signal, Span, SpiPart, Time, Wiring, persist,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict};

use self::object::Object;
pub(crate) use self::object::{take_raised, waiting};
use crate::values::seconds;

/// The keys of a UART's pads, as the part calls them: what it sends, and what it hears.
const TXD: &str = "txd";
const RXD: &str = "rxd";
/// Terminals of a UART; those of other pads come behind them.
const SENDS: usize = 0;
const HEARS: usize = 1;
const FIRST_PAD: usize = 2;
/// Pads that one part has.
const MOST_PADS: usize = 64;

/// The buses and pads at which an object of Python is.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// Its address on an I2C bus.
    address: Option<u8>,
    /// The rate of its UART.
    baud: Option<u32>,
    /// Whether it is on a SPI bus, and whether that has a line for data and commands.
    spi: Option<bool>,
    /// Its other pads, by their keys.
    pads: Vec<(&'static str, PadUse)>,
    /// Whether it tells when it changes by itself.
    has_time: bool,
}

/// A part whose behaviour is an object of Python.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    object: Object,
    shape: Shape,
    register: u8,
    choosing: bool,
    /// The byte that it sends on SPI while the next one comes in.
    answer: u8,
    line: SerialLine,
    /// Guest time as far as the part knows it.
    now: Time,
}

// The shape stays with its class.
persist!(state Device { object, register, choosing, answer, line, now } fixed { shape });

impl Shape {
    /// The buses and pads of an object, by the attributes and methods that it has. It can be copied.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Shape> {
        let pads = match object.getattr_opt("pads")? {
            Some(pads) => pads_of(&pads)?,
            None => Vec::new(),
        };
        let shape = Shape {
            address: number(object, "address", 0x77, "an address on an I2C bus")?.map(|address| address as u8),
            baud: number(object, "baud", 5_000_000, "a rate of a UART, in bits per second")?,
            spi: if object.hasattr("exchange")? {
                let dc = object.getattr_opt("dc")?.map(|dc| dc.extract::<bool>()).transpose()?;
                Some(dc.unwrap_or(false))
            } else {
                None
            },
            pads,
            has_time: object.hasattr("deadline")?,
        };
        if shape.address.is_none() && shape.baud.is_none() && shape.spi.is_none() && shape.pads.is_empty() {
            return Err(PyTypeError::new_err(format!(
                "{object} is no part: it has neither `address` (I2C) nor `exchange` (SPI) nor `baud` (UART) nor `pads`"
            )));
        }
        let methods = [
            (shape.address.is_some(), "read"),
            (shape.address.is_some(), "write"),
            (shape.spi.is_some(), "exchange"),
            (shape.baud.is_some(), "receive"),
            (shape.hears(), "sense"),
            (shape.drives(), "drive"),
            (shape.has_time, "deadline"),
            (shape.has_time, "advance"),
        ];
        for (_, method) in methods.iter().filter(|(needed, _)| *needed) {
            if !object.getattr_opt(*method)?.is_some_and(|found| found.is_callable()) {
                return Err(PyTypeError::new_err(format!("{object} has no method `{method}`, so it is no such part")));
            }
        }
        object::copy(object)?;
        Ok(shape)
    }

    fn hears(&self) -> bool {
        self.pads.iter().any(|(_, uses)| uses.hears())
    }

    fn drives(&self) -> bool {
        self.pads.iter().any(|(_, uses)| *uses != PadUse::Hears)
    }
}

/// An attribute that is a number, if it is there.
fn number(object: &Bound<'_, PyAny>, name: &str, most: u32, what: &str) -> PyResult<Option<u32>> {
    let Some(value) = object.getattr_opt(name)? else { return Ok(None) };
    let number = value.extract::<u32>().ok().filter(|number| (1..=most).contains(number));
    let wrong = || PyTypeError::new_err(format!("{object} has {name} = {value}, which is not {what}"));
    number.map(Some).ok_or_else(wrong)
}

/// The pads in `{"key": "hears"}`. The keys live as long as the process: parts name their pads by them.
fn pads_of(pads: &Bound<'_, PyAny>) -> PyResult<Vec<(&'static str, PadUse)>> {
    let wrong = |key: &str, value: &str| {
        PyValueError::new_err(format!("pads: {key:?} is {value:?}, not hears, drives, shares or analog"))
    };
    let pads = pads.cast::<PyDict>().map_err(|_| PyTypeError::new_err("`pads` is a dict of keys and uses"))?;
    if pads.len() > MOST_PADS {
        return Err(PyValueError::new_err(format!("a part has {MOST_PADS} pads at most")));
    }
    let mut known = Vec::new();
    for (key, uses) in pads.iter() {
        let (key, uses) = (key.extract::<String>()?, uses.extract::<String>()?);
        let uses = match uses.as_str() {
            "hears" => PadUse::Hears,
            "drives" => PadUse::Drives,
            "shares" => PadUse::Shares,
            "analog" => PadUse::Analog,
            _ => return Err(wrong(&key, &uses)),
        };
        known.push((object::key(&key)?, uses));
    }
    Ok(known)
}

impl Device {
    /// A part of a board, which has a copy of the object.
    pub(crate) fn make(object: &Py<PyAny>, shape: &Shape, wiring: &mut Wiring<'_>) -> Result<Device, PartError> {
        if let Some(address) = shape.address {
            wiring.i2c(address)?;
        }
        if let Some(has_dc) = shape.spi {
            wiring.spi(has_dc)?;
        }
        if shape.baud.is_some() {
            wiring.optional_pad(TXD, SENDS, PadUse::Drives)?;
            wiring.optional_pad(RXD, HEARS, PadUse::Hears)?;
        }
        for (place, (key, uses)) in shape.pads.iter().enumerate() {
            wiring.pad(key, FIRST_PAD + place, *uses)?;
        }
        let object = Python::attach(|py| Object::new(object.clone_ref(py))).clone();
        let line = SerialLine::new(shape.baud.unwrap_or(1));
        Ok(Device {
            object,
            shape: shape.clone(),
            register: 0,
            choosing: false,
            answer: NOTHING,
            line,
            now: Time::ZERO,
        })
    }

    pub(crate) fn object(&self, py: Python<'_>) -> Py<PyAny> {
        self.object.shared(py)
    }

    fn next(&mut self) -> u8 {
        let register = self.register;
        self.register = register.wrapping_add(1);
        register
    }

    /// Gives the object what the UART has heard, and sends what it answers.
    fn hear(&mut self, now: Time) {
        while let Some(byte) = self.line.take() {
            self.say(now, |object| object.call_method1("receive", (byte,)));
        }
    }

    /// Has the UART send what a method returns, if that is not nothing.
    fn say(&mut self, now: Time, call: impl for<'py> FnOnce(&Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>) {
        let answer = self.object.ask(|object| call(object)?.extract::<Option<Vec<u8>>>());
        if let Some(bytes) = answer.flatten() {
            self.line.send(&bytes, now);
        }
    }
}

impl Part for Device {
    fn power_cycle(&mut self, now: Time) {
        (self.register, self.choosing, self.now) = (0, false, now);
        self.line = SerialLine::new(self.line.baud());
        self.object.ask(|object| match object.getattr_opt("power_cycle")? {
            Some(method) => method.call0().map(drop),
            None => Ok(()),
        });
    }

    fn i2c(&mut self) -> Option<&mut dyn I2cTarget> {
        if self.shape.address.is_some() { Some(self) } else { None }
    }

    fn spi(&mut self) -> Option<&mut dyn SpiPart> {
        if self.shape.spi.is_some() { Some(self) } else { None }
    }

    fn sense(&mut self, terminal: usize, signal: Signal, at: Time) {
        self.now = at;
        match terminal {
            SENDS => {}
            HEARS => {
                self.line.sense(signal, at);
                self.hear(at);
            }
            pad => {
                let (key, _) = self.shape.pads[pad - FIRST_PAD];
                let level = signal.level_at(at);
                self.object.ask(|object| object.call_method1("sense", (key, level, seconds(at))).map(drop));
            }
        }
    }

    fn drive(&self, terminal: usize) -> Drive {
        match terminal {
            SENDS => {
                if self.line.level() {
                    Drive::High
                } else {
                    Drive::Low
                }
            }
            HEARS => Drive::Released,
            pad => {
                let (key, _) = self.shape.pads[pad - FIRST_PAD];
                self.object.ask(|object| output(&object.call_method1("drive", (key,))?)).unwrap_or_default()
            }
        }
    }

    fn deadline(&self) -> Option<Time> {
        let own = self.shape.has_time.then(|| {
            self.object.ask(|object| {
                let due = object.call_method0("deadline")?.extract::<Option<f64>>()?;
                due.map(|due| moment(due, self.now)).transpose()
            })
        });
        self.line.deadline().into_iter().chain(own.flatten().flatten()).min()
    }

    fn advance(&mut self, now: Time) {
        self.now = now;
        self.line.advance(now);
        self.hear(now);
        if self.shape.has_time {
            self.say(now, |object| object.call_method1("advance", (seconds(now),)));
        }
    }
}

/// A moment of the board's time, in seconds. One that has passed already is the next tick, so that time goes on.
fn moment(due: f64, now: Time) -> PyResult<Time> {
    let passed = crate::values::span(due.max(0.0))?;
    Ok((Time::ZERO + passed).max(now + Span::from_micros(1)))
}

/// The output to a pad: `None`, a level, volts, or a pull.
fn output(value: &Bound<'_, PyAny>) -> PyResult<Drive> {
    if value.is_none() {
        return Ok(Drive::Released);
    }
    if let Ok(level) = value.cast::<PyBool>() {
        return Ok(if level.is_true() { Drive::High } else { Drive::Low });
    }
    if let Ok(volts) = value.extract::<f64>() {
        return Ok(Drive::Microvolts((volts.clamp(0.0, 5.0) * 1e6).round() as u32));
    }
    match value.extract::<String>().as_deref() {
        Ok("pull-up") => Ok(Drive::PullUp),
        Ok("pull-down") => Ok(Drive::PullDown),
        _ => Err(PyValueError::new_err(format!(
            "drive: {value:?} is neither None nor True, False, volts, \"pull-up\" or \"pull-down\""
        ))),
    }
}

impl I2cTarget for Device {
    fn start(&mut self, _address: u8, read: bool, _now: Time) -> bool {
        self.choosing = !read;
        true
    }

    fn write(&mut self, byte: u8, _now: Time) -> bool {
        if std::mem::take(&mut self.choosing) {
            self.register = byte;
            return true;
        }
        let register = self.next();
        self.object.ask(|object| object.call_method1("write", (register, byte)).map(drop)).is_some()
    }

    fn read(&mut self, _now: Time) -> u8 {
        let register = self.next();
        self.object.ask(|object| object.call_method1("read", (register,))?.extract()).unwrap_or(NOTHING)
    }

    fn stop(&mut self, _now: Time) {}
}

/// The byte that a bus carries when nothing pulls it low.
const NOTHING: u8 = 0xFF;

impl SpiPart for Device {
    fn select(&mut self, _now: Time) {
        let first = self.object.ask(|object| match object.getattr_opt("select")? {
            Some(method) => method.call0()?.extract::<Option<u8>>(),
            None => Ok(None),
        });
        self.answer = first.flatten().unwrap_or(NOTHING);
    }

    fn send(&mut self, _now: Time) -> u8 {
        self.answer
    }

    fn receive(&mut self, byte: u8, data: bool, _now: Time) {
        let answer = self.object.ask(|object| object.call_method1("exchange", (byte, data))?.extract::<Option<u8>>());
        self.answer = answer.flatten().unwrap_or(NOTHING);
    }

    fn deselect(&mut self, _now: Time) {
        self.object.ask(|object| match object.getattr_opt("deselect")? {
            Some(method) => method.call0().map(drop),
            None => Ok(()),
        });
    }
}
