//! Comparing screens with the pictures in `fixtures/goldens/app`.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use embedded_graphics::Pixel;
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::prelude::{DrawTarget, Point, Size};
use embedded_graphics_simulator::SimulatorDisplay;
use espalier_protocol::Frame;

/// Set to 1, it rewrites the goldens that differ.
const BLESS: &str = "ESPALIER_BLESS";

const SIZE: Size = Size::new(Frame::WIDTH, Frame::HEIGHT);

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/goldens/app")
}

/// Compares a frame with a golden, pixel by pixel.
#[track_caller]
pub fn check(name: &str, frame: &Frame) {
    let path = directory().join(name).with_extension("png");
    let actual = simulated(frame);
    let difference = match read(&path) {
        Some(expected) => actual.diff(&expected).map(|difference| lit(&difference)),
        None => Some((SIZE.width * SIZE.height) as usize),
    };
    let Some(pixels) = difference else { return };
    if std::env::var(BLESS).is_ok_and(|value| value == "1") {
        return write(&path, &actual);
    }
    let left_behind = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).with_extension("actual.png");
    write(&left_behind, &actual);
    panic!("{} pixels differ from {}; see {}, accept with {BLESS}=1", pixels, path.display(), left_behind.display());
}

/// The frame on the simulator's display, which is what a window of it would show.
fn simulated(frame: &Frame) -> SimulatorDisplay<BinaryColor> {
    let mut display = SimulatorDisplay::new(SIZE);
    let pixels = points().map(|point| Pixel(point, BinaryColor::from(frame.get(point.x as u32, point.y as u32))));
    let Ok(()) = display.draw_iter(pixels);
    display
}

fn points() -> impl Iterator<Item = Point> {
    (0..SIZE.height as i32).flat_map(|y| (0..SIZE.width as i32).map(move |x| Point::new(x, y)))
}

fn lit(display: &SimulatorDisplay<BinaryColor>) -> usize {
    points().filter(|point| display.get_pixel(*point).is_on()).count()
}

/// Reads a picture of one bit per pixel; none if there is no such file.
fn read(path: &Path) -> Option<SimulatorDisplay<BinaryColor>> {
    let mut reader = png::Decoder::new(BufReader::new(File::open(path).ok()?)).read_info().unwrap();
    let info = reader.info();
    assert_eq!((info.width, info.height, info.bit_depth), (SIZE.width, SIZE.height, png::BitDepth::One));
    let mut bytes = [0; Frame::BYTES];
    reader.next_frame(&mut bytes).unwrap();
    let mut display = SimulatorDisplay::new(SIZE);
    let pixels = points().zip(bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte << bit & 0x80 != 0)));
    let Ok(()) = display.draw_iter(pixels.map(|(point, lit)| Pixel(point, BinaryColor::from(lit))));
    Some(display)
}

/// Puts the picture in its place in one step, as other tests may read it meanwhile.
fn write(path: &Path, display: &SimulatorDisplay<BinaryColor>) {
    let unfinished = path.with_extension(format!("{:?}.tmp", std::thread::current().id()));
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(&unfinished).unwrap()), SIZE.width, SIZE.height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&display.to_be_bytes()).unwrap();
    writer.finish().unwrap();
    std::fs::rename(&unfinished, path).unwrap();
}
