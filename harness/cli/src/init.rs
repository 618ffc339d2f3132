//! `espalier init`: a first scenario for the firmware of a project.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use espalier::{Board, Image, Span, Units};

use crate::args::InitArgs;
use crate::error::CliError;
use crate::style::{GOOD, PLAIN, warn};
use crate::{FAILURE, SUCCESS};

/// Where the scenario goes, from the project's folder.
const SCENARIO: &str = "scenarios/boot.toml";
/// Time for which the firmware runs to see its output.
const LOOK: Span = Span::from_secs(3);
/// Where Cargo puts what it builds for the ESP32, and the profiles that are looked for.
const CARGO_TARGET: &str = "target/xtensa-esp32-none-elf";
const CARGO_PROFILES: [&str; 2] = ["release", "debug"];
/// Prompt of MicroPython.
const PROMPT: &str = ">>> ";
/// The script that MicroPython starts by itself.
const MAIN_SCRIPT: &str = "main.py";
/// The longest line that is expected; a longer one is cut.
const LONGEST_LINE: usize = 60;

pub async fn perform(args: InitArgs) -> Result<u8, CliError> {
    let path = args.folder.join(SCENARIO);
    if path.exists() {
        return Err(CliError::Exists { path });
    }
    let firmware = match &args.firmware {
        Some(firmware) => firmware.clone(),
        None => find(&args.folder)?,
    };
    let builder = args.setup.builder("init").firmware(&firmware);
    let board = builder.start().await?;
    board.warnings().iter().for_each(warn);
    board.run_for(LOOK).await?;
    let crash = board.crash().map(|crash| crash.to_string());
    let text = scenario(&args, &path, &firmware, &board).await;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(CliError::file("create", folder))?;
    }
    espalier_files::write(&path, text.as_bytes()).map_err(CliError::file("write", &path))?;
    anstream::println!("{GOOD}wrote{PLAIN} {}", path.display());
    if let Some(crash) = crash {
        warn(format!("{crash}\nthe scenario fails until this is mended, or it says allow-reset = true"));
        return Ok(FAILURE);
    }
    anstream::println!("run it with: espalier test {}", args.folder.join("scenarios").display());
    Ok(SUCCESS)
}

/// The firmware of a project.
fn find(folder: &Path) -> Result<PathBuf, CliError> {
    let build = match Image::read(folder) {
        Ok(_) => return Ok(folder.to_owned()),
        Err(error) => error,
    };
    for profile in CARGO_PROFILES {
        let elf = package(folder).map(|name| folder.join(CARGO_TARGET).join(profile).join(name));
        if let Some(elf) = elf.filter(|elf| elf.is_file()) {
            return Ok(elf);
        }
    }
    // A project that was not built yet is told how.
    let builds = [
        ("platformio.ini", "pio run"),
        ("CMakeLists.txt", "idf.py build"),
        ("Cargo.toml", "cargo build --release"),
        (MAIN_SCRIPT, "espalier init --firmware MICROPYTHON.bin"),
    ];
    let hint = builds.into_iter().find(|(file, _)| folder.join(file).is_file());
    let hint = hint.map(|(file, command)| format!("{file} is there: run `{command}` first"));
    Err(CliError::NoProject { hint: hint.unwrap_or_else(|| build.to_string()) })
}

/// The name of a Cargo project, which its ELF file has too.
fn package(folder: &Path) -> Option<String> {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    let table: toml::Table = manifest.parse().ok()?;
    Some(table.get("package")?.get("name")?.as_str()?.to_owned())
}

