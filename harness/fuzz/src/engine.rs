//! The search by LibAFL: inputs that lead to a jump, or to many more of one jump, than any did before are mutated further.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{HashSet, VecDeque};
use std::rc::Rc;
use std::sync::atomic::Ordering;

use espalier::EDGES;
use libafl::corpus::{Corpus, CorpusId, InMemoryCorpus};
use libafl::events::SimpleEventManager;
use libafl::executors::{Executor, ExitKind, HasObservers};
use libafl::feedbacks::{ConstFeedback, Feedback, StateInitializer};
use libafl::inputs::{BytesInput, HasMutatorBytes, HasTargetBytes};
use libafl::monitors::NopMonitor;
use libafl::mutators::{HavocScheduledMutator, havoc_mutations};
use libafl::schedulers::QueueScheduler;
use libafl::stages::StdMutationalStage;
use libafl::state::{HasCorpus, StdState};
use libafl::{Error, Evaluator, Fuzzer, StdFuzzer};
use libafl_bolts::Named;
use libafl_bolts::rands::StdRand;
use libafl_bolts::tuples::{RefIndexable, tuple_list};

use crate::compare::replacements;
use crate::corpus::digest;
use crate::error::FuzzError;
use crate::search::Search;
use crate::trial::Trial;

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

/// Inputs that are made out of the comparisons of one, at most.
const INFORMED: usize = 128;
/// Inputs of that kind that wait for their turn, at most; all later ones are dropped.
const WAITING: usize = 1 << 14;

/// The jumps that inputs have led to.
struct Jumps {
    /// The counts of one input.
    counts: Box<[u8; EDGES]>,
    /// The counters among them that are at work.
    touched: Vec<usize>,
    /// The highest class of each counter so far.
    classes: Box<[u8; EDGES]>,
    /// The counters that have been at work.
    known: usize,
}

impl Default for Jumps {
    fn default() -> Jumps {
        Jumps { counts: Box::new([0; EDGES]), touched: Vec::new(), classes: Box::new([0; EDGES]), known: 0 }
    }
}

impl Jumps {
    fn add(&mut self, counter: usize, more: u8) {
        let count = &mut self.counts[counter];
        if *count == 0 && more > 0 {
            self.touched.push(counter);
        }
        *count = count.saturating_add(more);
    }

    /// Ends an input. True if it has led to a jump, or to many more of one, than any did before and the board has survived it.
    fn end(&mut self, survived: bool) -> bool {
        let mut is_new = false;
        for counter in self.touched.drain(..) {
            let class = class(std::mem::take(&mut self.counts[counter]));
            let highest = &mut self.classes[counter];
            if survived && class > *highest {
                self.known += usize::from(*highest == 0);
                *highest = class;
                is_new = true;
            }
        }
        is_new
    }
}

/// Whether the last input is worth to be mutated further: the executor says so, who has looked at its jumps.
struct Novelty(Rc<Cell<bool>>);

impl Named for Novelty {
    fn name(&self) -> &Cow<'static, str> {
        &Cow::Borrowed("novelty")
    }
}

impl<S> StateInitializer<S> for Novelty {}

impl<EM, I, OT, S> Feedback<EM, I, OT, S> for Novelty {
    fn is_interesting(&mut self, _: &mut S, _: &mut EM, _: &I, _: &OT, _: &ExitKind) -> Result<bool, Error> {
        Ok(self.0.get())
    }
}

/// Gives inputs to forks of a board.
struct OnForks<'a> {
    search: &'a Search<'a>,
    trial: &'a Trial,
    over: &'a dyn Fn() -> bool,
    jumps: Jumps,
    novelty: Rc<Cell<bool>>,
    observers: (),
    /// The board cannot go on.
    failure: Option<espalier::Error>,
}

