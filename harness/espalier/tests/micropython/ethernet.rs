//! `network.LAN` of MicroPython, which is ESP-IDF's driver of the chip's own Ethernet MAC with a LAN8720.

use std::path::Path;

use espalier::{Board, Model, Result, Units};

use crate::case;
use crate::official::{Case, image_path};

pub const ALL: &[Case] = &[case!(the_chips_own_ethernet_joins_the_lan, Parts, Faults)];

const BOARD: &str = "[ethernet]\nphy = \"lan8720\"\n";

const CONNECT: &str = "
import network, socket, time
from machine import Pin
lan = network.LAN(mdc=Pin(23), mdio=Pin(18), power=None, phy_type=network.PHY_LAN8720, phy_addr=1)
lan.active(True)
def wait(up):
    end = time.ticks_add(time.ticks_ms(), 10000)
    while lan.isconnected() != up and time.ticks_diff(end, time.ticks_ms()) > 0: time.sleep_ms(50)
    return lan.isconnected() == up
def echo(port):
    s = socket.socket()
    s.connect(('10.0.2.2', port))
    while True:
        d = s.recv(2000)
        if not d: break
        s.sendall(d)
    s.close()
";

async fn start(folder: &Path) -> Result<Board> {
    let file = folder.join("lan.toml");
    std::fs::write(&file, BOARD).expect("the folder takes a file");
    let board =
        Board::builder().model(Model::File(file)).firmware(image_path()).strict(true).name("lan").start().await?;
    board.console().expect(">>> ").within(5.s()).await?;
    Ok(board)
}

async fn the_chips_own_ethernet_joins_the_lan(_: &Board) -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let board = start(folder.path()).await?;
    let python = board.micropython();
    python.exec(CONNECT).within(10.s()).await?;
    assert_eq!(python.eval("wait(True)").within(15.s()).await?, "True");
    assert_eq!(python.eval("lan.ifconfig()[0]").await?, "'10.0.2.100'");
    board.peer().ping().await?;

    // More than the driver has buffers for at once, in both directions.
    let listener = board.peer().listen(5001).await?;
    let running = python.start("echo(5001)").await?;
    let socket = listener.accept().await?;
    for length in [1, 100, 1460, 20_000] {
        let sent: Vec<u8> = (0..length).map(|index: u32| ((index * index) >> 4) as u8).collect();
        socket.send(&sent).await?;
        let mut back = Vec::new();
        while back.len() < sent.len() {
            back.extend(socket.receive().within(10.s()).await?);
        }
        assert!(back == sent, "{length} bytes");
    }
    let fork = board.fork()?;
    socket.close().await?;
    running.finished().within(5.s()).await?;

    // The driver looks at the PHY every two seconds.
    board.network().cut_cable()?;
    assert_eq!(python.eval("wait(False)").within(15.s()).await?, "True");
    board.network().restore_cable()?;
    assert_eq!(python.eval("wait(True)").within(15.s()).await?, "True");
    board.peer().ping().await?;
    fork.peer().ping().await?;
    assert_eq!((board.unmodelled(), fork.unmodelled()), (Vec::<String>::new(), Vec::new()));
    Ok(())
}
