//! Comparing pictures pixel by pixel.

use std::fmt;

use espalier_core::{Bitmap, Picture, Rgb};

use crate::png::{Colour, encode_colour};

/// Size of a pixel in difference pictures.
const SCALE: u32 = 4;
/// Pixels around the differences that a drawing shows, so that one sees where they are.
const MARGIN: u32 = 3;
/// The largest drawing of differences, so that it fits on a terminal.
const DRAWN: (u32, u32) = (120, 32);

const LIT: Colour = [0xE8, 0xE8, 0xE8];
const DARK: Colour = [0x10, 0x10, 0x10];
const MISSING: Colour = [0xFF, 0x30, 0x30];
const EXTRA: Colour = [0x30, 0xE0, 0x40];
const MASKED: Colour = [0x30, 0x30, 0x70];
const MASKED_LIT: Colour = [0x70, 0x70, 0xC0];

/// A rectangle of pixels.
///
/// ```
/// assert_eq!(espalier::Rect::new(0, 48, 128, 16).to_string(), "128x16 pixels at (0, 48)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// Left column.
    pub x: u32,
    /// Upper row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Rect {
    /// A rectangle whose upper left pixel is at column `x` and row `y`.
    pub const fn new(x: u32, y: u32, width: u32, height: u32) -> Rect {
        Rect { x, y, width, height }
    }

    /// The part of it that is on a picture of this size.
    pub(crate) fn on(&self, width: u32, height: u32) -> Rect {
        let (x, y) = (self.x.min(width), self.y.min(height));
        Rect { x, y, width: self.width.min(width - x), height: self.height.min(height - y) }
    }

    fn contains(&self, x: u32, y: u32) -> bool {
        let inside = |value: u32, start: u32, length: u32| value >= start && value - start < length;
        inside(x, self.x, self.width) && inside(y, self.y, self.height)
    }
}

impl fmt::Display for Rect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{} pixels at ({}, {})", self.width, self.height, self.x, self.y)
    }
}

/// Differences that a comparison accepts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tolerance {
    pub(crate) masks: Vec<Rect>,
    /// Differing pixels that are forgiven.
    pub(crate) pixels: usize,
    /// Allowed distance of a lit pixel from its place.
    pub(crate) distance: u32,
    /// Allowed difference of each channel of a colour.
    pub(crate) channel: u8,
}

/// The comparison of one pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Same { lit: bool },
    Missing,
    Extra,
    Masked { lit: bool },
}

/// The outcome of comparing two pictures.
///
/// ```
/// use espalier::{Bitmap, Comparison, Rect};
///
/// let (expected, mut actual) = (Bitmap::new(8, 8), Bitmap::new(8, 8));
/// actual.set(3, 5, true);
/// let comparison = Comparison::of(&expected, &actual);
/// assert_eq!((comparison.differing(), comparison.bounds()), (1, Some(Rect::new(3, 5, 1, 1))));
/// ```
#[derive(Clone)]
pub struct Comparison {
    expected: Picture,
    actual: Picture,
    tolerance: Tolerance,
    differing: usize,
    bounds: Option<Rect>,
}

impl Comparison {
    /// Compares two pictures, forgiving nothing.
    pub fn of(expected: &Bitmap, actual: &Bitmap) -> Comparison {
        let picture = |bitmap: &Bitmap| Picture::Dots(bitmap.clone());
        Comparison::new(&picture(expected), &picture(actual), &Tolerance::default())
    }

    pub(crate) fn new(expected: &Picture, actual: &Picture, tolerance: &Tolerance) -> Comparison {
        let (expected, actual, tolerance) = (expected.clone(), actual.clone(), tolerance.clone());
        let mut comparison = Comparison { expected, actual, tolerance, differing: 0, bounds: None };
        let mut corners: Option<(u32, u32, u32, u32)> = None;
        for y in 0..comparison.height() {
            for x in 0..comparison.width() {
                if matches!(comparison.verdict(x, y), Verdict::Missing | Verdict::Extra) {
                    comparison.differing += 1;
                    let (left, top, right, bottom) = corners.unwrap_or((x, y, x, y));
                    corners = Some((left.min(x), top.min(y), right.max(x), bottom.max(y)));
                }
            }
        }
        let rect = |(left, top, right, bottom)| Rect::new(left, top, right - left + 1, bottom - top + 1);
        comparison.bounds = corners.map(rect);
        comparison
    }