impl<EM, S, Z> Executor<EM, BytesInput, S, Z> for OnForks<'_> {
    fn run_target(&mut self, _: &mut Z, _: &mut S, _: &mut EM, input: &BytesInput) -> Result<ExitKind, Error> {
        if (self.over)() {
            return Err(Error::shutting_down());
        }
        let bytes = input.target_bytes();
        let (counters, jumps) = (&self.search.counters, &mut self.jumps);
        let outcome = self.trial.run(&bytes, Some(&mut |counter, count| jumps.add(counter, count)));
        counters.executions.fetch_add(1, Ordering::Relaxed);
        self.novelty.set(jumps.end(matches!(outcome, Ok(None))));
        counters.edges.fetch_max(jumps.known, Ordering::Relaxed);
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
    type Observers = ();

    fn observers(&self) -> RefIndexable<&(), ()> {
        RefIndexable::from(&self.observers)
    }

    fn observers_mut(&mut self) -> RefIndexable<&mut (), ()> {
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
    let novelty = Rc::new(Cell::new(false));
    // The executor notes inputs that a board does not survive; they are mutated no further.
    let mut feedback = Novelty(Rc::clone(&novelty));
    let mut objective = ConstFeedback::False;
    let seed = search.plan.random.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(thread + 1);
    let (corpus, solutions) = (InMemoryCorpus::<BytesInput>::new(), InMemoryCorpus::new());
    let of_engine = |error: Error| FuzzError::Engine(error.to_string());
    let mut state =
        StdState::new(StdRand::with_seed(seed), corpus, solutions, &mut feedback, &mut objective).map_err(of_engine)?;
    let mut manager = SimpleEventManager::new(NopMonitor::new());
    let mut fuzzer = StdFuzzer::new(QueueScheduler::new(), feedback, objective);
    let mut stages = tuple_list!(StdMutationalStage::new(HavocScheduledMutator::new(havoc_mutations())));
    let mut executor = OnForks { search, trial, over, jumps: Jumps::default(), novelty, observers: (), failure: None };
    // Inputs of the shared list that this thread has tried; digests of those; and how many of its own corpus it has looked through.
    let (mut taken, mut known, mut looked) = (0, HashSet::new(), 0);
    // Inputs to try that are made out of comparisons: of seeds and of others of their kind, and of inputs that were mutated at random.
    let (mut first, mut later) = (VecDeque::<Vec<u8>>::new(), VecDeque::<Vec<u8>>::new());
    while !over() {
        let others = search.inputs_behind(taken);
        taken += others.len();
        let tried = others.into_iter().try_for_each(|input| {
            // The list has inputs of this thread, too.
            if !known.insert(digest(&input)) {
                return Ok(());
            }
            let input = BytesInput::new(input);
            fuzzer.evaluate_input(&mut state, &mut executor, &mut manager, &input).map(drop)
        });
        // One number leads to the next: as long as that leads on, nothing else is done. Otherwise random mutations have their turn, too.
        let was_informed = !first.is_empty() || taken <= search.seeds && looked == 0;
        let waiting = if was_informed { &mut first } else { &mut later };
        let next: Vec<Vec<u8>> = waiting.drain(..waiting.len().min(INFORMED)).collect();
        let tried = tried.and_then(|()| {
            next.into_iter()
                .map(BytesInput::new)
                .try_for_each(|input| fuzzer.evaluate_input(&mut state, &mut executor, &mut manager, &input).map(drop))
        });
        let turned = tried.and_then(|()| {
            if state.corpus().count() == 0 {
                // No seed led anywhere: what there is must do.
                fuzzer.add_input(&mut state, &mut executor, &mut manager, BytesInput::new(vec![0]))?;
            }
            if was_informed {
                return Ok(());
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
        let ids: Vec<CorpusId> = state.corpus().ids().skip(looked).collect();
        looked += ids.len();
        for id in ids {
            let testcase = state.corpus().get(id).map_err(of_engine)?.borrow();
            let Some(input) = testcase.input().as_ref().map(|input| input.mutator_bytes().to_vec()) else { continue };
            drop(testcase);
            let is_own = known.insert(digest(&input));
            if search.plan.comparisons && (is_own || taken <= search.seeds) {
                let made = replacements(&input, &trial.comparisons(&input)?, INFORMED);
                let waiting = if was_informed { &mut first } else { &mut later };
                waiting.extend(made.into_iter().take(WAITING.saturating_sub(waiting.len())));
            }
            if is_own {
                search.add(input)?;
            }
        }
    }
    Ok(())
}
