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

#[cfg(test)]
mod tests {
    use super::half_blocks;
    use espalier_core::Bitmap;

    #[test]
    fn two_rows_make_one_line_and_an_odd_row_is_not_lost() {
        let mut bitmap = Bitmap::new(4, 3);
        for (x, y) in [(0, 0), (1, 1), (2, 0), (2, 1), (3, 2)] {
            bitmap.set(x, y, true);
        }
        assert_eq!(half_blocks(&bitmap), "┌────┐\n│▀▄█ │\n│   ▀│\n└────┘\n");
    }
}
