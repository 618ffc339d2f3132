//! A store of settings with a fault, which is found with the shortest case; and without it, in which nothing is found.

use espalier::{Board, Result, Units};
use espalier_explore::{Cut, Explored, Found, PowerCuts, Replayed, SavedCase, power_cuts, replay};

use crate::case;
use crate::official::Case;
use crate::settings::{LITTLEFS, Store};

pub const ALL: &[Case] = &[
    case!(a_record_that_is_written_in_two_steps_is_found, Power, Fork),
    case!(the_same_record_with_its_mark_last_is_whole, Power, Fork),
    case!(a_file_that_is_written_in_place_is_empty_at_first, Power, Fork),
    case!(a_supply_that_falls_between_two_steps_is_found, Power, Fork),
    case!(threads_find_the_same_and_the_board_stays_as_it_is, Power, Fork),
    case!(a_case_goes_on_from_where_others_were_and_makes_the_run_of_a_whole_boot, Power, Fork),
    case!(a_scenario_that_writes_nothing_has_one_case, Power, Fork),
    case!(a_scenario_that_fails_is_reported, Power, Fork),
];

/// Reads the last record of a log in the partition of the radio's calibration, which this firmware does not use without Wi-Fi: a mark
/// and a number each.
const READ: &str = "import esp\n\
    r = bytearray(8)\n\
    n = None\n\
    at = 0xF000\n\
    while True:\n \
      esp.flash_read(at, r)\n \
      if r[0] != 0xA5: break\n \
      n = int.from_bytes(r[4:], 'little')\n \
      at += 8\n\
    print('@volume', n)\n";

/// A number after the other in one file, without a second one beside it.
const IN_PLACE: Store = Store { write: "f = open('settings', 'w')\n  f.write(str(n))\n  f.close()", ..LITTLEFS };

/// Appends the records 1 to 4. The mark says that the number is there, and is written before it.
const MARK_FIRST: &str = "import esp\n\
    for n in range(1, 5):\n \
      esp.flash_write(0xF000 + 8 * n - 8, b'\\xa5\\0\\0\\0')\n \
      esp.flash_write(0xF000 + 8 * n - 4, n.to_bytes(4, 'little'))\n";

/// The same, with the mark written after the number.
const MARK_LAST: &str = "import esp\n\
    for n in range(1, 5):\n \
      esp.flash_write(0xF000 + 8 * n - 4, n.to_bytes(4, 'little'))\n \
      esp.flash_write(0xF000 + 8 * n - 8, b'\\xa5\\0\\0\\0')\n";

async fn explore(board: &Board, write: &str, cuts: PowerCuts) -> Result<Explored<Cut>> {
    let python = board.micropython();
    python.exec("import esp\nesp.flash_erase(0xF000 // 4096)").await?;
    python.put(READ, "main.py").await?;
    let scenario = async |board: &Board| board.micropython().exec(write).await.map(drop);
    let invariant = async |board: &Board, _: &Cut| {
        let found = board.console().expect_regex("@volume (.*)\r").within(20.s()).await?;
        let volume = found.get(1).unwrap_or_default();
        assert!(["None", "1", "2", "3", "4"].contains(&volume), "the volume is {volume}");
        Ok(())
    };
    cuts.explore(board, scenario, invariant).await
}

async fn a_record_that_is_written_in_two_steps_is_found(board: &Board) -> Result<()> {
    let error = explore(board, MARK_FIRST, PowerCuts::new()).await?.check().unwrap_err();
    let Some(Found::<Cut>(explored)) = error.find() else { panic!("{error}") };
    assert_eq!(explored.moments, 8);
    let shortest = explored.shortest().unwrap();
    // The first record has its mark, and its number was not begun.
    assert_eq!(
        (shortest.case.operation, shortest.case.progress.share(), &shortest.case.range),
        (1, 0.0, &(0xF004..0xF008))
    );
    assert!(shortest.message.contains("the volume is 4294967295"), "{}", shortest.message);
    // Its file shows it again, as often as it is asked.
    let file = shortest.file.as_ref().unwrap();
    assert!(file.parent().is_some_and(|folder| folder.ends_with("espalier/findings")), "{}", file.display());
    for _ in 0..5 {
        let Replayed { board, finding, is_same } = replay(file).await?;
        assert!(is_same, "{finding:?}");
        assert!(
            finding.message.contains("the volume is 4294967295")
                && matches!(finding.case, SavedCase::PowerCuts { operation: 1, .. }),
            "{finding:?}"
        );
        assert!(String::from_utf8_lossy(&board.console().take_unread()).contains("@volume 4294967295"));
    }
    let told = error.to_string();
    assert!(told.contains("\n`espalier replay "), "{told}");
    assert!(told.contains("\nthe shortest case that fails: power lost at "), "{told}");
    assert!(told.contains(", before operation 1, which would program 0xf004..0xf008:"), "{told}");
    Ok(())
}

async fn the_same_record_with_its_mark_last_is_whole(board: &Board) -> Result<()> {
    let explored = explore(board, MARK_LAST, PowerCuts::new().moments(3)).await?.check()?;
    assert_eq!(explored.moments, 8);
    Ok(())
}

/// littlefs keeps the old content of a file until the new one is closed, but a file that was not there before is there from the moment
/// at which it is opened.
async fn a_file_that_is_written_in_place_is_empty_at_first(board: &Board) -> Result<()> {
    let explored = IN_PLACE.explore(board, 2, PowerCuts::new()).await?;
    let shortest = explored.shortest().expect("an empty file is no number");
    assert!(shortest.message.contains(" is stored after 0 numbers"), "{}", shortest.message);
    Ok(())
}

