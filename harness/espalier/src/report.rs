//! A report of one run as a single HTML file, with its pictures in it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use espalier_core::Bitmap;

use crate::error::FileError;
use crate::png::encode_colour;
use crate::session::Result;
use crate::text::{Escaped, base64};

/// Size of a pixel in the report.
const SCALE: u32 = 3;
const LIT: [u8; 3] = [0x9F, 0xE8, 0xFF];
const DARK: [u8; 3] = [0x05, 0x0A, 0x12];

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;\
    background:#fafafa}h1{font-size:1.6rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}figure{display:inline-block;margin:.5rem \
    1rem .5rem 0}img{display:block;border:6px solid #111;border-radius:6px;image-rendering:pixelated}figcaption{color:#666;\
    font-size:.85rem}pre{background:#16181d;color:#d7dae0;padding:.8rem;border-radius:6px;overflow:auto;max-height:24rem;\
    font-size:.8rem}.ok{color:#17753a}.bad{color:#b3261e}@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}}";

/// A report that is being written. It needs no other file, no network and no script.
///
/// ```
/// let mut report = espalier::report::Report::new("Nightly");
/// report.outcome("the board boots", true);
/// report.outcome("the display shows the menu", false);
/// assert_eq!(report.failures(), 1);
/// assert!(report.html().contains("Nightly"));
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    title: String,
    body: String,
    failures: usize,
}

impl Report {
    /// An empty report.
    pub fn new(title: impl Into<String>) -> Report {
        Report { title: title.into(), body: String::new(), failures: 0 }
    }

    /// Begins a section.
    pub fn heading(&mut self, text: &str) {
        self.push(format_args!("<h2>{}</h2>\n", Escaped(text)));
    }

    /// A sentence or two.
    pub fn paragraph(&mut self, text: &str) {
        self.push(format_args!("<p>{}</p>\n", Escaped(text)));
    }

    /// Something that was checked, and whether it held.
    pub fn outcome(&mut self, what: &str, held: bool) {
        self.failures += usize::from(!held);
        let (class, mark) = if held { ("ok", "✓") } else { ("bad", "✗") };
        self.push(format_args!("<p class=\"{class}\">{mark} {}</p>\n", Escaped(what)));
    }

    /// Adds the picture of a screen.
    pub fn screen(&mut self, bitmap: &Bitmap, caption: &str) {
        let png =
            encode_colour(bitmap.width(), bitmap.height(), SCALE, |x, y| if bitmap.get(x, y) { LIT } else { DARK });
        self.png(&png, caption);
    }

    /// A picture that is a PNG file already.
    pub fn png(&mut self, png: &[u8], caption: &str) {
        let (data, caption) = (base64(png), Escaped(caption));
        self.push(format_args!(
            "<figure><img src=\"data:image/png;base64,{data}\" alt=\"{caption}\"><figcaption>{caption}</figcaption></figure>\n"
        ));
    }

    /// Text as it is, such as a console or a transcript.
    pub fn log(&mut self, text: &str) {
        self.push(format_args!("<pre>{}</pre>\n", Escaped(text)));
    }

    /// Returns the number of outcomes that did not hold.
    pub fn failures(&self) -> usize {
        self.failures
    }

    /// The whole document.
    pub fn html(&self) -> String {
        let title = Escaped(&self.title);
        let verdict = match self.failures {
            0 => "<p class=\"ok\">Everything held.</p>".to_owned(),
            1 => "<p class=\"bad\">One check failed.</p>".to_owned(),
            count => format!("<p class=\"bad\">{count} checks failed.</p>"),
        };
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
             <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head>\n\
             <body><h1>{title}</h1>\n{verdict}\n{}</body></html>\n",
            self.body
        )
    }

    /// Writes the document into a file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<PathBuf> {
        let path = path.as_ref();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(FileError::of("create", folder))?;
        }
        espalier_files::write(path, self.html().as_bytes()).map_err(FileError::of("write", path))?;
        Ok(path.to_owned())
    }

    fn push(&mut self, html: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.body.write_fmt(html);
    }
}

#[cfg(test)]
mod tests {
    use super::Report;
    use espalier_core::Bitmap;

    #[test]
    fn a_report_stands_alone_and_shows_text_as_text() {
        let mut report = Report::new("<demo>");
        report.heading("Client & server");
        report.screen(&Bitmap::new(8, 8), "dark");
        report.outcome("greeting", true);
        report.outcome("refused", false);
        report.log("<script>");
        let html = report.html();
        assert_eq!(report.failures(), 1);
        assert!(html.contains("<title>&lt;demo&gt;</title>") && html.contains("One check failed"));
        assert!(html.contains("data:image/png;base64,iVBOR") && html.contains("&lt;script&gt;"));
        assert!(!html.contains("http"));
    }
}
