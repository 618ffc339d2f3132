//! The search by LibAFL: inputs that lead to a jump, or to many more of one jump, than any did before are mutated further.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use espalier::EDGES;
use libafl::corpus::{Corpus, InMemoryCorpus};
use libafl::events::SimpleEventManager;
use libafl::executors::{Executor, ExitKind, HasObservers};
use libafl::feedbacks::{ConstFeedback, CrashFeedback, MaxMapFeedback};
use libafl::inputs::{BytesInput, HasMutatorBytes, HasTargetBytes};
use libafl::monitors::NopMonitor;
use libafl::mutators::{HavocScheduledMutator, havoc_mutations};
use libafl::observers::OwnedMapObserver;
use libafl::schedulers::QueueScheduler;
use libafl::stages::StdMutationalStage;
use libafl::state::{HasCorpus, StdState};
use libafl::{Error, Evaluator, Fuzzer, StdFuzzer, feedback_and_fast, feedback_not};
use libafl_bolts::rands::StdRand;
use libafl_bolts::tuples::{RefIndexable, tuple_list, tuple_list_type};

use crate::corpus::digest;
use crate::error::FuzzError;
use crate::search::Search;
use crate::trial::Trial;

type Map = OwnedMapObserver<u8>;
type Observers = tuple_list_type!(Map);

/// The class of a count: none, one, a few, dozens, more. A board goes through the loops of its drivers and its system for each byte, and
/// each step of AFL's, which has twice as many, is one more input of the corpus for each of them.
const fn class(count: u8) -> u8 {
    match count {
        0 | 1 => count,
        2..=7 => 2,
        8..=63 => 3,
        _ => 4,
    }
}

/// Gives inputs to forks of a board.
struct OnForks<'a> {
    search: &'a Search<'a>,
    trial: &'a Trial,
    over: &'a dyn Fn() -> bool,
    observers: Observers,
    edges: Box<[u8; EDGES]>,
    /// Counters that were seen at work.
    seen: Box<[u8; EDGES]>,
    /// The board cannot go on.
    failure: Option<espalier::Error>,
}

impl<EM, S, Z> Executor<EM, BytesInput, S, Z> for OnForks<'_> {
    fn run_target(&mut self, _: &mut Z, _: &mut S, _: &mut EM, input: &BytesInput) -> Result<ExitKind, Error> {
        if (self.over)() {
            return Err(Error::shutting_down());
        }
        let bytes = input.target_bytes();
        let counters = &self.search.counters;
        self.edges.fill(0);
        let outcome = self.trial.run(&bytes, Some(&mut self.edges));
        counters.executions.fetch_add(1, Ordering::Relaxed);
        let mut new = false;
        self.edges.iter_mut().for_each(|count| *count = class(*count));
        self.observers.0.copy_from_slice(&self.edges[..]);
        for (seen, count) in self.seen.iter_mut().zip(self.edges.iter()) {
            let hit = u8::from(*count > 0);
            new |= hit & !*seen > 0;
            *seen |= hit;
        }
        if new {
            let known = self.seen.iter().filter(|seen| **seen > 0).count();
            counters.edges.fetch_max(known, Ordering::Relaxed);
        }
        match outcome {
            Ok(None) => Ok(ExitKind::Ok),
            Ok(Some(found)) => {
                self.search.note(found, &bytes);
                Ok(ExitKind::Crash)
            }
            Err(error) => {
                self.failure = Some(error);
                Err(Error::shutting_down())
            }
        }
    }
}

impl HasObservers for OnForks<'_> {
    type Observers = Observers;

    fn observers(&self) -> RefIndexable<&Observers, Observers> {
        RefIndexable::from(&self.observers)
    }

    fn observers_mut(&mut self) -> RefIndexable<&mut Observers, Observers> {
        RefIndexable::from(&mut self.observers)
    }
}

/// Searches on this thread until it is over.
pub(crate) fn search(
    search: &Search<'_>,
    trial: &Trial,
    thread: u64,
    over: &dyn Fn() -> bool,
) -> Result<(), FuzzError> {
    let map = OwnedMapObserver::new("edges", vec![0; EDGES]);
    let new_edges = MaxMapFeedback::new(&map);
    // The executor notes inputs that a board does not survive; they are mutated no further.
    let mut feedback = feedback_and_fast!(feedback_not!(CrashFeedback::new()), new_edges);
    let mut objective = ConstFeedback::False;
    let seed = search.plan.random.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(thread + 1);
    let (corpus, solutions) = (InMemoryCorpus::<BytesInput>::new(), InMemoryCorpus::new());
    let of_engine = |error: Error| FuzzError::Engine(error.to_string());
    let mut state =
        StdState::new(StdRand::with_seed(seed), corpus, solutions, &mut feedback, &mut objective).map_err(of_engine)?;
    let mut manager = SimpleEventManager::new(NopMonitor::new());
    let mut fuzzer = StdFuzzer::new(QueueScheduler::new(), feedback, objective);
    let mut stages = tuple_list!(StdMutationalStage::new(HavocScheduledMutator::new(havoc_mutations())));
    let (edges, seen) = (Box::new([0; EDGES]), Box::new([0; EDGES]));
    let mut executor = OnForks { search, trial, over, observers: tuple_list!(map), edges, seen, failure: None };
    // Inputs of the shared list that this thread has tried; digests of those; and how many of its own corpus it has looked through.
    let (mut taken, mut known, mut looked) = (0, HashSet::new(), 0);
    while !over() {
        let others = search.inputs_behind(taken);
        taken += others.len();
        let tried = others.into_iter().try_for_each(|input| {
            known.insert(digest(&input));
            let input = BytesInput::new(input);
            fuzzer.evaluate_input(&mut state, &mut executor, &mut manager, &input).map(drop)
        });
        let turned = tried.and_then(|()| {
            if state.corpus().count() == 0 {
                // No seed led anywhere: what there is must do.
                fuzzer.add_input(&mut state, &mut executor, &mut manager, BytesInput::new(vec![0]))?;
            }
            fuzzer.fuzz_one(&mut stages, &mut executor, &mut state, &mut manager).map(drop)
        });
        if let Some(error) = executor.failure.take() {
            return Err(error.into());
        }
        match turned {
            Err(Error::ShuttingDown) => break,
            turned => turned.map_err(of_engine)?,
        }
        for id in state.corpus().ids().skip(looked) {
            let testcase = state.corpus().get(id).map_err(of_engine)?.borrow();
            let Some(input) = testcase.input() else { continue };
            if known.insert(digest(input.mutator_bytes())) {
                search.add(input.mutator_bytes().to_vec())?;
            }
        }
        looked = state.corpus().count();
    }
    Ok(())
}
