//! The file that describes a world: its networks and its boards.

use std::path::{Path, PathBuf};

use espalier::Model;
use espalier_scenario::Pattern;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::error::CliError;
use crate::network::Network;

/// A world.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WorldFile {
    /// Seeds everything that is random.
    #[serde(default)]
    pub seed: u64,
    /// Networks in the air: `SSID`, or `SSID:PASSWORD`.
    #[serde(default, deserialize_with = "parsed")]
    pub access_points: Vec<Network>,
    #[serde(rename = "board")]
    pub boards: Vec<BoardEntry>,
}

/// A board.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BoardEntry {
    pub name: String,
    /// `esp32-devkit`, `esp32c3-devkit`, `mpython`, or a TOML file that describes one.
    #[serde(default, deserialize_with = "model")]
    pub model: Model,
    pub firmware: PathBuf,
    /// Ports of this computer at which `serve --world` offers its console; free ones if they are left out.
    #[serde(default)]
    pub serial: u16,
    #[serde(default)]
    pub rfc2217: u16,
    /// Typed into its console when that has been quiet for a while; a line each.
    #[serde(default)]
    pub input: Vec<String>,
    /// Text or regular expressions between slashes that its console has to say, in this order.
    #[serde(default, deserialize_with = "parsed")]
    pub expect: Vec<Pattern>,
    /// Text that its console must not print.
    #[serde(default, deserialize_with = "parsed")]
    pub fail_on: Vec<Pattern>,
}

impl WorldFile {
    /// Reads a file. Paths in it are seen from its folder.
    pub fn read(path: &Path) -> Result<WorldFile, CliError> {
        let text = std::fs::read_to_string(path).map_err(CliError::file("read", path))?;
        let refused = |reason: String| CliError::World { path: path.to_owned(), reason };
        let mut file: WorldFile = toml::from_str(&text).map_err(|error| refused(error.to_string()))?;
        if file.boards.is_empty() {
            return Err(refused("it has no [[board]]".into()));
        }
        for (index, board) in file.boards.iter().enumerate() {
            if file.boards[..index].iter().any(|other| other.name == board.name) {
                return Err(refused(format!("two boards have the name {:?}", board.name)));
            }
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        for board in &mut file.boards {
            board.firmware = folder.join(&board.firmware);
            if let Model::File(file) = &mut board.model {
                *file = folder.join(&*file);
            }
        }
        Ok(file)
    }
}

fn parsed<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    let texts = Vec::<String>::deserialize(from)?;
    texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
}

fn model<'de, D: Deserializer<'de>>(from: D) -> Result<Model, D::Error> {
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::WorldFile;
    use espalier::Model;

    fn read(text: &str) -> Result<WorldFile, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("world.toml");
        std::fs::write(&path, text).unwrap();
        WorldFile::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_has_networks_and_boards_with_paths_beside_it() {
        let text = "seed = 3\naccess-points = [\"home:12345678\"]\n\
            [[board]]\nname = \"a\"\nfirmware = \"a.bin\"\nmodel = \"mpython\"\nexpect = [\"ready\", \"/[0-9]+/\"]\n\
            [[board]]\nname = \"b\"\nfirmware = \"/b.bin\"\n";
        let file = read(text).unwrap();
        assert_eq!((file.seed, file.access_points[0].ssid.as_str(), file.boards.len()), (3, "home", 2));
        assert!(file.boards[0].firmware.ends_with("a.bin") && file.boards[0].firmware.is_absolute());
        assert_eq!((&file.boards[0].model, &file.boards[1].model), (&Model::MPython, &Model::DevKit));
        assert_eq!(file.boards[1].firmware.to_str(), Some("/b.bin"));
    }

    #[test]
    fn mistakes_in_a_file_are_reported() {
        let board = "[[board]]\nname = \"a\"\nfirmware = \"a.bin\"\n";
        let told = |text: &str, part: &str| {
            let error = read(text).unwrap_err();
            assert!(error.contains("world.toml") && error.contains(part), "{error}");
        };
        told("", "board");
        told("board = []\n", "no [[board]]");
        told(&format!("{board}{board}"), "two boards have the name \"a\"");
        told(&format!("{board}colour = 1\n"), "colour");
        told(&format!("{board}model = \"mPython\"\n"), "mPython");
        told(&format!("{board}expect = [\"/(/\"]\n"), "regex");
        told(&format!("access-points = [\"home:1\"]\n{board}"), "8 to 63");
    }
}
