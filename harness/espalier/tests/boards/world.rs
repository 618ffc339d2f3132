//! Two boards with the tutorial's firmware in one world: one is the server, the other its client.

use espalier::{AmongOthers, Board, Capability, Model, Result, Timeout, Units, World};

const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
const GREETING: &str = "hello mPython,I am TCP Client";

async fn board(world: &World, name: &str) -> Result<Board> {
    world.board(Model::MPython).name(name).firmware(IMAGE).start().await
}

/// Boots both, connects one to the other, and returns the fingerprint of all that.
async fn meet(threads: usize) -> Result<u64> {
    let world = World::with_threads(0, threads)?;
    let (server, client) = (board(&world, "server").await?, board(&world, "client").await?);
    let addresses = [server.address().within(5.s()).await?, client.address().within(5.s()).await?];
    assert_eq!(addresses.map(|address| address.to_string()), ["10.0.4.101", "10.0.4.103"]);
    server.console().send_line("server 5001").await?;
    server.console().expect("@event listening 10.0.4.101:5001").await?;
    client.console().send_line("client 10.0.4.101 5001").await?;
    server.console().expect("@event accepted 10.0.4.103:").await?;
    server.console().expect(format!("@event received {}", GREETING.len())).await?;
    client.console().expect(format!("@event received {}", GREETING.len())).await?;
    assert_eq!((server.now(), client.now()), (world.now(), world.now()));
    assert_ne!(server.trace_hash(), client.trace_hash());
    Ok(world.trace_hash())
}

#[tokio::test]
async fn a_board_is_the_client_of_another_and_threads_change_nothing() -> Result<()> {
    assert_eq!(meet(1).await?, meet(2).await?);
    Ok(())
}

#[tokio::test]
async fn waits_for_two_boards_are_joined_on_one_clock() -> Result<()> {
    let world = World::new()?;
    let (one, other) = (board(&world, "one").await?, board(&world, "other").await?);
    let (first, second) =
        tokio::join!(one.console().expect("@event address "), other.console().expect("@event address "));
    assert_eq!((first?.text, second?.text), ("@event address ".to_owned(), "@event address ".to_owned()));
    // Each wait runs both boards, so the times do not add up; the second one begins a slice after the first.
    let begun = world.now();
    let (ran, also) = tokio::join!(one.run_for(20.ms()), other.run_for(20.ms()));
    ran.and(also)?;
    let passed = world.now().since(begun);
    assert!(passed >= 20.ms() && passed < 22.ms(), "{passed}");
    Ok(())
}

#[tokio::test]
async fn the_console_of_a_board_has_what_it_printed_while_others_were_waited_for() -> Result<()> {
    let world = World::new()?;
    let (waited_for, other) = (board(&world, "waited for").await?, board(&world, "other").await?);
    waited_for.address().within(5.s()).await?;
    world.run_for(100.ms()).await?;
    let printed = String::from_utf8_lossy(&other.console().bytes()).into_owned();
    assert!(printed.contains("@event address 10.0.4.103"), "{printed}");
    assert!(other.console().lines().len() > 5);
    assert!(String::from_utf8_lossy(&other.console().take_unread()).contains("@event address 10.0.4.103"));
    Ok(())
}

#[tokio::test]
async fn a_board_among_others_says_that_it_cannot_be_forked() -> Result<()> {
    let world = World::new()?;
    let one = board(&world, "one").await?;
    assert!(!one.supports(Capability::Fork));
    let error = one.fork().err().expect("others may come");
    assert!(error.find::<AmongOthers>().is_some(), "{error}");
    Ok(())
}

#[tokio::test]
async fn boards_that_come_late_come_at_the_time_of_the_world() -> Result<()> {
    let world = World::new()?;
    world.run_for(1.ms()).await?;
    let first = board(&world, "first").await?;
    first.address().within(5.s()).await?;
    let second = board(&world, "second").await?;
    assert_eq!(second.now(), first.now());
    assert_eq!(second.address().within(5.s()).await?.to_string(), "10.0.4.103");
    Ok(())
}

#[tokio::test]
async fn a_cut_cable_is_that_of_one_board() -> Result<()> {
    let world = World::new()?;
    let (whole, cut) = (board(&world, "whole").await?, board(&world, "cut").await?);
    cut.network().cut_cable()?;
    assert_eq!(whole.address().within(5.s()).await?.to_string(), "10.0.4.101");
    let error = cut.address().within(1.s()).await.expect_err("its cable is cut");
    assert!(error.find::<Timeout>().is_some(), "{error}");
    cut.network().restore_cable()?;
    assert_eq!(cut.address().await?.to_string(), "10.0.4.103");
    Ok(())
}
