//! WAV files of linear PCM (Microsoft, "Multimedia Programming Interface and Data Specifications" 1.0): chunks of an id, a length and
//! content, in little-endian order.

use espalier_core::AudioFrame;

const PCM: u16 = 1;
const HEADER: usize = 12;
const CHUNK: usize = 8;
const CHANNELS: u16 = 2;
const SAMPLE_BYTES: u16 = 2;

/// A file is no WAV file that can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WavError {
    #[error("it does not begin as RIFF/WAVE")]
    NoWave,
    #[error("it has no format before its data")]
    NoFormat,
    #[error(
        "format {format} with {channels} channels of {bits} bits, not PCM of one or two channels of 8, 16, 24 or 32 bits"
    )]
    Format { format: u16, channels: u16, bits: u16 },
    #[error("it has no data")]
    NoData,
}

/// A file of these frames, with 16 bits of each sample.
pub fn write<'a>(rate: u32, frames: impl ExactSizeIterator<Item = &'a AudioFrame>) -> Vec<u8> {
    let block = CHANNELS * SAMPLE_BYTES;
    let data = frames.len() as u32 * u32::from(block);
    let mut file = Vec::with_capacity(44 + data as usize);
    file.extend(b"RIFF");
    file.extend((36 + data).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend([PCM, CHANNELS].iter().flat_map(|word| word.to_le_bytes()));
    file.extend([rate, rate * u32::from(block)].iter().flat_map(|word| word.to_le_bytes()));
    file.extend([block, 8 * SAMPLE_BYTES].iter().flat_map(|word| word.to_le_bytes()));
    file.extend(b"data");
    file.extend(data.to_le_bytes());
    file.extend(frames.flatten().flat_map(|sample| ((sample >> u16::BITS) as i16).to_le_bytes()));
    file
}

/// The frames of a file; one channel is in both.
pub fn read(file: &[u8]) -> Result<Vec<AudioFrame>, WavError> {
    if file.get(..4) != Some(b"RIFF") || file.get(8..HEADER) != Some(b"WAVE") {
        return Err(WavError::NoWave);
    }
    let (mut rest, mut format) = (&file[HEADER..], None);
    while let Some((head, content)) = rest.split_first_chunk::<CHUNK>() {
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let chunk = &content[..length.min(content.len())];
        match &head[..4] {
            b"fmt " => format = Some(layout(chunk)?),
            b"data" => {
                let (channels, bytes) = format.ok_or(WavError::NoFormat)?;
                return Ok(chunk.chunks_exact(channels * bytes).map(|frame| split(frame, bytes)).collect());
            }
            _ => {}
        }
        // Chunks begin at even places.
        rest = content.get(length.saturating_add(length & 1)..).unwrap_or_default();
    }
    Err(WavError::NoData)
}

/// Channels, and bytes of a sample.
fn layout(chunk: &[u8]) -> Result<(usize, usize), WavError> {
    let word = |at: usize| chunk.get(at..at + 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    let (Some(format), Some(channels), Some(bits)) = (word(0), word(2), word(14)) else {
        return Err(WavError::NoFormat);
    };
    match (format, channels, bits) {
        (PCM, 1 | 2, 8 | 16 | 24 | 32) => Ok((channels.into(), usize::from(bits / 8))),
        _ => Err(WavError::Format { format, channels, bits }),
    }
}

fn split(frame: &[u8], bytes: usize) -> AudioFrame {
    let sample = |bytes: &[u8]| match bytes {
        // Samples of one byte have no sign.
        [byte] => i32::from(byte ^ 0x80) << 24,
        _ => bytes
            .iter()
            .rev()
            .fold(0_u32, |sample, byte| sample << 8 | u32::from(*byte))
            .wrapping_shl(32 - 8 * bytes.len() as u32) as i32,
    };
    let mut channels = frame.chunks(bytes).map(sample);
    let left = channels.next().unwrap_or_default();
    [left, channels.next().unwrap_or(left)]
}
