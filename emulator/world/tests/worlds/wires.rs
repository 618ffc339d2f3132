//! Wires between boards whose cores do nothing with their pads: levels, delays, nets, files, and what cannot be wired.

use espalier_core::{Signal, Span, Time};
use espalier_soc::{BoardDefinition, ChipKind, MachineConfig, Strap};
use espalier_world::{BoardId, WIRE_DELAY, World, WorldError};

const LOW: Signal = Signal::Level(false);
const HIGH: Signal = Signal::Level(true);

/// So many boards in their download mode, whose cores only wait for their serial ports.
fn world(boards: usize) -> (World, Vec<BoardId>) {
    let mut world = World::new(7).unwrap();
    let boards: Vec<_> = (0..boards)
        .map(|place| world.add_board(&format!("board {place}"), &MachineConfig::default()).unwrap())
        .collect();
    for board in &boards {
        world.board_mut(*board).power_on(Strap::Download);
    }
    world.run_for(Span::from_millis(30));
    (world, boards)
}

fn pads<const N: usize>(world: &mut World, pads: [(BoardId, usize); N]) -> [Signal; N] {
    world.run_for(Span::from_micros(20));
    pads.map(|(board, pin)| world.board_mut(board).pad(pin))
}

#[test]
fn an_edge_arrives_after_the_delay() {
    let (mut world, boards) = world(2);
    let [left, right] = boards[..] else { panic!() };
    world.wire((left, 17), (right, 16)).unwrap();
    world.run_for(Span::from_micros(20));
    world.board_mut(right).attach_probe(16);
    let mut expected = Vec::new();
    for level in [true, false, true] {
        let at = world.board_mut(left).now();
        world.board_mut(left).drive_pin(17, Some(level));
        expected.push((at + WIRE_DELAY, Signal::Level(level)));
        world.run_for(Span::from_micros(33));
    }
    assert_eq!(world.board_mut(right).take_probed(16), expected);
    // The other way round as well: a wire has no direction.
    world.board_mut(left).drive_pin(17, None);
    world.board_mut(right).drive_pin(16, Some(true));
    assert_eq!(pads(&mut world, [(left, 17), (right, 16)]), [HIGH; 2]);
    world.board_mut(right).drive_pin(16, None);
    assert_eq!(pads(&mut world, [(left, 17), (right, 16)]), [LOW; 2]);
}

#[test]
fn pads_that_wires_join_over_several_boards_are_one_net() {
    let (mut world, boards) = world(3);
    let [a, b, c] = boards[..] else { panic!() };
    // GPIO 4 of A, 4 and 18 of B, which a wire joins there, 4 and 19 of C, which B's joins.
    for (one, other) in [((a, 4), (b, 4)), ((b, 18), (c, 4)), ((b, 4), (b, 18)), ((b, 18), (c, 19))] {
        world.wire(one, other).unwrap();
    }
    let all = [(a, 4), (b, 4), (b, 18), (c, 4), (c, 19)];
    for driver in all {
        world.board_mut(driver.0).drive_pin(driver.1, Some(true));
        assert_eq!(pads(&mut world, all), [HIGH; 5], "{driver:?}");
        world.board_mut(driver.0).drive_pin(driver.1, None);
        assert_eq!(pads(&mut world, all), [LOW; 5], "{driver:?}");
    }
    // Two against each other: low prevails, and the boards of both know it.
    world.board_mut(a).drive_pin(4, Some(true));
    assert_eq!(pads(&mut world, all), [HIGH; 5]);
    assert_eq!(boards.iter().map(|board| world.board(*board).conflicts()).collect::<Vec<_>>(), [None; 3]);
    world.board_mut(c).drive_pin(19, Some(false));
    assert_eq!(pads(&mut world, all), [LOW; 5]);
    assert!(boards.iter().all(|board| world.board(*board).conflicts().is_some()));
}

