use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Debug;
use std::sync::Arc;

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{collection, proptest};

use super::{Damaged, Load, Persist, Reader, Writer, restore_sparse, save_sparse};
use crate::{Bitmap, Counter, Frequency, Registers, Schedule, Signal, Span, Time, persist};

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Unit,
    Tuple(u32, Option<i16>),
    Record { from: String, to: Box<f64> },
}

#[derive(Clone, Debug, PartialEq)]
struct Everything {
    kind: Kind,
    bytes: Vec<u8>,
    queue: VecDeque<u16>,
    map: BTreeMap<u8, Vec<Kind>>,
    set: BTreeSet<(Time, u64)>,
    array: [u64; 3],
    frame: Arc<[u8]>,
    flag: bool,
    letter: char,
    signal: Signal,
}

persist! {
    enum Kind { Unit, Tuple(number, maybe), Record { from, to } }
    value Everything { kind, bytes, queue, map, set, array, frame, flag, letter, signal }
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Unit),
        any::<(u32, Option<i16>)>().prop_map(|(number, maybe)| Kind::Tuple(number, maybe)),
        any::<(String, i32)>().prop_map(|(from, to)| Kind::Record { from, to: Box::new(to.into()) }),
    ]
}

fn everything() -> impl Strategy<Value = Everything> {
    let times = collection::btree_set(any::<(u64, u64)>(), 0..4);
    let rest = (any::<([u64; 3], Vec<u8>, bool, char)>(), any::<Option<(u64, u64)>>());
    let map = collection::btree_map(any::<u8>(), collection::vec(kind(), 0..3), 0..4);
    (kind(), any::<Vec<u8>>(), any::<VecDeque<u16>>(), map, times, rest).prop_map(
        |(kind, bytes, queue, map, times, ((array, frame, flag, letter), pulses))| Everything {
            kind,
            bytes,
            queue,
            map,
            set: times.into_iter().map(|(at, number)| (Time::from_ticks(at), number)).collect(),
            array,
            frame: frame.into(),
            flag,
            letter,
            signal: pulses.map_or(Signal::Level(flag), |(period, high)| Signal::Pulses {
                period: Span::from_ticks(period),
                high: Span::from_ticks(high),
                phase: Span::from_ticks(high / 2),
            }),
        },
    )
}

fn bytes_of(value: &impl Persist) -> Vec<u8> {
    let mut to = Writer::new();
    value.save(&mut to);
    to.into_bytes()
}

fn load<T: Load>(bytes: &[u8]) -> Result<T, Damaged> {
    let mut from = Reader::new(bytes);
    let value = T::load(&mut from)?;
    from.finish()?;
    Ok(value)
}

fn comes_back<T: Load + PartialEq + Debug>(value: &T) {
    assert_eq!(load::<T>(&bytes_of(value)).as_ref(), Ok(value));
}

proptest! {
    #[test]
    fn saved_values_are_loaded_back(value in everything()) {
        comes_back(&value);
    }

    /// Each byte counts: none can be left off, and none is ignored.
    #[test]
    fn truncated_state_is_damaged(value in everything(), cut in 1_usize..64) {
        let mut bytes = bytes_of(&value);
        bytes.truncate(bytes.len() - cut.min(bytes.len()));
        assert!(load::<Everything>(&bytes).is_err());
        let longer = [bytes_of(&value), vec![0]].concat();
        assert!(load::<Everything>(&longer).is_err());
    }

    /// Neither a panic nor an endless loop, nor a value that is not what the bytes say.
    #[test]
    fn damaged_state_is_an_error_or_another_value(value in everything(), flips in collection::vec(any::<(usize, u8)>(), 1..8)) {
        let mut bytes = bytes_of(&value);
        for (at, flip) in flips {
            let length = bytes.len();
            bytes[at % length] ^= flip;
        }
        if let Ok(other) = load::<Everything>(&bytes) {
            // A map may come in any order, so the bytes need not be the same again, but the value is.
            let again = load::<Everything>(&bytes_of(&other)).map(|value| bytes_of(&value));
            assert_eq!(again, Ok(bytes_of(&other)));
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in collection::vec(any::<u8>(), 0..512)) {
        _ = load::<Everything>(&bytes);
        _ = load::<Counter>(&bytes);
        _ = load::<Bitmap>(&bytes);
    }

    #[test]
    fn memories_come_back(places in collection::vec(any::<(u16, u8)>(), 0..8), size in 1_usize..70_000, empty in any::<u8>()) {
        let mut memory = vec![empty; size];
        for (at, value) in places {
            memory[usize::from(at) % size] = value;
        }
        let mut to = Writer::new();
        save_sparse(&memory, empty, &mut to);
        let bytes = to.into_bytes();
        let mut again = vec![!empty; size];
        let mut from = Reader::new(&bytes);
        restore_sparse(&mut again, empty, &mut from).unwrap();
        from.finish().unwrap();
        assert!(again == memory);
        assert!(restore_sparse(&mut vec![0; size + 1], empty, &mut Reader::new(&bytes)).is_err());
    }
}

/// A length that promises more than follows takes no memory.
#[test]
fn a_length_beyond_the_end_is_refused() {
    let bytes = [u64::MAX.to_le_bytes(), [0; 8]].concat();
    assert_eq!(load::<Vec<u64>>(&bytes), Err(Damaged { at: 8, what: "a length is more than what follows" }));
    let bytes = [8_u64.to_le_bytes(), [0; 8]].concat();
    assert_eq!(load::<Vec<u64>>(&bytes), Err(Damaged { at: 16, what: "ends early" }));
}

#[test]
fn impossible_values_are_refused() {
    assert_eq!(load::<bool>(&[2]), Err(Damaged { at: 1, what: "a flag is neither 0 nor 1" }));
    assert_eq!(load::<Kind>(&[3]), Err(Damaged { at: 1, what: "no possible Kind" }));
    assert_eq!(load::<Frequency>(&[0; 8]), Err(Damaged { at: 8, what: "no possible Frequency" }));
    assert!(load::<String>(&[1, 0, 0, 0, 0, 0, 0, 0, 0xFF]).is_err());
    assert!(
        load::<Bitmap>(&[&2_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[1, 0, 0, 0, 0, 0, 0, 0], &[1]].concat()).is_err()
    );
}

#[test]
fn state_is_restored_over_its_configuration() {
    crate::registers! {
        CONF @ 0x00 = 0x10, rw();
        STATUS @ 0x08 = 0, ro();
    }
    let mut registers = Registers::new(&REGISTERS);
    registers.set(reg::STATUS, 7);
    let mut again = Registers::new(&REGISTERS);
    again.restore(&mut Reader::new(&bytes_of(&registers))).unwrap();
    assert_eq!((again.get(reg::CONF), again.get(reg::STATUS)), (0x10, 7));
    assert!(Registers::new(&REGISTERS[..1]).restore(&mut Reader::new(&bytes_of(&registers))).is_err());

    let mut schedule = Schedule::new(3);
    schedule.set(2, Some(Time::from_ticks(9)));
    schedule.set(1, Some(Time::from_ticks(9)));
    let mut again = Schedule::new(3);
    again.restore(&mut Reader::new(&bytes_of(&schedule))).unwrap();
    assert_eq!(again.take_due(Time::from_ticks(9)), Some((1, Time::from_ticks(9))));
    assert_eq!(again.next(), Some(Time::from_ticks(9)));
    assert!(Schedule::new(2).restore(&mut Reader::new(&bytes_of(&schedule))).is_err());
}
