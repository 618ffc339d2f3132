//! The boards of a world, by their names there, for as long as the world's handle lives.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use espalier_parts::PartKinds;

use super::{Saved, Shared, State, Use, attachment, records};
use crate::driver::WorldHandle;
use crate::error::Source;

/// A board by the name that it has in its world.
type Member = (String, Arc<Shared>);

/// Boards in the order in which they came.
#[derive(Clone, Default)]
pub(crate) struct Members(Arc<Mutex<Vec<Member>>>);

impl Members {
    fn lock(&self) -> MutexGuard<'_, Vec<Member>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, name: String, board: Arc<Shared>) {
        self.lock().push((name, board));
    }

    pub(crate) fn find(&self, name: &str) -> Option<Arc<Shared>> {
        self.lock().iter().find(|(known, _)| known == name).map(|(_, board)| board.clone())
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.lock().iter().map(|(name, _)| name.clone()).collect()
    }

    /// Acts on all boards at once: none of them does anything meanwhile.
    fn with_all<T>(&self, act: impl FnOnce(&mut [(&str, MutexGuard<'_, State>)]) -> T) -> T {
        let members = self.lock();
        let mut states: Vec<_> = members.iter().map(|(name, board)| (name.as_str(), board.lock())).collect();
        states.iter_mut().for_each(|(_, state)| state.collect());
        act(&mut states)
    }

    /// A fork of the world, with these boards.
    pub(crate) fn fork(&self, world: &WorldHandle) -> (WorldHandle, Members) {
        self.with_all(|states| {
            let fork = world.fork();
            let boards = states.iter_mut().filter_map(|(name, state)| {
                let board = state.fork_into(&fork, name)?;
                Some(((*name).to_owned(), Arc::new(Shared::new(board))))
            });
            let members = Members(Arc::new(Mutex::new(boards.collect())));
            (fork, members)
        })
    }

    /// The world as the bytes of a file, with the records of these boards.
    pub(crate) fn save(&self, world: &WorldHandle, goldens: &Path) -> Vec<u8> {
        self.with_all(|states| {
            let record =
                |(name, state): &mut (&str, MutexGuard<'_, State>)| ((*name).to_owned(), Saved::of(state, goldens));
            world.save(&attachment(states.iter_mut().map(record).collect()))
        })
    }

    /// The world of a file that [`save`](Members::save) has made, with parts of these kinds. A board that has no record there is in the world all the same.
    ///
    /// # Errors
    /// If the file is damaged, is of another build, or holds no world.
    pub(crate) fn load(
        file: &[u8],
        kinds: &PartKinds,
        used: impl Fn() -> Use<'static>,
        equip: impl Fn(&mut State),
    ) -> Result<(WorldHandle, Members), Source> {
        let (world, boards, attachment) = WorldHandle::load(file, kinds)?;
        let mut records = records(&attachment)?;
        // A world that a server has saved has no records, and all its boards can be used.
        let is_new = records.is_empty();
        let members = Members::default();
        for (name, driver) in boards {
            let used = Use { name: &name, ..used() };
            let mut state = match records.iter().position(|(known, _)| *known == name) {
                Some(place) => records.swap_remove(place).1.state(driver, used)?,
                None if is_new => used.state(driver),
                None => continue,
            };
            equip(&mut state);
            members.add(name, Arc::new(Shared::new(state)));
        }
        Ok((world, members))
    }
}
