//! Frames, and the bits between the start of one and the end of its checksum, before bits are stuffed.

/// Bits of a standard and of an extended frame before the data.
const STANDARD_HEADER: usize = 19;
const EXTENDED_HEADER: usize = 39;
/// Bits of the checksum.
pub(super) const CRC_BITS: usize = 15;
/// Generator polynomial of the checksum.
const POLYNOMIAL: u16 = 0x4599;
/// Where the bit stands that makes a frame an extended one.
pub(super) const IDE_AT: usize = 13;

/// A data or remote frame.
///
/// ```
/// use espalier_core::CanFrame;
///
/// let frame: CanFrame = "123#DEAD".parse().unwrap();
/// assert_eq!((frame.id, frame.extended, frame.data()), (0x123, false, &[0xDE, 0xAD][..]));
/// assert_eq!(frame.to_string(), "123#DEAD");
/// assert_eq!("00000123#R4".parse::<CanFrame>().unwrap().to_string(), "00000123#R4");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CanFrame {
    /// 11 bits, or 29 of an extended frame.
    pub id: u32,
    pub extended: bool,
    /// It has no data, and asks for some.
    pub remote: bool,
    /// The data length code: 0 to 15, where those over 8 mean 8.
    pub code: u8,
    /// The bytes of the data; those behind its length are zero.
    pub bytes: [u8; 8],
}

crate::persist! {
    value CanFrame { id, extended, remote, code, bytes } if CanFrame::is_sound;
}

impl CanFrame {
    fn is_sound(&self) -> bool {
        self.code <= 15 && self.id < if self.extended { 1 << 29 } else { 1 << 11 }
    }

    /// The data.
    pub fn data(&self) -> &[u8] {
        &self.bytes[..self.length()]
    }

    /// Number of bytes of data.
    pub fn length(&self) -> usize {
        if self.remote { 0 } else { usize::from(self.code.min(8)) }
    }

    /// The bits from the start of the frame to the end of the checksum; true is recessive.
    pub(super) fn bits(&self) -> Vec<bool> {
        let mut bits = vec![false];
        let mut push = |value: u32, count: u32| bits.extend((0..count).rev().map(|bit| value >> bit & 1 != 0));
        if self.extended {
            push(self.id >> 18, 11);
            push(0b11, 2);
            push(self.id, 18);
            push(u32::from(self.remote) << 2, 3);
        } else {
            push(self.id, 11);
            push(u32::from(self.remote) << 2, 3);
        }
        push(self.code.into(), 4);
        self.data().iter().for_each(|byte| push((*byte).into(), 8));
        let crc = crc(&bits);
        bits.extend((0..CRC_BITS).rev().map(|bit| crc >> bit & 1 != 0));
        bits
    }

    /// The frame that bits from its start on make; there are as many of them as [`bits_before_crc`] says.
    pub(super) fn of_bits(bits: &[bool]) -> CanFrame {
        let number = |from: usize, count: usize| {
            bits[from..from + count].iter().fold(0_u32, |value, bit| value << 1 | u32::from(*bit))
        };
        let extended = bits[IDE_AT];
        let header = if extended { EXTENDED_HEADER } else { STANDARD_HEADER };
        let mut frame = CanFrame {
            id: if extended { number(1, 11) << 18 | number(14, 18) } else { number(1, 11) },
            extended,
            remote: bits[if extended { 32 } else { 12 }],
            code: number(header - 4, 4) as u8,
            bytes: [0; 8],
        };
        for place in 0..frame.length() {
            frame.bytes[place] = number(header + 8 * place, 8) as u8;
        }
        frame
    }
}

/// The number of bits in front of the checksum, as far as it is known from those that have come.
pub(super) fn bits_before_crc(bits: &[bool]) -> Option<usize> {
    let extended = *bits.get(IDE_AT)?;
    let header = if extended { EXTENDED_HEADER } else { STANDARD_HEADER };
    let code = bits.get(header - 4..header)?.iter().fold(0, |value, bit| value << 1 | usize::from(*bit));
    let remote = bits[if extended { 32 } else { 12 }];
    Some(header + if remote { 0 } else { 8 * code.min(8) })
}

/// The checksum of the bits from the start of a frame on.
pub(super) fn crc(bits: &[bool]) -> u16 {
    bits.iter().fold(0, |crc: u16, bit| {
        let next = crc << 1 & 0x7FFF;
        if *bit != (crc >> 14 & 1 != 0) { next ^ POLYNOMIAL } else { next }
    })
}

/// As Linux's can-utils write it: `123#DEADBEEF`, an identifier of eight digits for an extended frame, `123#R` for a remote one.
impl std::fmt::Display for CanFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.extended {
            write!(f, "{:08X}#", self.id)?
        } else {
            write!(f, "{:03X}#", self.id)?
        }
        if self.remote {
            f.write_str("R")?;
            return if self.code == 0 { Ok(()) } else { write!(f, "{:X}", self.code) };
        }
        self.data().iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl std::str::FromStr for CanFrame {
    /// The allowed form.
    type Err = &'static str;

    fn from_str(text: &str) -> Result<CanFrame, &'static str> {
        const FORM: &str = "a frame such as 123#DEADBEEF, 18FF0001#00 or 123#R";
        let (id, data) = text.split_once('#').ok_or(FORM)?;
        let hex = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let extended = id.len() == 8;
        if !(extended || (1..=3).contains(&id.len())) || !hex(id) {
            return Err(FORM);
        }
        let id = u32::from_str_radix(id, 16).map_err(|_| FORM)?;
        let mut frame = CanFrame { id, extended, ..CanFrame::default() };
        if let Some(code) = data.strip_prefix('R') {
            frame.remote = true;
            frame.code = if code.is_empty() { 0 } else { u8::from_str_radix(code, 16).map_err(|_| FORM)? };
        } else {
            if data.len() % 2 != 0 || data.len() > 16 || !hex(data) {
                return Err(FORM);
            }
            frame.code = (data.len() / 2) as u8;
            for (byte, digits) in frame.bytes.iter_mut().zip(data.as_bytes().chunks(2)) {
                let digits = std::str::from_utf8(digits).map_err(|_| FORM)?;
                *byte = u8::from_str_radix(digits, 16).map_err(|_| FORM)?;
            }
        }
        if frame.is_sound() { Ok(frame) } else { Err(FORM) }
    }
}
