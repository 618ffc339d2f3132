//! The board around the chip.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use espalier_parts::PartEntry;

use crate::driver::{ModelError, emulated};

/// Environment variable that chooses the board around the chip.
pub const MODEL_VARIABLE: &str = "ESPALIER_MODEL";
/// File extension of a board's file.
const EXTENSION: &str = ".toml";

/// The board around the chip.
///
/// As text, on the command line and in `ESPALIER_MODEL`, it is its name or the path of a TOML file, which ends in `.toml`. The
/// file `emulator/soc/boards/mpython.toml` describes the format.
///
/// ```
/// use espalier::Model;
///
/// assert_eq!("mpython".parse::<Model>()?, Model::MPython);
/// assert_eq!("boards/mine.toml".parse::<Model>()?, Model::File("boards/mine.toml".into()));
/// # Ok::<_, espalier::UnknownModel>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Model {
    /// `esp32-devkit`: a bare development kit with 4 MB of flash and an SSD1306 display.
    #[default]
    DevKit,
    /// `mpython`: the mPython board of labplus, with 8 MB of flash, an SH1106 display, buttons, LEDs, sensors and touch pads.
    MPython,
    /// Another of the boards that come with Espalier, by its name.
    BuiltIn(&'static str),
    /// A board that this file describes.
    File(PathBuf),
}

/// A word is neither the name of a board nor the path of a TOML file.
///
/// ```
/// let error = "toaster".parse::<espalier::Model>().unwrap_err();
/// assert!(error.to_string().contains("toaster"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a model; supported: {}, or the path of a {EXTENSION} file", emulated::board_names().join(", "))]
pub struct UnknownModel {
    name: String,
}

impl Model {
    /// The model that `ESPALIER_MODEL` chooses; a development kit if it is not set.
    ///
    /// # Errors
    /// If `ESPALIER_MODEL` names no model, or its file cannot be used.
    pub fn from_env() -> Result<Model, ModelError> {
        match std::env::var(MODEL_VARIABLE) {
            Ok(name) => name.parse().map_err(ModelError::Unknown),
            Err(_) => Ok(Model::default()),
        }
    }

    /// Checks whether there can be a board of this model with these parts more.
    ///
    /// ```
    /// use espalier::Model;
    /// use espalier::part::PartEntry;
    ///
    /// let climate = PartEntry::new("bme280", "climate").with("scl", 22).with("sda", 40);
    /// let error = Model::MPython.check_with(&[climate]).unwrap_err();
    /// assert!(error.to_string().contains("bme280 \"climate\": sda is 40, not "), "{error}");
    /// ```
    ///
    /// # Errors
    /// If its description cannot be used, or a part does not fit.
    pub fn check_with(&self, parts: &[PartEntry]) -> Result<(), ModelError> {
        emulated::check(self, parts)
    }
}

impl FromStr for Model {
    type Err = UnknownModel;

    fn from_str(text: &str) -> Result<Model, UnknownModel> {
        if text.ends_with(EXTENSION) {
            return Ok(Model::File(text.into()));
        }
        let name = emulated::board_names().into_iter().find(|name| *name == text);
        let name = name.ok_or_else(|| UnknownModel { name: text.to_owned() })?;
        let known = [Model::DevKit, Model::MPython].into_iter().find(|model| model.to_string() == name);
        Ok(known.unwrap_or(Model::BuiltIn(name)))
    }
}

impl From<PathBuf> for Model {
    fn from(file: PathBuf) -> Model {
        Model::File(file)
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Model::DevKit => f.write_str(emulated::default_board()),
            Model::MPython => f.write_str("mpython"),
            Model::BuiltIn(name) => f.write_str(name),
            Model::File(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Model;

    #[test]
    fn a_model_is_a_name_or_a_file() {
        assert_eq!("mpython".parse(), Ok(Model::MPython));
        assert_eq!("./boards/mine.toml".parse(), Ok(Model::File("./boards/mine.toml".into())));
        assert_eq!(Model::File("mine.toml".into()).to_string(), "mine.toml");
        let error = "mPython".parse::<Model>().unwrap_err().to_string();
        assert_eq!("esp32-devkit".parse(), Ok(Model::DevKit));
        let other: Model = "esp32c3-devkit".parse().unwrap();
        assert_eq!((other.to_string().as_str(), &other), ("esp32c3-devkit", &Model::BuiltIn("esp32c3-devkit")));
        let supported = "esp32-devkit, esp32c3-devkit, mpython, or the path of a .toml file";
        assert_eq!(error, format!("\"mPython\" is not a model; supported: {supported}"));
    }
}
