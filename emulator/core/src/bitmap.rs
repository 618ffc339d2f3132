//! Pictures of one bit per pixel.

/// A picture of one bit per pixel; a set pixel is lit.
///
/// ```
/// use espalier_core::Bitmap;
///
/// let mut bitmap = Bitmap::new(128, 64);
/// bitmap.set(3, 2, true);
/// assert!(bitmap.get(3, 2) && !bitmap.get(500, 2));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Bitmap {
    width: u32,
    height: u32,
    pixels: Vec<bool>,
}

crate::persist!(value Bitmap { width, height, pixels } if Bitmap::has_all_pixels;);

impl Bitmap {
    /// A dark picture.
    pub fn new(width: u32, height: u32) -> Bitmap {
        Bitmap { width, height, pixels: vec![false; width as usize * height as usize] }
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The pixel at column `x` and row `y`, counted from the top left; dark outside of the picture.
    pub fn get(&self, x: u32, y: u32) -> bool {
        self.index(x, y).is_some_and(|index| self.pixels[index])
    }

    /// Lights or darkens a pixel; outside of the picture it does nothing.
    pub fn set(&mut self, x: u32, y: u32, lit: bool) {
        if let Some(index) = self.index(x, y) {
            self.pixels[index] = lit;
        }
    }

    /// All pixels, row by row from the top left.
    pub fn pixels(&self) -> &[bool] {
        &self.pixels
    }

    fn has_all_pixels(&self) -> bool {
        u64::from(self.width) * u64::from(self.height) == self.pixels.len() as u64
    }

    fn index(&self, x: u32, y: u32) -> Option<usize> {
        (x < self.width && y < self.height).then(|| (y * self.width + x) as usize)
    }
}

/// The size and the number of lit pixels: a whole picture does not fit into a message.
impl std::fmt::Debug for Bitmap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lit = self.pixels.iter().filter(|lit| **lit).count();
        write!(f, "Bitmap({}x{}, {lit} lit)", self.width, self.height)
    }
}
