//! A whole update of MicroPython by itself, from one slot into the other, with rollback.
//!
//! The official image has no slots, so it gets another partition table; bootloader and application are the official ones.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use espalier::{Board, Image, Result, Units};
use espalier_explore::{Cut, Explored, PowerCuts};
use md5::{Digest, Md5};

/// Where the partition table is in flash, and where the image begins.
const TABLE: usize = 0x8000;
const START: usize = 0x1000;
/// Bytes of an entry (ESP-IDF programming guide, "Partition Tables"), and how many of them make the table.
const ENTRY: usize = 32;
const TABLE_LENGTH: usize = 0xC00;

/// Type, subtype, place, length and name of each partition.
const PARTITIONS: [(u8, u8, u32, u32, &str); 6] = [
    (1, 0x02, 0x9000, 0x4000, "nvs"),
    (1, 0x00, 0xD000, 0x2000, "otadata"),
    (1, 0x01, 0xF000, 0x1000, "phy_init"),
    (0, 0x10, 0x1_0000, 0x1A_0000, "ota_0"),
    (0, 0x11, 0x1B_0000, 0x1A_0000, "ota_1"),
    (1, 0x81, 0x35_0000, 0xB_0000, "vfs"),
];

/// The image with a table of two slots.
pub fn image(official: &Path) -> Result<Image> {
    let mut bytes = std::fs::read(official)?;
    let mut table = Vec::new();
    for (kind, subtype, offset, length, name) in PARTITIONS {
        let mut label = [0; 16];
        label[..name.len()].copy_from_slice(name.as_bytes());
        table.extend([0xAA, 0x50, kind, subtype]);
        table.extend(offset.to_le_bytes());
        table.extend(length.to_le_bytes());
        table.extend(label);
        table.extend([0; 4]);
    }
    assert_eq!(table.len(), PARTITIONS.len() * ENTRY);
    let digest = Md5::digest(&table);
    table.extend([0xEB, 0xEB]);
    table.extend([0xFF; 14]);
    table.extend(digest);
    table.resize(TABLE_LENGTH, 0xFF);
    bytes[TABLE - START..][..TABLE_LENGTH].copy_from_slice(&table);
    let name = std::env::temp_dir().join(format!("espalier-two-slots-{}.bin", std::process::id()));
    std::fs::write(&name, &bytes)?;
    let image = Image::read(&name);
    std::fs::remove_file(&name)?;
    Ok(image?)
}

/// Says which slot runs, and that it does.
const MAIN: &str = "import esp32\n\
    esp32.Partition.mark_app_valid_cancel_rollback()\n\
    print('@running', esp32.Partition(esp32.Partition.RUNNING).info()[4])\n";

/// Copies the application into the other slot and makes it the one that boots next.
const UPDATE: &str = "import esp32\n\
    running = esp32.Partition(esp32.Partition.RUNNING)\n\
    other = running.get_next_update()\n\
    block = bytearray(4096)\n\
    for n in range(running.info()[3] // 4096):\n \
      running.readblocks(n, block)\n \
      other.writeblocks(n, block)\n\
    other.set_boot()\n";

/// Updates a board from its first slot into its second, with its power cut at every moment, and looks for a cut after which neither
/// runs.
pub async fn explore(board: &Board, cuts: PowerCuts) -> Result<Explored<Cut>> {
    let python = board.micropython();
    python.put(MAIN, "main.py").await?;
    board.reset().await?;
    board.console().expect("@running ota_0\r").within(20.s()).await?;
    let scenario = async |board: &Board| {
        board.micropython().exec(UPDATE).within(600.s()).await?;
        board.reset().await?;
        board.console().expect("@running ota_1\r").within(20.s()).await.map(drop)
    };
    let invariant = async |board: &Board, _: &Cut| {
        board.console().expect_regex("@running ota_[01]\r").within(30.s()).await.map(drop)
    };
    cuts.only_what_is_read().explore(board, scenario, invariant).await
}

/// Confirms the first slot only.
const DOUBTFUL: &str = "import esp32\n\
    name = esp32.Partition(esp32.Partition.RUNNING).info()[4]\n\
    if name == 'ota_0': esp32.Partition.mark_app_valid_cancel_rollback()\n\
    print('@running', name)\n";

/// Chooses the second slot, which has the application already.
const SWITCH: &str = "import esp32\n\
    running = esp32.Partition(esp32.Partition.RUNNING)\n\
    running.get_next_update().set_boot()\n";

/// Starts an application that never confirms itself, with the power cut at every moment from the choice of its slot to the first one's
/// start after it, and looks for a cut after which the bootloader does not go back. Gives how often it went back too.
pub async fn explore_rollback(board: &Board, cuts: PowerCuts) -> Result<(Explored<Cut>, usize)> {
    let python = board.micropython();
    python.put(DOUBTFUL, "main.py").await?;
    let copy = UPDATE.replace("other.set_boot()\n", "");
    python.exec(copy.as_str()).within(600.s()).await?;
    board.reset().await?;
    board.console().expect("@running ota_0\r").within(20.s()).await?;
    let rollbacks = AtomicUsize::new(0);
    let scenario = async |board: &Board| {
        board.micropython().exec(SWITCH).within(60.s()).await?;
        board.reset().await?;
        board.console().expect("@running ota_1\r").within(20.s()).await?;
        board.reset().await?;
        board.console().expect("@running ota_0\r").within(20.s()).await.map(drop)
    };
    let invariant = async |board: &Board, _: &Cut| {
        let found = board.console().expect_regex("@running (ota_[01])\r").within(30.s()).await?;
        if found.get(1) == Some("ota_1") {
            board.reset().await?;
            board.console().expect("@running ota_0\r").within(30.s()).await?;
            rollbacks.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    let explored = cuts.explore(board, scenario, invariant).await?;
    Ok((explored, rollbacks.into_inner()))
}
