//! Boards and worlds in files: they go on as they would have, and a file that holds none says so.

use std::path::Path;

use espalier::part::{PartKinds, TouchPad};
use espalier::{
    AmongOthers, Board, FileError, Image, Kind, Model, NoSuchBoard, NotInWorld, Result, SnapshotError, Start, Units,
    World,
};

use crate::tally::Tally;

const IMAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/firmware/tutorial-esp32.bin");
const GREETING: &str = "hello mPython,I am TCP Client";

async fn start() -> Result<Board> {
    Board::builder().kind(Kind::Emulated).model(Model::MPython).firmware(IMAGE).seed(5).start().await
}

/// The loaded board behaves as the saved one: through its boot, and with a connection that stays open.
#[tokio::test]
async fn a_board_goes_on_out_of_a_file() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("board.espalier");
    let board = start().await?;
    for millis in [1, 30, 200] {
        board.run_for(millis.ms()).await?;
        board.save(&file)?;
        let loaded = Board::load_as(&file, "loaded")?;
        assert_eq!(
            (loaded.now(), loaded.trace_hash(), loaded.name()),
            (board.now(), board.trace_hash(), "loaded".into())
        );
        let fork = board.fork()?;
        loaded.run_for(70.ms()).await?;
        fork.run_for(70.ms()).await?;
        assert_eq!(loaded.trace_hash(), fork.trace_hash(), "from {} on", board.now());
        assert_eq!(loaded.console().bytes(), fork.console().bytes());
    }
    Ok(())
}

#[tokio::test]
async fn a_board_without_power_has_none_out_of_a_file() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("board.espalier");
    let board = start().await?;
    board.run_for(40.ms()).await?;
    board.cut_power(3)?;
    board.save(&file)?;
    let loaded = Board::load(&file)?;
    for board in [&board, &loaded] {
        board.run_for(5.ms()).await?;
        board.power_on()?;
        board.run_for(60.ms()).await?;
    }
    assert_eq!(loaded.trace_hash(), board.trace_hash());
    assert_eq!(loaded.console().bytes(), board.console().bytes());
    Ok(())
}

#[tokio::test]
async fn logs_and_faults_come_back_with_the_board() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("board.espalier");
    let board = start().await?;
    board.console().expect("@event address").await?;
    board.start_capture()?;
    let listener = board.peer().listen(5001).await?;
    board.console().send_line(format!("client {} 5001", board.peer().address())).await?;
    let socket = listener.accept().await?;
    socket.expect(GREETING).await?;
    board.save(&file)?;
    let loaded = Board::load(&file)?;
    let lines = |board: &Board| board.console().lines().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(lines(&loaded), lines(&board));
    assert_eq!(loaded.peer().transcript(), board.peer().transcript());
    assert_eq!(loaded.capture(), board.capture());
    assert_eq!(loaded.address().await?, board.address().await?);
    assert_eq!(loaded.screen().picture().await?.bitmap(), board.screen().picture().await?.bitmap());
    assert_eq!(loaded.warnings(), board.warnings());
    // Text of the console that was consumed before saving is not found again, and new connections have numbers of their own.
    loaded.console().send_line(format!("client {} 5001", loaded.peer().address())).await?;
    let again = loaded.peer().listen(5002).await?;
    drop((again, socket));
    loaded.run_for(10.ms()).await?;
    loaded.reset_to(Start::Download).await?;
    loaded.console().expect("waiting for download").await?;
    Ok(())
}

/// A board file with a part of this kind.
fn board_file(folder: &Path, kind: &str) -> Model {
    let file = folder.join("board.toml");
    let part = format!("extends = \"mpython\"\n[[part]]\nkind = \"{kind}\"\nname = \"visits\"\n");
    std::fs::write(&file, part).expect("it can be written");
    Model::File(file)
}

