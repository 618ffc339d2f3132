//! Comparing screens with the pictures in `fixtures/goldens/app`.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use espalier_protocol::Frame;

/// Set to 1, it rewrites the goldens that differ.
const BLESS: &str = "ESPALIER_BLESS";

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/goldens/app")
}

/// Compares a frame with a golden, pixel by pixel.
#[track_caller]
pub fn check(name: &str, frame: &Frame) {
    let path = directory().join(name).with_extension("png");
    let different = match read(&path) {
        Some(expected) => points().filter(|&(x, y)| frame.get(x, y) != expected.get(x, y)).count(),
        None => points().count(),
    };
    if different == 0 {
        return;
    }
    if std::env::var(BLESS).is_ok_and(|value| value == "1") {
        return write(&path, frame);
    }
    let left_behind = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name).with_extension("actual.png");
    write(&left_behind, frame);
    panic!("{different} pixels differ from {}; see {}, accept with {BLESS}=1", path.display(), left_behind.display());
}

fn points() -> impl Iterator<Item = (u32, u32)> {
    (0..Frame::HEIGHT).flat_map(|y| (0..Frame::WIDTH).map(move |x| (x, y)))
}

/// Reads a picture of one bit per pixel; none if there is no such file.
fn read(path: &Path) -> Option<Frame> {
    let mut reader = png::Decoder::new(BufReader::new(File::open(path).ok()?)).read_info().unwrap();
    let info = reader.info();
    assert_eq!((info.width, info.height, info.bit_depth), (Frame::WIDTH, Frame::HEIGHT, png::BitDepth::One));
    let mut bytes = [0; Frame::BYTES];
    reader.next_frame(&mut bytes).unwrap();
    let mut frame = Frame::new();
    for ((x, y), lit) in points().zip(bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte << bit & 0x80 != 0))) {
        frame.set(x, y, lit);
    }
    Some(frame)
}

/// Puts the picture in its place in one step, as other tests may read it meanwhile.
fn write(path: &Path, frame: &Frame) {
    let unfinished = path.with_extension(format!("{:?}.tmp", std::thread::current().id()));
    let mut encoder =
        png::Encoder::new(BufWriter::new(File::create(&unfinished).unwrap()), Frame::WIDTH, Frame::HEIGHT);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(frame.bytes()).unwrap();
    writer.finish().unwrap();
    std::fs::rename(&unfinished, path).unwrap();
}