    /// Whether the pictures are the same size and as equal as was asked for.
    pub fn matches(&self) -> bool {
        self.same_size() && self.differing <= self.tolerance.pixels
    }

    /// Returns the number of pixels that differ, including accepted ones and excluding masked ones.
    pub fn differing(&self) -> usize {
        self.differing
    }

    /// The smallest rectangle around all differing pixels.
    pub fn bounds(&self) -> Option<Rect> {
        self.bounds
    }

    /// A colour picture: red is missing, green is too much, blue is masked.
    pub fn picture(&self) -> Vec<u8> {
        encode_colour(self.width(), self.height(), SCALE, |x, y| match self.verdict(x, y) {
            Verdict::Same { lit: true } => LIT,
            Verdict::Same { lit: false } => DARK,
            Verdict::Missing => MISSING,
            Verdict::Extra => EXTRA,
            Verdict::Masked { lit: true } => MASKED_LIT,
            Verdict::Masked { lit: false } => MASKED,
        })
    }

    /// The differing region with one character a pixel.
    pub fn drawing(&self) -> String {
        let Some(bounds) = self.bounds else { return String::new() };
        let (left, top) = (bounds.x.saturating_sub(MARGIN), bounds.y.saturating_sub(MARGIN));
        let right = (bounds.x + bounds.width + MARGIN).min(self.width()).min(left + DRAWN.0);
        let bottom = (bounds.y + bounds.height + MARGIN).min(self.height()).min(top + DRAWN.1);
        let mut drawing = format!("from ({left}, {top}); # same, - missing, + extra, ~ masked\n");
        for y in top..bottom {
            drawing.extend((left..right).map(|x| match self.verdict(x, y) {
                Verdict::Same { lit: true } => '#',
                Verdict::Same { lit: false } => '·',
                Verdict::Missing => '-',
                Verdict::Extra => '+',
                Verdict::Masked { .. } => '~',
            }));
            drawing.push('\n');
        }
        drawing
    }

    pub(crate) fn same_size(&self) -> bool {
        self.expected.width() == self.actual.width() && self.expected.height() == self.actual.height()
    }

    fn width(&self) -> u32 {
        self.expected.width().max(self.actual.width())
    }

    fn height(&self) -> u32 {
        self.expected.height().max(self.actual.height())
    }

    fn verdict(&self, x: u32, y: u32) -> Verdict {
        if let (Picture::Dots(expected), Picture::Dots(actual)) = (&self.expected, &self.actual) {
            return self.verdict_of_dots(expected, actual, x, y);
        }
        let (expected, actual) = (self.expected.get(x, y), self.actual.get(x, y));
        if self.is_masked(x, y) {
            Verdict::Masked { lit: actual.is_bright() }
        } else if differ(expected, actual) <= self.tolerance.channel {
            Verdict::Same { lit: actual.is_bright() }
        } else if expected.is_bright() && !actual.is_bright() {
            Verdict::Missing
        } else {
            Verdict::Extra
        }
    }

    fn is_masked(&self, x: u32, y: u32) -> bool {
        self.tolerance.masks.iter().any(|mask| mask.contains(x, y))
    }

    fn verdict_of_dots(&self, wanted: &Bitmap, found: &Bitmap, x: u32, y: u32) -> Verdict {
        let (expected, actual) = (wanted.get(x, y), found.get(x, y));
        if self.is_masked(x, y) {
            Verdict::Masked { lit: actual }
        } else if expected == actual {
            Verdict::Same { lit: expected }
        } else if expected && !self.near(found, x, y) {
            Verdict::Missing
        } else if actual && !self.near(wanted, x, y) {
            Verdict::Extra
        } else {
            Verdict::Same { lit: actual }
        }
    }