/// Their state is in the file, and their code where it is loaded; a board without it is none.
#[tokio::test]
async fn parts_that_a_test_has_written_go_on_out_of_a_file() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("board.espalier");
    let builder = || Board::builder().part("tally", Tally::make);
    let board =
        builder().kind(Kind::Emulated).model(board_file(folder.path(), "tally")).firmware(IMAGE).start().await?;
    board.set_part("visits", "count", 7_i64)?;
    board.run_for(20.ms()).await?;
    board.save(&file)?;
    let loaded = builder().name("loaded").load(&file)?;
    assert_eq!((loaded.name(), loaded.now()), ("loaded".to_owned(), board.now()));
    assert_eq!(loaded.part_property("visits", "count")?, Some(7_i64.into()));
    loaded.set_part("visits", "count", 8_i64)?;
    board.run_for(40.ms()).await?;
    loaded.run_for(40.ms()).await?;
    assert_eq!(loaded.trace_hash(), board.trace_hash());
    assert_eq!(board.part_property("visits", "count")?, Some(7_i64.into()));

    let told = |loaded: Result<Board>, expected: &str| {
        let error = loaded.err().expect("it cannot be loaded").to_string();
        assert!(error.contains(expected), "{error}");
    };
    let code = "part \"visits\" is of a kind \"tally\" that was written for it; load it with this kind of part";
    told(Board::load(&file), code);
    told(Board::builder().part("other", Tally::make).load(&file), code);
    let other = Board::builder().part("tally", |_| Ok(TouchPad::new())).load(&file);
    told(other, "part \"visits\" of the kind \"tally\" does not take its state back");
    Ok(())
}

/// A kind of one's own that has the name of one that comes with Espalier is another kind.
#[tokio::test]
async fn a_kind_of_part_is_not_taken_for_another_of_its_name() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("board.espalier");
    let board = start().await?;
    board.save(&file)?;
    let error = Board::builder().part("sh1106", Tally::make).load(&file).err().expect("it is another").to_string();
    assert!(error.contains("is of the kind \"sh1106\" that comes with Espalier"), "{error}");
    Ok(())
}

#[tokio::test]
async fn worlds_with_parts_that_a_test_has_written_are_saved_and_loaded() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("world.espalier");
    let world = World::new()?;
    let board =
        world.board(board_file(folder.path(), "tally")).part("tally", Tally::make).name("counter").start().await?;
    board.set_part("visits", "count", 3_i64)?;
    world.save(&file)?;
    assert!(World::load(&file).err().expect("no code").to_string().contains("\"visits\""));
    let mut kinds = PartKinds::default();
    kinds.add("tally", Tally::make);
    let loaded = World::load_with_parts(&file, &kinds)?;
    assert_eq!(loaded.find("counter")?.part_property("visits", "count")?, Some(3_i64.into()));
    Ok(())
}

#[tokio::test]
async fn a_file_that_holds_no_board_says_what_to_do() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("board.espalier");
    let board = start().await?;
    board.save(&file)?;
    let whole = std::fs::read(&file)?;
    let refusal = |bytes: &[u8]| -> Result<String> {
        std::fs::write(&file, bytes)?;
        let error = Board::load(&file).err().expect("it is not a board");
        let reason = error.find::<SnapshotError>().expect("the file is what is the matter").to_string();
        assert!(reason.starts_with(&file.display().to_string()), "{reason}");
        Ok(reason)
    };
    assert!(refusal(b"")?.ends_with("this is not a snapshot of a board"));
    assert!(refusal(&std::fs::read(IMAGE)?)?.ends_with("this is not a snapshot of a board"));
    assert!(refusal(&whole[..whole.len() / 2])?.ends_with("save the board again"));
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    assert!(refusal(&flipped)?.contains("its checksum is not that of its content"));
    let world = World::new()?;
    world.save(&file)?;
    assert!(refusal(&std::fs::read(&file)?)?.contains("load it with World::load"));
    std::fs::write(&file, &whole)?;
    let error = World::load(&file).err().expect("it is one board").to_string();
    assert!(error.contains("load it with Board::load"), "{error}");
    let missing = Board::load(folder.path().join("missing")).err().expect("there is no file");
    assert!(missing.find::<FileError>().is_some());
    let error = board.save(folder.path().join("no/folder")).expect_err("there is no such folder");
    assert!(error.find::<FileError>().is_some());
    Ok(())
}

