//! Where a board starts: the keywords of `Board.start`, for the library's builder, and the world that it may be in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use espalier::{BoardBuilder, IMAGE_VARIABLE, Model, NoFirmware, Target};
use pyo3::prelude::*;

use crate::device::{Device, Shape};
use crate::error::Raise;

/// Several emulated boards on one clock, in one air and on one LAN. `Board.start(..., world=world)` brings a board into it.
#[pyclass(frozen, module = "espalier._native")]
pub(crate) struct World(pub(crate) Arc<espalier::World>);

/// The keywords that describe a board.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) firmware: Option<PathBuf>,
    /// Whether firmware is written; otherwise the board runs what is in its flash chip.
    pub(crate) flash: bool,
    pub(crate) model: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) seed: u64,
    pub(crate) strict: bool,
    pub(crate) allow: Vec<String>,
    pub(crate) goldens: Option<PathBuf>,
    pub(crate) artefacts: Option<PathBuf>,
    pub(crate) bless: Option<bool>,
    pub(crate) partition_table: Option<u32>,
    pub(crate) parts: Parts,
}

/// Devices of a test's own, by the kind that a board file names.
pub(crate) type Parts = BTreeMap<String, Py<PyAny>>;

/// Adds the kinds of these devices.
pub(crate) fn with_parts(py: Python<'_>, builder: BoardBuilder, parts: Parts) -> PyResult<BoardBuilder> {
    parts.into_iter().try_fold(builder, |builder, (kind, object)| {
        let shape = Shape::of(object.bind(py))?;
        Ok(builder.part(kind, move |wiring| Device::make(&object, &shape, wiring)))
    })
}

impl Options {
    /// The firmware: what was given, or what the environment names.
    fn firmware(&self) -> PyResult<PathBuf> {
        let named = self.firmware.clone().or_else(|| std::env::var_os(IMAGE_VARIABLE).map(PathBuf::from));
        named.ok_or(NoFirmware { variable: IMAGE_VARIABLE }).map_err(espalier::Error::from).raise()
    }

    /// The builder with all of it; `begin` makes one for a model, or for the one that the environment names.
    pub(crate) fn builder(
        self,
        py: Python<'_>,
        begin: impl FnOnce(Option<Model>) -> BoardBuilder,
    ) -> PyResult<BoardBuilder> {
        let firmware = if self.flash { Some(self.firmware()?) } else { None };
        let model = match &self.model {
            Some(model) => Some(model.parse::<Model>().map_err(|error| {
                let error = espalier::ModelError::Unknown(error);
                crate::error::raised(error.into())
            })?),
            None => None,
        };
        let mut builder = with_parts(py, begin(model), self.parts)?.seed(self.seed).strict(self.strict);
        if let Some(firmware) = firmware {
            builder = builder.firmware(firmware);
        }
        if let Some(target) = &self.target {
            builder = builder.target(Target::from(target.as_str()));
        }
        if let Some(name) = self.name {
            builder = builder.name(name);
        }
        if let Some(goldens) = self.goldens {
            builder = builder.goldens(goldens);
        }
        if let Some(artefacts) = self.artefacts {
            builder = builder.artefacts(artefacts);
        }
        if let Some(bless) = self.bless {
            builder = builder.bless(bless);
        }
        if let Some(offset) = self.partition_table {
            builder = builder.partition_table(offset);
        }
        Ok(self.allow.into_iter().fold(builder, BoardBuilder::allow))
    }
}
