//! A world out of a file goes on as the one that was saved, and a file that is none is an error.

#[path = "../../../soc/tests/board/sealed/mod.rs"]
mod sealed;

use std::sync::OnceLock;

use espalier_core::Span;
use espalier_net::AccessPoint;
use espalier_soc::{BoardDefinition, Machine, MachineConfig, SnapshotError};
use espalier_world::{World, is_snapshot};
use proptest::prelude::{ProptestConfig, any, prop, proptest};
use sealed::sealed;

/// Two boards in their ROMs with wires between them, and a network in the air that sends its beacons; one of them came late.
fn world() -> World {
    let mut world = World::new(3).unwrap();
    world.air_mut().add_access_point(AccessPoint::wpa2("home", "correct horse")).unwrap();
    world.add_board("one", &MachineConfig::default()).unwrap();
    world.run_for(Span::from_millis(7));
    world.add_board("other", &MachineConfig::default()).unwrap();
    let [one, other] = ["one", "other"].map(|name| world.find(name).unwrap());
    world.wire((one, 17), (other, 16)).unwrap();
    world.wire((one, 4), (other, 5)).unwrap();
    world.board_mut(one).drive_pin(4, Some(true));
    world.run_for(Span::from_micros(150_321));
    world
}

fn file() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| world().save(b"attached"))
}

#[test]
fn a_world_goes_on_out_of_a_file_and_takes_another_board() {
    let (mut straight, (mut loaded, attachment)) = (world(), World::load(file()).unwrap());
    assert_eq!(attachment, b"attached");
    assert!(loaded.boards().map(|(_, name)| name).eq(["one", "other"]));
    for world in [&mut straight, &mut loaded] {
        world.add_board("third", &MachineConfig::default()).unwrap();
        world.run_for(Span::from_millis(30));
    }
    assert_eq!(loaded.trace_hash(), straight.trace_hash());
    assert!(loaded.save(b"") == straight.save(b""));
}

#[test]
fn a_world_without_boards_and_a_world_of_one_are_worlds() {
    let (mut empty, _) = World::load(&World::new(5).unwrap().save(b"")).unwrap();
    empty.add_board("first", &MachineConfig::default()).unwrap();
    let board = BoardDefinition::by_name("mpython").unwrap();
    let machine = Machine::new(&MachineConfig { board, ..MachineConfig::default() }).unwrap();
    let (mut straight, id) = World::of_one("mpython", machine);
    straight.run_for(Span::from_millis(20));
    let (mut loaded, _) = World::load(&straight.save(b"")).unwrap();
    assert!(loaded.is_of_one() && loaded.find("mpython") == Some(id));
    straight.run_for(Span::from_millis(20));
    loaded.run_for(Span::from_millis(20));
    assert_eq!((loaded.now(), loaded.trace_hash()), (straight.now(), straight.trace_hash()));
}

#[test]
fn files_that_are_no_world_of_this_build_are_refused() {
    let file = file();
    let machine = Machine::new(&MachineConfig::default()).unwrap().save();
    assert!(is_snapshot(file) && !is_snapshot(&machine) && !is_snapshot(b""));
    let failure = |bytes: &[u8]| World::load(bytes).err().unwrap();
    assert!(matches!(failure(&machine), SnapshotError::NotASnapshot));
    assert!(matches!(failure(&file[..file.len() - 1]), SnapshotError::Checksum));
    let mut later = file.to_vec();
    later[8] += 1;
    assert!(matches!(failure(&later), SnapshotError::Format { found: 2, known: 1 }));
    let mut other = file.to_vec();
    other[20] ^= 1;
    assert!(matches!(failure(&sealed(other)), SnapshotError::Build { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig { ..ProptestConfig::with_cases(60) })]

    #[test]
    fn a_damaged_file_is_an_error(at in any::<prop::sample::Index>(), flip in 1_u8.., cut in any::<prop::sample::Index>()) {
        let mut damaged = file().to_vec();
        let at = at.index(damaged.len());
        damaged[at] ^= flip;
        assert!(World::load(&damaged).is_err(), "byte {at}");
        assert!(World::load(&file()[..cut.index(file().len())]).is_err());
    }

    /// With a checksum that fits, and changes in what is between the boards, it is an error or another world, which can also run.
    #[test]
    fn a_file_that_was_made_up_does_no_harm(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        const BETWEEN: usize = 4096;
        let mut made_up = file().to_vec();
        let tail = made_up.len() - BETWEEN;
        for (at, value) in changes {
            made_up[tail + at.index(BETWEEN)] = value;
        }
        if let Ok((mut world, _)) = World::load(&sealed(made_up)) {
            world.run_for(Span::from_micros(200));
        }
    }
}
