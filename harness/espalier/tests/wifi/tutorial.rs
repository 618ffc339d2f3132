//! The tutorial's client and server on MicroPython, in a network that the board joins and in one that it opens.

use std::net::{Ipv4Addr, SocketAddrV4};

use espalier::{Board, Capability, PeerStream, Result, RunningScript, Units};

use crate::official::Case;
use crate::scripts::{put_modules, script};
use crate::{PASSWORD, case};

pub const ALL: &[Case] = &[
    case!(the_client_shows_and_echoes_what_the_server_sends, Wifi),
    case!(the_client_in_its_own_network, Air),
    case!(the_server_shows_and_echoes_what_clients_send, Wifi),
    case!(the_server_in_its_own_network, Air),
    case!(the_client_connects_again_after_a_deauthentication, Air),
    case!(the_server_outlives_a_deauthentication, Air),
    case!(the_client_reports_a_refused_connection, Wifi, Refusal),
    case!(two_runs_of_the_client_are_one, Air, Fork),
];

const PORT: u16 = 5001;
const GREETING: &str = "hello mPython,I am TCP Client";
const CHINESE: &str = "你好,掌控板!";

/// Starts a program; returns it with the address that the board has.
async fn start(board: &Board, name: &str, arguments: &[&str]) -> Result<(RunningScript, Ipv4Addr)> {
    if !board.supports(Capability::Fork) {
        put_modules(board).await?;
    }
    // The panel is seen on an emulated board; on a bench it is MicroPython that knows what it shows.
    board.micropython().mirror("panel.Panel").await?;
    let running = board.micropython().start(script(name, arguments)?).await?;
    let address = board.console().expect_regex(r"(?m)^address (\S+)\s*$").within(30.s()).await?;
    let address = address.get(1).and_then(|text| text.parse().ok()).expect("an address");
    Ok((running, address))
}

/// Sends a message and takes its echo.
async fn echo(board: &Board, socket: &PeerStream, text: &str) -> Result<()> {
    socket.send(text).await?;
    assert_eq!(socket.expect(text).await?, b"");
    board.console().expect(format!("received {}", text.lines().next().unwrap_or_default())).await?;
    Ok(())
}

/// The arguments by which a program joins a network: one that is put into the air, or the one of the bench.
fn join(board: &Board) -> Result<[String; 3]> {
    let network = if board.supports(Capability::Air) {
        board.air().access_point("home").password(PASSWORD).channel(6).start()?;
        ["home".to_owned(), PASSWORD.to_owned()]
    } else {
        let network = board.wifi()?.expect("a board that has a network to join");
        [network.ssid, network.password.unwrap_or_default()]
    };
    let [ssid, password] = network;
    Ok(["join".to_owned(), ssid, password])
}

/// Starts the client in a network that it joins; it connects to the peer.
async fn start_client(board: &Board, [how, ssid, password]: &[String; 3]) -> Result<RunningScript> {
    let peer = board.peer().address().to_string();
    Ok(start(board, "client.py", &[how, ssid, password, &peer]).await?.0)
}

pub async fn the_client_shows_and_echoes_what_the_server_sends(board: &Board) -> Result<()> {
    let network = join(board)?;
    let listener = board.peer().listen(PORT).await?;
    let running = start_client(board, &network).await?;
    let socket = listener.accept().await?;
    socket.expect(GREETING).await?;
    echo(board, &socket, "Hello, OLED!").await?;
    board.screen().settled().await?.assert_golden("wifi-client-ascii")?;
    echo(board, &socket, CHINESE).await?;
    board.screen().settled().await?.assert_golden("wifi-client-chinese")?;
    socket.close().await?;
    running.finished().await?;
    Ok(())
}

async fn the_client_in_its_own_network(board: &Board) -> Result<()> {
    start(board, "client.py", &["open", "mPython", PASSWORD, "192.168.4.2"]).await?;
    let phone = board.air().join("mPython").password(PASSWORD).await?;
    assert_eq!((phone.address(), phone.board_address()), ([192, 168, 4, 2].into(), Some([192, 168, 4, 1].into())));
    let listener = phone.listen(PORT).await?;
    let socket = listener.accept().await?;
    socket.expect(GREETING).await?;
    echo(board, &socket, "Hello, OLED!").await?;
    board.screen().settled().await?.assert_golden("wifi-client-ascii")?;
    echo(board, &socket, CHINESE).await?;
    board.screen().settled().await?.assert_golden("wifi-client-chinese")?;
    Ok(())
}

