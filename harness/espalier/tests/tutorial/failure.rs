//! Files of a failed test, on every kind of board: the tutorial's firmware breaks down in the middle of it.

use std::fs;
use std::path::{Path, PathBuf};

use espalier::{Board, Capability, Error, Model, Result, Units};
use object::{Object, ObjectSection, ObjectSymbol};

use crate::common::{GOLDENS, IMAGE};

/// The end of the broken function's mangled name: `espalier_app::client::Client::connect`.
const BROKEN: &str = "6Client7connect";
/// ILL, which raises IllegalInstruction, EXCCAUSE 0 (Xtensa ISA reference manual, 4.4).
const ILLEGAL: [u8; 3] = [0; 3];

/// The tutorial's firmware with an illegal instruction where the client connects.
fn broken_firmware(folder: &Path) -> PathBuf {
    let mut bytes = fs::read(Path::new(IMAGE).with_extension("elf")).unwrap();
    let at = {
        let elf = object::File::parse(&*bytes).unwrap();
        let name = |symbol: &object::Symbol<'_, '_>| symbol.name().unwrap_or_default().to_owned();
        let function = elf.symbols().find(|symbol| name(symbol).ends_with(BROKEN)).expect("the firmware has a client");
        let section = elf.section_by_index(function.section_index().unwrap()).unwrap();
        let (offset, _) = section.file_range().unwrap();
        (offset + function.address() - section.address()) as usize
    };
    bytes[at..at + ILLEGAL.len()].copy_from_slice(&ILLEGAL);
    let path = folder.join("broken.elf");
    fs::write(&path, bytes).unwrap();
    path
}

/// A server that works, a picture that is another one, and a client that breaks down: the board, and why its test fails.
async fn failing(folder: &Path) -> Result<(Board, Error)> {
    let board = Board::builder().model(Model::MPython).goldens(GOLDENS).artefacts(folder.join("artefacts"));
    let board = board.firmware(broken_firmware(folder)).start().await?;
    board.console().expect("@event address ").within(60.s()).await?;
    board.console().send_line("server 5001").await?;
    board.console().expect("@event listening").await?;
    let socket = board.peer().connect(5001).within(30.s()).await?;
    socket.send("Hello, server!").await?;
    socket.expect("Hello, server!").within(30.s()).await?;
    let picture = board.screen().settled().within(30.s()).await?;
    picture.assert_golden("client-closed").expect_err("this is what a server shows");
    board.console().send_line(format!("client {} 5001", board.peer().address())).await?;
    let error = board.console().expect("@event connected").within(5.s()).await.expect_err("it breaks down");
    Ok((board, error))
}

#[tokio::test]
async fn a_failure_leaves_one_folder_with_all_its_files() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (board, error) = failing(folder.path()).await?;
    let message = error.to_string();
    for part in
        ["\"@event connected\" on the console", "@panic exception: EXCCAUSE 0", "Client>::connect", "Hello, server!"]
    {
        assert!(message.contains(part), "no {part:?} in:\n{message}");
    }
    let (left, captures) = (board.artefacts(), board.supports(Capability::Capture));
    assert!(message.contains(&left.display().to_string()), "{message}");
    drop(board);
    let text = |name: &str| fs::read_to_string(left.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(text("console.log").lines().any(|line| line.contains("s │ @event listening")), "{}", text("console.log"));
    assert!(text("network.log").contains("Hello, server!"));
    assert!(text("backtrace.txt").contains("Client>::connect"), "{}", text("backtrace.txt"));
    for name in ["screen.png", "client-closed.actual.png", "client-closed.diff.png"] {
        espalier::decode_png(&fs::read(left.join(name))?).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    assert_eq!(left.join("network.pcap").exists(), captures);
    Ok(())
}

/// `ci/check-report` looks for this one in the report of a run.
#[tokio::test]
#[ignore = "it fails on purpose"]
async fn fails_on_purpose() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (_board, error) = failing(folder.path()).await?;
    Err(error)
}
