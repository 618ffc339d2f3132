//! State after a loss of power.

use espalier::{Board, FlashOperationKind, FlashSectors, Result, Units};

use crate::case;
use crate::official::Case;

pub const ALL: &[Case] = &[
    case!(lost_power_takes_rtc_memory_and_leaves_files, Power),
    case!(a_cut_in_an_erase_leaves_a_torn_sector, Power),
    case!(the_history_of_the_flash_has_what_a_cut_leaves, Power, Fork),
    case!(a_boot_reads_some_sectors_and_is_the_same_while_that_is_watched, Power, Fork),
];

async fn lost_power_takes_rtc_memory_and_leaves_files(board: &Board) -> Result<()> {
    let python = board.micropython();
    python.put("kept", "kept.txt").await?;
    python.exec("import machine\nmachine.RTC().memory(b'remembered')").await?;
    board.cut_power(1)?;
    let off = board.now();
    board.run_for(3.s()).await?;
    assert!(board.now().since(off) >= 3.s());
    assert_eq!(board.console().take_unread(), b"");
    board.power_on()?;
    assert_eq!(
        python.exec("import machine\nprint(machine.RTC().memory(), open('kept.txt').read())").await?,
        "b'' kept\n"
    );
    Ok(())
}

/// A sector beyond the file system's first blocks is erased again and again; the cut comes in one of the erases.
async fn a_cut_in_an_erase_leaves_a_torn_sector(board: &Board) -> Result<()> {
    let python = board.micropython();
    let script = "import esp\n\
        at = 0x3F0000\n\
        while True:\n \
          esp.flash_erase(at // 4096)\n \
          esp.flash_write(at, bytes(4096))\n";
    let running = python.start(script).await?;
    board.run_for(20.ms()).await?;
    let sector = |board: &Board| Ok::<_, espalier::Error>(board.read_flash()?[0x3F_0000..0x3F_1000].to_vec());
    // The end of an erase is never far: look for a moment in one.
    for _ in 0..2_000 {
        board.run_for(5.us()).await?;
        let fork = board.fork_as("cut")?;
        fork.cut_power(1)?;
        let left = sector(&fork)?;
        let torn = left.iter().filter(|cell| !matches!(cell, 0 | 0xFF)).count();
        if torn > 1_000 {
            // The same moment with another seed leaves something else, and the same one the same.
            let (same, other) = (board.fork_as("same")?, board.fork_as("other")?);
            same.cut_power(1)?;
            other.cut_power(2)?;
            assert!(sector(&same)? == left && sector(&other)? != left);
            drop(running);
            return Ok(());
        }
    }
    panic!("no moment was found in an erase");
}

/// Sectors are read by instructions of the chip (NVS and the file system), through the data cache (the partition table) and through the
/// instruction cache (the application).
async fn a_boot_reads_some_sectors_and_is_the_same_while_that_is_watched(board: &Board) -> Result<()> {
    let (watched, other) = (board.fork_as("watched")?, board.fork_as("other")?);
    watched.watch_flash_reads(true)?;
    for board in [&watched, &other] {
        board.power_on()?;
        board.console().expect(">>> ").await?;
        board.run_for(100.ms()).await?;
    }
    assert_eq!(watched.trace_hash(), other.trace_hash());
    assert!(other.flash_reads().is_none());
    let reads: Vec<usize> = watched.flash_reads().expect("they are watched").iter().collect();
    for sector in [0x1, 0x8, 0x9, 0x10, 0x100, 0x200] {
        assert!(reads.contains(&sector), "sector {sector:#x} is not among {reads:x?}");
    }
    assert!(!reads.contains(&0x3F0) && !reads.contains(&0xF), "{reads:x?}");
    // One that stops before NVS has printed what comes before, and goes on like the others.
    let stopped = board.fork_as("stopped")?;
    stopped.power_on()?;
    let mut nvs = FlashSectors::default();
    nvs.insert(&(0x9000..0xF000));
    assert!(stopped.run_to_flash_read(&nvs, 5.s())?);
    assert!(stopped.now() < other.now());
    stopped.console().expect(">>> ").await?;
    let span = other.now().since(stopped.now());
    stopped.run_for(span).await?;
    assert_eq!(stopped.trace_hash(), other.trace_hash());
    Ok(())
}

async fn the_history_of_the_flash_has_what_a_cut_leaves(board: &Board) -> Result<()> {
    let python = board.micropython();
    board.record_flash()?;
    python.put([7; 3_000], "settings.bin").await?;
    let history = board.flash_history().expect("it is recorded");
    let kinds: Vec<_> = history.operations().iter().map(|operation| operation.kind).collect();
    assert!(kinds.contains(&FlashOperationKind::Erase) && kinds.contains(&FlashOperationKind::Program), "{kinds:?}");
    assert_eq!(history.dropped(), 0);
    let mut replay = history.replay();
    while replay.step() {}
    let mut content = vec![0; replay.content().size()];
    replay.content().read(0, &mut content);
    assert!(content == board.read_flash()?);
    Ok(())
}
