//! The tutorial's client and server on MicroPython, in a network that the board joins and in one that it opens.

use espalier::{Board, PeerStream, Result, RunningScript, Units};

use crate::{Case, PASSWORD, case, script};

pub const ALL: &[(&str, Case)] = &[
    case!(the_client_shows_and_echoes_what_the_server_sends),
    case!(the_client_in_its_own_network),
    case!(the_server_shows_and_echoes_what_clients_send),
    case!(the_server_in_its_own_network),
    case!(the_client_runs_again_after_a_deauthentication),
    case!(the_client_says_that_nobody_listens),
    case!(two_runs_of_the_client_are_one),
];

const GREETING: &str = "hello mPython,I am TCP Client";
const CHINESE: &str = "你好,掌控板!";

async fn start(board: &Board, name: &str, arguments: &[&str]) -> Result<RunningScript> {
    let running = board.micropython().start(script(name, arguments)?).await?;
    board.console().expect_line("address 192.168.4.").within(30.s()).await?;
    Ok(running)
}

/// Sends a message and takes its echo.
async fn echo(board: &Board, socket: &PeerStream, text: &str) -> Result<()> {
    socket.send(text).await?;
    assert_eq!(socket.expect(text).await?, b"");
    board.console().expect(format!("received {}", text.lines().next().unwrap_or_default())).await?;
    Ok(())
}

fn home(board: &Board) -> Result<()> {
    board.air().access_point("home").password(PASSWORD).channel(6).start()
}

pub async fn the_client_shows_and_echoes_what_the_server_sends(board: &Board) -> Result<()> {
    home(board)?;
    let listener = board.peer().listen(5001).await?;
    let running = start(board, "client.py", &["join", "home", PASSWORD, "192.168.4.2"]).await?;
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
    let listener = phone.listen(5001).await?;
    let socket = listener.accept().await?;
    socket.expect(GREETING).await?;
    echo(board, &socket, "Hello, OLED!").await?;
    board.screen().settled().await?.assert_golden("wifi-client-ascii")?;
    echo(board, &socket, CHINESE).await?;
    board.screen().settled().await?.assert_golden("wifi-client-chinese")?;
    Ok(())
}

async fn the_server_shows_and_echoes_what_clients_send(board: &Board) -> Result<()> {
    home(board)?;
    let running = start(board, "server.py", &["join", "home", PASSWORD]).await?;
    board.console().expect_line("accepting").await?;
    board.screen().settled().await?.assert_golden("wifi-server-accepting")?;
    for _ in 0..2 {
        let socket = board.peer().connect(5001).await?;
        echo(board, &socket, "Hello, OLED!").await?;
        board.screen().settled().await?.assert_golden("wifi-server-ascii")?;
        echo(board, &socket, CHINESE).await?;
        board.screen().settled().await?.assert_golden("wifi-server-chinese")?;
        socket.close().await?;
        board.console().expect_line("closed").await?;
        board.screen().settled().await?.assert_golden("wifi-server-accepting")?;
    }
    running.interrupt().await?;
    Ok(())
}

async fn the_server_in_its_own_network(board: &Board) -> Result<()> {
    start(board, "server.py", &["open", "mPython", ""]).await?;
    board.console().expect_line("accepting").await?;
    board.screen().settled().await?.assert_golden("wifi-server-own-accepting")?;
    let phone = board.air().join("mPython").await?;
    let socket = phone.connect(5001).await?;
    echo(board, &socket, CHINESE).await?;
    board.screen().settled().await?.assert_golden("wifi-server-own-chinese")?;
    // A second station is a second client, whose turn comes when the first has gone.
    let laptop = board.air().join("mPython").await?;
    assert_eq!(laptop.address(), std::net::Ipv4Addr::new(192, 168, 4, 3));
    let second = laptop.connect(5001).await?;
    drop(socket);
    board.console().expect_line("closed").await?;
    echo(board, &second, "Hello, OLED!").await?;
    Ok(())
}

/// ESP-IDF ends every connection when the network is gone ("Wi-Fi Driver", "Wi-Fi Disconnect Phase"). The program can be run again.
async fn the_client_runs_again_after_a_deauthentication(board: &Board) -> Result<()> {
    home(board)?;
    let listener = board.peer().listen(5001).await?;
    let arguments = ["join", "home", PASSWORD, "192.168.4.2"];
    let running = start(board, "client.py", &arguments).await?;
    let socket = listener.accept().await?;
    socket.expect(GREETING).await?;
    board.air().deauthenticate("home")?;
    let error = running.finished().await.unwrap_err();
    assert_eq!(error.exception().map(|exception| exception.message.as_str()), Some("[Errno 113] ECONNABORTED"));
    start(board, "client.py", &arguments).await?;
    let socket = listener.accept().await?;
    socket.expect(GREETING).await?;
    echo(board, &socket, CHINESE).await?;
    board.screen().settled().await?.assert_golden("wifi-client-chinese")
}

async fn the_client_says_that_nobody_listens(board: &Board) -> Result<()> {
    home(board)?;
    let running = start(board, "client.py", &["join", "home", PASSWORD, "192.168.4.2"]).await?;
    let error = running.finished().within(30.s()).await.unwrap_err();
    let exception = error.exception().expect("an exception");
    assert_eq!((exception.kind.as_str(), exception.message.as_str()), ("OSError", "[Errno 104] ECONNRESET"));
    Ok(())
}

async fn two_runs_of_the_client_are_one(board: &Board) -> Result<()> {
    let fork = board.fork_as("two_runs_of_the_client_are_one-fork")?;
    let mut ends = Vec::new();
    for board in [board, &fork] {
        home(board)?;
        let listener = board.peer().listen(5001).await?;
        start(board, "client.py", &["join", "home", PASSWORD, "192.168.4.2"]).await?;
        let socket = listener.accept().await?;
        socket.expect(GREETING).await?;
        echo(board, &socket, CHINESE).await?;
        ends.push((board.now(), board.trace_hash()));
    }
    assert_eq!(ends[0], ends[1]);
    Ok(())
}
