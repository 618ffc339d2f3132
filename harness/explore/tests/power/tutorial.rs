//! The tutorial's client and server on MicroPython, over Wi-Fi: each of their first frames fails in each way, in the air and behind the
//! access point, and the network sends the board away behind each.

use std::net::SocketAddrV4;

use espalier::{Board, BootOnce, PeerStream, Result, RunningScript, Units};
use espalier_explore::{NetworkCase, NetworkFaults};

use crate::case;
use crate::official::Case;
use crate::scripts::{boot, put_modules, script};

pub const ALL: &[Case] = &[
    case!(the_tutorials_client_talks_over_wifi_whatever_frame_fails, Air, Fork),
    case!(the_tutorials_server_serves_over_wifi_whatever_frame_fails, Air, Fork),
];

const NETWORK: &str = "workshop";
const PASSWORD: &str = "correct horse";
const PORT: u16 = 5001;
const GREETING: &str = "hello mPython,I am TCP Client";
/// Number of frames in each direction, in the air and behind the access point.
const FRAMES: usize = 16;
/// Connections that the peer makes or takes, until one was enough.
const CONNECTIONS: usize = 5;

static BOOTED: BootOnce = BootOnce::new();

/// A board with the modules of the programs. Its font has no characters: pictures are not looked at here.
pub async fn booted() -> Result<Board> {
    let booted = async || {
        let board = boot(b"GLYF\0\0".to_vec()).await?;
        put_modules(&board).await?;
        Ok(board)
    };
    BOOTED.fork(booted).await
}

/// Starts a program, which joins the network and prints its address.
async fn start(board: &Board, name: &str, more: &[&str]) -> Result<(RunningScript, SocketAddrV4)> {
    board.air().access_point(NETWORK).password(PASSWORD).channel(6).start()?;
    let arguments = [&["join", NETWORK, PASSWORD], more].concat();
    let running = board.micropython().start(script(name, &arguments)?).await?;
    let address = board.console().expect_regex(r"(?m)^address (\S+)\s*$").within(30.s()).await?;
    let address = address.get(1).and_then(|text| text.parse().ok()).expect("an address");
    Ok((running, SocketAddrV4::new(address, PORT)))
}

/// The program has not ended by an exception.
async fn goes_on(board: &Board, _: &NetworkCase) -> Result<()> {
    let lines = board.console().lines();
    assert!(lines.iter().all(|line| !line.text.contains("Traceback")), "it ended: {lines:#?}");
    Ok(())
}

async fn the_tutorials_client_talks_over_wifi_whatever_frame_fails(board: &Board) -> Result<()> {
    let peer = board.peer().address().to_string();
    let (_running, _) = start(board, "client.py", &[&peer]).await?;
    let talks = async |socket: &PeerStream| {
        socket.expect(GREETING).within(20.s()).await?;
        socket.send("Hello, OLED!").await?;
        socket.expect("Hello, OLED!").within(20.s()).await?;
        socket.close().await
    };
    let scenario = async |board: &Board| {
        let listener = board.peer().listen(PORT).await?;
        for _ in 0..CONNECTIONS {
            let socket = listener.accept().within(60.s()).await?;
            let talked = talks(&socket).await;
            if talked.is_ok() && board.console().expect_line("closed").within(20.s()).await.is_ok() {
                return Ok(());
            }
        }
        board.console().expect_line("closed").within(1.s()).await.map(drop)
    };
    let explored = NetworkFaults::new().frames(FRAMES).pairs(1).explore(board, scenario, goes_on).await?.check()?;
    assert!(explored.moments >= 25 && explored.tried > 200, "{explored}");
    println!("{explored}");
    Ok(())
}

async fn the_tutorials_server_serves_over_wifi_whatever_frame_fails(board: &Board) -> Result<()> {
    let (_running, address) = start(board, "server.py", &[]).await?;
    board.console().expect_line("accepting").await?;
    let is_served = async |board: &Board, text: &str| {
        let socket = board.peer().connect_to(address).within(20.s()).await?;
        socket.send(text).await?;
        socket.expect(text).within(20.s()).await?;
        socket.close().await?;
        socket.expect_close().within(20.s()).await
    };
    let scenario = async |board: &Board| {
        for text in ["first", "second"] {
            let mut served = is_served(board, text).await;
            for _ in 1..CONNECTIONS {
                if served.is_ok() {
                    break;
                }
                board.run_for(1.s()).await?;
                served = is_served(board, text).await;
            }
            served?;
        }
        Ok(())
    };
    let explored = NetworkFaults::new().frames(FRAMES).pairs(1).explore(board, scenario, goes_on).await?.check()?;
    assert!(explored.moments >= 40 && explored.tried > 250, "{explored}");
    println!("{explored}");
    Ok(())
}
