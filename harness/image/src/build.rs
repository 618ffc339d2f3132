//! Folders that build tools leave behind: what is in them, and where it goes in flash.
//!
//! ESP-IDF says so itself, in `flasher_args.json` (ESP-IDF programming guide, "idf.py"). PlatformIO and the Arduino IDE write
//! bootloader, partition table and application beside each other, under names that never change.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{BOOTLOADER_OFFSET, ImageError, TABLE_OFFSET, partitions};

/// File that ESP-IDF writes beside the images that it builds.
const IDF_FILE: &str = "flasher_args.json";
/// Folders of a project in which its builds are.
const IDF_FOLDER: &str = "build";
const PLATFORMIO_FOLDER: &str = ".pio/build";
/// Chips are called so in `flasher_args.json`.
const CHIP: &str = "esp32";
/// Where the second half of Arduino's over-the-air data starts out, and its file.
const OTADATA_OFFSET: u32 = 0xE000;
const OTADATA_FILE: &str = "boot_app0.bin";

/// A build: files with their places in flash, and the ELF file that they were made of.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let listed = r#"{"flash_files": {"0x1000": "bootloader.bin", "0x10000": "app.bin"}, "app": {"file": "app.bin"}}"#;
/// # std::fs::write(folder.path().join("flasher_args.json"), listed)?;
/// # std::fs::write(folder.path().join("app.elf"), b"")?;
/// // A folder that `idf.py build` has left behind.
/// let build = espalier_image::find_build(folder.path())?.expect("a build");
/// assert_eq!(build.files[0], (0x1000, folder.path().join("bootloader.bin")));
/// assert!(build.elf.is_some_and(|elf| elf.ends_with("app.elf")));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Build {
    /// Each file and where it goes.
    pub files: Vec<(u32, PathBuf)>,
    /// With symbols for backtraces.
    pub elf: Option<PathBuf>,
}

/// The build at `path`: a folder of ESP-IDF, PlatformIO or Arduino, the folder of a project of one of them, or `flasher_args.json`. None if it is
/// another file.
///
/// # Errors
/// If there is a folder without exactly one build, or with one for another chip.
pub fn find(path: &Path) -> Result<Option<Build>, ImageError> {
    if path.file_name().is_some_and(|name| name == IDF_FILE) {
        return idf(path).map(Some);
    }
    if !path.is_dir() {
        return Ok(None);
    }
    let candidates = [path.to_owned(), path.join(IDF_FOLDER)]
        .into_iter()
        .chain(folders(&path.join(PLATFORMIO_FOLDER)))
        .chain(folders(&path.join(IDF_FOLDER)));
    let mut builds = Vec::new();
    for folder in candidates {
        let arguments = folder.join(IDF_FILE);
        let build = match arguments.is_file() {
            true => Some(idf(&arguments)?),
            false => platformio(&folder)?.or(arduino(&folder)?),
        };
        builds.extend(build.map(|build| (folder, build)));
    }
    let name = || path.display().to_string();
    match builds.len() {
        0 => Err(ImageError::NoBuild { name: name() }),
        1 => Ok(builds.pop().map(|(_, build)| build)),
        _ => {
            let folders: Vec<String> = builds.iter().map(|(folder, _)| folder.display().to_string()).collect();
            Err(ImageError::SeveralBuilds { name: name(), folders: folders.join(", ") })
        }
    }
}

/// Bytes of flash from the bootloader on, with every file in its place.
pub(super) fn merge(name: &str, build: &Build) -> Result<(u32, Vec<u8>), ImageError> {
    let mut parts = Vec::new();
    for (offset, path) in &build.files {
        parts.push((*offset, read(path)?));
    }
    parts.sort_by_key(|(offset, _)| *offset);
    let start = parts.first().map_or(BOOTLOADER_OFFSET, |(offset, _)| *offset).min(BOOTLOADER_OFFSET);
    let mut bytes = Vec::new();
    for (offset, part) in &parts {
        let place = (offset - start) as usize;
        if place < bytes.len() {
            let (first, second) = ((start, u64::from(start) + bytes.len() as u64), *offset);
            return Err(ImageError::Overlap { name: name.to_owned(), first, second });
        }
        if *offset >= super::file::LARGEST_FLASH as u32 {
            let (end, place, limit) =
                (u64::from(*offset), "the largest flash chip".to_owned(), super::file::LARGEST_FLASH);
            return Err(ImageError::TooLarge { name: name.to_owned(), end, place, limit });
        }
        bytes.resize(place, 0xFF);
        bytes.extend_from_slice(part);
    }
    Ok((start, bytes))
}

