//! Pictures as PNG files.

use std::io::Cursor;

use espalier_core::{Bitmap, Picture, Pixmap, Rgb};
use png::{BitDepth, ColorType, Decoder, Encoder, Transformations};

/// Samples of this brightness and above are lit.
const LIT: u8 = 0x80;
/// Bytes of a colour pixel.
const RGB: usize = 3;

/// Pixels of the largest picture that is read. Displays have less: 1280x800 is one with room to spare.
const LARGEST: u64 = 1 << 20;

/// A file that is no usable PNG.
///
/// ```
/// let error = espalier::decode_png(b"no picture").unwrap_err();
/// assert!(error.to_string().starts_with("not a usable PNG"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PngError {
    /// It is damaged, or something else.
    #[error("not a usable PNG: {0}")]
    Decoding(#[from] png::DecodingError),
    /// It is larger than any display.
    #[error("not the picture of a display: {width}x{height} are more than {LARGEST} pixels; crop it or scale it down")]
    TooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
}

/// A colour, as red, green and blue.
pub(crate) type Colour = [u8; RGB];

/// A picture as a PNG of one bit per pixel, grey; lit is white. Equal pictures give equal files.
pub fn encode(bitmap: &Bitmap) -> Vec<u8> {
    let row_bytes = bitmap.width().div_ceil(8) as usize;
    let mut packed = vec![0; row_bytes * bitmap.height() as usize];
    for y in 0..bitmap.height() {
        for x in (0..bitmap.width()).filter(|x| bitmap.get(*x, y)) {
            packed[y as usize * row_bytes + x as usize / 8] |= 0x80 >> (x % 8);
        }
    }
    write(bitmap.width(), bitmap.height(), ColorType::Grayscale, BitDepth::One, &packed)
}

/// A picture of either kind as a PNG.
pub(crate) fn encode_picture(picture: &Picture) -> Vec<u8> {
    match picture {
        Picture::Dots(dots) => encode(dots),
        Picture::Colours(colours) => encode_colour(colours.width(), colours.height(), 1, |x, y| {
            let Rgb { red, green, blue } = colours.get(x, y);
            [red, green, blue]
        }),
    }
}

/// A picture in colour, each pixel as a square of `scale` by `scale`.
pub(crate) fn encode_colour(width: u32, height: u32, scale: u32, colour: impl Fn(u32, u32) -> Colour) -> Vec<u8> {
    let (wide, high) = (width * scale, height * scale);
    let pixels = (0..high).flat_map(|y| (0..wide).map(move |x| (x / scale, y / scale)));
    let samples: Vec<u8> = pixels.flat_map(|(x, y)| colour(x, y)).collect();
    write(wide, high, ColorType::Rgb, BitDepth::Eight, &samples)
}

fn write(width: u32, height: u32, colour: ColorType, depth: BitDepth, samples: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header().expect("a picture has a size, and memory takes every byte");
    writer.write_image_data(samples).expect("the samples fill the picture");
    writer.finish().expect("memory takes every byte");
    file
}

/// Reads a PNG of any kind as one bit per pixel: what is at least half as bright as white is lit, what is transparent is
/// dark. A picture of more than 2^20 pixels is refused before it is unpacked.
///
/// # Errors
/// If the file is no PNG, is damaged, or is too large.
pub fn decode(file: &[u8]) -> Result<Bitmap, PngError> {
    let mut bitmap = None;
    read(file, |(width, height), x, y, pixel| {
        bitmap.get_or_insert_with(|| Bitmap::new(width, height)).set(x, y, is_lit(pixel));
    })?;
    Ok(bitmap.unwrap_or_else(|| Bitmap::new(0, 0)))
}

/// Reads a PNG of any kind in colours; what is transparent is black.
pub(crate) fn decode_colours(file: &[u8]) -> Result<Pixmap, PngError> {
    let mut pixmap = None;
    read(file, |(width, height), x, y, pixel| {
        pixmap.get_or_insert_with(|| Pixmap::new(width, height)).set(x, y, colour(pixel));
    })?;
    Ok(pixmap.unwrap_or_else(|| Pixmap::new(0, 0)))
}

