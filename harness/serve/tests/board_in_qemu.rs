//! A board of the harness in QEMU, from its start to its end. `espalier-qemu` takes QEMU's place, so all of it runs wherever the
//! tests do; where Espressif's QEMU is installed, it has to do the same.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use espalier::{Board, Kind, Model, PeerStream, Qemu, QemuError, Result, Units};

const EMULATOR: &str = env!("CARGO_BIN_EXE_espalier-qemu");
const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
const GOLDENS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/goldens/app");
/// A host with many tests at once is slow, and these boards live in its time.
const PATIENCE_SECONDS: u64 = 60;

/// Every QEMU to test with. A run without Espressif's says so on the uncaptured standard error.
fn programs() -> Vec<PathBuf> {
    let mut programs = vec![PathBuf::from(EMULATOR)];
    match Qemu::find() {
        Ok(qemu) => programs.push(qemu.program().to_owned()),
        Err(reason) => {
            let _ = writeln!(std::io::stderr(), "espalier: NOT TESTED on Espressif's QEMU: {reason}");
        }
    }
    programs
}

async fn booted(program: &Path, name: &str) -> Result<Board> {
    let board = Board::builder().kind(Kind::Qemu).qemu(program).model(Model::MPython).name(name).goldens(GOLDENS);
    let board = board.firmware(IMAGE).start().await?;
    board.console().expect("@event address 10.0.2.100/24 dhcp").within(PATIENCE_SECONDS.s()).await?;
    Ok(board)
}

async fn connected(board: &Board) -> Result<PeerStream> {
    let listener = board.peer().listen(5001).await?;
    board.console().send_line(format!("client {} 5001", board.peer().address())).await?;
    let socket = listener.accept().within(PATIENCE_SECONDS.s()).await?;
    socket.expect("hello mPython,I am TCP Client").within(PATIENCE_SECONDS.s()).await?;
    Ok(socket)
}

#[tokio::test]
async fn console_peer_screen_cable_and_reset() -> Result<()> {
    for program in programs() {
        let board = booted(&program, "board-in-qemu").await?;
        assert_eq!((board.kind(), board.address().await?.octets()), (Kind::Qemu, [10, 0, 2, 100]));
        board.console().send_line(format!("client {} 5001", board.peer().address())).await?;
        board.console().expect("@event refused").within(PATIENCE_SECONDS.s()).await?;
        let socket = connected(&board).await?;
        socket.send("你好,掌控板!").await?;
        socket.expect("你好,掌控板!").within(PATIENCE_SECONDS.s()).await?;
        board.screen().settled().within(PATIENCE_SECONDS.s()).await?.assert_golden("client-received-chinese")?;
        board.network().cut_cable()?;
        board.console().expect("@event link down").within(PATIENCE_SECONDS.s()).await?;
        board.network().restore_cable()?;
        board.console().expect("@event link up").within(PATIENCE_SECONDS.s()).await?;
        board.reset().await?;
        board.console().expect("@event address").within(PATIENCE_SECONDS.s()).await?;
        let socket = connected(&board).await?;
        socket.send("again").await?;
        socket.expect("again").within(PATIENCE_SECONDS.s()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn several_boards_use_one_port_at_once() -> Result<()> {
    for program in programs() {
        let (first, second) = tokio::join!(booted(&program, "first-in-qemu"), booted(&program, "second-in-qemu"));
        let (first, second) = (first?, second?);
        let sockets = [connected(&first).await?, connected(&second).await?];
        for (socket, text) in sockets.iter().zip(["first", "second"]) {
            socket.send(text).await?;
        }
        for (socket, text) in sockets.iter().zip(["first", "second"]) {
            assert_eq!(socket.expect(text).within(PATIENCE_SECONDS.s()).await?, b"");
        }
    }
    Ok(())
}

/// A program that writes down its number before it becomes `program`. It is written by another process: a file that this one has
/// open for writing while a third one is started could not be run.
fn telling(program: &Path, folder: &Path) -> PathBuf {
    let wrapper = folder.join("qemu-that-tells");
    let mut shell = Command::new("/bin/sh")
        .args(["-c", r#"cat >"$1" && chmod 755 "$1""#, "write"])
        .arg(&wrapper)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let told = folder.join("pid");
    let script = format!("#!/bin/sh\necho $$ >'{}'\nexec '{}' \"$@\"\n", told.display(), program.display());
    shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(shell.wait().unwrap().success());
    wrapper
}

#[tokio::test]
async fn a_qemu_that_is_killed_is_said_at_once_and_the_next_one_works() -> Result<()> {
    for program in programs() {
        let folder = tempfile::tempdir().unwrap();
        let board = booted(&telling(&program, folder.path()), "killed-in-qemu").await?;
        let pid = fs::read_to_string(folder.path().join("pid")).unwrap();
        let killed = Command::new("/bin/kill").args(["-KILL", pid.trim()]).status().unwrap();
        assert!(killed.success());
        let begun = Instant::now();
        let error = board.console().expect("something that never comes").await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert!(matches!(error.find(), Some(QemuError::Ended { .. })), "{error}");
        assert!(error.to_string().starts_with("QEMU has ended (killed by signal 9)"), "{error}");
        // The same board starts again, and so does another one.
        board.reset().await?;
        board.console().expect("@event address").within(PATIENCE_SECONDS.s()).await?;
        drop(board);
        assert!(!Path::new("/proc").join(pid.trim()).exists());
        connected(&booted(&program, "next-in-qemu").await?).await?;
    }
    Ok(())
}