/// The folders in a folder, by name; none if there is no such folder.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn read(path: &Path) -> Result<Vec<u8>, ImageError> {
    fs::read(path).map_err(|source| ImageError::Read { name: path.display().to_string(), source })
}

/// Reads `flasher_args.json`.
fn idf(arguments: &Path) -> Result<Build, ImageError> {
    let name = || arguments.display().to_string();
    let wrong = |reason: &str| ImageError::BadBuild { name: name(), reason: reason.to_owned() };
    let json: Value = serde_json::from_slice(&read(arguments)?).map_err(|error| wrong(&error.to_string()))?;
    if let Some(chip) = json.pointer("/extra_esptool_args/chip").and_then(Value::as_str)
        && chip != CHIP
    {
        return Err(wrong(&format!("it is for the chip {chip}, and the board has an {CHIP}")));
    }
    let folder = arguments.parent().unwrap_or(Path::new(""));
    let listed = json.get("flash_files").and_then(Value::as_object).ok_or_else(|| wrong("it lists no flash_files"))?;
    let mut files = Vec::new();
    for (offset, file) in listed {
        let number = offset.strip_prefix("0x").and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let number = number.ok_or_else(|| wrong(&format!("{offset:?} is not an offset in flash")))?;
        let file = file.as_str().ok_or_else(|| wrong(&format!("the file for offset {offset} has no name")))?;
        files.push((number, folder.join(file)));
    }
    files.sort();
    let app = json.pointer("/app/file").and_then(Value::as_str).map(|file| folder.join(file).with_extension("elf"));
    Ok(Build { files, elf: app.filter(|elf| elf.is_file()) })
}

/// A folder of PlatformIO's: `bootloader.bin`, `partitions.bin`, `firmware.bin`.
fn platformio(folder: &Path) -> Result<Option<Build>, ImageError> {
    let [app, loader, table] = ["firmware.bin", "bootloader.bin", "partitions.bin"].map(|name| folder.join(name));
    if !app.is_file() || !loader.is_file() || !table.is_file() {
        return Ok(None);
    }
    beside(folder, loader, table, app).map(Some)
}

/// A folder of Arduino's: `SKETCH.ino.bin`, `SKETCH.ino.bootloader.bin`, `SKETCH.ino.partitions.bin`.
fn arduino(folder: &Path) -> Result<Option<Build>, ImageError> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut sketches: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| ends_with(path, ".ino.bin")).collect();
    sketches.sort();
    let Some(app) = sketches.into_iter().next() else { return Ok(None) };
    let [loader, table] = ["bootloader.bin", "partitions.bin"].map(|end| app.with_extension(end));
    if !loader.is_file() || !table.is_file() {
        return Ok(None);
    }
    beside(folder, loader, table, app).map(Some)
}

fn ends_with(path: &Path, end: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(end))
}

/// Three files, of which the partition table says where the application goes.
fn beside(folder: &Path, loader: PathBuf, table: PathBuf, app: PathBuf) -> Result<Build, ImageError> {
    let partitions = partitions::read(&read(&table)?);
    let Some(place) = partitions::boot(&partitions, |_| &[]) else {
        let reason = "its partition table has no partition for an application".to_owned();
        return Err(ImageError::BadBuild { name: table.display().to_string(), reason });
    };
    let elf = Some(app.with_extension("elf")).filter(|elf| elf.is_file());
    let mut files = vec![(BOOTLOADER_OFFSET, loader), (TABLE_OFFSET, table), (place.offset, app)];
    let otadata = folder.join(OTADATA_FILE);
    if otadata.is_file() && place.offset > OTADATA_OFFSET {
        files.push((OTADATA_OFFSET, otadata));
    }
    files.sort();
    Ok(Build { files, elf })
}
