//! Output of the demo on the terminal, and in its report.

use std::fmt::Arguments;
use std::fs;
use std::path::PathBuf;

use espalier::report::Report;
use espalier::{Board, Comparison, Image, decode_png, render};
use espalier_tutorial::golden;

use crate::Terminal;
use crate::error::DemoError;
use crate::style::{BAD, FAINT, GOOD, HEADING, PLAIN, SCREEN};

/// Number of characters of a console line that are shown.
const LINE: usize = 100;

/// The board, and what has been told of it.
pub struct Stage<'a> {
    terminal: &'a mut dyn Terminal,
    board: Board,
    report: Report,
    folder: PathBuf,
    chapter: usize,
    lines_told: usize,
    entries_told: usize,
    checked: usize,
}

impl Stage<'_> {
    pub fn new(board: Board, folder: PathBuf, terminal: &mut dyn Terminal) -> Stage<'_> {
        let report = Report::new("Espalier demo: the tutorial's TCP client and server");
        Stage { terminal, board, report, folder, chapter: 0, lines_told: 0, entries_told: 0, checked: 0 }
    }

    pub fn board(&self) -> &Board {
        &self.board
    }

    fn say(&mut self, text: Arguments<'_>) {
        self.terminal.print(format_args!("{text}\n"));
    }

    /// Writes the firmware into the chip, and says how many bytes were written.
    pub async fn flash(&mut self, image: &Image) -> Result<u64, DemoError> {
        let Stage { board, terminal, .. } = self;
        let flashed = board.flasher().flash(image, |progress| terminal.flashing(progress)).await?;
        terminal.flashed();
        Ok(flashed.written)
    }

    /// Number of compared screens.
    pub fn checked(&self) -> usize {
        self.checked
    }

    /// Whether everything held so far.
    pub fn held(&self) -> bool {
        self.report.failures() == 0
    }

    /// Begins a part of the story.
    pub fn chapter(&mut self, title: &str) {
        self.chapter += 1;
        let number = self.chapter;
        self.say(format_args!("{HEADING}{number}. {title}{PLAIN}"));
        self.report.heading(title);
    }

    /// Something that is worth a sentence.
    pub fn tell(&mut self, text: &str) {
        self.say(format_args!("   {text}"));
        self.report.paragraph(text);
    }

    /// Tells what the console has printed since the last time.
    pub fn tell_console(&mut self) {
        let lines = self.board.console().lines();
        let fresh: String = lines[self.lines_told..].iter().map(|line| format!("{line}\n")).collect();
        for line in fresh.lines() {
            let end = line.char_indices().nth(LINE).map_or(line.len(), |(end, _)| end);
            self.say(format_args!("   {FAINT}{}{PLAIN}", &line[..end]));
        }
        if !fresh.is_empty() {
            self.report.log(&fresh);
        }
        self.lines_told = lines.len();
    }

    /// Tells what went over the network since the last time.
    pub fn tell_network(&mut self) {
        let entries = self.board.peer().transcript();
        let fresh: String = entries[self.entries_told..].iter().map(|entry| format!("{entry}\n")).collect();
        for entry in fresh.lines() {
            self.say(format_args!("   {entry}"));
        }
        if !fresh.is_empty() {
            self.report.log(&fresh);
        }
        self.entries_told = entries.len();
    }

    /// Waits until the screen has settled, and compares it with its golden.
    pub async fn check(&mut self, name: &str) -> Result<(), DemoError> {
        let picture = self.board.screen().settled().await?;
        self.tell_console();
        self.tell_network();
        let drawing = render::fitting(picture.bitmap(), self.terminal.columns());
        self.terminal.print(format_args!("{SCREEN}{drawing}{PLAIN}"));
        let path = self.folder.join(format!("{name}.png"));
        fs::create_dir_all(&self.folder).map_err(DemoError::file("create", &self.folder))?;
        fs::write(&path, picture.png()).map_err(DemoError::file("write", &path))?;
        let expected = golden(name).map(decode_png).transpose();
        let expected = expected.map_err(|source| DemoError::Picture { path: path.clone(), source })?;
        let comparison = expected.map(|expected| Comparison::of(&expected, picture.bitmap()));
        let held = comparison.as_ref().is_some_and(Comparison::matches);
        self.checked += 1;
        self.report.screen(picture.bitmap(), name);
        self.report.outcome(&format!("the screen matches its golden {name}"), held);
        if held {
            self.say(format_args!("   {GOOD}✓ {name}{PLAIN}\n"));
        } else if let Some(comparison) = comparison {
            self.say(format_args!(
                "   {BAD}✗ {name}: {} pixels differ{PLAIN}\n{}",
                comparison.differing(),
                comparison.drawing()
            ));
            self.report.png(&comparison.picture(), "red is missing, green is too much");
        }
        Ok(())
    }

    /// The story ended early.
    pub fn failed(&mut self, error: &DemoError) {
        self.terminal.complain(format_args!("{error}"));
        self.report.outcome("the story was played to its end", false);
        self.report.log(&error.to_string());
    }

    /// Writes the report and says where it is.
    pub fn finish(self) -> Result<PathBuf, DemoError> {
        Ok(self.report.write(self.folder.join("report.html"))?)
    }
}
