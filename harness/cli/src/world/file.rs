//! The file that describes a world: its networks, its boards and the wires between them.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use espalier::Model;
use espalier_scenario::Pattern;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use toml::Spanned;

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
    #[serde(rename = "wire", default)]
    wires: Vec<WireEntry>,
}

/// A wire between two pads.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireEntry {
    from: Spanned<PadName>,
    to: Spanned<PadName>,
}

/// A pad of a board, as in `left.17`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PadName {
    pub board: String,
    pub pin: usize,
}

impl FromStr for PadName {
    type Err = String;

    fn from_str(text: &str) -> Result<PadName, String> {
        let parts = text.rsplit_once('.').filter(|(board, _)| !board.is_empty());
        let name = parts.and_then(|(board, pin)| Some(PadName { board: board.to_owned(), pin: pin.parse().ok()? }));
        name.ok_or_else(|| {
            format!("{text:?} is not a board's name, a dot and the number of a GPIO, such as \"left.17\"")
        })
    }
}

impl<'de> Deserialize<'de> for PadName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<PadName, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// A wire, and where it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    pub ends: [PadName; 2],
    /// The line of its first end.
    pub line: usize,
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
    /// Where `serve --world` has QMP of it; without it, nowhere.
    #[serde(default)]
    pub qmp: Option<u16>,
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
    /// The description of a world that was saved in this file: the names of its boards.
    pub fn of_saved<'a>(path: &Path, names: impl Iterator<Item = &'a str>) -> WorldFile {
        let entry = |name: &str| BoardEntry {
            name: name.to_owned(),
            model: Model::default(),
            firmware: path.to_owned(),
            serial: 0,
            rfc2217: 0,
            qmp: None,
            input: Vec::new(),
            expect: Vec::new(),
            fail_on: Vec::new(),
        };
        WorldFile { seed: 0, access_points: Vec::new(), boards: names.map(entry).collect(), wires: Vec::new() }
    }

    /// Reads a file. Paths in it are seen from its folder. Every end of a wire is at one of the boards.
    pub fn read(path: &Path) -> Result<(WorldFile, Vec<Wire>), CliError> {
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
        let wires = file.wires.iter().map(|wire| wire.read(&text, &file.boards)).collect::<Result<_, _>>();
        let wires = wires.map_err(&refused)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        for board in &mut file.boards {
            board.firmware = folder.join(&board.firmware);
            if let Model::File(file) = &mut board.model {
                *file = folder.join(&*file);
            }
        }
        Ok((file, wires))
    }
}

impl WireEntry {
    /// The wire, if its boards are there.
    fn read(&self, text: &str, boards: &[BoardEntry]) -> Result<Wire, String> {
        let line = |end: &Spanned<PadName>| text[..end.span().start].lines().count().max(1);
        for (key, end) in [("from", &self.from), ("to", &self.to)] {
            let board = &end.get_ref().board;
            if boards.iter().all(|known| known.name != *board) {
                let names: Vec<_> = boards.iter().map(|board| board.name.as_str()).collect();
                let names = names.join(", ");
                return Err(format!("line {}: wire.{key}: there is no board {board:?}; there are {names}", line(end)));
            }
        }
        let ends = [self.from.get_ref().clone(), self.to.get_ref().clone()];
        Ok(Wire { ends, line: line(&self.from) })
    }
}

fn parsed<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: std::fmt::Display>,
{
    let texts = Vec::<String>::deserialize(from)?;
    texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
}

fn model<'de, D: Deserializer<'de>>(from: D) -> Result<Model, D::Error> {
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::{PadName, Wire, WorldFile};
    use espalier::Model;

    fn read(text: &str) -> Result<(WorldFile, Vec<Wire>), String> {
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
        let (file, wires) = read(text).unwrap();
        assert_eq!(wires, []);
        assert_eq!((file.seed, file.access_points[0].ssid.as_str(), file.boards.len()), (3, "home", 2));
        assert!(file.boards[0].firmware.ends_with("a.bin") && file.boards[0].firmware.is_absolute());
        assert_eq!((&file.boards[0].model, &file.boards[1].model), (&Model::MPython, &Model::DevKit));
        assert_eq!(file.boards[1].firmware.to_str(), Some("/b.bin"));
    }

    #[test]
    fn wires_join_pads_of_its_boards() {
        let boards = "[[board]]\nname = \"a\"\nfirmware = \"a\"\n[[board]]\nname = \"b.c\"\nfirmware = \"b\"\n";
        let (_, wires) = read(&format!("{boards}[[wire]]\nfrom = \"a.17\"\nto = \"b.c.4\"\n")).unwrap();
        let ends = [("a", 17), ("b.c", 4)].map(|(board, pin)| PadName { board: board.to_owned(), pin });
        assert_eq!(wires, [Wire { ends, line: 8 }]);
        let told = |wire: &str, part: &str| {
            let error = read(&format!("{boards}[[wire]]\n{wire}")).unwrap_err();
            assert!(error.contains("world.toml") && error.contains(part), "{error}");
        };
        told("from = \"a.17\"\nto = \"d.4\"\n", "line 9: wire.to: there is no board \"d\"; there are a, b.c");
        told("from = \"a17\"\nto = \"a.4\"\n", "line 8");
        told("from = \"a17\"\nto = \"a.4\"\n", "\"a17\" is not a board's name, a dot and the number of a GPIO");
        told("from = \".17\"\nto = \"a.4\"\n", "such as \"left.17\"");
        told("from = \"a.17\"\n", "missing field `to`");
        told("from = \"a.17\"\nto = \"a.4\"\npull = 1\n", "pull");
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
