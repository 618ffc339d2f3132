//! Boards and worlds in files: they go on as they would have, and a file that holds none says so.

use std::path::Path;

use espalier::{
    AmongOthers, Board, FileError, Image, Kind, Model, NoSuchBoard, Result, SnapshotError, Start, Units, World,
};

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

#[tokio::test]
async fn parts_that_a_test_has_written_are_in_no_file() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("board.espalier");
    let builder = Board::builder().kind(Kind::Emulated).model(Model::MPython).firmware(IMAGE);
    let board = builder.part("my-pad", |_| Ok(espalier_parts::TouchPad::new())).start().await?;
    let error = board.save(&file).expect_err("no file has the code of a part").to_string();
    assert!(
        error.contains("with parts that a test has written cannot be saved") && error.contains("my-pad"),
        "{error}"
    );
    assert!(board.fork().is_ok() && !file.exists());
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
        let error = Board::load(&file).err().expect("it is no board");
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