async fn the_server_shows_and_echoes_what_clients_send(board: &Board) -> Result<()> {
    let [how, ssid, password] = &join(board)?;
    let (running, address) = start(board, "server.py", &[how, ssid, password]).await?;
    board.console().expect_line("accepting").await?;
    board.screen().wait_for_golden("wifi-server-accepting").await?;
    for _ in 0..2 {
        let socket = board.peer().connect_to(SocketAddrV4::new(address, PORT)).await?;
        echo(board, &socket, "Hello, OLED!").await?;
        board.screen().settled().await?.assert_golden("wifi-server-ascii")?;
        echo(board, &socket, CHINESE).await?;
        board.screen().settled().await?.assert_golden("wifi-server-chinese")?;
        socket.close().await?;
        board.console().expect_line("closed").await?;
        board.screen().wait_for_golden("wifi-server-accepting").await?;
    }
    running.interrupt().await?;
    Ok(())
}

async fn the_server_in_its_own_network(board: &Board) -> Result<()> {
    start(board, "server.py", &["open", "mPython", ""]).await?;
    board.console().expect_line("accepting").await?;
    board.screen().wait_for_golden("wifi-server-own-accepting").await?;
    let phone = board.air().join("mPython").await?;
    let socket = phone.connect(PORT).await?;
    echo(board, &socket, CHINESE).await?;
    board.screen().settled().await?.assert_golden("wifi-server-own-chinese")?;
    // A second station is a second client, whose turn comes when the first has gone.
    let laptop = board.air().join("mPython").await?;
    assert_eq!(laptop.address(), Ipv4Addr::new(192, 168, 4, 3));
    let second = laptop.connect(PORT).await?;
    drop(socket);
    board.console().expect_line("closed").await?;
    echo(board, &second, "Hello, OLED!").await?;
    Ok(())
}

/// ESP-IDF ends every connection when the network is gone ("Wi-Fi Driver", "Wi-Fi Disconnect Phase"). The program connects again.
async fn the_client_connects_again_after_a_deauthentication(board: &Board) -> Result<()> {
    let network = join(board)?;
    let listener = board.peer().listen(PORT).await?;
    start_client(board, &network).await?;
    let socket = listener.accept().await?;
    socket.expect(GREETING).await?;
    board.air().deauthenticate("home")?;
    board.console().expect_line("lost [Errno 113] ECONNABORTED").await?;
    let socket = listener.accept().within(30.s()).await?;
    socket.expect(GREETING).await?;
    echo(board, &socket, CHINESE).await?;
    board.screen().settled().await?.assert_golden("wifi-client-chinese")
}

async fn the_server_outlives_a_deauthentication(board: &Board) -> Result<()> {
    let [how, ssid, password] = &join(board)?;
    let (_running, address) = start(board, "server.py", &[how, ssid, password]).await?;
    board.console().expect_line("accepting").await?;
    let socket = board.peer().connect_to(SocketAddrV4::new(address, PORT)).await?;
    echo(board, &socket, "Hello, OLED!").await?;
    board.air().deauthenticate("home")?;
    board.console().expect_line("lost [Errno 113] ECONNABORTED").await?;
    board.run_for(5.s()).await?;
    let socket = board.peer().connect_to(SocketAddrV4::new(address, PORT)).within(30.s()).await?;
    echo(board, &socket, CHINESE).await?;
    board.screen().settled().await?.assert_golden("wifi-server-chinese")
}

async fn the_client_reports_a_refused_connection(board: &Board) -> Result<()> {
    let running = start_client(board, &join(board)?).await?;
    let error = running.finished().within(30.s()).await.unwrap_err();
    let exception = error.exception().expect("an exception");
    assert_eq!((exception.kind.as_str(), exception.message.as_str()), ("OSError", "[Errno 104] ECONNRESET"));
    Ok(())
}

async fn two_runs_of_the_client_are_one(board: &Board) -> Result<()> {
    let fork = board.fork_as("two_runs_of_the_client_are_one-fork")?;
    let mut ends = Vec::new();
    for board in [board, &fork] {
        let network = join(board)?;
        let listener = board.peer().listen(PORT).await?;
        start_client(board, &network).await?;
        let socket = listener.accept().await?;
        socket.expect(GREETING).await?;
        echo(board, &socket, CHINESE).await?;
        ends.push((board.now(), board.trace_hash()));
    }
    assert_eq!(ends[0], ends[1]);
    Ok(())
}
