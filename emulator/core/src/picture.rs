//! Pictures that displays show.

use crate::bitmap::Bitmap;
use crate::colour::Rgb;

/// A picture in colours.
///
/// ```
/// use espalier_core::{Pixmap, Rgb};
///
/// let mut pixmap = Pixmap::new(240, 320);
/// pixmap.set(0, 0, Rgb::new(255, 0, 0));
/// assert_eq!(pixmap.get(0, 0), (255, 0, 0));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Pixmap {
    width: u32,
    height: u32,
    pixels: Vec<Rgb>,
}

impl Pixmap {
    /// A black picture.
    pub fn new(width: u32, height: u32) -> Pixmap {
        Pixmap { width, height, pixels: vec![Rgb::default(); width as usize * height as usize] }
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The pixel at column `x` and row `y`, counted from the top left; black outside of the picture.
    pub fn get(&self, x: u32, y: u32) -> Rgb {
        self.index(x, y).map_or(Rgb::default(), |index| self.pixels[index])
    }

    /// Colours a pixel; outside of the picture it does nothing.
    pub fn set(&mut self, x: u32, y: u32, colour: Rgb) {
        if let Some(index) = self.index(x, y) {
            self.pixels[index] = colour;
        }
    }

    /// All pixels, row by row from the top left.
    pub fn pixels(&self) -> &[Rgb] {
        &self.pixels
    }

    fn index(&self, x: u32, y: u32) -> Option<usize> {
        (x < self.width && y < self.height).then(|| (y * self.width + x) as usize)
    }
}

/// The size: a whole picture does not fit into a message.
impl std::fmt::Debug for Pixmap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pixmap({}x{})", self.width, self.height)
    }
}

/// The picture of a display: dots that are lit or dark, or colours.
///
/// ```
/// use espalier_core::{Bitmap, Picture};
///
/// let picture = Picture::Dots(Bitmap::new(128, 64));
/// assert_eq!(picture.bright(), Bitmap::new(128, 64));
/// assert_eq!(picture.colours(), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Picture {
    Dots(Bitmap),
    Colours(Pixmap),
}

impl Picture {
    /// Width in pixels.
    pub fn width(&self) -> u32 {
        match self {
            Picture::Dots(dots) => dots.width(),
            Picture::Colours(colours) => colours.width(),
        }
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        match self {
            Picture::Dots(dots) => dots.height(),
            Picture::Colours(colours) => colours.height(),
        }
    }

    /// A pixel as a colour; a dot that is lit is white.
    pub fn get(&self, x: u32, y: u32) -> Rgb {
        match self {
            Picture::Dots(dots) if dots.get(x, y) => Rgb::new(u8::MAX, u8::MAX, u8::MAX),
            Picture::Dots(_) => Rgb::default(),
            Picture::Colours(colours) => colours.get(x, y),
        }
    }

    /// Its dots, or where its colours are at least half as bright as white.
    pub fn bright(&self) -> Bitmap {
        match self {
            Picture::Dots(dots) => dots.clone(),
            Picture::Colours(colours) => {
                let mut bright = Bitmap::new(colours.width(), colours.height());
                for y in 0..colours.height() {
                    (0..colours.width()).for_each(|x| bright.set(x, y, colours.get(x, y).is_bright()));
                }
                bright
            }
        }
    }

    /// Its colours, if it has some.
    pub fn colours(self) -> Option<Pixmap> {
        match self {
            Picture::Dots(_) => None,
            Picture::Colours(colours) => Some(colours),
        }
    }
}