    /// Whether `picture` has a lit pixel as near to a place as is forgiven.
    fn near(&self, picture: &Bitmap, x: u32, y: u32) -> bool {
        let distance = self.tolerance.distance;
        let range = |center: u32| center.saturating_sub(distance)..=center.saturating_add(distance);
        distance > 0 && range(y).any(|y| range(x).any(|x| picture.get(x, y)))
    }
}

/// Returns the difference of the channel that differs most.
fn differ(a: Rgb, b: Rgb) -> u8 {
    a.red.abs_diff(b.red).max(a.green.abs_diff(b.green)).max(a.blue.abs_diff(b.blue))
}

#[cfg(test)]
mod tests {
    use super::{Comparison, Rect, Tolerance};
    use crate::png::decode;
    use espalier_core::{Bitmap, Picture, Pixmap, Rgb};

    fn bitmap(lit: &[(u32, u32)]) -> Bitmap {
        let mut bitmap = Bitmap::new(16, 8);
        for (x, y) in lit {
            bitmap.set(*x, *y, true);
        }
        bitmap
    }

    fn compare(expected: &[(u32, u32)], actual: &[(u32, u32)], tolerance: &Tolerance) -> Comparison {
        Comparison::new(&Picture::Dots(bitmap(expected)), &Picture::Dots(bitmap(actual)), tolerance)
    }

    #[test]
    fn differences_are_counted_and_bounded() {
        let comparison = compare(&[(1, 1), (5, 2)], &[(1, 1), (9, 6)], &Tolerance::default());
        assert!(!comparison.matches());
        assert_eq!(comparison.differing(), 2);
        assert_eq!(comparison.bounds(), Some(Rect::new(5, 2, 5, 5)));
        let drawing = comparison.drawing();
        assert_eq!(drawing.lines().count(), 1 + 8);
        assert!(drawing.contains('-') && drawing.contains('+'));
        let picture = decode(&comparison.picture()).unwrap();
        assert_eq!((picture.width(), picture.height()), (64, 32));
    }

    #[test]
    fn masks_hide_only_what_they_cover() {
        let mask = Tolerance { masks: vec![Rect::new(8, 0, 8, 8)], ..Tolerance::default() };
        assert!(compare(&[(1, 1)], &[(1, 1), (8, 0), (15, 7)], &mask).matches());
        assert!(!compare(&[(1, 1)], &[(1, 1), (7, 0)], &mask).matches());
    }

    #[test]
    fn some_pixels_can_be_forgiven() {
        let one = Tolerance { pixels: 1, ..Tolerance::default() };
        assert!(compare(&[(1, 1)], &[], &one).matches());
        assert!(!compare(&[(1, 1)], &[(3, 3)], &one).matches());
    }

    #[test]
    fn a_pixel_beside_its_place_can_be_forgiven() {
        let near = Tolerance { distance: 1, ..Tolerance::default() };
        assert!(compare(&[(4, 4)], &[(5, 5)], &near).matches());
        assert!(!compare(&[(4, 4)], &[(6, 4)], &near).matches());
        assert!(!compare(&[(4, 4)], &[], &near).matches());
    }

    #[test]
    fn colours_may_be_off_by_a_limit_in_each_channel() {
        let red = |red| {
            let mut pixmap = Pixmap::new(4, 4);
            pixmap.set(1, 2, Rgb::new(red, 0, 0));
            Picture::Colours(pixmap)
        };
        let within = |channel| Tolerance { channel, ..Tolerance::default() };
        assert!(Comparison::new(&red(100), &red(108), &within(8)).matches());
        let off = Comparison::new(&red(100), &red(109), &within(8));
        assert_eq!((off.differing(), off.bounds()), (1, Some(Rect::new(1, 2, 1, 1))));
        assert!(!off.matches());
    }

    #[test]
    fn pictures_of_different_sizes_never_match() {
        let comparison = Comparison::of(&Bitmap::new(8, 8), &Bitmap::new(16, 8));
        assert_eq!(comparison.differing(), 0);
        assert!(!comparison.matches());
    }
}