/// Reads a PNG pixel by pixel: the size of the picture, the place, and the pixel's samples.
fn read(file: &[u8], mut take: impl FnMut((u32, u32), u32, u32, &[u8])) -> Result<(), PngError> {
    let mut decoder = Decoder::new(Cursor::new(file));
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info()?;
    let (width, height) = reader.info().size();
    if u64::from(width) * u64::from(height) > LARGEST {
        return Err(PngError::TooLarge { width, height });
    }
    let size = reader.output_buffer_size().ok_or(png::DecodingError::LimitsExceeded)?;
    let mut samples = vec![0; size];
    let info = reader.next_frame(&mut samples)?;
    let channels = info.color_type.samples();
    for y in 0..info.height {
        let row = &samples[y as usize * info.line_size..];
        for (x, pixel) in (0..info.width).zip(row.chunks_exact(channels)) {
            take((info.width, info.height), x, y, pixel);
        }
    }
    Ok(())
}

/// The colour of a pixel of grey, grey and alpha, RGB, or RGB and alpha.
fn colour(pixel: &[u8]) -> Rgb {
    let (colour, alpha) = match pixel.len() {
        2 | 4 => (&pixel[..pixel.len() - 1], pixel[pixel.len() - 1]),
        _ => (pixel, u8::MAX),
    };
    let sample = |channel: usize| {
        let sample = u32::from(colour[channel.min(colour.len() - 1)]);
        (sample * u32::from(alpha) / u32::from(u8::MAX)) as u8
    };
    Rgb::new(sample(0), sample(1), sample(2))
}

/// Whether a pixel of grey, grey and alpha, RGB, or RGB and alpha is bright.
fn is_lit(pixel: &[u8]) -> bool {
    let (colour, alpha) = match pixel.len() {
        2 | 4 => (&pixel[..pixel.len() - 1], pixel[pixel.len() - 1]),
        _ => (pixel, u8::MAX),
    };
    let brightness = colour.iter().map(|sample| u32::from(*sample)).sum::<u32>() / colour.len() as u32;
    brightness * u32::from(alpha) >= u32::from(LIT) * u32::from(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::{decode, encode, encode_colour};
    use espalier_core::Bitmap;

    fn sample() -> Bitmap {
        let mut bitmap = Bitmap::new(13, 3);
        for (x, y) in [(0, 0), (7, 0), (8, 1), (12, 2)] {
            bitmap.set(x, y, true);
        }
        bitmap
    }

    #[test]
    fn a_picture_survives_its_file() {
        let file = encode(&sample());
        assert!(decode(&file).unwrap() == sample());
        assert_eq!(file, encode(&sample()));
        // PNG specification, chapter 11.2.1: bit depth 1 and colour type 0 in the header chunk.
        assert_eq!(&file[24..26], &[1, 0]);
    }

    #[test]
    fn other_kinds_of_png_are_read_by_brightness() {
        let bitmap = sample();
        let grey = |x, y| if bitmap.get(x, y) { [0x90, 0x80, 0x70] } else { [0x70, 0x80, 0x8E] };
        assert!(decode(&encode_colour(13, 3, 1, grey)).unwrap() == bitmap);
    }

    #[test]
    fn a_picture_of_absurd_size_is_refused_by_its_header() {
        let mut file = encode(&sample());
        // PNG specification, chapter 11.2.1: width and height begin the header chunk, at byte 16 of the file, and a CRC ends it.
        file[16..24].copy_from_slice(&[0, 0, 0x9C, 0x40, 0, 0, 0x9C, 0x40]);
        let crc = espalier_protocol::crc32(&file[12..29]).to_be_bytes();
        file[29..33].copy_from_slice(&crc);
        let error = decode(&file).unwrap_err().to_string();
        assert!(error.starts_with("not the picture of a display: 40000x40000 are more than"), "{error}");
    }

    #[test]
    fn files_that_are_no_png_are_refused() {
        assert!(decode(b"P1 2 2 0 1 1 0").unwrap_err().to_string().starts_with("not a usable PNG: "));
        assert!(decode(&encode(&sample())[..40]).is_err());
    }
}
