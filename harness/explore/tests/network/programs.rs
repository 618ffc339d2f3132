//! The tutorial's programs on a network that fails at one or two frames.

use espalier::{Result, Units};
use espalier_explore::NetworkFaults;

use crate::common::{answers, board, client, server, switched_on};

#[tokio::test]
async fn the_client_talks_whatever_frame_fails() -> Result<()> {
    let explored = NetworkFaults::new().pairs(2).explore(&board().await?, client, answers).await?.check()?;
    assert!(explored.moments >= 10 && explored.tried > 100, "{explored}");
    println!("{explored}");
    Ok(())
}

#[tokio::test]
async fn the_server_serves_whatever_frame_fails() -> Result<()> {
    let explored = NetworkFaults::new().pairs(2).explore(&board().await?, server, answers).await?.check()?;
    assert!(explored.moments >= 20 && explored.tried > 100, "{explored}");
    println!("{explored}");
    Ok(())
}

#[tokio::test]
async fn an_address_is_got_whatever_frame_fails() -> Result<()> {
    let booted =
        async |board: &espalier::Board| board.console().expect("@event address ").within(120.s()).await.map(drop);
    let faults = NetworkFaults::new().frames(4).pairs(1);
    let explored = faults.explore(&switched_on().await?, booted, answers).await?.check()?;
    // DHCP takes two frames in each direction.
    assert!(explored.moments >= 4 && explored.tried > 30, "{explored}");
    println!("{explored}");
    Ok(())
}