/// Two boards of which one is about to connect to the other.
async fn meeting() -> Result<World> {
    let world = World::with_threads(0, 1)?;
    for name in ["server", "client"] {
        world.board(Model::MPython).name(name).firmware(IMAGE).start().await?;
    }
    let (server, client) = (world.find("server")?, world.find("client")?);
    server.address().within(5.s()).await?;
    client.address().within(5.s()).await?;
    server.console().send_line("server 5001").await?;
    server.console().expect("@event listening 10.0.4.101:5001").await?;
    client.console().send_line("client 10.0.4.101 5001").await?;
    Ok(world)
}

/// Lets them meet, and returns the fingerprint of all that.
async fn meet(world: &World) -> Result<(u64, Vec<u8>)> {
    world.find("server")?.console().expect("@event accepted 10.0.4.103:").within(2.s()).await?;
    world.find("server")?.console().expect(format!("@event received {}", GREETING.len())).await?;
    world.run_for(5.ms()).await?;
    Ok((world.trace_hash(), world.find("client")?.console().bytes()))
}

#[tokio::test]
async fn forks_and_files_of_a_world_go_on_as_the_world_does() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("world.espalier");
    let world = meeting().await?;
    world.save(&file)?;
    let fork = world.fork();
    let met = meet(&world).await?;
    assert_ne!(fork.now(), world.now());
    assert_eq!(meet(&fork).await?, met);
    for threads in [1, 2] {
        let loaded = World::load(&file)?;
        loaded.set_threads(threads);
        assert_eq!(loaded.names(), ["server", "client"]);
        assert_eq!(meet(&loaded).await?, met, "on {threads} threads");
    }
    let error = world.find("toaster").err().expect("there is none");
    assert!(error.find::<NoSuchBoard>().is_some_and(|error| error.names.len() == 2));
    let error = world.find("server")?.save(Path::new("nowhere")).expect_err("it is among others");
    assert!(error.find::<AmongOthers>().is_some_and(|error| error.to_string().ends_with("save its world")));
    Ok(())
}

/// The pads of two boards that are wired, in the world, in a fork of it and out of a file.
#[tokio::test]
async fn wires_of_a_world_are_in_its_forks_and_files() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("world.espalier");
    let world = World::new()?;
    let mut boards = Vec::new();
    for name in ["left", "right"] {
        boards.push(world.board(Model::DevKit).name(name).firmware(IMAGE).start().await?);
    }
    world.wire(&boards[0].pin(17), &boards[1].pin(16))?;
    world.run_for(1.ms()).await?;
    world.save(&file)?;
    for world in [world.fork(), World::load(&file)?, world] {
        let (left, right) = (world.find("left")?, world.find("right")?);
        let driven = world.now();
        left.pin(17).drive(true)?;
        let arrived = right.pin(16).goes_high().within(1.ms()).await?;
        assert_eq!(arrived.since(driven).as_micros(), 5);
        left.pin(17).release()?;
        right.pin(16).goes_low().within(1.ms()).await?;
    }
    let elsewhere = start().await?;
    let world = World::load(&file)?;
    let error = world.wire(&world.find("left")?.pin(4), &elsewhere.pin(4)).expect_err("it is in no world");
    assert!(error.find::<NotInWorld>().is_some(), "{error}");
    let error = world.wire(&world.find("left")?.pin(4), &world.find("right")?.pin(24)).expect_err("there is none");
    assert!(error.to_string().contains("GPIO24 of board \"right\", which is not a pin of the chip"), "{error}");
    Ok(())
}

/// A fork of a world is independent of it, and takes more boards.
#[tokio::test]
async fn a_fork_of_a_world_leaves_the_world_alone() -> Result<()> {
    let world = World::new()?;
    world.board(Model::MPython).firmware(IMAGE).start().await?;
    let fork = world.fork();
    let added = fork.board(Model::MPython).image(Image::read(IMAGE)?).start().await?;
    added.address().within(5.s()).await?;
    assert_eq!(
        (fork.names(), world.names()),
        (vec!["mpython".to_owned(), "mpython 2".to_owned()], vec!["mpython".to_owned()])
    );
    assert_eq!(world.now(), espalier::Time::ZERO);
    fork.find("mpython")?.console().expect("@event address 10.0.4.101").await?;
    assert!(world.find("mpython")?.console().bytes().is_empty());
    Ok(())
}
