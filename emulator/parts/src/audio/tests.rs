//! WAV files to and from parts, and the bounds of what they keep.

use espalier_core::{AudioClock, AudioTarget, Persist, Reader, Time, Writer};
use proptest::prelude::{any, prop, prop_assert_eq, proptest};

use super::wav::{self, WavError};
use super::{HISTORY, Microphone, Speaker};
use crate::PartKinds;
use crate::part::{Connection, PadUse, Part, PartEntry, Value};

const CLOCK: AudioClock = AudioClock { first: Time::ZERO, ticks: 10_000, frames: 1 };

#[test]
fn a_speaker_tells_rate_frequency_and_level() {
    let (mut microphone, mut speaker) = (Microphone::new(), Speaker::new());
    microphone.set_tone(440.0, 0.25);
    let mut frames = vec![[0; 2]; 24_000];
    microphone.speak(CLOCK, &mut frames);
    speaker.hear(CLOCK, &frames);
    let number = |property| match speaker.get(property, Time::ZERO) {
        Some(Value::Number(number)) => number,
        other => panic!("{other:?}"),
    };
    assert_eq!((number("rate"), speaker.get("frames", Time::ZERO)), (48_000.0, Some(Value::Integer(24_000))));
    assert!((number("frequency") - 440.0).abs() < 1.0, "{}", number("frequency"));
    assert!((number("level") - 0.25).abs() < 0.001, "{}", number("level"));
}

#[test]
fn a_speaker_keeps_the_last_frames_and_counts_the_others() {
    let mut speaker = Speaker::new();
    let piece: Vec<_> = (0..HISTORY as i32).map(|n| [n; 2]).collect();
    speaker.hear(CLOCK, &piece);
    speaker.hear(CLOCK, &piece[..5]);
    assert_eq!((speaker.frames().count(), speaker.dropped()), (HISTORY, Some((5, "frames of sound"))));
    assert_eq!(speaker.frames().next(), Some([5; 2]));
}

#[test]
fn a_microphone_says_its_file() {
    let path = std::env::temp_dir().join(format!("espalier-{}.wav", std::process::id()));
    std::fs::write(&path, wav::write(8000, [[1 << 16, 2 << 16], [3 << 16, 4 << 16]].iter())).unwrap();
    let entry = PartEntry::new("i2s-microphone", "ear").with("sck", 4).with("ws", 5).with("dout", 18);
    let entry = entry.with("file", path.to_str().unwrap());
    let made = PartKinds::default().make(&entry);
    std::fs::remove_file(&path).unwrap();
    let (mut part, _) = made.unwrap();
    let mut frames = [[9; 2]; 3];
    part.audio().unwrap().speak(CLOCK, &mut frames);
    assert_eq!(frames, [[1 << 16, 2 << 16], [3 << 16, 4 << 16], [0, 0]]);
    let error = PartKinds::default().make(&entry).unwrap_err().to_string();
    assert!(error.contains("a WAV file: "), "{error}");
}

#[test]
fn a_microphone_of_pulse_density_has_one_phase_of_the_clock() {
    for (channel, heard) in [(None, 0), (Some("left"), 0), (Some("right"), 1)] {
        let entry = PartEntry::new("pdm-microphone", "ear").with("clk", 4).with("data", 34).with("tone", 1000);
        let entry = channel.into_iter().fold(entry, |entry, channel| entry.with("channel", channel));
        let (mut part, connections) = PartKinds::default().make(&entry).unwrap();
        assert_eq!(connections, [Connection::Pdm { clk: 4, data: 34, key: "data" }]);
        let mut frames = [[0; 2]; 16];
        part.audio().unwrap().speak(CLOCK, &mut frames);
        assert!(frames[12][heard] > 1 << 28 && frames.iter().all(|frame| frame[1 - heard] == 0), "{channel:?}");
    }
}

#[test]
fn a_speaker_at_dacs_has_at_least_one() {
    let entry = PartEntry::new("speaker", "voice");
    let error = PartKinds::default().make(&entry).unwrap_err().to_string();
    assert_eq!(error, "speaker \"voice\": left is missing");
    let (_, connections) = PartKinds::default().make(&entry.with("right", 25)).unwrap();
    assert_eq!(connections, [Connection::Pad { terminal: 1, key: "right", gpio: 25, uses: PadUse::Sounds }]);
}

#[test]
fn a_speaker_writes_its_file_when_the_test_says_so() {
    let path = std::env::temp_dir().join(format!("espalier-speaker-{}.wav", std::process::id()));
    let entry = PartEntry::new("i2s-speaker", "voice").with("sck", 4).with("ws", 5).with("din", 18);
    let entry = entry.with("file", path.to_str().unwrap());
    let (mut part, _) = PartKinds::default().make(&entry).unwrap();
    part.audio().unwrap().hear(CLOCK, &[[1 << 16, 2 << 16], [3 << 16, 4 << 16]]);
    part.set("save", &false.into(), Time::ZERO).unwrap();
    assert!(!path.exists());
    part.set("save", &true.into(), Time::ZERO).unwrap();
    let written = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(wav::read(&written), Ok(vec![[1 << 16, 2 << 16], [3 << 16, 4 << 16]]));
    let error = Speaker::new().set("save", &true.into(), Time::ZERO).unwrap_err();
    assert_eq!(error.to_string(), "given, not possible for a speaker without a `file`");
}

#[test]
fn files_that_cannot_be_said_are_refused() {
    let mut file = wav::write(8000, [[1, 2]].iter());
    assert_eq!(wav::read(b"RIFF"), Err(WavError::NoWave));
    file[20] = 3;
    let error = wav::read(&file).unwrap_err();
    assert_eq!(
        error.to_string(),
        "format 3 with 2 channels of 16 bits, not PCM of one or two channels of 8, 16, 24 or 32 bits"
    );
    file.truncate(36);
    file[20] = 1;
    assert_eq!(wav::read(&file), Err(WavError::NoData));
    file[12] = b'x';
    file.extend(b"data\x04\0\0\0....");
    assert_eq!(wav::read(&file), Err(WavError::NoFormat));
}

#[test]
fn the_sound_goes_into_a_file_and_comes_out_again() {
    let mut speaker = Speaker::new();
    speaker.hear(CLOCK, &[[1, 2], [3, 4]]);
    let mut to = Writer::new();
    speaker.save(&mut to);
    let mut other = Speaker::new();
    other.restore(&mut Reader::new(&to.into_bytes())).unwrap();
    assert_eq!((other.frames().collect::<Vec<_>>(), other.millihertz()), (vec![[1, 2], [3, 4]], 48_000_000));
}

proptest! {
    #[test]
    fn wav_files_are_read_as_they_were_written(frames in prop::collection::vec(any::<[i16; 2]>(), 0..50)) {
        let frames: Vec<_> = frames.into_iter().map(|frame| frame.map(|sample| i32::from(sample) << 16)).collect();
        prop_assert_eq!(wav::read(&wav::write(44_100, frames.iter())), Ok(frames));
    }

    #[test]
    fn no_file_is_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), at in 0_usize..60, byte in any::<u8>()) {
        let mut file = wav::write(8000, [[1, 2]; 4].iter());
        file[at] = byte;
        _ = wav::read(&file);
        file.truncate(at);
        file.extend(bytes);
        _ = wav::read(&file);
    }
}
