//! The page that a failure leaves in its folder: one file that shows what the others hold, and needs neither them nor a network.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use espalier_core::Time;

use super::artefacts::OWNER;
use super::log::Line;
use crate::text::{Escaped, base64};

/// The page's name.
pub(super) const PAGE: &str = "index.html";
/// The three pictures of a comparison, and what they are.
const PICTURES: [(&str, &str); 3] = [
    (".expected.png", "expected"),
    (".actual.png", "actual"),
    (".diff.png", "difference: red is missing, green is too much"),
];
/// The display at the end.
const SCREEN: &str = "screen.png";
/// Lines of a log that the page shows: the last ones. The files have all.
const LINES: usize = 2000;
/// A picture of the page is no larger than this, in bytes.
const LARGEST_PICTURE: u64 = 4 << 20;
/// Variables that choose the board, and so belong to the command that runs the test again.
const VARIABLES: [&str; 4] = ["ESPALIER_BOARD", "ESPALIER_IMAGE", "ESPALIER_MODEL", "ESPALIER_ENGINE"];

/// Text that is scrolled sideways, also by keys.
const PRE: &str = "<pre tabindex=\"0\">";
const STYLE: &str = include_str!("page.css");

/// Content of the page.
pub(super) struct FailurePage<'a> {
    pub owner: String,
    pub board: String,
    pub at: Time,
    /// The command that runs the test again.
    pub again: Option<String>,
    pub failures: &'a [Line],
    pub console: &'a [Line],
    pub transcript: &'a [Line],
    pub backtrace: &'a str,
    pub stacks: Vec<String>,
}

impl FailurePage<'_> {
    /// The page, with the pictures that are in `folder`.
    pub fn html(&self, folder: &Path) -> String {
        let mut html = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut html, folder);
        html
    }

    fn write(&self, html: &mut String, folder: &Path) -> std::fmt::Result {
        let owner = Escaped(&self.owner);
        write!(
            html,
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\
             <title>{owner} failed</title><style>{STYLE}</style></head>\n<body>\n<header><h1>{owner}</h1>\
             <p>Board {}, at {} of its time</p></header>\n<main>\n",
            Escaped(&self.board),
            self.at
        )?;
        self.write_failures(html)?;
        write_pictures(html, folder)?;
        if !self.backtrace.is_empty() || !self.stacks.is_empty() {
            html.push_str("<section><h2>Call stacks</h2>");
            for stack in std::iter::once(self.backtrace).chain(self.stacks.iter().map(String::as_str)) {
                if !stack.trim().is_empty() {
                    write!(html, "{PRE}{}</pre>", Escaped(stack.trim_end()))?;
                }
            }
            html.push_str("</section>\n");
        }
        write_log(html, "Console", self.console, "The console printed nothing.")?;
        if !self.transcript.is_empty() {
            write_log(html, "Traffic of the peer", self.transcript, "")?;
        }
        self.write_again(html)?;
        write_files(html, folder)?;
        html.push_str("</main>\n</body></html>\n");
        Ok(())
    }

    fn write_failures(&self, html: &mut String) -> std::fmt::Result {
        html.push_str("<section class=\"failures\"><h2>What failed</h2>");
        if self.failures.is_empty() {
            html.push_str("<p>The test ended by a panic or an assertion of its own; its output says why.</p>");
        }
        for failure in self.failures {
            write!(html, "<p class=\"time\">at {}</p>{PRE}{}</pre>", failure.at, Escaped(&failure.text))?;
        }
        html.push_str("</section>\n");
        Ok(())
    }

    fn write_again(&self, html: &mut String) -> std::fmt::Result {
        let Some(again) = &self.again else { return Ok(()) };
        let set = VARIABLES.iter().filter_map(|name| Some((name, std::env::var(name).ok()?)));
        let mut command: String = set.map(|(name, value)| format!("{name}='{value}' ")).collect();
        command.push_str(again);
        writeln!(html, "<section><h2>Run it again</h2>{PRE}{}</pre></section>", Escaped(&command))
    }
}

/// The names of the files in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

