//! Faults, by inputs that lead there.

use espalier::{Stimulus, Units};
use espalier_fuzz::{Entry, FaultKind, Fuzz, FuzzError, Limits};

use crate::firmware::connected;

#[tokio::test]
async fn each_fault_is_seen_for_what_it_is() -> Result<(), FuzzError> {
    let name = [b"EN@".as_slice(), &[b'a'; 40]].concat();
    let faults: [(&[u8], FaultKind, &str); 5] = [
        (&name, FaultKind::IllegalAccess, "the firmware panicked"),
        (b"EI!", FaultKind::IllegalAccess, "the firmware panicked"),
        (b"EL!", FaultKind::EndlessLoop, "a core is still busy"),
        (b"EH@a name of twenty byte", FaultKind::Heap, "CORRUPT HEAP: Bad tail at 0x3ff"),
        (b"EW!", FaultKind::Watchdog, "watchdog"),
    ];
    let (planted, socket) = connected(true).await?;
    let fuzz = Fuzz::new(Entry::tcp(&socket));
    for (input, expected, message) in faults {
        let fault = fuzz.attempt(&planted, input)?.unwrap_or_else(|| panic!("nothing of {}", input.escape_ascii()));
        assert!(fault.kind == expected && fault.message.contains(message), "{}: {fault:?}", input.escape_ascii());
    }
    for harmless in [b"EN\x05a nameless".as_slice(), b"EH\x10a name"] {
        assert_eq!(fuzz.attempt(&planted, harmless)?, None);
    }
    let (whole, socket) = connected(false).await?;
    for (input, ..) in faults {
        assert_eq!(Fuzz::new(Entry::tcp(&socket)).attempt(&whole, input)?, None);
    }
    Ok(())
}

#[tokio::test]
async fn an_input_changes_nothing_of_the_board() -> Result<(), FuzzError> {
    let (board, socket) = connected(true).await?;
    let before = (board.trace_hash(), board.now(), board.console().bytes());
    assert!(Fuzz::new(Entry::tcp(&socket)).attempt(&board, b"EI!")?.is_some());
    assert!((board.trace_hash(), board.now(), board.console().bytes()) == before);
    Ok(())
}

/// Every other way into a board: bytes that the firmware has no use for do nothing.
#[tokio::test]
async fn bytes_enter_a_board_by_every_way() -> Result<(), FuzzError> {
    let (board, _socket) = connected(false).await?;
    let datagrams = board.peer().udp(0)?;
    let to = std::net::SocketAddrV4::new(board.address().await?, 9);
    let broadcast = [&[0xFF; 6][..], &[2, 0, 0, 0, 0, 9], &[0x08, 0x06], &[0; 28]].concat();
    for entry in [Entry::uart(0), Entry::uart(2), Entry::udp(&datagrams, to), Entry::ethernet(), Entry::radio()] {
        assert_eq!(Fuzz::new(entry.clone()).attempt(&board, &broadcast)?, None, "{entry}");
        assert_eq!(Fuzz::new(entry.clone()).attempt(&board, b"")?, None, "{entry}");
    }
    Ok(())
}

/// A frame arrives: the board answers a request for its address.
#[tokio::test]
async fn a_frame_that_is_made_up_is_taken_for_one() -> espalier::Result<()> {
    let (board, _socket) = connected(false).await?;
    let own = board.address().await?.octets();
    let sender = [2, 0, 0, 0, 0, 9];
    let arp = [8, 6, 0, 1, 8, 0, 6, 4, 0, 1];
    let request = [&[0xFF; 6][..], &sender, &arp, &sender, &[10, 0, 2, 9], &[0; 6], &own].concat();
    board.start_capture()?;
    board.at(board.now(), Stimulus::ethernet_frame(request))?;
    assert!(board.run_to_rest(2.ms(), 100.ms())?);
    let answer = [8, 6, 0, 1, 8, 0, 6, 4, 0, 2];
    let capture = board.capture();
    assert!(capture.windows(answer.len()).any(|bytes| bytes == answer), "no answer among {} bytes", capture.len());
    Ok(())
}

/// The image is gone from flash: the ROM starts over again and again.
#[tokio::test]
async fn a_board_starts_with_the_bytes_in_its_flash() -> Result<(), FuzzError> {
    let (board, _socket) = connected(false).await?;
    let fuzz = Fuzz::new(Entry::flash(0x1000)).limits(Limits { least: 300.ms(), most: 2.s() });
    assert!(fuzz.attempt(&board, &[0; 0x1000])?.is_some(), "a board without a bootloader starts as if it had one");
    Ok(())
}

#[tokio::test]
async fn a_text_on_the_console_can_be_a_fault() -> Result<(), FuzzError> {
    let (board, socket) = connected(false).await?;
    let fuzz = Fuzz::new(Entry::tcp(&socket)).limits(Limits { least: 50.ms(), most: 500.ms() });
    assert_eq!(fuzz.attempt(&board, b"Hello")?, None);
    let fault = fuzz.fail_on("@event received").attempt(&board, b"Hello")?;
    assert_eq!(fault.map(|fault| fault.kind), Some(FaultKind::Text));
    Ok(())
}
