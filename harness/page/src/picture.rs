//! The display's picture as a file.

use espalier_core::{Bitmap, Picture, Pixmap};
use png::{BitDepth, ColorType, Encoder};

/// Brightness of a lit pixel.
const LIT: u8 = 0xFF;
/// Bytes of a pixel in colour.
const RGB: usize = 3;

/// A picture as a PNG of one bit per pixel, grey; lit is white.
pub fn picture_as_png(picture: &Bitmap) -> Vec<u8> {
    let packed = packed_dots(picture);
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, picture.width(), picture.height());
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    let mut writer = encoder.write_header().expect("a picture has a size, and memory takes every byte");
    writer.write_image_data(&packed).expect("the samples fill the picture");
    writer.finish().expect("memory takes every byte");
    file
}

/// The dots of a picture, eight in a byte, each row in bytes of its own; the leftmost is the highest bit.
pub(crate) fn packed_dots(picture: &Bitmap) -> Vec<u8> {
    let row_bytes = picture.width().div_ceil(u8::BITS) as usize;
    let mut packed = vec![0; row_bytes * picture.height() as usize];
    for y in 0..picture.height() {
        for x in (0..picture.width()).filter(|x| picture.get(*x, y)) {
            packed[y as usize * row_bytes + (x / u8::BITS) as usize] |= 0x80 >> (x % u8::BITS);
        }
    }
    packed
}

/// Encodes the picture of a display as a PNG: lit dots white, or colours.
pub(crate) fn shown_as_png(picture: &Picture) -> Vec<u8> {
    match picture {
        Picture::Dots(dots) => picture_as_png(dots),
        Picture::Colours(colours) => colours_as_png(colours),
    }
}

/// The colours of a picture, three bytes a pixel.
pub(crate) fn colour_bytes(picture: &Pixmap) -> Vec<u8> {
    picture.pixels().iter().flat_map(|pixel| [pixel.red, pixel.green, pixel.blue]).collect()
}

fn colours_as_png(picture: &Pixmap) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, picture.width(), picture.height());
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    let mut writer = encoder.write_header().expect("a picture has a size, and memory takes every byte");
    writer.write_image_data(&colour_bytes(picture)).expect("the samples fill the picture");
    writer.finish().expect("memory takes every byte");
    file
}

/// A picture as a binary PPM, the format in which QEMU dumps its screen.
pub fn picture_as_ppm(picture: &Bitmap) -> Vec<u8> {
    let mut file = format!("P6\n{} {}\n{LIT}\n", picture.width(), picture.height()).into_bytes();
    file.extend(picture.pixels().iter().flat_map(|lit| [if *lit { LIT } else { 0 }; RGB]));
    file
}

#[cfg(test)]
mod tests {
    use super::{picture_as_png, picture_as_ppm};
    use espalier_core::Bitmap;

    fn sample() -> Bitmap {
        let mut picture = Bitmap::new(9, 2);
        picture.set(0, 0, true);
        picture.set(8, 1, true);
        picture
    }

    #[test]
    fn a_png_has_the_pixels() {
        let file = picture_as_png(&sample());
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut samples = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut samples).unwrap();
        assert_eq!((info.width, info.height), (9, 2));
        assert_eq!(samples, [0x80, 0x00, 0x00, 0x80]);
    }

    #[test]
    fn a_ppm_has_three_bytes_for_each_pixel() {
        let file = picture_as_ppm(&sample());
        let pixels = file.strip_prefix(b"P6\n9 2\n255\n").unwrap();
        assert_eq!(pixels.len(), 9 * 2 * 3);
        assert_eq!((&pixels[..6], &pixels[51..]), (&[255, 255, 255, 0, 0, 0][..], &[255, 255, 255][..]));
    }
}
