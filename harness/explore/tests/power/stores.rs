//! MicroPython's own stores lose nothing.

use espalier::{Board, Result};
use espalier_explore::PowerCuts;

use crate::case;
use crate::official::Case;
use crate::settings::{LITTLEFS, NVS};

pub const ALL: &[Case] = &[
    case!(settings_in_nvs_survive_every_power_cut, Power, Fork),
    case!(settings_in_a_file_survive_every_power_cut, Power, Fork),
];

async fn settings_in_nvs_survive_every_power_cut(board: &Board) -> Result<()> {
    let explored = NVS.explore(board, 12, PowerCuts::new()).await?.check()?;
    assert!(explored.operations > 24 && explored.tried > explored.operations, "{explored}");
    println!("{explored}");
    Ok(())
}

async fn settings_in_a_file_survive_every_power_cut(board: &Board) -> Result<()> {
    let explored = LITTLEFS.explore(board, 4, PowerCuts::new()).await?.check()?;
    assert!(explored.operations > 8 && explored.tried > explored.operations, "{explored}");
    println!("{explored}");
    Ok(())
}
