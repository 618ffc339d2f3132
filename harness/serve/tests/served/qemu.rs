//! `espalier-qemu` as a suite for QEMU starts it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use crate::client::{Link, free};
use crate::network::tutorial_parts;

/// The tutorial's board.
const FLASH: usize = 8 << 20;

/// A port that nobody has at the moment.
fn unused_port() -> u16 {
    TcpListener::bind(free()).unwrap().local_addr().unwrap().port()
}

#[test]
fn flash_console_forward_and_qmp_are_where_qemu_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flash.bin");
    let mut flash = vec![0xFF; FLASH];
    for (offset, bytes) in tutorial_parts() {
        flash[offset as usize..][..bytes.len()].copy_from_slice(&bytes);
    }
    std::fs::write(&path, &flash).unwrap();
    let (qmp, forward) = (unused_port(), unused_port());
    let mut program = Command::new(env!("CARGO_BIN_EXE_espalier-qemu"))
        .args(["-nographic", "-machine", "esp32", "-qmp", &format!("tcp:127.0.0.1:{qmp},server,wait=off")])
        .args(["-drive", &format!("file={},if=mtd,format=raw", path.display())])
        .args(["-nic", &format!("user,model=open_eth,hostfwd=tcp:127.0.0.1:{forward}-:5001")])
        .args(["-global", "driver=timer.esp32.timg,property=wdt_disable,value=true"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, mut output) = (program.stdin.take().unwrap(), program.stdout.take().unwrap());
    let mut said = String::new();
    let mut wait_for = |text: &str| {
        while !said.contains(text) {
            let mut piece = [0; 1024];
            let length = output.read(&mut piece).unwrap();
            assert_ne!(length, 0, "no {text:?} in {said}");
            said.push_str(&String::from_utf8_lossy(&piece[..length]));
        }
    };
    wait_for("@event address");
    input.write_all(b"server 5001\r\n").unwrap();
    wait_for("@event listening");
    let mut client = TcpStream::connect(("127.0.0.1", forward)).unwrap();
    client.write_all(b"through the port of the host").unwrap();
    client.wait_for(b"through the port of the host");
    let mut control = TcpStream::connect(("127.0.0.1", qmp)).unwrap();
    control.write_all(br#"{"execute":"qmp_capabilities"}{"execute":"quit"}"#).unwrap();
    assert!(program.wait().unwrap().success());
    assert_eq!(std::fs::read(&path).unwrap().len(), FLASH);
}

#[test]
fn a_bad_flash_file_is_named() {
    let run = |line: &[&str]| Command::new(env!("CARGO_BIN_EXE_espalier-qemu")).args(line).output().unwrap();
    let missing = run(&["-drive", "file=/nowhere/flash.bin,if=mtd,format=raw"]);
    assert_eq!(missing.status.code(), Some(1));
    let message = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(message.starts_with("espalier-qemu: could not open '/nowhere/flash.bin': "), "{message}");
}
