//! The tutorial's client on a network that does what networks do.

use espalier::{Board, Capability, Faults, PeerStream, Result, Units, needs};
use rstest::rstest;

use crate::common::{board, start};

const GREETING: &str = "hello mPython,I am TCP Client";

async fn connected(board: &Board) -> Result<PeerStream> {
    let listener = board.peer().listen(5001).await?;
    board.console().send_line(format!("client {} 5001", board.peer().address())).await?;
    let socket = listener.accept().within(60.s()).await?;
    socket.expect(GREETING).within(60.s()).await?;
    Ok(socket)
}

/// Many small messages, so that each of the faults comes over some of them.
async fn echoes(socket: &PeerStream) -> Result<()> {
    for round in 0..20 {
        let text = format!("message {round} 你好");
        socket.send(&text).within(60.s()).await?;
        assert_eq!(socket.expect(&text).within(60.s()).await?, b"");
    }
    Ok(())
}

#[rstest]
#[case::loss(Faults { loss: 0.2, ..Faults::default() })]
#[case::reordering(Faults { reordering: 0.3, reordered_by: 20.ms(), ..Faults::default() })]
#[case::duplication(Faults { duplication: 0.5, ..Faults::default() })]
#[case::corruption(Faults { corruption: 0.1, ..Faults::default() })]
#[case::jitter(Faults { jitter: 200.ms(), ..Faults::default() })]
#[case::everything(Faults {
    loss: 0.2,
    reordering: 0.2,
    duplication: 0.1,
    corruption: 0.05,
    jitter: 10.ms(),
    ..Faults::default()
})]
#[tokio::test]
async fn the_echo_survives(#[future(awt)] board: Board, #[case] faults: Faults) -> Result<()> {
    needs!(board, Capability::Faults);
    board.network().set_faults(faults)?;
    let socket = connected(&board).await?;
    echoes(&socket).await?;
    board.network().set_faults(Faults::default())?;
    socket.close().await?;
    socket.expect_close().within(60.s()).await?;
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_cable_that_is_cut_is_said_and_the_connection_goes_on(#[future(awt)] board: Board) -> Result<()> {
    needs!(board, Capability::Faults);
    let socket = connected(&board).await?;
    board.network().cut_cable()?;
    board.console().expect("@event link down").await?;
    board.screen().settled().await?.assert_golden("client-cable-out")?;
    // Segments sent meanwhile are lost, and TCP sends them again.
    socket.send("Hello, OLED!").await?;
    board.run_for(3.s()).await?;
    assert_eq!(socket.try_receive(), Some(Vec::new()));
    board.network().restore_cable()?;
    board.console().expect("@event link up").await?;
    socket.expect("Hello, OLED!").within(60.s()).await?;
    board.screen().settled().await?.assert_golden("client-received-ascii")
}

/// The same seed is the same loss: two boards go through it alike, and so does a fork.
#[tokio::test]
async fn faults_are_the_same_in_every_run() -> Result<()> {
    let mut hashes = Vec::new();
    for _ in 0..2 {
        let board = start().await?;
        needs!(board, Capability::Fork, Capability::Faults);
        board.console().expect("@event address").await?;
        let faults = Faults { loss: 0.1, ..Faults::default() };
        board.network().set_faults(faults)?;
        let fork = board.fork()?;
        for board in [board, fork] {
            connected(&board).await?;
            hashes.push((board.now(), board.trace_hash()));
        }
    }
    assert_eq!(hashes, [hashes[0]; 4]);
    Ok(())
}

#[rstest]
#[tokio::test]
async fn impossible_faults_are_refused(#[future(awt)] board: Board) -> Result<()> {
    needs!(board, Capability::Faults);
    let faults = Faults { loss: 2.0, ..Faults::default() };
    let error = board.network().set_faults(faults).unwrap_err();
    assert!(error.to_string().contains("the probability of loss is not between 0 and 1"), "{error}");
    // Nothing has changed.
    echoes(&connected(&board).await?).await
}
