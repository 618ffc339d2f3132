//! What the OLED shows.

use alloc::vec::Vec;

use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::prelude::Point;
use espalier_protocol::Frame;

use crate::text::{Canvas, LINE_HEIGHT, LINE_PITCH, Layout, draw_bar, draw_line, lay_out};

/// Rows of the tutorial's screens.
pub const ROWS: [u32; 4] = [0, 16, 32, 48];
/// Height of one such row.
pub const ROW_HEIGHT: u32 = 16;
/// Top of the bar that lies over the picture.
const NOTICE_TOP: u32 = Frame::HEIGHT - LINE_PITCH;

/// The picture, as texts at heights; drawn when it changed.
#[derive(Debug, Default)]
pub struct Screen {
    blocks: Vec<(u32, Layout)>,
    notice: Option<&'static str>,
    changed: bool,
}

impl Screen {
    /// Replaces the picture by one line per row; empty rows are left out.
    pub fn show_rows(&mut self, rows: [&str; 4]) {
        self.blocks.clear();
        for (top, text) in ROWS.into_iter().zip(rows).filter(|(_, text)| !text.is_empty()) {
            self.blocks.push((top, lay_out(text, ROW_HEIGHT)));
        }
        self.changed = true;
    }

    /// Replaces what is shown at `top` and below by a text. Returns whether it was cut.
    pub fn show_text(&mut self, top: u32, text: &str) -> bool {
        self.blocks.retain(|(other, _)| *other < top);
        let layout = lay_out(text, Frame::HEIGHT - top);
        let cut = layout.cut;
        self.blocks.push((top, layout));
        self.changed = true;
        cut
    }

    /// Replaces one row and leaves the others.
    pub fn show_row(&mut self, top: u32, text: &str) {
        self.blocks.retain(|(other, _)| *other != top);
        self.blocks.push((top, lay_out(text, ROW_HEIGHT)));
        self.changed = true;
    }

    /// Lays a bar with a few words over the bottom of the picture, or takes it away.
    pub fn set_notice(&mut self, notice: Option<&'static str>) {
        self.changed |= self.notice != notice;
        self.notice = notice;
    }

    /// Draws the picture if it changed since the last time.
    pub fn draw(&mut self, frame: &mut Frame) -> bool {
        if !core::mem::take(&mut self.changed) {
            return false;
        }
        frame.fill(false);
        let canvas = &mut Canvas(frame);
        for (top, layout) in &self.blocks {
            for (line, text) in (0..).zip(&layout.lines) {
                draw_line(text, Point::new(0, (top + line * LINE_PITCH) as i32), BinaryColor::On, canvas);
            }
        }
        if let Some(notice) = self.notice {
            draw_bar(NOTICE_TOP as i32, LINE_PITCH, canvas);
            draw_line(notice, Point::new(1, (Frame::HEIGHT - LINE_HEIGHT) as i32), BinaryColor::Off, canvas);
        }
        true
    }
}
