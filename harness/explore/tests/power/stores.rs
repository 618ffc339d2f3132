//! MicroPython's own stores lose nothing.

use espalier::{Board, Result};
use espalier_explore::PowerCuts;

use crate::case;
use crate::official::{Case, image_path};
use crate::settings::{DIRECTORY, LITTLEFS, NVS};
use crate::update;

pub const ALL: &[Case] = &[
    case!(settings_in_nvs_survive_every_power_cut, Power, Fork),
    case!(settings_in_a_file_survive_every_power_cut, Power, Fork),
    case!(settings_in_a_directory_survive_every_power_cut, Power, Fork),
    case!(an_update_survives_every_power_cut, Power, Fork),
    case!(an_update_that_is_not_confirmed_is_rolled_back_after_every_power_cut, Power, Fork),
];

async fn settings_in_nvs_survive_every_power_cut(board: &Board) -> Result<()> {
    let explored = NVS.explore(board, 12, PowerCuts::new()).await?.check()?;
    assert!(explored.moments > 24 && explored.tried > explored.moments, "{explored}");
    println!("{explored}");
    Ok(())
}

async fn settings_in_a_file_survive_every_power_cut(board: &Board) -> Result<()> {
    let explored = LITTLEFS.explore(board, 4, PowerCuts::new()).await?.check()?;
    assert!(explored.moments > 8 && explored.tried > explored.moments, "{explored}");
    println!("{explored}");
    Ok(())
}

async fn settings_in_a_directory_survive_every_power_cut(board: &Board) -> Result<()> {
    let explored = DIRECTORY.explore(board, 3, PowerCuts::new()).await?.check()?;
    assert!(explored.moments > 8 && explored.tried > explored.moments, "{explored}");
    println!("{explored}");
    Ok(())
}

async fn an_update_survives_every_power_cut(_: &Board) -> Result<()> {
    let board = Board::builder().image(update::image(&image_path())?).name("two-slots").start().await?;
    let explored = update::explore(&board, PowerCuts::new().seeds(1)).await?.check()?;
    // A program for each page of the application, and an erase for each of its blocks.
    assert!(explored.moments > 6_000 && explored.merged > explored.moments, "{explored}");
    println!("{explored}");
    Ok(())
}

async fn an_update_that_is_not_confirmed_is_rolled_back_after_every_power_cut(_: &Board) -> Result<()> {
    let board = Board::builder().image(update::image(&image_path())?).name("two-slots").start().await?;
    let (explored, rollbacks) = update::explore_rollback(&board, PowerCuts::new()).await?;
    let explored = explored.check()?;
    // The choice of the slot, the first start, and the end of the trial are each written into otadata.
    assert!(explored.moments >= 4 && rollbacks > 0, "{rollbacks} rollbacks, {explored}");
    println!("{explored}, {rollbacks} rollbacks");
    Ok(())
}