async fn threads_find_the_same_and_the_board_stays_as_it_is(board: &Board) -> Result<()> {
    board.micropython().exec("import esp\nesp.flash_erase(0xF000 // 4096)").await?;
    board.micropython().put(READ, "main.py").await?;
    let before = (board.trace_hash(), board.now(), board.read_flash()?);
    let mut told = Vec::new();
    for threads in [1, 3] {
        let scenario = async |board: &Board| board.micropython().exec(MARK_FIRST).await.map(drop);
        let invariant =
            async |board: &Board, _: &Cut| board.console().expect("@volume None\r").within(20.s()).await.map(drop);
        let explored = PowerCuts::new().threads(threads).explore(board, scenario, invariant).await?;
        let shortest = explored.shortest().expect("the volume is set");
        told.push((shortest.case.clone(), shortest.trace));
    }
    assert_eq!(told[0], told[1]);
    assert!(before == (board.trace_hash(), board.now(), board.read_flash()?));
    Ok(())
}

/// NVS is read early in a boot, and the record late: cases of the record begin behind what is done with NVS.
async fn a_case_goes_on_from_where_others_were_and_makes_the_run_of_a_whole_boot(board: &Board) -> Result<()> {
    let write = format!("import esp32\ns = esp32.NVS('settings')\ns.set_i32('k', 1)\ns.commit()\n{MARK_FIRST}");
    let explored = explore(board, &write, PowerCuts::new()).await?;
    let shortest = explored.shortest().expect("a mark without its number");
    assert_eq!((shortest.case.range.clone(), shortest.case.progress.share()), (0xF004..0xF008, 0.0));
    let file = shortest.file.as_ref().unwrap();
    let Replayed { is_same, finding, .. } = replay(file).await?;
    assert!(is_same, "{finding:?}");
    // The same by hand.
    let plain = board.fork()?;
    plain.record_flash()?;
    plain.micropython().exec(write.as_str()).await?;
    let history = plain.flash_history().expect("it is recorded");
    let mut replay = history.replay();
    assert!((0..shortest.case.operation).all(|_| replay.step()));
    plain.cut_power(0)?;
    plain.console().take_unread();
    plain.set_flash_memory(replay.content())?;
    plain.power_on()?;
    assert!(plain.run_to_flash_read(&history.sectors(), 5.s())?);
    let first_read = plain.now();
    plain.console().expect("@volume 4294967295\r").within(20.s()).await?;
    assert_eq!((plain.trace_hash(), plain.now()), (shortest.trace, shortest.until));
    let began = Board::load(file.with_extension("espalier"))?.now();
    assert!(began > first_read + 5.ms() && began < plain.now(), "{began} {first_read}");
    Ok(())
}

async fn a_scenario_that_writes_nothing_has_one_case(board: &Board) -> Result<()> {
    let explored = power_cuts(board, async |_| Ok(()), async |_, _| Ok(())).await?.check()?;
    assert_eq!((explored.moments, explored.tried, explored.merged), (0, 1, 0));
    Ok(())
}

async fn a_scenario_that_fails_is_reported(board: &Board) -> Result<()> {
    let scenario = async |board: &Board| board.console().expect("never").within(1.ms()).await.map(drop);
    let error = power_cuts(board, scenario, async |_, _| Ok(())).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    Ok(())
}

/// Stores a number in two steps, 60 ms apart.
const SLOWLY: &str = "import esp, time\n\
    esp.flash_write(0xF000, b'\\xa5\\0\\0\\0')\n\
    time.sleep_ms(60)\n\
    esp.flash_write(0xF004, (1).to_bytes(4, 'little'))\n";

/// The supply takes 53 ms from its 3.3 V to where ESP-IDF's brown-out detector stops the firmware: that is between the two steps.
async fn a_supply_that_falls_between_two_steps_is_found(board: &Board) -> Result<()> {
    board.micropython().exec("import esp\nesp.flash_erase(0xF000 // 4096)").await?;
    board.micropython().put(READ, "main.py").await?;
    let before = (board.trace_hash(), board.now(), board.read_flash()?);
    let scenario = async |board: &Board| board.micropython().exec(SLOWLY).await.map(drop);
    // Cuts at once are tried by others.
    let invariant = async |board: &Board, cut: &Cut| {
        if cut.fall.is_none() {
            return Ok(());
        }
        assert!(board.console().lines().iter().any(|line| line.text.contains("Brownout detector was triggered")));
        let found = board.console().expect_regex("@volume (.*)\r").within(20.s()).await?;
        let volume = found.get(1).unwrap_or_default();
        assert!(["None", "1"].contains(&volume), "the volume is {volume}");
        Ok(())
    };
    let explored = PowerCuts::new().ramps([0.0165]).explore(board, scenario, invariant).await?;
    assert_eq!(explored.moments, 2);
    let shortest = explored.shortest().expect("the detector comes between the two steps");
    assert_eq!((shortest.case.operation, shortest.case.fall.is_some()), (0, true));
    assert!(shortest.message.contains("the volume is 4294967295"), "{}", shortest.message);
    assert!(explored.to_string().contains("power lost within 0.2"), "{explored}");
    let Replayed { is_same, finding, .. } = replay(shortest.file.as_ref().unwrap()).await?;
    assert!(is_same && matches!(finding.case, SavedCase::PowerCuts { fall: 1.., .. }), "{finding:?}");
    assert!(before == (board.trace_hash(), board.now(), board.read_flash()?));

    // So slow that both steps are done before the detector sees it: one content, which holds.
    let explored = PowerCuts::new().ramps([0.01]).explore(board, scenario, invariant).await?.check()?;
    assert!(explored.moments == 2 && explored.merged >= 1, "{explored}");
    Ok(())
}
