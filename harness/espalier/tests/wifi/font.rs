//! The font in the board's flash: the characters that the tests show, from the font that the tutorial's own firmware has. The
//! script `panel.py` describes the format.

use std::convert::Infallible;

use embedded_graphics::Pixel;
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::prelude::{DrawTarget, OriginDimensions, Point, Size};
use u8g2_fonts::types::{FontColor, VerticalPosition};
use u8g2_fonts::{FontRenderer, fonts};

static FONT: FontRenderer = FontRenderer::new::<fonts::u8g2_font_wqy12_t_gb2312>();

/// Everything beyond ASCII that a test shows.
const CHINESE: &str = "你好,掌控板!世界";
const SIDE: usize = 16;
/// Rows above the baseline, with one above them.
const ASCENT: i32 = 12;

/// Sixteen rows, the leftmost pixel in the highest bit.
#[derive(Default)]
struct Glyph([u16; SIDE]);

impl OriginDimensions for Glyph {
    fn size(&self) -> Size {
        Size::new(SIDE as u32, SIDE as u32)
    }
}

impl DrawTarget for Glyph {
    type Color = BinaryColor;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<BinaryColor>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(Point { x, y }, colour) in pixels {
            if let (0..16, 0..16, BinaryColor::On) = (x, y, colour) {
                self.0[y as usize] |= 0x8000 >> x;
            }
        }
        Ok(())
    }
}

/// The file that goes to flash.
pub fn file() -> Vec<u8> {
    let mut characters: Vec<char> = (' '..='~').chain(CHINESE.chars()).collect();
    characters.sort_unstable();
    characters.dedup();
    let mut file = b"GLYF".to_vec();
    file.extend((characters.len() as u16).to_le_bytes());
    for character in characters {
        let mut glyph = Glyph::default();
        let drawn = FONT.render(
            character,
            Point::new(0, ASCENT),
            VerticalPosition::Baseline,
            FontColor::Transparent(BinaryColor::On),
            &mut glyph,
        );
        let advance = drawn.expect("the font has the character").advance.x;
        file.extend((character as u16).to_le_bytes());
        file.extend([advance as u8, 0]);
        file.extend(glyph.0.iter().flat_map(|row| row.to_be_bytes()));
    }
    file
}
