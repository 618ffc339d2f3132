//! A supply that sags: ESP-IDF's handler of the brown-out detector, as it is in the official image.

use espalier::{Board, Result, Units};

use crate::case;
use crate::official::Case;

pub const ALL: &[Case] = &[
    case!(a_supply_that_sags_restarts_the_firmware, Power, Fork),
    case!(a_supply_that_fails_ends_the_run_and_one_that_comes_back_starts_it, Power, Fork),
];

const TRIGGERED: &str = "Brownout detector was triggered";

async fn a_supply_that_sags_restarts_the_firmware(board: &Board) -> Result<()> {
    // ESP-IDF's default threshold is 2.43 V.
    board.ramp_supply(3.3..2.44, 20.ms(), 1).await?;
    board.micropython().exec("x = 1").await?;
    assert!(board.crash().is_none());
    board.supply(2.4, 1)?;
    board.console().expect(TRIGGERED).within(1.s()).await?;
    board.supply(3.3, 1)?;
    board.console().expect(">>> ").within(10.s()).await?;
    Ok(())
}

async fn a_supply_that_fails_ends_the_run_and_one_that_comes_back_starts_it(board: &Board) -> Result<()> {
    board.micropython().exec("f = open('kept', 'w')\nf.write('all of it')\nf.close()").await?;
    // From the threshold to the end of the chip's power, 8 ms are left to print this in.
    board.ramp_supply(3.3..0.0, 200.ms(), 1).await?;
    assert!(!board.is_powered());
    let text = String::from_utf8_lossy(&board.console().take_unread()).into_owned();
    assert!(text.contains(TRIGGERED), "{text}");
    board.ramp_supply(0.0..3.3, 20.ms(), 1).await?;
    assert!(board.is_powered());
    board.console().expect(">>> ").within(10.s()).await?;
    let read = board.micropython().exec("print(open('kept').read())").await?;
    assert_eq!(read.text().trim_end(), "all of it");
    Ok(())
}
