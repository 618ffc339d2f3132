//! Text that people write.

use std::path::Path;

use espalier_scenario::Document;
use espalier_soc::{BoardDefinition, Machine, MachineConfig};

/// Where a board file is supposed to be: paths in it lead nowhere.
const NOWHERE: &str = "/nonexistent/board.toml";

/// A board file, and the board that it describes.
pub(crate) fn board_file(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(board) = BoardDefinition::from_toml(text, Path::new(NOWHERE)) {
        // There may be no such board, but for no other reason than an error says.
        let _ = Machine::new(&MachineConfig { board, ..MachineConfig::default() });
    }
}

/// A scenario in YAML, or in TOML if its first byte is odd.
pub(crate) fn scenario(input: &[u8]) {
    let Some((format, text)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let path = if format.is_multiple_of(2) { "it.yaml" } else { "it.toml" };
    let _ = Document::parse(path, text).map_err(|error| error.to_string());
}
