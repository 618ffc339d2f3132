//! Keys and lines that come at any moment of what the tutorial's programs do.

use espalier::{Board, Result, Units};
use espalier_explore::{Input, InputCase, Inputs, Replayed, replay};

use crate::common::{answers, board, client, greeted, server};

#[tokio::test]
async fn buttons_and_pulses_disturb_no_program() -> Result<()> {
    let inputs = [Input::press("a"), Input::pulse(0, false), Input::uart(1, "\r\n")];
    let board = board().await?;
    let before = (board.trace_hash(), board.now());
    for (name, program) in [("client", true), ("server", false)] {
        let scenario = async |board: &Board| if program { client(board).await } else { server(board).await };
        let explored = Inputs::new(inputs.clone()).moments(12).explore(&board, scenario, answers).await?.check()?;
        assert_eq!(explored.tried, 36, "{name}: {explored}");
    }
    assert_eq!((board.trace_hash(), board.now()), before);
    Ok(())
}

/// Whatever the client is doing, it stops when it is told to, and then serves.
#[tokio::test]
async fn a_program_stops_at_every_moment() -> Result<()> {
    let scenario = async |board: &Board| match greeted(board).await {
        Ok(socket) => {
            let _ = socket.send("Hello").await;
            board.run_for(50.ms()).await
        }
        // It was told to stop before it had connected.
        Err(_) => Ok(()),
    };
    let invariant = async |board: &Board, _: &InputCase| {
        // Ends a line that the moment has cut in two.
        board.console().send_line("").await?;
        board.console().send_line("stop").await?;
        server(board).await
    };
    let stop = Input::uart(0, "\nstop\n");
    let explored = Inputs::new([stop]).moments(25).explore(&board().await?, scenario, invariant).await?.check()?;
    assert_eq!((explored.moments, explored.tried), (25, 25), "{explored}");
    Ok(())
}

#[tokio::test]
async fn a_moment_at_which_an_input_is_wrong_is_found_and_shown_again() -> Result<()> {
    // A line that is typed in the middle of another one spoils it: that is so on every console, and a moment is found for it.
    let scenario = async |board: &Board| client(board).await;
    let noise = Input::uart(0, "x");
    let explored = Inputs::new([noise]).moments(400).explore(&board().await?, scenario, answers).await?;
    let shortest = explored.shortest().expect("a spoilt line is no command");
    assert!(shortest.case.input.contains("UART0 gets \"x\"") || shortest.case.input.contains("gets"), "{explored}");
    let file = shortest.file.as_ref().unwrap();
    for _ in 0..3 {
        let Replayed { board, finding, is_same } = replay(file).await?;
        assert!(is_same && board.trace_hash() == shortest.trace, "{finding:?}");
    }
    Ok(())
}
