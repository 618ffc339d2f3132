//! One image as the ROM and the bootloader load it.
//!
//! The format is that of "Firmware Image Format" in Espressif's esptool documentation: a header, segments, a checksum byte at
//! the end of a block of 16, and usually a SHA-256 digest.

use sha2::{Digest as _, Sha256};

use super::ImageError;

/// First byte of every image.
pub(super) const MAGIC: u8 = 0xE9;
const HEADER: usize = 24;
const SEGMENT_HEADER: usize = 8;
const CHECKSUM_SEED: u8 = 0xEF;
const CHECKSUM_ALIGNMENT: usize = 16;
const DIGEST: usize = 32;
/// Where the header says whether a digest follows.
const DIGEST_APPENDED: usize = 23;

/// Start of the application description, which begins the first segment of an application (`esp_app_desc_t` of ESP-IDF).
const DESCRIPTION_MAGIC: [u8; 4] = 0xABCD_5432_u32.to_le_bytes();

/// Address ranges through which the ESP32 reads flash (TRM, chapter 1.3.1, table "Embedded Memory Address Mapping").
const DROM: std::ops::Range<u32> = 0x3F40_0000..0x3F80_0000;
const IROM: std::ops::Range<u32> = 0x400C_2000..0x4040_0000;

/// One segment of an image.
///
/// ```
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
/// let image = espalier_image::Image::read(path)?;
/// let in_ram: u32 = image.app().segments.iter().filter(|segment| !segment.is_mapped()).map(|segment| segment.length).sum();
/// assert!(in_ram < 520 << 10, "the ESP32 has 520 KB of RAM");
/// # Ok::<_, espalier_image::ImageError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where it goes in the chip's address space.
    pub address: u32,
    /// Its length in bytes.
    pub length: u32,
}

impl Segment {
    /// Whether it stays in flash and is mapped instead of copied.
    pub fn is_mapped(&self) -> bool {
        DROM.contains(&self.address) || IROM.contains(&self.address)
    }
}

/// The description that an application carries of itself.
///
/// ```
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
/// let image = espalier_image::Image::read(path)?;
/// if let Some(description) = &image.app().description {
///     println!("{} {}, built {}", description.project, description.version, description.built);
/// }
/// # Ok::<_, espalier_image::ImageError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The project's name.
    pub project: String,
    /// The project's version.
    pub version: String,
    /// When it was built.
    pub built: String,
    /// The version of ESP-IDF.
    pub idf: String,
}

/// The SHA-256 digest that may follow an image.
///
/// ```
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
/// use espalier_image::Digest;
///
/// assert_ne!(espalier_image::Image::read(path)?.app().digest, Digest::Stale);
/// # Ok::<_, espalier_image::ImageError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// There is none.
    Absent,
    /// It is that of the image.
    Right,
    /// It is that of other bytes. esptool leaves it so when it patches the flash settings in a header.
    Stale,
}

/// An image that was read and checked.
///
/// ```
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
/// let image = espalier_image::Image::read(path)?;
/// let app = image.app();
/// assert!(app.is_application() && app.chip == 0);
/// # Ok::<_, espalier_image::ImageError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// The chip it is for, as the header numbers chips; 0 is the ESP32.
    pub chip: u16,
    /// Where it starts.
    pub entry: u32,
    /// Size of the flash chip that its header asks for.
    pub flash_size: u32,
    /// Length in bytes, checksum and digest included.
    pub length: usize,
    /// Its segments.
    pub segments: Vec<Segment>,
    /// The SHA-256 digest behind it.
    pub digest: Digest,
    /// Its description of itself; bootloaders and bare programs have none.
    pub description: Option<Description>,
}

impl App {
    /// Whether the bootloader can start it: it has code or data that is mapped from flash, which a bootloader has not.
    pub fn is_application(&self) -> bool {
        self.segments.iter().any(Segment::is_mapped)
    }

    /// The same as an error if the digest is stale, for images whose loader checks it.
    pub(super) fn verified(self, name: &str, what: &str) -> Result<App, ImageError> {
        match self.digest {
            Digest::Stale => {
                Err(ImageError::Corrupt { name: name.to_owned(), what: what.to_owned(), check: "SHA-256 digest" })
            }
            Digest::Absent | Digest::Right => Ok(self),
        }
    }

    /// Reads the image at the start of `bytes`, which is `what` of the file `name` and begins at `start` there. What is wrong
    /// with it is an error, but for a stale digest: whether that matters depends on who loads the image.
    pub(super) fn read(name: &str, what: &str, start: usize, bytes: &[u8]) -> Result<App, ImageError> {
        let within = |end: usize| match end <= bytes.len() {
            true => Ok(()),
            false => Err(ImageError::Truncated {
                name: name.to_owned(),
                what: what.to_owned(),
                needed: start + end,
                present: start + bytes.len(),
            }),
        };
        let corrupt = |check| ImageError::Corrupt { name: name.to_owned(), what: what.to_owned(), check };
        within(HEADER)?;
        if bytes[0] != MAGIC {
            return Err(corrupt("magic byte"));
        }
        let mut segments = Vec::new();
        let mut checksum = CHECKSUM_SEED;
        let mut end = HEADER;
        for _ in 0..bytes[1] {
            within(end + SEGMENT_HEADER)?;
            let segment = Segment { address: word(bytes, end), length: word(bytes, end + 4) };
            let data = end + SEGMENT_HEADER;
            end = data.saturating_add(segment.length as usize);
            within(end)?;
            checksum = bytes[data..end].iter().fold(checksum, |sum, byte| sum ^ byte);
            segments.push(segment);
        }
        // The checksum is the last byte of a block of 16.
        end = (end + 1).next_multiple_of(CHECKSUM_ALIGNMENT);
        within(end)?;
        let chip = u16::from_le_bytes([bytes[12], bytes[13]]);
        if bytes[end - 1] != checksum {
            return Err(corrupt("checksum"));
        }
        let (digest, length) = match bytes[DIGEST_APPENDED] {
            1 => {
                within(end + DIGEST)?;
                let is_right = Sha256::digest(&bytes[..end])[..] == bytes[end..end + DIGEST];
                (if is_right { Digest::Right } else { Digest::Stale }, end + DIGEST)
            }
            _ => (Digest::Absent, end),
        };
        let flash_size = (1 << 20) << (bytes[3] >> 4).min(7);
        let description = description(&bytes[HEADER + SEGMENT_HEADER..length]);
        Ok(App { chip, entry: word(bytes, 4), flash_size, length, segments, digest, description })
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The fields of `esp_app_desc_t`: magic, secure version, 8 reserved bytes, version, project, time, date, ESP-IDF version.
fn description(bytes: &[u8]) -> Option<Description> {
    let rest = bytes.strip_prefix(&DESCRIPTION_MAGIC)?.get(12..)?;
    let text = |start: usize, length: usize| {
        let field = rest.get(start..start + length)?;
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(length);
        Some(String::from_utf8_lossy(&field[..end]).into_owned())
    };
    let built = format!("{} {}", text(80, 16)?, text(64, 16)?).trim().to_owned();
    Some(Description { version: text(0, 32)?, project: text(32, 32)?, built, idf: text(96, 32)? })
}
