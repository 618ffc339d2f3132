use espalier_core::Span;
use proptest::prelude::{Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};

use super::command::opcode;
use super::tests::Bench;
use super::{FLASH_CHUNK_SIZE, FlashOperationKind, FlashSize, FlashTiming, Progress};

const SECTOR: usize = 0x1000;
const PROGRAM: Span = Span::from_micros(700);
const ERASE: Span = Span::from_millis(45);

/// A chip with `cells` at 0, of which datasheet's times are asked.
fn bench(cells: &[u8]) -> Bench {
    let mut bench = Bench::new(FlashSize::Mb2);
    bench.chip.set_timing(FlashTiming::Typical);
    bench.chip.load(0, cells).unwrap();
    bench
}

/// Returns the cells after an instruction at 0 when power is lost `after` its start.
fn torn(cells: &[u8], opcode: u8, data: &[u8], after: Span, seed: u64) -> Vec<u8> {
    let mut bench = bench(cells);
    bench.send(opcode::WRITE_ENABLE, None, &[]);
    bench.send(opcode, Some(0), data);
    bench.chip.lose_power(bench.now + after, seed);
    bench.chip.read(0, cells.len()).unwrap()
}

fn ones(bytes: &[u8]) -> u32 {
    bytes.iter().map(|byte| byte.count_ones()).sum()
}

fn share(span: Span, part: u64, of: u64) -> Span {
    Span::from_ticks(span.ticks() * part / of)
}

#[test]
fn a_torn_program_has_cleared_some_of_its_bits_and_no_other() {
    let (old, data) = ([0xF7; 256], [0x5A; 256]);
    let mut before = ones(&old);
    for part in 0..=8 {
        let left = torn(&old, opcode::PAGE_PROGRAM, &data, share(PROGRAM, part, 8), 1);
        assert!(left.iter().all(|cell| cell & !0xF7 == 0 && cell & 0x52 == 0x52), "{part}/8: {left:x?}");
        assert!(ones(&left) <= before, "more bits are set after {part}/8 of the time than before");
        before = ones(&left);
        match part {
            0 => assert_eq!(left, old),
            8 => assert_eq!(left, [0x52; 256]),
            _ => assert!(left != old && left != [0x52; 256], "{part}/8"),
        }
    }
}

#[test]
fn a_torn_erase_has_programmed_before_it_has_erased() {
    let old: Vec<u8> = (0..SECTOR).map(|n| (n * 7) as u8).collect();
    let left = |part| torn(&old, opcode::SECTOR_ERASE, &[], share(ERASE, part, 64), 1);
    assert_eq!(left(0), old);
    // In the first phase bits only become 0, in the second only 1.
    let early = left(4);
    assert!(early.iter().zip(&old).all(|(cell, old)| cell & !old == 0) && ones(&early) < ones(&old));
    assert!(ones(&left(9)) < 1500, "{} bits are still set", ones(&left(9)));
    let half = ones(&left(32));
    assert!((12_000..20_000).contains(&half), "{half} bits of 32768 are set");
    // At last only weak bits are missing.
    let late = left(60);
    assert!(ones(&late) > 32_768 - 16, "{} bits are not set", 32_768 - ones(&late));
    assert_eq!(left(64), [0xFF; SECTOR]);
}

#[test]
fn the_same_seed_tears_alike_and_another_one_otherwise() {
    let torn = |seed| torn(&[0xFF; 256], opcode::PAGE_PROGRAM, &[0; 256], share(PROGRAM, 1, 2), seed);
    assert_eq!(torn(3), torn(3));
    assert_ne!(torn(3), torn(4));
}

#[test]
fn unstable_bits_read_either_way_until_they_are_erased() {
    let mut bench = bench(&[0; SECTOR]);
    bench.send(opcode::WRITE_ENABLE, None, &[]);
    bench.send(opcode::SECTOR_ERASE, Some(0), &[]);
    bench.chip.lose_power(bench.now + share(ERASE, 1, 2), 9);
    let unstable = bench.chip.content();
    let read = |bench: &Bench| bench.chip.read(0, SECTOR).unwrap();
    let (first, again) = (read(&bench), read(&bench));
    assert_eq!(first, again);
    bench.chip.lose_power(bench.now, 9);
    let second = read(&bench);
    let differing: Vec<(u32, u8)> =
        (0..).zip(first.iter().zip(&second)).map(|(at, (a, b))| (at, a ^ b)).filter(|(_, bits)| *bits != 0).collect();
    assert!(differing.len() > 100, "{} bytes read otherwise", differing.len());
    for (at, bits) in differing {
        let known = unstable.unstable().find(|(address, _)| *address == at).map_or(0, |(_, bits)| bits);
        assert_eq!(bits & !known, 0, "a stable bit of {at:#x} reads otherwise");
    }
    bench.write(opcode::SECTOR_ERASE, Some(0), &[]);
    bench.now += ERASE;
    bench.chip.lose_power(bench.now, 9);
    assert_eq!((read(&bench), bench.chip.content().unstable().count()), (vec![0xFF; SECTOR], 0));
}