/// Changes under way on a wire are in forks and in files, and threads and steps change nothing.
#[test]
fn forks_and_files_have_wires_and_what_is_on_them() {
    let (mut world, boards) = world(2);
    let [left, right] = boards[..] else { panic!() };
    world.wire((left, 17), (right, 16)).unwrap();
    world.board_mut(right).attach_probe(16);
    world.run_for(Span::from_micros(50));
    world.board_mut(left).drive_pin(17, Some(true));
    let file = world.save(b"");
    let outcome = |mut world: World, threads: usize, step: Span| {
        world.set_threads(threads);
        let end = world.now() + Span::from_micros(400);
        while world.now() < end {
            world.run_for(step.min(end.since(world.now())));
        }
        (world.board_mut(right).take_probed(16), world.now(), world.trace_hash(), world.save(b""))
    };
    let straight = outcome(world.clone(), 1, Span::from_millis(1));
    assert_eq!(straight.0.len(), 1);
    for (threads, step) in [(2, 1000), (4, 3), (1, 7)] {
        let (loaded, _) = World::load(&file).unwrap();
        assert!(loaded.save(b"") == file);
        assert!(outcome(loaded, threads, Span::from_micros(step)) == straight, "{threads} threads, {step} us");
        assert!(outcome(world.clone(), threads, Span::from_micros(step)) == straight);
    }
}

#[test]
fn a_board_without_power_lets_go_and_finds_what_is_there_when_it_has_power() {
    let (mut world, boards) = world(2);
    let [left, right] = boards[..] else { panic!() };
    world.wire((left, 17), (right, 16)).unwrap();
    world.board_mut(right).cut_power(0);
    for level in [true, false, true] {
        world.board_mut(left).drive_pin(17, Some(level));
        world.run_for(Span::from_micros(100));
    }
    assert_eq!(world.board_mut(right).rests_until(), Some(Time::from_ticks(u64::MAX)), "nothing waits for it");
    world.board_mut(right).power_on(Strap::Download);
    assert_eq!(pads(&mut world, [(right, 16)]), [HIGH]);
    world.board_mut(left).cut_power(0);
    world.board_mut(left).drive_pin(17, None);
    assert_eq!(pads(&mut world, [(right, 16)]), [LOW]);
}

/// The pad that chooses between flash and download belongs to a net like others: one board can take another into its loader.
#[test]
fn a_board_holds_the_boot_pin_of_another() {
    let (mut world, boards) = world(2);
    let [left, right] = boards[..] else { panic!() };
    world.wire((left, 25), (right, 0)).unwrap();
    world.board_mut(left).drive_pin(25, Some(false));
    world.run_for(Span::from_micros(20));
    world.board_mut(right).uart_take(0);
    world.board_mut(right).reset(Strap::FlashBoot);
    world.run_for(Span::from_millis(50));
    let said: Vec<u8> = world.board_mut(right).uart_take(0).into_iter().map(|(_, byte)| byte).collect();
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("waiting for download"), "{said}");
}

#[test]
fn wires_that_cannot_be_say_which_can() {
    let (mut world, boards) = world(1);
    let other = BoardDefinition { chip: ChipKind::Esp32c3, ..BoardDefinition::default() };
    let small = world.add_board("small", &MachineConfig { board: other, ..MachineConfig::default() }).unwrap();
    let refusal = |world: &mut World, one, other| world.wire(one, other).unwrap_err().to_string();
    assert_eq!(
        refusal(&mut world, (boards[0], 20), (small, 4)),
        "a wire cannot lead to GPIO20 of board \"board 0\", which is not a pin of the chip: 0 to 19, 21 to 23, 25 to 27, 32 to 39"
    );
    assert_eq!(
        refusal(&mut world, (boards[0], 4), (small, 14)),
        "a wire cannot lead to GPIO14 of board \"small\", which is not a pin that the flash chip does not have"
    );
    assert!(refusal(&mut world, (small, 1000), (boards[0], 4)).contains("GPIO1000"));
    assert_eq!(
        refusal(&mut world, (boards[0], 4), (boards[0], 4)),
        "a wire leads from GPIO4 of board \"board 0\" to itself; it needs two pads"
    );
    let machine = espalier_soc::Machine::new(&MachineConfig::default()).unwrap();
    let (mut alone, board) = World::of_one("alone", machine);
    assert!(matches!(alone.wire((board, 4), (board, 5)), Err(WorldError::OfOne)));
}
