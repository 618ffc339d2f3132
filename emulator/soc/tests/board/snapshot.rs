//! A machine out of a file goes on as the one that was saved, and a file that is none is an error.

use std::sync::OnceLock;

use crate::sealed::sealed;
use espalier_core::Span;
use espalier_soc::{BoardDefinition, Machine, MachineConfig, SnapshotError, is_snapshot};
use proptest::prelude::{ProptestConfig, any, prop, proptest};

const IMAGE: &[u8] = include_bytes!("../../../../fixtures/firmware/tutorial-esp32.bin");

/// The mPython board with the tutorial's application where the ROM starts it, just switched on.
fn board() -> Machine {
    let board = BoardDefinition::by_name("mpython").unwrap();
    let mut machine = Machine::new(&MachineConfig { board, seed: 7, ..MachineConfig::default() }).unwrap();
    machine.load_flash(0x1000, IMAGE).unwrap();
    machine
}

fn reloaded(machine: &Machine) -> Machine {
    let file = machine.save();
    let loaded = Machine::load(&file).unwrap();
    assert!(loaded.save() == file, "another file than it came from");
    loaded
}

/// Runs for as long, and gives what shows of the run.
fn run(machine: &mut Machine, span: Span) -> (u64, Vec<u8>, u64, Vec<u8>) {
    machine.run_for(span);
    let sent = machine.uart_take(0).into_iter().map(|(_, byte)| byte).collect();
    let ram = machine.save();
    (machine.trace_hash(), sent, machine.device_work(), ram)
}

/// In the ROM, in what it starts, and through the reset of a watchdog: the image is no bootloader.
#[test]
fn a_run_that_goes_through_files_is_the_straight_run() {
    let (mut straight, mut through_files) = (board(), board());
    for millis in [0, 3, 40, 77, 150, 310, 555] {
        through_files = reloaded(&through_files);
        let span = Span::from_millis(millis);
        assert!(run(&mut through_files, span) == run(&mut straight, span), "after {}", straight.now());
    }
}

/// The ESP32-C3 in its ROM, with nothing in its flash chip.
#[test]
fn another_chip_goes_on_out_of_a_file() {
    let board = BoardDefinition::by_name("esp32c3-devkit").unwrap();
    let mut straight = Machine::new(&MachineConfig { board, ..MachineConfig::default() }).unwrap();
    let mut through_files = straight.clone();
    for millis in [3, 20, 90] {
        through_files = reloaded(&through_files);
        let span = Span::from_millis(millis);
        assert!(run(&mut through_files, span) == run(&mut straight, span), "after {}", straight.now());
    }
}

/// A machine in the middle of things, as a file.
fn file() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let mut machine = board();
        machine.run_for(Span::from_millis(310));
        machine.save()
    })
}

#[test]
fn files_that_are_no_snapshot_of_this_build_are_refused() {
    let file = file();
    assert!(is_snapshot(file) && !is_snapshot(IMAGE));
    let failure = |bytes: &[u8]| Machine::load(bytes).err().unwrap();
    assert!(matches!(failure(IMAGE), SnapshotError::NotASnapshot));
    assert!(matches!(failure(b""), SnapshotError::NotASnapshot));
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

    /// Every changed byte is detected.
    #[test]
    fn a_damaged_file_is_an_error(at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut damaged = file().to_vec();
        let at = at.index(damaged.len());
        damaged[at] ^= flip;
        assert!(Machine::load(&damaged).is_err(), "byte {at}");
    }

    #[test]
    fn a_file_that_ends_early_is_an_error(at in any::<prop::sample::Index>()) {
        assert!(Machine::load(&file()[..at.index(file().len())]).is_err());
    }

    /// With a checksum that fits, it is an error or another machine, which can also run, and neither a panic nor a hang.
    #[test]
    fn a_file_that_was_made_up_does_no_harm(changes in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 1..20)) {
        let mut made_up = file().to_vec();
        for (at, value) in changes {
            let at = at.index(made_up.len());
            made_up[at] = value;
        }
        if let Ok(mut machine) = Machine::load(&sealed(made_up)) {
            machine.run_for(Span::from_millis(1));
        }
    }
}
