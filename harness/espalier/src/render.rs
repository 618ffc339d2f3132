//! Pictures of one bit per pixel, drawn with characters.

use espalier_core::Bitmap;

/// Draws a picture in a frame with Unicode half blocks, two rows of pixels a line. Needs no colour.
pub fn half_blocks(bitmap: &Bitmap) -> String {
    let width = bitmap.width() as usize;
    let mut drawing = String::new();
    drawing.push_str(&format!("┌{}┐\n", "─".repeat(width)));
    for y in (0..bitmap.height()).step_by(2) {
        drawing.push('│');
        for x in 0..bitmap.width() {
            drawing.push(match (bitmap.get(x, y), bitmap.get(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        drawing.push_str("│\n");
    }
    drawing.push_str(&format!("└{}┘\n", "─".repeat(width)));
    drawing
}

/// Pixels of one Braille character, by the bit of its code (Unicode standard, chapter 21.1).
const DOTS: [(u32, u32); 8] = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
/// The Braille character without dots.
const BLANK: u32 = 0x2800;

/// Draws a picture in a frame with Braille characters, two by four pixels each: half as wide as [`half_blocks`].
pub fn braille(bitmap: &Bitmap) -> String {
    let width = bitmap.width().div_ceil(2) as usize;
    let mut drawing = format!("┌{}┐\n", "─".repeat(width));
    for y in (0..bitmap.height()).step_by(4) {
        drawing.push('│');
        for x in (0..bitmap.width()).step_by(2) {
            let lit = DOTS.iter().enumerate().filter(|(_, (right, down))| bitmap.get(x + right, y + down));
            let code = lit.fold(BLANK, |code, (bit, _)| code | 1 << bit);
            drawing.push(char::from_u32(code).unwrap_or(' '));
        }
        drawing.push_str("│\n");
    }
    drawing.push_str(&format!("└{}┘\n", "─".repeat(width)));
    drawing
}

/// Draws a picture as large as `columns` allow: with half blocks, or else with Braille characters.
pub fn fitting(bitmap: &Bitmap, columns: usize) -> String {
    const FRAME: usize = 2;
    if bitmap.width() as usize + FRAME <= columns { half_blocks(bitmap) } else { braille(bitmap) }
}

#[cfg(test)]
mod tests {
    use super::{braille, fitting, half_blocks};
    use espalier_core::Bitmap;

    #[test]
    fn two_rows_make_one_line_and_an_odd_row_is_not_lost() {
        let mut bitmap = Bitmap::new(4, 3);
        for (x, y) in [(0, 0), (1, 1), (2, 0), (2, 1), (3, 2)] {
            bitmap.set(x, y, true);
        }
        assert_eq!(half_blocks(&bitmap), "┌────┐\n│▀▄█ │\n│   ▀│\n└────┘\n");
    }

    #[test]
    fn braille_has_eight_pixels_a_character() {
        let mut bitmap = Bitmap::new(4, 5);
        for (x, y) in [(0, 0), (1, 3), (3, 2), (0, 4)] {
            bitmap.set(x, y, true);
        }
        assert_eq!(braille(&bitmap), "┌──┐\n│⢁⠠│\n│⠁⠀│\n└──┘\n");
        assert_eq!(fitting(&bitmap, 6), half_blocks(&bitmap));
        assert_eq!(fitting(&bitmap, 5), braille(&bitmap));
    }
}