/// The scenario: what the board said and showed is what it has to say and show.
async fn scenario(args: &InitArgs, path: &Path, firmware: &Path, board: &Board) -> String {
    let base = path.parent().unwrap_or(Path::new(""));
    let mut text = String::from("# A first test. `espalier test --schema` explains what else a step can do.\n\n");
    // Writing into a string cannot fail.
    let _ = writeln!(text, "board = {}", quoted(&args.setup.board.to_string()));
    let _ = writeln!(text, "firmware = {}\n", quoted(&from_folder(base, firmware).display().to_string()));
    text.push_str("steps = [\n");
    let lines = board.console().lines();
    let prompt = lines.last().is_some_and(|line| line.text.starts_with(PROMPT.trim_end()));
    let script = args.folder.join(MAIN_SCRIPT);
    if prompt {
        let _ = writeln!(text, "    {{ expect = {} }},", quoted(PROMPT));
        let script = match script.is_file() {
            true => format!("{{ file = {} }}", quoted(&from_folder(base, &script).display().to_string())),
            false => "{ code = \"print(6 * 7)\", prints = \"42\" }".to_owned(),
        };
        let _ = writeln!(text, "    {{ script = {script} }},");
    } else if let Some(line) = lines.iter().rev().find(|line| line.text.trim().len() > 3) {
        let _ = writeln!(text, "    {{ expect = {} }},", quoted(&pattern(&line.text)));
    } else {
        text.push_str("    # The firmware printed nothing in its first seconds.\n    { run-for = \"3s\" },\n");
    }
    let shown = board.screen().picture().within(10.ms()).await;
    if shown.is_ok_and(|picture| picture.is_on()) {
        text.push_str("    # `espalier test --bless` keeps what the display shows now as the golden picture.\n");
        text.push_str("    { screen = \"first\" },\n");
    }
    text.push_str("]\n");
    text
}

/// The part of a line that is worth waiting for: the words that begin within its first characters, if it is long.
pub fn beginning(line: &str) -> &str {
    let line = line.trim();
    let Some((end, _)) = line.char_indices().nth(LONGEST_LINE) else { return line };
    let (cut, rest) = line.split_at(end);
    if rest.starts_with(char::is_whitespace) {
        return cut.trim_end();
    }
    // A word without an end is cut.
    cut.rfind(char::is_whitespace).map_or(cut, |space| cut[..space].trim_end())
}

/// A pattern for a line of the console: numbers, which may be times, are not the same on every board.
pub fn pattern(line: &str) -> String {
    let line = beginning(line);
    if !line.contains(|character: char| character.is_ascii_digit()) && !line.starts_with('/') {
        return line.to_owned();
    }
    let mut pattern = String::from("/");
    let mut in_number = false;
    for character in line.chars() {
        if character.is_ascii_digit() {
            if !in_number {
                pattern.push_str("\\d+");
            }
            in_number = true;
        } else {
            in_number = false;
            pattern.push_str(&regex::escape(&character.to_string()));
        }
    }
    pattern + "/"
}

/// A TOML string; what has a backslash in it is literal if it can be.
pub fn quoted(text: &str) -> String {
    match text.contains('\\') && !text.contains('\'') {
        true => format!("'{text}'"),
        false => toml::Value::from(text).to_string(),
    }
}

/// A path as it is written in a file in `folder`.
pub fn from_folder(folder: &Path, path: &Path) -> PathBuf {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (folder, path) = (absolute(folder), absolute(path));
    let same = folder.components().zip(path.components()).take_while(|(left, right)| left == right).count();
    if same <= 1 {
        return path;
    }
    let up = folder.components().skip(same).map(|_| "..");
    let relative: PathBuf =
        up.map(PathBuf::from).chain(path.components().skip(same).map(|part| part.as_os_str().into())).collect();
    if relative.as_os_str().is_empty() { PathBuf::from(".") } else { relative }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{from_folder, pattern, quoted};

    #[test]
    fn numbers_in_a_line_may_differ() {
        assert_eq!(pattern("I (312) main: ready."), "/I \\(\\d+\\) main: ready\\./");
        assert_eq!(pattern("  Hello, world!"), "Hello, world!");
        assert_eq!(quoted("/I \\(\\d+\\)/"), "'/I \\(\\d+\\)/'");
        assert_eq!(quoted("it's"), "\"it's\"");
    }

    #[test]
    fn paths_are_from_the_folder_of_the_scenario() {
        let from = |folder, path| from_folder(Path::new(folder), Path::new(path)).display().to_string();
        assert_eq!(from("/home/me/blink/scenarios", "/home/me/blink/build/blink.bin"), "../build/blink.bin");
        assert_eq!(from("/home/me/blink/scenarios", "/home/me/blink"), "..");
        assert_eq!(from("/a/b", "/a/b"), ".");
    }
}