#[test]
fn a_suspended_erase_is_torn_where_it_stopped() {
    let mut bench = bench(&[0; SECTOR]);
    bench.send(opcode::WRITE_ENABLE, None, &[]);
    bench.send(opcode::SECTOR_ERASE, Some(0), &[]);
    bench.now += share(ERASE, 1, 2);
    bench.send(opcode::SUSPEND, None, &[]);
    bench.chip.lose_power(bench.now + ERASE, 9);
    let left = ones(&bench.chip.read(0, SECTOR).unwrap());
    assert!((12_000..20_000).contains(&left), "{left} bits of 32768 are set");
}

#[test]
fn a_history_that_has_no_room_says_how_much_is_missing() {
    let mut bench = Bench::new(FlashSize::Mb2);
    bench.chip.record_history(1000);
    for page in 0..8 {
        bench.write(opcode::PAGE_PROGRAM, Some(page * 256), &[0; 256]);
    }
    let history = bench.chip.history().unwrap();
    assert_eq!(history.operations().len() as u64 + history.dropped(), 8);
    assert!((1..4).contains(&history.operations().len()), "{} were kept", history.operations().len());
}

#[derive(Clone, Debug)]
struct Act {
    opcode: u8,
    address: u32,
    data: Vec<u8>,
}

fn act() -> impl Strategy<Value = Act> {
    let opcode =
        prop_oneof![3 => opcode::PAGE_PROGRAM..=opcode::PAGE_PROGRAM, 1 => opcode::SECTOR_ERASE..=opcode::SECTOR_ERASE];
    (opcode, 0_u32..0x3000, prop::collection::vec(any::<u8>(), 1..40)).prop_map(|(opcode, address, data)| Act {
        opcode,
        address,
        data,
    })
}

proptest! {
    /// The explorer of power cuts makes its cases from a history instead of stopping a board in the middle of each operation.
    #[test]
    fn a_history_has_the_content_of_every_cut(acts in prop::collection::vec(act(), 1..24), part in 0_u64..=16, seed: u64) {
        let mut bench = bench(&[0xA5; 64]);
        bench.chip.record_history(1 << 20);
        let mut cuts = Vec::new();
        for act in &acts {
            let data = if act.opcode == opcode::PAGE_PROGRAM { &act.data[..] } else { &[] };
            bench.send(opcode::WRITE_ENABLE, None, &[]);
            bench.send(act.opcode, Some(act.address), data);
            let mut cut = bench.chip.clone();
            let history = cut.history().unwrap();
            prop_assert_eq!(history.operations().len(), cuts.len() + 1);
            let operation = history.operations().last().unwrap();
            prop_assert_eq!(operation.kind == FlashOperationKind::Program, act.opcode == opcode::PAGE_PROGRAM);
            let at = bench.now + share(operation.duration, part, 16);
            cut.lose_power(at, seed);
            cuts.push(cut.content());
            bench.now += ERASE;
        }
        let history = bench.chip.history().unwrap();
        let mut replay = history.replay();
        for cut in cuts {
            let torn = replay.torn(Progress::of(part, 16), seed);
            prop_assert_eq!(torn.unstable().collect::<Vec<_>>(), cut.unstable().collect::<Vec<_>>());
            prop_assert_eq!(&torn.chunk(0)[..], &cut.chunk(0)[..]);
            replay.step();
        }
        prop_assert_eq!(&replay.content().chunk(0)[..], &bench.chip.chunk(0)[..]);
        prop_assert_eq!(history.chunks(), vec![0; 1]);
        prop_assert_eq!(FLASH_CHUNK_SIZE * 32, replay.content().size());
    }
}
