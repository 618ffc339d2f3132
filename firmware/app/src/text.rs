//! Laying out and drawing text.

use alloc::string::String;
use alloc::vec::Vec;
use core::convert::Infallible;

use embedded_graphics::Pixel;
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::prelude::{DrawTarget, OriginDimensions, Point, Size};
use embedded_graphics::primitives::{PrimitiveStyle, Rectangle, StyledDrawable};
use espalier_protocol::Frame;
use u8g2_fonts::types::{FontColor, VerticalPosition};
use u8g2_fonts::{FontRenderer, fonts};

/// WenQuanYi bitmap song, 12 pixels: Latin and all of GB 2312.
static FONT: FontRenderer = FontRenderer::new::<fonts::u8g2_font_wqy12_t_gb2312>();

/// Distance between the tops of two lines: five lines fill the screen.
pub const LINE_PITCH: u32 = 13;
/// Height of the glyphs.
pub const LINE_HEIGHT: u32 = 12;
/// Rows above the baseline.
const ASCENT: i32 = 10;

/// What stands for a character that the font does not have: an empty box.
const BOX: Size = Size::new(11, 11);
const BOX_ADVANCE: u32 = 12;

const ELLIPSIS: char = '\u{2026}';
const TAB: &str = "    ";

/// Text that was broken into lines for a part of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub lines: Vec<String>,
    /// The text was longer than the room, and its last line ends with an ellipsis.
    pub cut: bool,
}

/// Breaks `text` at the right edge of the screen, and at its own line ends, into as many lines as fit into `height`.
pub fn lay_out(text: &str, height: u32) -> Layout {
    let room = (height + LINE_PITCH - LINE_HEIGHT) / LINE_PITCH;
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut width = 0;
    let mut characters = text.chars().flat_map(printable).peekable();
    while let Some(character) = characters.next() {
        let advance = if character == '\n' { 0 } else { advance(character) };
        if character == '\n' || width + advance > Frame::WIDTH {
            lines.push(core::mem::take(&mut line));
            width = 0;
            if lines.len() as u32 == room {
                // A line end that closes the last line hides nothing.
                return finish(lines, character != '\n' || characters.peek().is_some());
            }
        }
        if character != '\n' {
            line.push(character);
            width += advance;
        }
    }
    lines.push(line);
    finish(lines, false)
}

fn finish(mut lines: Vec<String>, cut: bool) -> Layout {
    if let Some(last) = lines.last_mut().filter(|_| cut) {
        while last.chars().map(advance).sum::<u32>() + advance(ELLIPSIS) > Frame::WIDTH {
            last.pop();
        }
        last.push(ELLIPSIS);
    }
    Layout { lines, cut }
}

/// What is drawn for a character: tabs are spaces, carriage returns nothing.
fn printable(character: char) -> impl Iterator<Item = char> {
    let expanded = if character == '\t' { TAB } else { "" };
    let plain = (character != '\t' && character != '\r').then_some(character);
    expanded.chars().chain(plain)
}

fn advance(character: char) -> u32 {
    match FONT.get_rendered_dimensions(character, Point::zero(), VerticalPosition::Baseline) {
        Ok(dimensions) => dimensions.advance.x.unsigned_abs(),
        Err(_) => BOX_ADVANCE,
    }
}

/// Draws one line with its top left corner at `at`.
pub fn draw_line(text: &str, at: Point, color: BinaryColor, canvas: &mut Canvas<'_>) {
    let mut pen = at + Point::new(0, ASCENT);
    for character in text.chars() {
        let drawn = FONT.render(character, pen, VerticalPosition::Baseline, FontColor::Transparent(color), canvas);
        if drawn.is_err() {
            let corner = Point::new(pen.x, at.y);
            let Ok(()) = Rectangle::new(corner, BOX).draw_styled(&PrimitiveStyle::with_stroke(color, 1), canvas);
        }
        pen.x += advance(character) as i32;
    }
}

/// Draws a full-width bar.
pub fn draw_bar(top: i32, height: u32, canvas: &mut Canvas<'_>) {
    let bar = Rectangle::new(Point::new(0, top), Size::new(Frame::WIDTH, height));
    let Ok(()) = bar.draw_styled(&PrimitiveStyle::with_fill(BinaryColor::On), canvas);
}

/// A frame as a target of embedded-graphics.
pub struct Canvas<'a>(pub &'a mut Frame);

impl OriginDimensions for Canvas<'_> {
    fn size(&self) -> Size {
        Size::new(Frame::WIDTH, Frame::HEIGHT)
    }
}

impl DrawTarget for Canvas<'_> {
    type Color = BinaryColor;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<BinaryColor>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(point, color) in pixels {
            if let (Ok(x), Ok(y)) = (u32::try_from(point.x), u32::try_from(point.y)) {
                self.0.set(x, y, color.is_on());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use espalier_protocol::Frame;

    use super::{advance, lay_out};

    fn lines(text: &str, height: u32) -> (Vec<String>, bool) {
        let layout = lay_out(text, height);
        (layout.lines, layout.cut)
    }

    #[test]
    fn text_breaks_at_the_right_edge_and_at_line_ends() {
        let (lines, cut) = lines(&"m".repeat(60), Frame::HEIGHT);
        assert!(lines.len() > 1 && !cut);
        assert!(lines.iter().all(|line| line.chars().map(advance).sum::<u32>() <= Frame::WIDTH));
        assert_eq!(self::lines("a\r\n\nb", Frame::HEIGHT), (vec!["a".into(), String::new(), "b".into()], false));
    }

    #[test]
    fn five_lines_fill_the_screen_and_more_is_cut() {
        assert_eq!(lines("1\n2\n3\n4\n5", Frame::HEIGHT).0.len(), 5);
        assert!(!lines("1\n2\n3\n4\n5\n", Frame::HEIGHT).1);
        let (lines, cut) = lines("1\n2\n3\n4\n5\n6", Frame::HEIGHT);
        assert_eq!((lines.len(), lines[4].as_str(), cut), (5, "5\u{2026}", true));
    }

    #[test]
    fn an_ellipsis_takes_the_place_of_what_it_hides() {
        let (lines, cut) = lines(&"\u{4f60}".repeat(30), 16);
        assert!(cut && lines.len() == 1 && lines[0].ends_with('\u{2026}'));
        assert!(lines[0].chars().map(advance).sum::<u32>() <= Frame::WIDTH);
    }
}
