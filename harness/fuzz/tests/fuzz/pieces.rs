//! Parts of the fuzzer by themselves.

use espalier_fuzz::{Entry, Fault, FaultKind, Fuzz, FuzzError, replacements, shrink};

use crate::firmware::connected;

#[test]
fn the_bytes_that_matter_are_left() {
    let input: Vec<u8> = (0..200).collect();
    assert_eq!(shrink(&input, |bytes| bytes.contains(&77) && bytes.contains(&150)), [77, 150]);
    assert_eq!(shrink(b"xxxxAxx", |bytes| bytes.len() >= 3), [0, 0, 0]);
}

#[test]
fn numbers_that_are_compared_take_the_place_of_others() {
    let made = |pairs: &[(u32, u32)]| replacements(b"ab\x10\x00cd", pairs, 100);
    assert_eq!(made(&[(u32::from(b'c'), u32::from(b'X'))]), [b"ab\x10\x00Xd"]);
    assert_eq!(made(&[(0x1234, 0x10)]), [b"ab\x34\x12cd"], "a number of two bytes, in the order of the chip");
    assert_eq!(made(&[(0x6261_0000 | 0x1000, 0x0102_0304)]), [b"\x01\x02\x03\x04cd"; 0], "and nothing where it is not");
    assert_eq!(made(&[(0x6162_1000, 0x0102_0304)]), [b"\x01\x02\x03\x04cd"], "in that of the network");
    let lengths: Vec<usize> = made(&[(6, 300)]).iter().map(Vec::len).collect();
    assert_eq!(lengths, [299, 300, 301]);
    assert_eq!(replacements(&[7; 50], &[(7, 8), (7, 9)], 3).len(), 3, "a bound");
}

#[test]
fn trials_have_a_bound() {
    let mut trials = 0;
    let input = vec![1; 5000];
    let shrunk = shrink(&input, |_| {
        trials += 1;
        false
    });
    assert_eq!((shrunk, trials), (input, 400));
}

#[test]
fn numbers_make_no_other_finding() {
    let fault = |message: &str| Fault { kind: FaultKind::Panic, message: message.to_owned() }.key();
    assert_eq!(fault("index 17 of 16\nat 2.5 s"), fault("index 250 of 16\nat 9.1 s"));
    assert_eq!(fault("EPC1 0x400d00ab"), fault("EPC1 0x41414141"));
    assert_ne!(fault("index 17"), fault("no index"));
    assert_eq!(fault("EXCCAUSE 28, EPC1 0x400d00ab"), fault("EXCCAUSE 28, EPC1 0x41414141"));
    assert_ne!(fault("EXCCAUSE 0, EPC1 0x400d00ab"), fault("EXCCAUSE 28, EPC1 0x400d00ab"), "another exception");
}

#[tokio::test]
async fn a_corpus_that_cannot_be_used_is_named() -> Result<(), FuzzError> {
    let (board, socket) = connected(false).await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("file");
    std::fs::write(&file, "")?;
    let error = Fuzz::new(Entry::tcp(&socket)).corpus(&file).run(&board, || true).unwrap_err();
    assert!(error.to_string().contains("file cannot be used"), "{error}");
    Ok(())
}
