//! `espalier boards`: what there is to be tested on.

use espalier::{Kind, KnownBoard, known_boards};

use crate::error::CliError;
use crate::output::say;
use crate::style::{BAD, FAINT, HEADING, PLAIN};

const COLUMNS: [&str; 4] = ["board", "where", "USB", "used by"];

pub fn perform() -> Result<bool, CliError> {
    let qemu = qemu();
    let row = |kind: Kind, place: String| [kind.name().to_owned(), place, String::new(), String::new()];
    let found = qemu.clone().unwrap_or_else(|_| "not found".to_owned());
    let mut rows = vec![row(Kind::Emulated, "in every process".to_owned()), row(Kind::Qemu, found)];
    let known = known_boards().map_err(espalier::Error::from)?;
    let present: Vec<bool> = [true, qemu.is_ok()].into_iter().chain(known.iter().map(|board| board.present)).collect();
    rows.extend(known.into_iter().map(|KnownBoard { name, place, usb, holder, .. }| {
        [name, place, usb.unwrap_or_default(), holder.unwrap_or_default()]
    }));
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([COLUMNS[column].len()]).max().unwrap_or_default()
    };
    let widths: [usize; 4] = std::array::from_fn(width);
    let line = |cells: [&str; 4]| -> String {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}  "));
        padded.collect::<String>().trim_end().to_owned()
    };
    say!("{HEADING}{}{PLAIN}", line(COLUMNS));
    for (row, present) in rows.iter().zip(present) {
        let colour = if present { PLAIN.to_string() } else { BAD.to_string() };
        say!("{colour}{}{PLAIN}", line(std::array::from_fn(|column| row[column].as_str())));
    }
    if let Err(reason) = qemu {
        say!("\n{FAINT}{reason}{PLAIN}");
    }
    say!(
        "\n{FAINT}ESPALIER_BOARD takes a name of the first column, a serial port, rfc2217://host:port or socket://host:port.{PLAIN}"
    );
    Ok(true)
}

/// The QEMU that would be used, or why there is none.
#[cfg(unix)]
fn qemu() -> Result<String, String> {
    match espalier::Qemu::find() {
        Ok(qemu) => Ok(format!("{} ({})", qemu.program().display(), qemu.version())),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(not(unix))]
fn qemu() -> Result<String, String> {
    Err("Boards in QEMU need Linux or macOS so far.".to_owned())
}
