//! A small firmware of ours that the ROM starts, with a planted fault: it writes a record of settings in two steps. It needs no fetched
//! image.

use espalier::{Board, Kind, Result, Units};
use espalier_explore::{Cut, Explored, Found, PowerCuts, Replayed, replay};

use crate::case;
use crate::image::{BOOTLOADER, program};
use crate::official::Case;

pub const ALL: &[Case] = &[
    case!(a_fault_in_compiled_firmware_is_found_with_the_shortest_case, Power, Fork),
    case!(compiled_firmware_without_the_fault_survives_every_power_cut, Power, Fork),
];

/// `programs/volume.s`: where it is loaded, and where it starts.
const CODE: u32 = 0x4008_0400;
const ENTRY: u32 = CODE + 0x3C;

/// A board that runs it. The chip's own board is not used.
async fn booted() -> Result<Board> {
    let digits: Vec<char> = include_str!("programs/volume.hex").chars().filter(char::is_ascii_hexdigit).collect();
    let byte = |pair: &[char]| {
        pair.iter().filter_map(|digit| digit.to_digit(16)).fold(0, |byte, digit| byte << 4 | digit as u8)
    };
    let mut code: Vec<u8> = digits.chunks(2).map(byte).collect();
    code.resize(code.len().next_multiple_of(4), 0);
    let board = Board::builder().kind(Kind::Emulated).name("volume").start().await?;
    board.machine(|machine| machine.load_flash(BOOTLOADER, &program(CODE, ENTRY, &code)))?.expect("it fits");
    board.reset().await?;
    board.console().expect("@volume 0\r").within(1.s()).await?;
    Ok(board)
}

/// Stores the numbers 1 to 3, each after this letter.
async fn explore(board: &Board, letter: &str, cuts: PowerCuts) -> Result<Explored<Cut>> {
    let scenario = async |board: &Board| {
        for number in 1..=3 {
            board.console().send(letter).await?;
            board.console().expect(format!("@saved {number}\r").as_str()).within(1.s()).await?;
        }
        Ok(())
    };
    let invariant = async |board: &Board, _: &Cut| {
        let found = board.console().expect_regex("@volume (.*)\r").within(1.s()).await?;
        let volume = found.get(1).unwrap_or_default();
        assert!(["0", "1", "2", "3"].contains(&volume), "the volume is {volume}");
        Ok(())
    };
    cuts.explore(board, scenario, invariant).await
}

async fn a_fault_in_compiled_firmware_is_found_with_the_shortest_case(_: &Board) -> Result<()> {
    let error = explore(&booted().await?, "w", PowerCuts::new()).await?.check().unwrap_err();
    let Some(Found::<Cut>(explored)) = error.find() else { panic!("{error}") };
    assert_eq!(explored.moments, 6);
    let shortest = explored.shortest().unwrap();
    // The first record has its mark, and its number was not begun.
    let Cut { operation, progress, range, .. } = &shortest.case;
    assert_eq!((*operation, progress.share(), range.clone()), (1, 0.0, 0xF004..0xF008));
    assert!(shortest.message.contains("the volume is -1"), "{}", shortest.message);
    let Replayed { board, finding, is_same } = replay(shortest.file.as_ref().unwrap()).await?;
    assert!(is_same, "{finding:?}");
    assert!(String::from_utf8_lossy(&board.console().take_unread()).contains("@volume -1"));
    Ok(())
}

async fn compiled_firmware_without_the_fault_survives_every_power_cut(_: &Board) -> Result<()> {
    let explored = explore(&booted().await?, "v", PowerCuts::new().moments(3)).await?.check()?;
    assert_eq!(explored.moments, 6);
    Ok(())
}
