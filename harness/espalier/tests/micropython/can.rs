//! The TWAI controller by its registers, as MicroPython reaches them: it has no driver of its own.

use std::path::Path;

use espalier::{Board, Model, Result, Units};

use crate::case;
use crate::official::{Case, image_path};

pub const ALL: &[Case] = &[case!(frames_go_over_the_can_bus_of_the_board, Parts, Pins)];

const BOARD: &str = "
    [[part]]
    kind = \"can\"
    name = \"bus\"
    tx = 5
    rx = 4
    bitrate = 250000
";

const DRIVER: &str = include_str!("../../../../emulator/soc/tests/scripts/twai.py");

async fn start(folder: &Path) -> Result<Board> {
    let file = folder.join("can.toml");
    std::fs::write(&file, BOARD).expect("the folder takes a file");
    let board =
        Board::builder().model(Model::File(file)).firmware(image_path()).strict(true).name("can").start().await?;
    board.console().expect(">>> ").within(5.s()).await?;
    Ok(board)
}

async fn frames_go_over_the_can_bus_of_the_board(_: &Board) -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let board = start(folder.path()).await?;
    let python = board.micropython();
    python.exec(format!("{DRIVER}\njoin(5, 4, 20)\n")).within(5.s()).await?;
    let edges = board.capture_pins([5])?;
    python.exec("send(0x123, b'\\xde\\xad')").await?;
    assert_eq!(python.eval("sent()").await?, "3");
    assert_eq!(board.part_property("bus", "received")?, Some("123#DEAD".into()));
    let vcd = String::from_utf8(edges.vcd()?).expect("a VCD is text");
    assert!(vcd.lines().filter(|line| line.starts_with('#')).count() > 20, "{vcd}");

    board.set_part("bus", "send", "7FF#0102030405060708")?;
    board.set_part("bus", "send", "18FF0001#R")?;
    let fork = board.fork()?;
    for board in [&fork, &board] {
        let got = board.micropython().eval("time.sleep_ms(5) or received()").await?;
        assert_eq!(got, "['08ffe00102030405060708', 'c0c7f8000c']");
    }

    // Without an acknowledgement the node becomes passive, and gives up when it is told to.
    board.set_part("bus", "silent", true)?;
    python.exec("send(0x124, b'')\ntime.sleep_ms(50)\n").await?;
    assert_eq!(python.eval("(rd(0x3c), rd(0x08) >> 6 & 3, hex(rd(0x30)))").await?, "(128, 1, '0xd9')");
    python.exec("wr(0x04, 2)\ntime.sleep_ms(5)\n").await?;
    assert_eq!(python.eval("rd(0x08) >> 2 & 3").await?, "1");
    board.set_part("bus", "silent", false)?;

    // A short circuit takes it off the bus; it comes back 128 times eleven bits after it is gone.
    board.set_part("bus", "short", true)?;
    python.exec("send(0x2aa, b'\\x55')\ntime.sleep_ms(20)\n").await?;
    assert_eq!(python.eval("(rd(0x00) & 1, rd(0x08) >> 7, rd(0x3c))").await?, "(1, 1, 127)");
    board.set_part("bus", "short", false)?;
    board.set_part("bus", "received", "")?;
    python.exec("wr(0x00, 0x08)\ntime.sleep_ms(20)\n").await?;
    assert_eq!(python.eval("(rd(0x08) >> 7, rd(0x3c))").await?, "(0, 0)");
    python.exec("send(0x2ab, b'\\x56')\n").await?;
    assert_eq!(python.eval("sent()").await?, "3");
    assert_eq!(board.part_property("bus", "received")?, Some("2AB#56".into()));
    assert_eq!(board.unmodelled(), Vec::<String>::new());
    Ok(())
}