fn write_pictures(html: &mut String, folder: &Path) -> std::fmt::Result {
    let names = names(folder);
    for name in names.iter().filter_map(|name| name.strip_suffix(".actual.png")) {
        html.push_str("<section><h2>");
        write!(html, "Screen {}</h2><div class=\"pictures\">", Escaped(name))?;
        for (suffix, caption) in PICTURES {
            write_picture(html, folder, &format!("{name}{suffix}"), caption)?;
        }
        html.push_str("</div></section>\n");
    }
    if names.iter().any(|name| name == SCREEN) {
        html.push_str("<section><h2>Screen at the end</h2><div class=\"pictures\">");
        write_picture(html, folder, SCREEN, "what the display showed last")?;
        html.push_str("</div></section>\n");
    }
    Ok(())
}

fn write_picture(html: &mut String, folder: &Path, name: &str, caption: &str) -> std::fmt::Result {
    let path = folder.join(name);
    let fits = fs::metadata(&path).is_ok_and(|file| file.len() <= LARGEST_PICTURE);
    let Some(png) = fits.then(|| fs::read(&path).ok()).flatten() else { return Ok(()) };
    let (data, caption) = (base64(&png), Escaped(caption));
    write!(
        html,
        "<figure><img src=\"data:image/png;base64,{data}\" alt=\"{caption}\"><figcaption>{caption}</figcaption></figure>"
    )
}

fn write_log(html: &mut String, heading: &str, lines: &[Line], empty: &str) -> std::fmt::Result {
    write!(html, "<section><h2>{heading}</h2>")?;
    let skipped = lines.len().saturating_sub(LINES);
    if lines.is_empty() {
        write!(html, "<p>{empty}</p>")?;
    } else {
        if skipped > 0 {
            write!(html, "<p>The first {skipped} lines are in the file only.</p>")?;
        }
        html.push_str("<div class=\"log\" tabindex=\"0\"><table>");
        for line in &lines[skipped..] {
            write!(html, "<tr><td>{}</td><td>{}</td></tr>", line.at, Escaped(&line.text))?;
        }
        html.push_str("</table></div>");
    }
    html.push_str("</section>\n");
    Ok(())
}

fn write_files(html: &mut String, folder: &Path) -> std::fmt::Result {
    let files =
        names(folder).into_iter().filter(|name| name != PAGE && name != OWNER && !name.ends_with(".golden.txt"));
    html.push_str("<section><h2>Files</h2><ul>");
    for name in files {
        let name = Escaped(&name);
        write!(html, "<li><a href=\"{name}\">{name}</a></li>")?;
    }
    html.push_str("</ul></section>\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{FailurePage, LINES};
    use crate::session::Line;
    use espalier_core::Time;

    fn page<'a>(failures: &'a [Line], console: &'a [Line]) -> FailurePage<'a> {
        FailurePage {
            owner: "package/binary <test>".to_owned(),
            board: "test, emulated".to_owned(),
            at: Time::from_micros(1_500_000),
            again: Some("cargo test -p package 'test' -- --exact".to_owned()),
            failures,
            console,
            transcript: &[],
            backtrace: "0x400d1234 in app_main",
            stacks: Vec::new(),
        }
    }

    fn line(text: &str) -> Line {
        Line { at: Time::from_micros(7), text: text.to_owned() }
    }

    #[test]
    fn the_page_stands_alone_and_shows_text_as_text() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["menu.actual.png", "menu.expected.png", "menu.diff.png", "screen.png", "console.log"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let html = page(&[line("the screen <b>differs")], &[line("<script>")]).html(folder.path());
        for part in [
            "<title>package/binary &lt;test&gt; failed</title>",
            "the screen &lt;b&gt;differs",
            "<h2>Screen menu</h2>",
            "alt=\"expected\"",
            "Screen at the end",
            "0x400d1234 in app_main",
            "<td>0.000007s</td><td>&lt;script&gt;</td>",
            "cargo test -p package 'test' -- --exact",
            "<a href=\"console.log\">",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(!html.contains("http") && !html.contains("<script"), "{html}");
        assert_eq!(html.matches("data:image/png;base64,").count(), 4);
    }

    #[test]
    fn a_long_console_is_shown_from_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let console: Vec<Line> = (0..LINES + 5).map(|n| line(&format!("line {n}."))).collect();
        let html = page(&[], &console).html(folder.path());
        assert!(html.contains("The first 5 lines are in the file only"));
        assert!(!html.contains("line 4.") && html.contains("line 5.") && html.contains("ended by a panic"));
    }
}
