//! Clones share pages and never see each other's writes, with and without mappings.

use std::thread;

use espalier_pages::{Limits, Pages};
use proptest::prelude::*;

/// Not whole pages.
const SIZE: usize = 12 * 4096 + 100;
const MAX_MEMORIES: usize = 12;

type Memory = Pages<SIZE>;

#[derive(Clone, Debug)]
enum Step {
    Write { memory: usize, at: usize, value: u8, length: usize },
    Fill { memory: usize, value: u8 },
    Clone { memory: usize },
    Drop { memory: usize },
    Move { memory: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let memory = 0..MAX_MEMORIES;
    let write = (memory.clone(), 0..SIZE, any::<u8>(), 1..6000usize);
    prop::collection::vec(
        prop_oneof![
            4 => write.prop_map(|(memory, at, value, length)| Step::Write { memory, at, value, length }),
            1 => (memory.clone(), any::<u8>()).prop_map(|(memory, value)| Step::Fill { memory, value }),
            4 => memory.clone().prop_map(|memory| Step::Clone { memory }),
            2 => memory.clone().prop_map(|memory| Step::Drop { memory }),
            1 => memory.prop_map(|memory| Step::Move { memory }),
        ],
        1..60,
    )
}

/// Does the steps on memories and on vectors, which share nothing.
fn agrees(limits: Limits, steps: &[Step]) {
    let mut memories = vec![(Memory::with_limits(limits), vec![0; SIZE])];
    for step in steps {
        let count = memories.len();
        match *step {
            Step::Write { memory, at, value, length } => {
                let (memory, model) = &mut memories[memory % count];
                let end = SIZE.min(at + length);
                memory[at..end].fill(value);
                model[at..end].fill(value);
            }
            Step::Fill { memory, value } => {
                let (memory, model) = &mut memories[memory % count];
                memory.fill(value);
                model.fill(value);
            }
            Step::Clone { memory } if count < MAX_MEMORIES => memories.push(memories[memory % count].clone()),
            Step::Drop { memory } if count > 1 => drop(memories.swap_remove(memory % count)),
            Step::Move { memory } => {
                let (mut memory, model) = memories.swap_remove(memory % count);
                let moved = thread::spawn(move || {
                    memory[0] = !memory[0];
                    memory
                });
                let mut model = model;
                model[0] = !model[0];
                memories.push((moved.join().expect("no thread panics"), model));
            }
            Step::Clone { .. } | Step::Drop { .. } => {}
        }
        for (memory, model) in &memories {
            assert!(memory[..] == model[..], "after {step:?}");
        }
    }
}

proptest! {
    #[test]
    fn clones_never_see_each_others_writes(steps in steps()) {
        agrees(Limits::default(), &steps);
    }

    #[test]
    fn nor_at_any_limit(steps in steps(), images in 0..3usize, mappings in 0..6usize) {
        agrees(Limits { images, mappings }, &steps);
    }
}

#[test]
fn threads_clone_one_memory_at_once() {
    let mut memory = Memory::default();
    memory[SIZE - 1] = 7;
    thread::scope(|scope| {
        for number in 0..8 {
            let memory = &memory;
            scope.spawn(move || {
                for _ in 0..50 {
                    let mut clone = memory.clone();
                    clone[4096 * number] = 1;
                    assert!(clone.clone()[..] == clone[..], "thread {number}");
                    assert_eq!((memory[4096 * number], clone[SIZE - 1]), (0, 7));
                }
            });
        }
    });
}
