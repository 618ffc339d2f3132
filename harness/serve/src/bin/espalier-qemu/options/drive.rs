//! Files behind memories: the flash chip and the eFuses.

use std::path::PathBuf;

use super::Parsed;
use super::fields::Fields;

/// The file of a memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drive {
    pub path: PathBuf,
    /// Writes to the memory are written to the file.
    pub written_back: bool,
}

/// The chip that a drive is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wired {
    /// The flash chip.
    Flash,
    /// Whatever device names it.
    ToDevice { id: String },
}

pub fn parse_drive(value: &str) -> Parsed<(Wired, Drive)> {
    let mut fields = Fields::read(value, None);
    let path = fields.value("file")?.ok_or("lacks file=")?.into();
    let interface = fields.value("if")?;
    let id = fields.value("id")?;
    if let Some(format) = fields.value("format")?.filter(|format| format != "raw") {
        return Err(format!("format '{format}' is not known; there is raw"));
    }
    let [readonly, snapshot] = ["readonly", "snapshot"].map(|key| fields.switch(key));
    let written_back = !(readonly?.unwrap_or(false) || snapshot?.unwrap_or(false));
    fields.ignore(&[
        "cache",
        "aio",
        "index",
        "bus",
        "unit",
        "media",
        "discard",
        "file.locking",
        "locking",
        "werror",
        "rerror",
    ]);
    fields.finish()?;
    let wired = match interface.as_deref() {
        // labgrid calls every flash chip a parallel one.
        Some("mtd" | "pflash") => Wired::Flash,
        Some("none") => Wired::ToDevice { id: id.ok_or("a drive of no interface needs an id=")? },
        Some("sd") => return Err("the SD card's controller is not emulated".to_owned()),
        _ => return Err("the flash chip is if=mtd, the eFuses are if=none,id=efuse".to_owned()),
    };
    Ok((wired, Drive { path, written_back }))
}
